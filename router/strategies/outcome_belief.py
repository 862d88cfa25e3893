"""What the outcome of one option says about the others, and about another try of the same.

A question that one option failed is harder than it looked, for all options, and more so for those
of the same model. Behind every outcome stands a normal variable: what was predicted, what the
question has beyond that, which options share in part, and chance. Seeing an outcome moves the
question's part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.normal_law import compute_share_below, find_quantile
from router.strategies.outcome_kinship import QUALITY_MIN, OutcomeKinship

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["OutcomeBelief"]

POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(12)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
TINY = 1e-60


@dataclass(frozen=True, eq=False)
class OutcomeBelief:
    """What is believed of one question, under every option, after what was seen of it.

    Parameters
    ----------
    level : ndarray of float64, shape (m,)
        Normal quantiles of what was predicted.
    models, families : ndarray of int64, shape (m,)
        Which options share a model, and which share everything but how long they go on: a vote of
        sixteen is a vote of four, continued.
    kinship : OutcomeKinship
        How far outcomes go together.
    outcomes : tuple of (int, float)
        Options that ran, and how surely each was right.

    Notes
    -----
    A run of option o is right where level_o + a g + b u_model + c v_family + e > 0, all of them
    standard normal but e, whose variance is the rest; a, b and c make the three correlations. Given
    g, models are independent, and given u families are, so that the chance of everything seen is a
    product of small integrals, which Gauss and Hermite's points take: exact but for these. This is
    the bifactor model of item response theory (Gibbons and Hedeker 1992), options being items.

    Examples
    --------
    >>> belief = OutcomeBelief.start([0.5, 0.8], ["small", "large"])
    >>> belief.quality.round(2).tolist()
    [0.5, 0.8]
    >>> belief.observe(0, 0.0).quality.round(2).tolist()
    [0.18, 0.66]
    """

    level: NDArray[np.float64]
    models: NDArray[np.int64]
    families: NDArray[np.int64]
    kinship: OutcomeKinship
    outcomes: tuple[tuple[int, float], ...] = ()

    @classmethod
    def start(
        cls,
        quality: ArrayLike,
        models: Sequence[Hashable],
        *,
        families: Sequence[Hashable] | None = None,
        kinship: OutcomeKinship | None = None,
    ) -> OutcomeBelief:
        """Begin with what was predicted.

        Parameters
        ----------
        quality : array_like of shape (m,)
            Predicted, from 0 to 1.
        models : sequence, length m
            The model of every option.
        families : sequence, length m, optional
            What options that continue each other have in common; each is its own by default.
        kinship : OutcomeKinship, optional
            The default one where nothing was fitted.

        Returns
        -------
        OutcomeBelief

        Raises
        ------
        InputError
            If lengths do not fit.
        """
        expected = np.asarray(quality, dtype=np.float64)
        names = range(len(models)) if families is None else families
        if expected.shape != (len(models),) or len(names) != len(models):
            raise InputError(
                f"{expected.shape} qualities, {len(models)} models and {len(names)} families: one "
                "of each for every option is needed"
            )
        level = find_quantile(np.clip(expected, QUALITY_MIN, 1.0 - QUALITY_MIN))
        model = _number(models)
        # A family lies within one model.
        family = _number(list(zip(model.tolist(), names, strict=True)))
        return cls(level, model, family, kinship or OutcomeKinship())

    def observe(self, option: int, quality: float) -> OutcomeBelief:
        """Take in an outcome.

        Parameters
        ----------
        option : int
            Whose.
        quality : float
            How surely it is right, from 0 (it failed) to 1 (it succeeded).

        Returns
        -------
        OutcomeBelief

        Raises
        ------
        InputError
            If the quality is not from 0 to 1 or the option is not there.
        """
        if not 0.0 <= quality <= 1.0:
            raise InputError(f"quality is {quality}: from 0 to 1 is needed")
        if not 0 <= option < len(self.level):
            raise InputError(f"option {option} is not one of {len(self.level)}")
        return replace(self, outcomes=(*self.outcomes, (option, float(quality))))

    @cached_property
    def quality(self) -> NDArray[np.float64]:
        """Chance that a next run of every option is right, shape (m,)."""
        found = compute_share_below(self.level)
        seen = self._weigh_families()
        if not seen:
            return found
        # By model, how likely what was seen of it is at every point of g and u.
        likely: dict[int, NDArray[np.float64]] = {}
        for family, chance in seen.items():
            model = self._model_of(family)
            likely[model] = likely.get(model, 1.0) * (chance @ WEIGHTS)
        whole = WEIGHTS * np.prod([part @ WEIGHTS for part in likely.values()], axis=0)
        whole /= whole.sum()
        fresh = ~np.isin(self.models, list(likely))
        found[fresh] = self._predict(self.level[fresh], n_shared=1) @ whole
        for model, part in likely.items():
            inside = part * WEIGHTS
            joint = (whole / inside.sum(axis=1))[:, None] * inside
            fresh = (self.models == model) & ~np.isin(self.families, list(seen))
            found[fresh] = (self._predict(self.level[fresh], n_shared=2) * joint).sum(axis=(1, 2))
            for family in (name for name in seen if self._model_of(name) == model):
                within = seen[family] * WEIGHTS
                within = within / within.sum(axis=2, keepdims=True) * joint[:, :, None]
                members = np.flatnonzero(self.families == family)
                right = self._predict(self.level[members], n_shared=3)
                found[members] = (right * within).sum(axis=(1, 2, 3))
        return found

    def _weigh_families(self) -> dict[int, NDArray[np.float64]]:
        """Say of every family that ran how likely its outcomes are at every point of g, u and v."""
        seen: dict[int, NDArray[np.float64]] = {}
        for place, (option, quality) in enumerate(self.outcomes):
            right = self._predict(self.level[[option]], n_shared=3)[0]
            if quality in {0.0, 1.0}:
                chance = right if quality else 1.0 - right
            else:
                # What is believed of an outcome is what it makes of what was believed before.
                before = replace(self, outcomes=self.outcomes[:place]).quality[option]
                failing = (1.0 - quality) / (1.0 - before)
                chance = quality / before * right + failing * (1.0 - right)
            family = int(self.families[option])
            likely = seen.get(family, 1.0) * np.maximum(chance, TINY)
            # Only ratios count, and products of many outcomes must not vanish.
            seen[family] = np.maximum(likely / likely.max(), TINY)
        return seen

    def _model_of(self, family: int) -> int:
        """Say which model a family belongs to."""
        return int(self.models[np.argmax(self.families == family)])

    def _predict(self, level: NDArray[np.float64], *, n_shared: int) -> NDArray[np.float64]:
        """Give the chance of success at every point of the first hidden variables, 1, 2 or 3."""
        kinship = self.kinship
        steps = np.diff([0.0, kinship.other_model, kinship.same_model, kinship.same_option])
        hidden = np.zeros(())
        for step in np.sqrt(steps[:n_shared]).tolist():
            hidden = hidden[..., None] + step * POINTS
        rest = np.sqrt(1.0 - steps[:n_shared].sum())
        return compute_share_below((level.reshape(-1, *[1] * n_shared) + hidden) / rest)


def _number(names: Sequence[Hashable]) -> NDArray[np.int64]:
    """Give every name its number, by first appearance."""
    codes: dict[Hashable, int] = {}
    return np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)
