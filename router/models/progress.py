"""Progress: what training is doing, in words that know how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["Step", "count_steps"]


class Step(str):
    """A line of text that also says which share of the work is done before it.

    Parameters
    ----------
    text : str
        What is being done.
    share : float
        From 0 to 1.

    Examples
    --------
    >>> step = Step("exporting", 0.5)
    >>> step, step.share
    ('exporting', 0.5)
    """

    __slots__ = ("share",)

    share: float

    def __new__(cls, text: str, share: float) -> Self:
        """Make a text and attach the share to it."""
        step = super().__new__(cls, text)
        step.share = share
        return step


def count_steps(tell: Callable[[str], None] | None, n_steps: int) -> Callable[[str], None]:
    """Turn lines of text into steps of about equal length.

    Parameters
    ----------
    tell : callable or None
        Takes every :class:`Step`; None for nobody.
    n_steps : int
        How many lines are expected; more of them stand at the end.

    Returns
    -------
    callable
        Takes lines of text.

    Examples
    --------
    >>> shares = []
    >>> say = count_steps(lambda step: shares.append(step.share), 2)
    >>> for text in ("first", "second", "third"):
    ...     say(text)
    >>> shares
    [0.0, 0.5, 1.0]
    """
    n_done = 0

    def say(text: str) -> None:
        """Count the step and pass it on."""
        nonlocal n_done
        if tell is not None:
            tell(Step(text, min(n_done / max(n_steps, 1), 1.0)))
        n_done += 1

    return say
