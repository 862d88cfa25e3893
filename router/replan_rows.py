"""One question under way: what every next step would bring and cost, given what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.strategies.normal_law import compute_joint, find_quantile
from router.strategies.outcome_belief import OutcomeBelief
from router.strategies.outcome_kinship import QUALITY_MIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.replan_menu import MenuKinship
    from router.strategies.outcome_kinship import OutcomeKinship

__all__ = ["OUT_OF_REACH", "Pairs", "Progress", "Steps", "round_costs", "weigh_steps"]

# What cannot be done costs more than any budget, and still adds up to a 64-bit number.
OUT_OF_REACH = 2**62


class Steps(NamedTuple):
    """What next steps would bring and cost, of one question or of many.

    Parameters
    ----------
    quality : ndarray of float64, shape (..., m + 1 + p)
        Expected in the end: of every option, of stopping now, and of every pair of a first and a
        second try.
    cost : ndarray of float64, shape (..., m + 1 + p, k)
        Still to be paid, in micro-units; infinite where it cannot be done.
    """

    quality: NDArray[np.float64]
    cost: NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of options, the second asked where a check says that the first failed.

    Parameters
    ----------
    first, second : ndarray of int64, shape (p,)
        Positions of the options.
    correlation : ndarray of float64, shape (p,)
        How far they fail together.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    correlation: NDArray[np.float64]

    @classmethod
    def make(cls, firsts: NDArray[np.int64], correlation: NDArray[np.float64]) -> Pairs:
        """Make all pairs of some options."""
        first, second = (part.ravel() for part in np.meshgrid(firsts, firsts, indexing="ij"))
        keep = first != second
        first, second = first[keep], second[keep]
        return cls(first, second, correlation[first, second])

    def weigh(self, quality: NDArray[np.float64], cost: NDArray[np.float64]) -> Steps:
        """Say what pairs bring and cost where nothing has run yet.

        Parameters
        ----------
        quality : ndarray of float64, shape (n, m)
            Of single options.
        cost : ndarray of float64, shape (n, m, k)
            Of single options.

        Returns
        -------
        Steps
            Of shape (n, p).
        """
        level = find_quantile(np.clip(quality, QUALITY_MIN, 1.0 - QUALITY_MIN))
        both = compute_joint(-level[:, self.first], -level[:, self.second], self.correlation)
        failing = 1.0 - quality[:, self.first]
        paid = cost[:, self.first] + _multiply(failing[..., None], cost[:, self.second])
        return Steps(1.0 - both, paid)


@dataclass
class Progress:
    """What has become of one question so far.

    Parameters
    ----------
    tried : list of (int, float or None)
        Options that ran, and how surely each answer is right; None where nobody looked.
    spent_micro : list of int, length k
        Really consumed, by unit of the budget.
    is_done : bool
        Whether nothing more is to be spent.
    """

    tried: list[tuple[int, float | None]] = field(default_factory=list)
    spent_micro: list[int] = field(default_factory=list)
    is_done: bool = False

    def charge(self, cost: NDArray[np.float64], menu: MenuKinship) -> NDArray[np.float64]:
        """Charge options in full, but those that continue one that ran only for what they add.

        Parameters
        ----------
        cost : ndarray of float64, shape (m, k)
            Of whole options, in micro-units; infinite where one is off the menu.
        menu : MenuKinship
            How options belong together.

        Returns
        -------
        ndarray of float64, shape (m, k)
            What is still to be paid.
        """
        left = cost.copy()
        for option, _ in self.tried:
            if not np.isfinite(cost[option]).all():
                # It ran although it is off the menu: nobody knows what of others is paid by that.
                continue
            longer = menu.continues(option) & np.isfinite(cost[:, 0])
            left[longer] = np.minimum(left[longer], np.maximum(cost[longer] - cost[option], 0.0))
        return left


def weigh_steps(
    quality: NDArray[np.float64],
    cost: NDArray[np.float64],
    progress: Progress,
    menu: MenuKinship,
    pairs: Pairs | None,
    *,
    kinship: OutcomeKinship,
) -> Steps:
    """Say what every next step of a question that has an answer would bring and cost.

    Parameters
    ----------
    quality : ndarray of float64, shape (m,)
        What was predicted before anything ran.
    cost : ndarray of float64, shape (m, k)
        Of whole options, in micro-units; infinite where one is off the menu.
    progress : Progress
        With one option that ran at least.
    menu : MenuKinship
        How options belong together.
    pairs : Pairs or None
        Of a first and a second try.
    kinship : OutcomeKinship
        How far outcomes go together.

    Returns
    -------
    Steps
        Where answers were checked, a next try counts where the best so far is wrong, which is kept
        where it is right; where nobody looked, the last answer stands. Beside answers that were
        checked, one at which nobody looked is worth what they leave to expect of it.
    """
    known = [(option, seen) for option, seen in progress.tried if seen is not None]
    left = progress.charge(cost, menu)
    if not known:
        last = progress.tried[-1][0]
        return _put_together(quality, quality[last], left, _none(pairs), cost.shape[1])
    best = max(seen for _, seen in known)
    if best == 1.0:
        return _put_together(np.ones(len(quality)), 1.0, left, _none(pairs), cost.shape[1])
    belief = OutcomeBelief.start(quality, menu.models, families=menu.families, kinship=kinship)
    # The case that matters is that all of them are wrong: then, and only then, a next try counts.
    for option, seen in known:
        belief = belief.observe(option, 0.0 if seen == best else seen)
    after = belief.quality
    reached = best + (1.0 - best) * after
    further = _none(pairs)
    if pairs is not None:
        further = _weigh_pairs(belief, best, left, pairs)
    held = max(best, _trust_unseen(quality, progress, menu, kinship))
    return _put_together(reached, held, left, further, cost.shape[1])


def _trust_unseen(
    quality: NDArray[np.float64],
    progress: Progress,
    menu: MenuKinship,
    kinship: OutcomeKinship,
) -> float:
    """Say how surely the best answer at which nobody looked is right, after what others showed."""
    unseen = [option for option, seen in progress.tried if seen is None]
    if not unseen:
        return 0.0
    belief = OutcomeBelief.start(quality, menu.models, families=menu.families, kinship=kinship)
    for option, seen in progress.tried:
        if seen is not None:
            belief = belief.observe(option, seen)
    return float(belief.quality[unseen].max())


def _weigh_pairs(
    belief: OutcomeBelief, best: float, cost: NDArray[np.float64], pairs: Pairs
) -> Steps:
    """Say what a next try and one after it bring, the second only where the first fails."""
    after = belief.quality
    quality = np.zeros(len(pairs.first))
    for first in np.unique(pairs.first).tolist():
        mine = pairs.first == first
        failed = replace(belief, outcomes=(*belief.outcomes, (first, 0.0))).quality
        quality[mine] = after[first] + (1.0 - after[first]) * failed[pairs.second[mine]]
    failing = (1.0 - after[pairs.first])[:, None]
    paid = cost[pairs.first] + _multiply(failing, cost[pairs.second])
    return Steps(best + (1.0 - best) * quality, paid)


def _multiply(share: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply costs, what cannot be had staying out of reach whatever share of it is wanted."""
    known = np.isfinite(cost)
    return np.where(known, share * np.where(known, cost, 0.0), np.inf)


