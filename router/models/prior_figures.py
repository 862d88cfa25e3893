"""What a prior is worth to a small log: own outcomes with it against twice as many without.

The log's questions are dealt anew several times: some to train on, as many again to compare with,
others to be planned. The prior has seen neither the log nor its questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.models.training import fit_gain_model
from router.scoring import best_mixture, knapsack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.models.prior import Prior
    from router.outcomes import OutcomeLog

__all__ = ["FRACTIONS", "Deal", "JoinedFigures", "deal_questions", "score_joined"]

FRACTIONS = (0.05, 0.10, 0.20, 0.40, 0.70)
# A log of fewer than four times as many questions lends a quarter of them.
N_OWN, N_TEST_MAX, N_DEALS = 100, 1500, 5
QUESTIONS_MIN = 80
# Of Student's t with four degrees of freedom, one deal less than there are.
T_QUANTILE = 2.776


@dataclass(frozen=True)
class Deal:
    """One way to deal a log's questions.

    Parameters
    ----------
    own : OutcomeLog
        To train on.
    twice : OutcomeLog
        The same questions and as many again.
    test : OutcomeLog
        Other questions, which saw every option.
    cost : ndarray of float64, shape (m,)
        Mean cost of every option over the whole log.
    budgets : tuple of float, length 5
        Mean cost that a plan may have.
    """

    own: OutcomeLog
    twice: OutcomeLog
    test: OutcomeLog
    cost: NDArray[np.float64]
    budgets: tuple[float, ...]

    def value(self, surface: NDArray[np.float64]) -> float:
        """Plan the test questions by a surface (n, m): the mean true quality over budgets."""
        truth = self.test.to_matrix(self.test.quality)
        rows = np.arange(len(truth))
        plans = (knapsack(surface, self.cost, budget) for budget in self.budgets)
        return float(np.mean([truth[rows, plan].mean() for plan in plans]))

    def mix(self, means: NDArray[np.float64]) -> float:
        """Mix options alike for all test questions, chosen by means of shape (m,)."""
        truth = self.test.to_matrix(self.test.quality).mean(axis=0)
        means = np.clip(means, 0.0, 1.0)
        mixes = (best_mixture(self.cost, means, budget) for budget in self.budgets)
        return float(np.mean([mix.blend(truth) for mix in mixes]))


@dataclass(frozen=True, slots=True)
class JoinedFigures:
    """Mean quality over five budgets and five deals.

    Parameters
    ----------
    dataset : str
        The log.
    n_own : int
        Questions trained on.
    prior : float
        Of the prior alone.
    own, joined, twice : float
        Of own outcomes alone, of the same with the prior, of twice as many without it.
    difference, low, high : float
        Of `joined` from `twice`, with its 95 % interval over deals by Student's t.
    """

    dataset: str
    n_own: int
    prior: float
    own: float
    joined: float
    twice: float
    difference: float
    low: float
    high: float


def deal_questions(log: OutcomeLog, n_deals: int = N_DEALS) -> Iterator[Deal]:
    """Deal the questions of a log that saw every option.

    Parameters
    ----------
    log : OutcomeLog
        n questions.
    n_deals : int, default=5
        How often.

    Yields
    ------
    Deal
        None at all where fewer than 80 questions saw every option, or a cost is not known. Twins of
        own questions are never tested on.
    """
    quality, cost = log.to_matrix(log.quality), log.mean_costs()
    dense = np.flatnonzero(~np.isnan(quality).any(axis=1))
    if len(dense) < QUESTIONS_MIN or np.isnan(cost).any():
        return
    mean = quality[dense].mean(axis=0)
    cheapest, best = cost[cost.argmin()], cost[mean.argmax()]
    budgets = tuple(float(cheapest + part * (best - cheapest)) for part in FRACTIONS)
    texts = np.array([text.strip().lower() for text in log.texts], dtype=object)
    n_own = min(N_OWN, len(dense) // 4)
    for number in range(n_deals):
        order = np.random.default_rng(number).permutation(dense)
        known = set(texts[order[: 2 * n_own]])
        test = [row for row in order[2 * n_own :] if texts[row] not in known][:N_TEST_MAX]
        own, twice, rest = (
            log.select(np.isin(np.arange(log.n_questions), rows))
            for rows in (order[:n_own], order[: 2 * n_own], test)
        )
        yield Deal(own, twice, rest, cost, budgets)


def score_joined(
    log: OutcomeLog, prior: Prior, surface: NDArray[np.float64], *, seed: int = 0
) -> JoinedFigures | None:
    """Compare few outcomes with a prior to twice as many without.

    Parameters
    ----------
    log : OutcomeLog
        n questions, m options, all unknown to the prior.
    prior : Prior
        What the prior brings to training.
    surface : ndarray of float64, shape (n, m)
        What the prior alone predicts.
    seed : int, default=0
        Seed of training.

    Returns
    -------
    JoinedFigures or None
        None where :func:`deal_questions` yields nothing.
    """
    position = {name: row for row, name in enumerate(log.query_ids)}
    values, n_own = [], 0
    for deal in deal_questions(log):
        n_own = deal.own.n_questions
        models = (
            fit_gain_model(deal.own, seed=seed),
            fit_gain_model(deal.own, seed=seed, prior=prior),
            fit_gain_model(deal.twice, seed=seed),
        )
        guessed = surface[[position[name] for name in deal.test.query_ids]]
        surfaces = [
            guessed,
            *(model.predict(deal.test.texts, deal.test.groups) for model in models),
        ]
        values.append([deal.value(each) for each in surfaces])
    if not values:
        return None
    alone, own, joined, twice = (float(value) for value in np.mean(values, axis=0))
    differences = np.array(values)[:, 2] - np.array(values)[:, 3]
    half = T_QUANTILE * float(differences.std(ddof=1)) / np.sqrt(len(differences))
    gain = joined - twice
    return JoinedFigures(
        log.dataset, n_own, alone, own, joined, twice, gain, gain - half, gain + half
    )
