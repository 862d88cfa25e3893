"""Searching: live search over a corpus by BM25, what to ask next, and what can be seen of it."""

from router.evaluation.searching.chains import ChainRun, run_chains, score_trail
from router.evaluation.searching.corpus import SearchCorpus, SearchQuestion
from router.evaluation.searching.environment import SearchAction, SearchEnvironment
from router.evaluation.searching.experience import (
    SearchGuide,
    SearchOutcome,
    explore,
    follow_search_policy,
)
from router.evaluation.searching.index import Bm25Index, Hit, Passage
from router.evaluation.searching.live import LiveSearch
from router.evaluation.searching.names import TitleDictionary, find_names
from router.evaluation.searching.signals import LINK_SIGNALS, SIGNALS, read_signals
from router.evaluation.searching.trail import SearchTrail

__all__ = [
    "LINK_SIGNALS",
    "SIGNALS",
    "Bm25Index",
    "ChainRun",
    "Hit",
    "LiveSearch",
    "Passage",
    "SearchAction",
    "SearchCorpus",
    "SearchEnvironment",
    "SearchGuide",
    "SearchOutcome",
    "SearchQuestion",
    "SearchTrail",
    "TitleDictionary",
    "explore",
    "find_names",
    "follow_search_policy",
    "read_signals",
    "run_chains",
    "score_trail",
]
