"""What random histories of the ledger are made of: amounts, requests, reports, moves and waits."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["CAPACITY", "JUMPS", "MOVING", "NAMES", "REPORTING", "RESERVING", "WAITS"]

CAPACITY = {"usd": 1000, "searches": 20}
HOUR = 3600
QUESTIONS_MAX = 3

AMOUNTS = st.fixed_dictionaries({"usd": st.integers(0, 400), "searches": st.integers(0, 5)})
COSTS = st.fixed_dictionaries(
    {}, optional={"usd": st.integers(0, 700), "searches": st.integers(0, 6)}
)
NAMES = ["k0", "k1", "k2"]
KEYS = st.none() | st.sampled_from(NAMES)
RESERVING = st.tuples(
    st.just("reserve"),
    st.lists(AMOUNTS, min_size=1, max_size=QUESTIONS_MAX),
    st.sampled_from([1, 60, 900]),
    KEYS,
)
REPORTS = st.lists(
    st.tuples(
        st.integers(0, QUESTIONS_MAX),
        st.just({}) | COSTS,
        st.sampled_from([None, None, 0.25, 0.75]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda report: report[0],
)
REPORTING = st.tuples(st.just("report"), st.integers(0, 30), REPORTS)
NEEDS = st.dictionaries(
    # Mostly questions that are there: a single one that is not refuses the whole.
    st.sampled_from([*range(QUESTIONS_MAX)] * 4 + [QUESTIONS_MAX]),
    st.fixed_dictionaries({}, optional={"usd": st.integers(0, 300), "searches": st.integers(0, 4)}),
    max_size=QUESTIONS_MAX,
)
# Of the plans made last, as the others are over for the most part.
MOVING = st.tuples(st.just("move"), st.integers(0, 5), NEEDS)
JUMPS = st.sampled_from([HOUR, -HOUR, 365 * 24 * HOUR, -365 * 24 * HOUR])
# Some end a lease, an answer's day or an unreported plan's week to the second, some just before.
WAITS = st.sampled_from([1, 59, 60, HOUR, 24 * HOUR - 1, 24 * HOUR, 7 * 24 * HOUR])