def _none(pairs: Pairs | None) -> Steps | None:
    """Give pairs that cannot be had, as many as there are."""
    if pairs is None:
        return None
    number = len(pairs.first)
    return Steps(np.zeros(number), np.full((number, 1), np.inf))


def _put_together(
    quality: NDArray[np.float64],
    stopping: float,
    cost: NDArray[np.float64],
    further: Steps | None,
    n_units: int,
) -> Steps:
    """Line up options, stopping, and pairs."""
    parts = [(quality, cost), (np.array([stopping]), np.zeros((1, n_units)))]
    if further is not None:
        parts.append(
            (further.quality, np.broadcast_to(further.cost, (*further.quality.shape, n_units)))
        )
    return Steps(
        np.concatenate([part for part, _ in parts]), np.concatenate([paid for _, paid in parts])
    )


def round_costs(cost: NDArray[np.float64], n_questions: int) -> NDArray[np.int64]:
    """Round costs up to micro-units; what cannot be done is out of reach.

    Parameters
    ----------
    cost : ndarray of float64
        Infinite where something cannot be done.
    n_questions : int
        How many costs may be added up.

    Returns
    -------
    ndarray of int64, same shape
    """
    far = OUT_OF_REACH // (n_questions + 1)
    return np.where(np.isfinite(cost), np.ceil(np.minimum(cost, far)), far).astype(np.int64)
