"""Strategies: ways to spend compute, each by its own law of quality, cost and latency."""

from router.strategies.adaptive_vote import AdaptiveVote
from router.strategies.agent_split import AgentPlan, AgentSplit, PartCurve
from router.strategies.attempts import count_failures_needed, estimate_coverage
from router.strategies.best_of_n import BestOfN
from router.strategies.call_latency import CallLatency
from router.strategies.cascade_calls import CascadeCall
from router.strategies.cascade_policy import CascadeEnd, CascadePolicy, find_cascade_price
from router.strategies.cascade_prior import CascadePrior
from router.strategies.chain_plan import ChainPlan
from router.strategies.coverage_law import CoverageLaw
from router.strategies.decomposition import StepVoting, VotingPlan
from router.strategies.effort_curve import EffortCurve, compare_responsiveness
from router.strategies.estimates import Estimate, bound_by_resampling
from router.strategies.majority_vote import MajorityVote, count_votes
from router.strategies.model_exchange import ModelExchange, ModelSide, count_samples_to_match
from router.strategies.offers import Consumption, Offer, offer_samples
from router.strategies.outcome_belief import OutcomeBelief
from router.strategies.outcome_kinship import OutcomeKinship
from router.strategies.population import BetaPopulation
from router.strategies.predicted_attempts import AttemptCaps, PredictedAttempts
from router.strategies.retrieval_chains import RetrievalChains
from router.strategies.reward_choice import RewardChoice
from router.strategies.search_law import SearchLaw
from router.strategies.search_policy import SearchExperience, SearchPolicy
from router.strategies.stop_policy import StopPolicy
from router.strategies.token_split import TokenSplit
from router.strategies.vote_counts import VoteCounts
from router.strategies.vote_policy import VoteCost, VotePolicy, find_price
from router.strategies.vote_prior import VoteOutlook, VotePrior
from router.strategies.width_depth import WidthDepth, WidthDepthPlan

__all__ = [
    "AdaptiveVote",
    "AgentPlan",
    "AgentSplit",
    "AttemptCaps",
    "BestOfN",
    "BetaPopulation",
    "CallLatency",
    "CascadeCall",
    "CascadeEnd",
    "CascadePolicy",
    "CascadePrior",
    "ChainPlan",
    "Consumption",
    "CoverageLaw",
    "EffortCurve",
    "Estimate",
    "MajorityVote",
    "ModelExchange",
    "ModelSide",
    "Offer",
    "OutcomeBelief",
    "OutcomeKinship",
    "PartCurve",
    "PredictedAttempts",
    "RetrievalChains",
    "RewardChoice",
    "SearchExperience",
    "SearchLaw",
    "SearchPolicy",
    "StepVoting",
    "StopPolicy",
    "TokenSplit",
    "VoteCost",
    "VoteCounts",
    "VoteOutlook",
    "VotePolicy",
    "VotePrior",
    "VotingPlan",
    "WidthDepth",
    "WidthDepthPlan",
    "bound_by_resampling",
    "compare_responsiveness",
    "count_failures_needed",
    "count_samples_to_match",
    "count_votes",
    "estimate_coverage",
    "find_cascade_price",
    "find_price",
    "offer_samples",
]
