"""Decomposition with voting: many small steps, each repeated until one answer leads by k.

A task of s steps is right only if every step is, so that what one step may go wrong shrinks with
their number. Repeating a step until one answer is ahead by k makes its error fall as a power of k,
while its cost rises by no more than k over how much the right answer is ahead on average. The k
that a target needs therefore grows with the logarithm of s, and the whole cost with s ln s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.beta_fitting import maximise_likelihood
from router.strategies.estimates import Estimate, bound_by_resampling, read_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["StepVoting", "VotingPlan"]

# Votes that are all alike would leave nothing to vote about.
CORRELATION_MAX = 0.999
# Above this lead a plan is no plan any more.
LEAD_MAX = 10_000
# Of the quadrature over how right steps differ: points of a panel, and how far beyond its peak and
# an even step the density falls before it ends, as a logarithm.
N_POINTS = 16
FALL = 60.0


@dataclass(frozen=True, slots=True)
class VotingPlan:
    """What a task of many steps takes, each decided by votes.

    Parameters
    ----------
    lead : int
        Votes by which an answer has to be ahead.
    success : float
        Probability that all steps come out right.
    votes_per_step : float
        Expected votes of a step that count.
    samples : float
        Expected samples of the whole task, those that were thrown away included.
    effective_votes : float
        As many independent votes as a step's votes are worth; fewer where they err together.
    """

    lead: int
    success: float
    votes_per_step: float
    samples: float
    effective_votes: float


@dataclass(frozen=True)
class StepVoting:
    """Steps that are right more often than not, and repeated until an answer leads by k.

    Parameters
    ----------
    p : float
        Share of votes that are right, on average over steps; above one half. Against several wrong
        answers it is the share among votes for the right one and its strongest rival.
    flagged : float, default=0
        Share of samples that are thrown away because something about them looks wrong, from 0 to 1;
        `p` is that of the others.
    correlation : float, default=0
        How much the votes of one step err together, from 0 to 1: steps differ by a Beta
        distribution with this intraclass correlation.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a number is out of range, or if `p` is at most one half: voting then makes things worse.

    References
    ----------
    .. [1] Meyerson, E. et al., "Solving a million-step LLM task with zero errors" (MAKER),
       arXiv:2511.09030: first-to-ahead-by-k, and the smallest k for a target.
    .. [2] Feller, W., "An introduction to probability theory and its applications", volume 1,
       chapter XIV: the gambler's ruin, its probabilities and its duration.

    Examples
    --------
    The published case: 2**20 - 1 steps, and a model that errs in 2 of 1,000.

    >>> plan = StepVoting(0.998).plan(2**20 - 1, target=0.95)
    >>> plan.lead, round(plan.votes_per_step, 2), plan.success >= 0.95
    (3, 3.01, True)
    >>> StepVoting(0.5)
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: p is 0.5: voting helps only above one half, ...
    """

    p: float
    flagged: float = 0.0
    correlation: float = 0.0
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse what voting cannot mend."""
        if not 0.0 <= self.p <= 1.0:
            raise InputError(f"p is {self.p}: a share from 0 to 1 is needed")
        if self.p <= 0.5:
            raise InputError(
                f"p is {self.p}: voting helps only above one half, below it every further vote "
                "makes a wrong step surer; make the steps smaller or the model better"
            )
        for name, value in (("flagged", self.flagged), ("correlation", self.correlation)):
            if not 0.0 <= value < 1.0:
                raise InputError(f"{name} is {value}: from 0 to below 1 is needed")

    @classmethod
    def fit(
        cls,
        n_right: ArrayLike,
        n_votes: ArrayLike,
        n_flagged: ArrayLike = 0,
        *,
        seed: int = 0,
        n_resamples: int = 200,
    ) -> StepVoting:
        """Fit to the votes of many steps whose right answers are known.

        Parameters
        ----------
        n_right, n_votes : array_like of int, shape (n,)
            Right votes and all votes of each step that were not thrown away; two or more of some
            steps, which say how far votes err together.
        n_flagged : array_like of int, shape (n,) or scalar, default=0
            Samples of each step that were thrown away.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of steps.

        Returns
        -------
        StepVoting
            With estimates of ``p``, ``flagged`` and ``correlation``.

        Raises
        ------
        InputError
            If counts are impossible, no step has two votes, or votes are right no more often than
            wrong.

        Notes
        -----
        The likelihood of the votes, steps differing by a beta distribution, is climbed. It is the
        same whether their number was fixed or they were asked for until one answer led, as a plan
        asks for them; moments would take the stopping for votes that err together.

        Examples
        --------
        >>> voting = StepVoting.fit([3, 2, 3, 3], [3, 3, 3, 3], [1, 0, 0, 0], n_resamples=20)
        >>> round(voting.p, 3), round(voting.flagged, 3)
        (0.917, 0.077)
        """
        right, votes = read_counts("n_right", n_right), read_counts("n_votes", n_votes)
        flagged = np.broadcast_to(read_counts("n_flagged", n_flagged), right.shape)
        if right.ndim != 1 or right.shape != votes.shape or (right > votes).any():
            raise InputError("n_right has to be one count a step, none above its n_votes")
        if not (votes > 1).any():
            raise InputError(
                "no step has two votes, so that nothing says how far they err together"
            )

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Measure the steps drawn."""
            x, n = right[rows], votes[rows]
            a, b = maximise_likelihood(x, n)
            thrown = flagged[rows].sum()
            return {
                "p": a / (a + b),
                "flagged": float(thrown / max(int(thrown + n.sum()), 1)),
                "correlation": min(1.0 / (a + b + 1.0), CORRELATION_MAX),
            }

        found = bound_by_resampling(measure, len(right), seed=seed, n_resamples=n_resamples)
        values = {name: estimate.value for name, estimate in found.items()}
        return cls(**values, estimates=found)

    def step_success(self, lead: int) -> float:
        """Probability that a step comes out right.

        Parameters
        ----------
        lead : int
            Votes by which an answer has to be ahead, at least 1.

        Returns
        -------
        float
            ``1 / (1 + r**k)`` with ``r = (1 - p) / p``, averaged over steps.
        """
        return 1.0 - self._step_error(lead)

    def step_votes(self, lead: int) -> float:
        """Expect so many votes of a step: how long a gambler's ruin at plus or minus k takes.

        Parameters
        ----------
        lead : int
            At least 1.

        Returns
        -------
        float
            ``k / (2 p - 1) * (1 - r**k) / (1 + r**k)``, averaged over steps.
        """
        _check_lead(lead)
        logits, weights = self._steps(lead)
        drift = np.tanh(0.5 * logits)
        # Where right and wrong are as likely a walk takes k**2 votes, to which the formula tends.
        even = np.abs(drift) < 1e-9
        # (1 - r**k) / (1 + r**k), without powers that leave the range of numbers.
        shrunk = np.tanh(0.5 * lead * logits)
        votes = np.where(even, lead**2, lead * shrunk / np.where(even, 1.0, drift))
        return float(weights @ votes)

    def success(self, lead: int, n_steps: int) -> float:
        """Probability that all steps come out right.

        Parameters
        ----------
        lead : int
            At least 1.
        n_steps : int
            At least 1.

        Returns
        -------
        float
        """
        if n_steps < 1:
            raise InputError(f"n_steps is {n_steps}: at least 1 is needed")
        return math.exp(n_steps * math.log1p(-self._step_error(lead)))

    def plan(self, n_steps: int, target: float) -> VotingPlan:
        """Find the smallest lead that reaches a target, and what it takes.

        Parameters
        ----------
        n_steps : int
            At least 1.
        target : float
            Probability that all steps come out right, above 0 and below 1.

        Returns
        -------
        VotingPlan

        Raises
        ------
        InputError
            If votes err together so much that no number of them reaches the target.
        """
        if not 0.0 < target < 1.0:
            raise InputError(f"target is {target}: a probability between 0 and 1 is needed")
        lead = self._find_lead(n_steps, target)
        votes = self.step_votes(lead)
        return VotingPlan(
            lead=lead,
            success=self.success(lead, n_steps),
            votes_per_step=votes,
            samples=n_steps * votes / (1.0 - self.flagged),
            effective_votes=votes / (1.0 + (votes - 1.0) * self.correlation),
        )

    def simulate(
        self, chance: np.random.Generator, lead: int, n_steps: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Vote on steps one vote at a time.

        Parameters
        ----------
        chance : Generator
            Of random numbers.
        lead : int
            At least 1.
        n_steps : int
            How many.

        Returns
        -------
        is_right : ndarray of bool, shape (n_steps,)
            Whether each came out right.
        n_samples : ndarray of int64, shape (n_steps,)
            Samples that it took, those thrown away included.
        """
        _check_lead(lead)
        share = np.full(n_steps, self.p)
        if self.correlation > 0.0:
            share = chance.beta(*self._shape(), n_steps)
        ahead = np.zeros(n_steps, dtype=np.int64)
        n_samples = np.zeros(n_steps, dtype=np.int64)
        going = np.arange(n_steps)
        while len(going):
            n_samples[going] += 1
            kept = going[chance.random(len(going)) >= self.flagged]
            ahead[kept] += np.where(chance.random(len(kept)) < share[kept], 1, -1)
            going = going[np.abs(ahead[going]) < lead]
        return ahead > 0, n_samples

    def _find_lead(self, n_steps: int, target: float) -> int:
        """Find the smallest lead that reaches the target."""
        if self.success(LEAD_MAX, n_steps) < target:
            best = self.success(LEAD_MAX, n_steps)
            raise InputError(
                f"target {target} of {n_steps} steps is out of reach: votes that err together "
                f"(correlation {self.correlation}) reach {best:.3g} at best; make the steps smaller"
            )
        low, high = 0, LEAD_MAX
        while high - low > 1:
            middle = (low + high) // 2
            if self.success(middle, n_steps) >= target:
                high = middle
            else:
                low = middle
        return high

    def _step_error(self, lead: int) -> float:
        """Probability that a step comes out wrong, exact also where it is tiny."""
        _check_lead(lead)
        logits, weights = self._steps(lead)
        wrong = np.exp(-np.logaddexp(0.0, lead * logits))
        return float(weights @ wrong)

    def _shape(self) -> tuple[float, float]:
        """Parameters of the Beta distribution of steps."""
        size = 1.0 / self.correlation - 1.0
        return self.p * size, (1.0 - self.p) * size

    def _steps(self, lead: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logits of the shares of right votes that steps have, and how often."""
        if self.correlation == 0.0 or self.p == 1.0:
            with np.errstate(divide="ignore"):
                return np.log(np.array([self.p])) - np.log1p(-np.array([self.p])), np.ones(1)
        return _integrate_beta(*self._shape(), lead)


def _check_lead(lead: int) -> None:
    """Refuse a lead that is none."""
    if not 1 <= lead <= LEAD_MAX:
        raise InputError(f"lead is {lead}: from 1 to {LEAD_MAX} is needed")


@lru_cache(maxsize=64)
def _integrate_beta(
    a: float, b: float, lead: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give logits and weights that integrate over a beta distribution, finely where it matters.

    A lead decides steps within some ``1 / lead`` of an even one, and the density has a width of its
    own around its peak, so that panels of Gauss and Legendre double in size away from both.
    """
    peak = math.log(a / b)
    low, high = min(peak, 0.0) - FALL / a - 1.0, max(peak, 0.0) + FALL / b + 1.0
    edges = [low, high]
    for centre, width in ((0.0, 0.5 / lead), (peak, 0.5 * math.sqrt(1.0 / a + 1.0 / b))):
        n_doublings = max(1, math.ceil(math.log2((high - low) / min(width, high - low)))) + 1
        steps = width * 2.0 ** np.arange(n_doublings)
        edges += [centre, *(centre + steps), *(centre - steps)]
    bounds = np.unique(np.clip(edges, low, high))
    nodes, node_weights = np.polynomial.legendre.leggauss(N_POINTS)
    half = 0.5 * np.diff(bounds)[:, None]
    logits: NDArray[np.float64] = (bounds[:-1, None] + half * (nodes + 1.0)).ravel()
    density = -a * np.logaddexp(0.0, -logits) - b * np.logaddexp(0.0, logits)
    weights = (half * node_weights).ravel() * np.exp(density - density.max())
    return logits, weights / weights.sum()
