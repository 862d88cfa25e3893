"""Kinship: how a new model's options stand to the options a bundle knows.

A menu has two kinds of differences: between models, and along axes of compute that several models
share (reasoning, searches, samples). A new model is compared with what the known models would do in
its place: its least option with theirs, and each step along an axis with the step that the known
models make there. All of it is linear in the surface of the known options, so it is kept as
weights over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.options import REASONING_EFFORTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.strengths import StrengthTable
    from router.options import Option

__all__ = ["AXES", "Kinship", "find_kin", "name_models", "place_options"]

AXES = ("reasoning", "searches", "samples")
# What counts as one whole step along an axis: the effort dial's full turn or this many tokens, so
# many searches, so many samples.
TOKENS_FULL, SEARCHES_FULL, SAMPLES_FULL = 4096.0, 8.0, 32.0
# A known option this much nearer than another has e times its weight; exact matches prevail.
NEARNESS = 0.05
# Another strategy at the same place is like a small step away.
STRATEGY_STEP = 0.1
# Expected gain of a whole step along an axis on which no known model has two places. A model that
# was not trained to reason is expected to gain little from reasoning.
GAIN_UNKNOWN, GAIN_TRAINED = 0.03, 0.10
# Share of the gain of models trained to reason that is expected of a model that was not.
SHARE_UNTRAINED = 0.3


@dataclass(frozen=True, slots=True)
class Kinship:
    """Weights over the m known options that stand for p options of a new model.

    Parameters
    ----------
    base : ndarray of float64, shape (m,)
        What the known models do on average at the new model's least option.
    contrasts : ndarray of float64, shape (m, k)
        What each of the k known models does there beyond that average.
    gains : ndarray of float64, shape (m, p, 3)
        What the known models gain along each axis on the way from the least option to each option;
        0 along an axis on which no known model has two places.
    rungs : ndarray of float64, shape (p, 3)
        How far each option stands from the least one along each axis.
    shares : ndarray of float64, shape (3,)
        Expected share of the known models' gains along each axis.
    slopes : ndarray of float64, shape (3,)
        Expected gain of a whole step along each axis beyond that.
    strength : float
        How much stronger the model is than the known ones; 0 where it is not known.
    """

    base: NDArray[np.float64]
    contrasts: NDArray[np.float64]
    gains: NDArray[np.float64]
    rungs: NDArray[np.float64]
    shares: NDArray[np.float64]
    slopes: NDArray[np.float64]
    strength: float

    def find_nearest(self) -> NDArray[np.int64]:
        """Find the known option that counts most in the stead of each of the p options."""
        together: NDArray[np.float64] = self.base[:, None] + self.gains.sum(axis=2)
        nearest: NDArray[np.int64] = together.argmax(axis=0)
        return nearest


def name_models(options: Sequence[Option]) -> tuple[str, ...]:
    """Name each option's model; an option without one is a model of its own.

    Examples
    --------
    >>> from router.options import Option
    >>> name_models([Option("a", model="small"), Option("b")])
    ('small', 'b')
    """
    return tuple(option.model or option.name for option in options)


def place_options(options: Sequence[Option]) -> NDArray[np.float64]:
    """Place options on the axes of compute; 1 is high effort, 8 searches, 32 samples.

    Parameters
    ----------
    options : sequence of Option, length m
        What is not known of them counts as none.

    Returns
    -------
    ndarray of float64, shape (m, 3)
        Columns as in ``AXES``; searches and samples in logarithms.

    Examples
    --------
    >>> from router.options import Option
    >>> place_options([Option("a", reasoning_effort="high", samples=32)]).tolist()
    [[1.0, 0.0, 1.0]]
    """
    rows = []
    for option in options:
        if option.reasoning_effort is not None:
            reasoning = REASONING_EFFORTS.index(option.reasoning_effort) / 3.0
        else:
            reasoning = np.log1p(option.reasoning_tokens or 0.0) / np.log1p(TOKENS_FULL)
        searches = np.log1p(option.search_steps or 0.0) / np.log1p(SEARCHES_FULL)
        rows.append((reasoning, searches, np.log(option.samples) / np.log(SAMPLES_FULL)))
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(AXES))


def find_kin(known: Sequence[Option], new: Sequence[Option], strengths: StrengthTable) -> Kinship:
    """Find what stands for a new model's options among the known ones.

    Parameters
    ----------
    known : sequence of Option, length m
        Options with outcomes.
    new : sequence of Option, length p
        Options of one model.
    strengths : StrengthTable
        Says how strong models are and which were trained to reason.

    Returns
    -------
    Kinship

    Examples
    --------
    >>> from router.models.strengths import StrengthTable
    >>> from router.options import Option
    >>> known = [Option("a", model="a"), Option("b", model="b"), Option("b8", model="b", samples=8)]
    >>> new = [Option("c", model="c"), Option("c8", model="c", samples=8)]
    >>> kin = find_kin(known, new, StrengthTable("2026-11-22", {}, ()))
    >>> kin.base.round(2).tolist()
    [0.5, 0.5, 0.0]
    >>> kin.gains[:, 1, 2].round(2).tolist()
    [0.0, -1.0, 1.0]
    """
    names = name_models(known)
    models = sorted(set(names))
    members = [np.flatnonzero([name == model for name in names]) for model in models]
    places, targets = place_options(known), place_options(new)
    least = targets.min(axis=0)
    stand_in = _StandIn(places, tuple(option.strategy or "" for option in known), members)
    first = int(targets.sum(axis=1).argmin())
    at_least = stand_in.weigh(least, new[first].strategy or "")
    base = at_least.mean(axis=1)
    varies = np.array([np.ptp(places[rows], axis=0) > 0.0 for rows in members])
    varies[:, 0], share, slope = _choose_peers(models, varies[:, 0], new[0].model, strengths)
    gains = np.zeros((len(known), len(new), len(AXES)))
    for position, option in enumerate(new):
        place, before = least.copy(), at_least
        for axis in np.flatnonzero(targets[position] > least):
            place[axis] = targets[position, axis]
            after = stand_in.weigh(place, option.strategy or "")
            if varies[:, axis].any():
                gains[:, position, axis] = (after - before)[:, varies[:, axis]].mean(axis=1)
            before = after
    slopes = np.where(varies.any(axis=0), 0.0, GAIN_UNKNOWN)
    slopes[0] = slope
    return Kinship(
        base=base,
        contrasts=at_least - base[:, None],
        gains=gains,
        rungs=targets - least,
        shares=np.array([share, 1.0, 1.0]),
        slopes=slopes,
        strength=_compare_strength(models, new, strengths),
    )


@dataclass(frozen=True, slots=True)
class _StandIn:
    """Weighs each known model's options by how near they are to a place."""

    places: NDArray[np.float64]
    strategies: tuple[str, ...]
    members: list[NDArray[np.int64]]

    def weigh(self, place: NDArray[np.float64], strategy: str) -> NDArray[np.float64]:
        """Return weights of shape (m, k), each known model's adding up to one."""
        distance = np.abs(self.places - place).sum(axis=1)
        distance += STRATEGY_STEP * np.array([other != strategy for other in self.strategies])
        weights = np.zeros((len(distance), len(self.members)))
        for column, rows in enumerate(self.members):
            nearness = np.exp(-(distance[rows] - distance[rows].min()) / NEARNESS)
            weights[rows, column] = nearness / nearness.sum()
        return weights


def _choose_peers(
    models: Sequence[str],
    varies: NDArray[np.bool_],
    model: str | None,
    strengths: StrengthTable,
) -> tuple[NDArray[np.bool_], float, float]:
    """Choose whose gain from reasoning tells of a new model's; also share and slope expected."""
    is_trained = strengths.is_trained_to_reason(model)
    alike = np.array([strengths.is_trained_to_reason(name) == is_trained for name in models])
    if (varies & alike).any():
        return varies & alike, 1.0, 0.0
    if varies.any():
        return varies, *((1.0, GAIN_TRAINED) if is_trained else (SHARE_UNTRAINED, 0.0))
    return varies, 1.0, GAIN_TRAINED if is_trained else GAIN_UNKNOWN


def _compare_strength(
    models: Sequence[str], new: Sequence[Option], strengths: StrengthTable
) -> float:
    """Say how much stronger a model is than the known ones on average, as far as is known."""
    own = new[0].model_strength
    own = strengths.look_up(new[0].model) if own is None else own
    others = [value for value in map(strengths.look_up, models) if value is not None]
    return 0.0 if own is None or not others else own - float(np.mean(others))
