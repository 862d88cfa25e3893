"""The price of a pool: what a micro-unit is worth, by how its spend compares with an even share.

One call asks for many questions at once, so a step is that of all of them together. The rule is the
one of :class:`router.allocation.DualMirrorDescent`, kept in the store and not in a process.
"""

from __future__ import annotations

import math

__all__ = ["count_expected", "move_price"]

# As measured for single questions: half of the textbook's step, and at most one e-fold a call.
STEP = 0.5
STEP_MAX = 1.0
# Questions expected where nobody said how many there will be: at the least, and for each that has
# come. Of a pool for 80 questions that keeps .91 to .93 of the quality to be had, of one for 1,600
# .94; counting on 100 and as many as have come kept .96 of the first and .54 of the second.
UNKNOWN_MIN = 300
UNKNOWN_FACTOR = 3
# Past its horizon the rest of a pool is made to last for this part of the horizon again.
OVERTIME = 0.1


def count_expected(expected_questions: int | None, n_questions: int) -> int:
    """Say how many further questions the rest of a pool is meant to serve.

    Parameters
    ----------
    expected_questions : int or None
        How many were expected in all.
    n_questions : int
        How many have come.

    Returns
    -------
    int
        At least one.

    Examples
    --------
    >>> count_expected(1000, 400), count_expected(1000, 1200), count_expected(None, 7)
    (600, 100, 300)
    """
    if expected_questions is None:
        return max(UNKNOWN_MIN, UNKNOWN_FACTOR * n_questions)
    to_come = expected_questions - n_questions
    return to_come if to_come > 0 else max(1, int(expected_questions * OVERTIME))


def move_price(
    price: float, spent: float, share: float, n_questions: int, *, expected: int
) -> float:
    """Raise a price where more than the even share was spent, lower it where less was.

    Parameters
    ----------
    price : float
        Quality a unit.
    spent : float
        By the questions together, in micro-units; negative where less was spent than thought.
    share : float
        Even share of one question, in micro-units.
    n_questions : int
        How many questions; 0 for a correction of an earlier spend.
    expected : int
        How many are still to come.

    Returns
    -------
    float

    References
    ----------
    .. [1] Balseiro, S., Lu, H., Mirrokni, V., "The best of many worlds: dual mirror descent for
       online allocation problems", Operations Research 71 (2023), 101-119: Algorithm 1.

    Examples
    --------
    >>> move_price(2.0, spent=30, share=10, n_questions=3, expected=100)
    2.0
    >>> move_price(2.0, spent=60, share=10, n_questions=3, expected=100) > 2.0
    True
    """
    excess = spent / share - n_questions if share > 0 else float(spent > 0)
    step = STEP / math.sqrt(expected) * excess
    return price * math.exp(min(STEP_MAX, max(-STEP_MAX, step)))
