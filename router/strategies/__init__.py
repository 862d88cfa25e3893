"""Strategies: ways to spend compute, each by its own law of quality, cost and latency."""

from router.strategies.decomposition import StepVoting, VotingPlan
from router.strategies.vote_counts import VoteCounts
from router.strategies.vote_policy import VoteCost, VotePolicy, find_price
from router.strategies.vote_prior import VoteOutlook, VotePrior

__all__ = [
    "StepVoting",
    "VoteCost",
    "VoteCounts",
    "VoteOutlook",
    "VotePolicy",
    "VotePrior",
    "VotingPlan",
    "find_price",
]
