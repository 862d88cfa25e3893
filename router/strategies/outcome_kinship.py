"""How far options fail together on a question, beyond what was predicted of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import Estimate, bound_by_resampling
from router.strategies.normal_law import compute_joint, find_quantile

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["OutcomeKinship"]

# Nothing is so sure beforehand that an outcome could not speak against it.
QUALITY_MIN = 0.005
HALVINGS = 20
PAIRS_MAX = 60
CORRELATION_MAX = 0.995


@dataclass(frozen=True)
class OutcomeKinship:
    """How far outcomes on one question go together, beyond what was predicted.

    Parameters
    ----------
    same_option : float, default=0.85
        Correlation of the hidden variables of two runs of one option.
    same_model : float, default=0.7
        Of two options of one model.
    other_model : float, default=0.6
        Of two options of different models.
    estimates : dict of str to Estimate, optional
        Where fitted, each with its 95 % interval.

    Raises
    ------
    InputError
        If they are not from 0 to below 1, each at most the one before.

    Notes
    -----
    The defaults are medians over public logs, measured by ``benchmarks/replanning.py`` beyond what
    task means predict: different models .57 to .64 on six of seven logs, one model .6 to .7 where
    runs share nothing, two runs of one option .85.

    Examples
    --------
    >>> OutcomeKinship().correlate(["small", "small", "large"])
    array([[0.85, 0.7 , 0.6 ],
           [0.7 , 0.85, 0.6 ],
           [0.6 , 0.6 , 0.85]])
    """

    same_option: float = 0.85
    same_model: float = 0.7
    other_model: float = 0.6
    estimates: dict[str, Estimate] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no correlation, or none of this order."""
        if not 0.0 <= self.other_model <= self.same_model <= self.same_option < 1.0:
            raise InputError(
                f"correlations {self.same_option:g}, {self.same_model:g} and {self.other_model:g} "
                "of same option, same model and other model: from 0 to below 1 are needed, none "
                "above the one before"
            )

    def correlate(self, models: Sequence[Hashable]) -> NDArray[np.float64]:
        """Give the correlation of every two options' hidden variables.

        Parameters
        ----------
        models : sequence, length m
            The model of every option.

        Returns
        -------
        ndarray of float64, shape (m, m)
            In the diagonal what two runs of one option have in common.
        """
        same = np.array([[first == second for second in models] for first in models])
        matrix = np.where(same, self.same_model, self.other_model)
        np.fill_diagonal(matrix, self.same_option)
        return matrix

    @classmethod
    def fit(
        cls,
        predicted: ArrayLike,
        observed: ArrayLike,
        models: Sequence[Hashable],
        *,
        trials: ArrayLike = 1,
        seed: int = 0,
        n_resamples: int = 50,
    ) -> OutcomeKinship:
        """Fit the three correlations to outcomes.

        Parameters
        ----------
        predicted : array_like of shape (n, m)
            What was expected of every question under every option, by a model that had not seen
            it.
        observed : array_like of shape (n, m)
            What came out, from 0 to 1.
        models : sequence, length m
            The model of every option.
        trials : array_like of int, broadcastable to (n, m), default=1
            Runs that are averaged in `observed`; several say how far an option repeats itself.
        seed, n_resamples : int
            Of the intervals, for which questions are drawn anew.

        Returns
        -------
        OutcomeKinship
            A kind of pair that the outcomes do not have keeps the value of the kind below it, or
            the default where that is higher.

        Raises
        ------
        InputError
            If shapes do not fit or there is only one option.
        """
        expected, outcome = (np.asarray(a, dtype=np.float64) for a in (predicted, observed))
        if expected.shape != outcome.shape or expected.ndim != 2 or expected.shape[1] < 2:
            raise InputError(
                f"predicted has shape {expected.shape} and observed {outcome.shape}: one shape "
                "(n, m) with two options or more is needed"
            )
        levels = find_quantile(np.clip(expected, QUALITY_MIN, 1.0 - QUALITY_MIN))
        runs = np.broadcast_to(np.asarray(trials, dtype=np.float64), outcome.shape)
        pairs = _list_pairs(models, runs, seed)

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Measure every kind of pair on some questions."""
            found = {
                kind: _match(levels[rows], outcome[rows], runs[rows], chosen)
                for kind, chosen in pairs.items()
                if chosen
            }
            other = max(0.0, found.get("other_model", cls.other_model))
            model = max(other, found.get("same_model", max(other, cls.same_model)))
            option = max(model, found.get("same_option", max(model, cls.same_option)))
            return {"same_option": option, "same_model": model, "other_model": other}

        estimates = bound_by_resampling(measure, len(outcome), seed=seed, n_resamples=n_resamples)
        return cls(**{name: found.value for name, found in estimates.items()}, estimates=estimates)


def _list_pairs(
    models: Sequence[Hashable], runs: NDArray[np.float64], seed: int
) -> dict[str, list[tuple[int, int]]]:
    """List pairs of each kind, a number of them at most."""
    chance = np.random.default_rng(seed)
    n_options = runs.shape[1]
    pairs: dict[str, list[tuple[int, int]]] = {
        "same_option": [(o, o) for o in range(n_options) if (runs[:, o] > 1).all()],
        "same_model": [],
        "other_model": [],
    }
    for first in range(n_options):
        for second in range(first + 1, n_options):
            kind = "same_model" if models[first] == models[second] else "other_model"
            pairs[kind].append((first, second))
    return {
        kind: [found[place] for place in chance.permutation(len(found))[:PAIRS_MAX]]
        for kind, found in pairs.items()
    }


def _match(
    levels: NDArray[np.float64],
    outcome: NDArray[np.float64],
    runs: NDArray[np.float64],
    pairs: list[tuple[int, int]],
) -> float:
    """Find the correlation at which pairs succeed together as often as they did."""
    first, second = np.array(pairs).T
    if first[0] == second[0]:
        number = runs[:, first]
        together = (number * outcome[:, first] ** 2 - outcome[:, first]) / (number - 1.0)
    else:
        together = outcome[:, first] * outcome[:, second]
    wanted = np.nanmean(together)
    known = ~np.isnan(together)
    low, high = -CORRELATION_MAX, CORRELATION_MAX
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        below = compute_joint(levels[:, first], levels[:, second], middle)[known].mean() < wanted
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2.0
