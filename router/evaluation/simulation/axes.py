"""Joint surfaces: populations over all combinations of axes, each axis fitted where a log has it.

No log varies searches, thinking, samples and models all at once. Each axis is measured on a log
that has it: how far every level moves the threshold, rising or falling as it is there, and how
closely a question's deviation at one level follows that at another. Put together, shifts add up and
correlations multiply, with an interaction only where a log with both axes shows one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.simulation.orthants import load_normal
from router.evaluation.simulation.population import SHARE_MAX, Population
from router.exceptions import InputError
from router.options import REASONING_EFFORTS
from router.scoring import bootstrap_means, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.options import Option
    from router.outcomes import OutcomeLog
    from router.scoring import Interval

__all__ = ["Axis", "combine_axes", "find_levels", "measure_axis", "measure_interaction"]

AXES = ("model", "reasoning_effort", "search_steps", "samples")

# Of the variance of a joint surface, what the kept directions explain at least.
VARIANCE_KEPT = 0.999


@dataclass(frozen=True)
class Axis:
    """One way to spend more: what its levels change, against the first.

    Parameters
    ----------
    name : str
        For example ``"searches"``.
    levels : tuple of str or float, length l
        In the order of spending.
    shifts : tuple of float, length l
        Added to the threshold; 0 at the first level.
    likeness : ndarray of float64, shape (l, l)
        Correlation of a question's deviations between levels; 1 in the diagonal, positive
        semidefinite.

    Raises
    ------
    InputError
        If shapes do not fit or `likeness` is no correlation matrix.

    Examples
    --------
    >>> axis = Axis("searches", (0, 1, 4), (0.0, 0.5, 0.4), np.full((3, 3), 0.8) + 0.2 * np.eye(3))
    >>> axis.is_falling
    True
    """

    name: str
    levels: tuple[str | float, ...]
    shifts: tuple[float, ...]
    likeness: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse what fits no axis."""
        size = len(self.levels)
        if len(self.shifts) != size or np.shape(self.likeness) != (size, size):
            raise InputError(
                f"axis {self.name!r} has {size} levels, {len(self.shifts)} shifts and a likeness "
                f"of shape {np.shape(self.likeness)}: each level needs one"
            )
        unlike = np.abs(np.diag(self.likeness) - 1.0).max() > 1e-9
        if unlike or np.linalg.eigvalsh(self.likeness)[0] < -1e-9:
            raise InputError(f"axis {self.name!r}: likeness is no correlation matrix")

    @property
    def is_falling(self) -> bool:
        """Whether spending more is somewhere worse on average."""
        return bool((np.diff(self.shifts) < 0.0).any())


def find_levels(options: Sequence[Option], axis: str) -> dict[str, tuple[str, ...]]:
    """Find options that differ along one axis and in nothing else.

    Parameters
    ----------
    options : sequence of Option
        Of a log or a menu.
    axis : {"model", "reasoning_effort", "search_steps", "samples"}
        What may differ.

    Returns
    -------
    dict of str to tuple of str
        By level, in the order of spending where it has one, the names of options, in one order of
        whatever else varies; empty where no two options differ along the axis alone.

    Raises
    ------
    InputError
        If there is no such axis.

    Examples
    --------
    >>> from router.options import Option
    >>> options = [Option(f"{m}|{n}", model=m, samples=n) for m in "ab" for n in (1, 4)]
    >>> find_levels(options, "samples")
    {'1': ('a|1', 'b|1'), '4': ('a|4', 'b|4')}
    """
    if axis not in AXES:
        raise InputError(f"axis {axis!r} is unknown: allowed are {', '.join(AXES)}")
    groups: dict[tuple[object, ...], dict[object, str]] = {}
    for option in options:
        rest = tuple(getattr(option, name) for name in AXES if name != axis)
        groups.setdefault(rest, {}).setdefault(getattr(option, axis), option.name)
    found: tuple[tuple[int, int], list[object], list[dict[object, str]]] = ((0, 0), [], [])
    for levels in {frozenset(group) for group in groups.values() if len(group) > 1}:
        whole = [group for group in groups.values() if levels <= set(group)]
        # Of as many steps the set of more levels says more.
        worth = (len(levels) - 1) * len(whole), len(levels)
        if worth > found[0]:
            found = (worth, sorted(levels, key=_place_level), whole)
    return {
        f"{level:g}" if isinstance(level, float) else str(level): tuple(
            group[level] for group in found[2]
        )
        for level in found[1]
    }


def _place_level(level: object) -> tuple[float, str]:
    """Place a level: efforts from none to high, numbers by size, names by name."""
    if level in REASONING_EFFORTS:
        return float(REASONING_EFFORTS.index(str(level))), ""
    return (float(level), "") if isinstance(level, (int, float)) else (0.0, str(level))


def measure_axis(
    population: Population,
    name: str,
    levels: Mapping[str, Sequence[str]] | Mapping[int, Sequence[str]],
) -> Axis:
    """Measure an axis on a population fitted to a log that has it.

    Parameters
    ----------
    population : Population
        See `fit_population`.
    name : str
        Of the axis.
    levels : mapping of str or int to sequence of str
        By level, in the order of spending, the names of its options: the same number at every
        level, in the same order of whatever else varies, over which the mean is taken.

    Returns
    -------
    Axis

    Raises
    ------
    InputError
        If an option is not there, or levels have different numbers of them.

    Examples
    --------
    >>> population = Population(("a", "a+", "b", "b+"), [0, 0.3, 0.5, 0.7], [[0.7]] * 4)
    >>> axis = measure_axis(population, "effort", {"low": ("a", "b"), "high": ("a+", "b+")})
    >>> [round(shift, 3) for shift in axis.shifts]
    [0.0, 0.25]
    """
    places = {option: position for position, option in enumerate(population.options)}
    missing = [option for options in levels.values() for option in options if option not in places]
    if missing:
        raise InputError(f"options {missing} are not in the population")
    if len({len(options) for options in levels.values()}) != 1:
        raise InputError(f"levels of {name!r} have different numbers of options")
    table = np.array([[places[option] for option in options] for options in levels.values()])
    means = np.asarray(population.thresholds)[table].mean(axis=1)
    scale = np.sqrt(np.maximum(np.diag(population.correlation), 1e-12))
    relative = population.correlation / np.outer(scale, scale)
    across = np.mean([relative[np.ix_(column, column)] for column in table.T], axis=0)
    return Axis(name, tuple(levels), tuple((means - means[0]).tolist()), _mend(across))


def _mend(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the correlation matrix that is left without the negative directions."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    kept = (vectors * np.maximum(values, 0.0)) @ vectors.T
    size = np.sqrt(np.diag(kept))
    mended = kept / np.outer(size, size)
    np.fill_diagonal(mended, 1.0)
    return np.asarray(mended)


def combine_axes(
    axes: Sequence[Axis],
    quality: float,
    *,
    share: float = 0.7,
    interactions: Mapping[tuple[str, str], float] | None = None,
) -> Population:
    """Make the population of all combinations of levels.

    Parameters
    ----------
    axes : sequence of Axis
        In the order in which options are named.
    quality : float
        Mean quality of the option that is at the first level of every axis.
    share : float, default=0.7
        Share of an option's variance that is the question's rather than chance.
    interactions : mapping of (str, str) to float, optional
        By names of two axes what is added to the threshold where both are at their last level,
        and in proportion to how far both shifts have come in between; none by default.

    Returns
    -------
    Population
        Options are named ``axis=level|axis=level``, the last axis changing fastest.

    Raises
    ------
    InputError
        If the quality or the share is not within 0 and 1, or an interaction names no axis.

    Examples
    --------
    >>> like = np.array([[1.0, 0.8], [0.8, 1.0]])
    >>> searches = Axis("searches", (0, 2), (0, 0.5), like)
    >>> joint = combine_axes([searches, Axis("effort", ("l", "h"), (0, 1), like)], 0.3)
    >>> joint.options[-1], joint.mean.round(2).tolist()
    ('searches=2|effort=h', [0.3, 0.68, 0.49, 0.84])
    """
    if not (0.0 < quality < 1.0 and 0.0 < share <= SHARE_MAX):
        raise InputError(
            f"quality {quality} and share {share}: above 0, below 1 and at most {SHARE_MAX}"
        )
    _, quantile = load_normal()
    names = [axis.name for axis in axes]
    combinations = list(itertools.product(*(range(len(axis.levels)) for axis in axes)))
    index = np.array(combinations)
    shifts = [np.asarray(axis.shifts)[index[:, place]] for place, axis in enumerate(axes)]
    thresholds = quantile(quality) + np.sum(shifts, axis=0)
    for pair, amount in (interactions or {}).items():
        if not set(pair) <= set(names) or len(set(pair)) != 2:
            raise InputError(f"interaction of {pair}: two different axes out of {names} are needed")
        first, second = (names.index(name) for name in pair)
        thresholds = (
            thresholds
            + amount
            * _progress(axes[first])[index[:, first]]
            * _progress(axes[second])[index[:, second]]
        )
    likeness = np.full((len(index), len(index)), share)
    for place, axis in enumerate(axes):
        likeness = likeness * axis.likeness[np.ix_(index[:, place], index[:, place])]
    values, vectors = np.linalg.eigh(likeness)
    order = np.argsort(-values)
    rank = int(np.searchsorted(np.cumsum(values[order]), VARIANCE_KEPT * values.sum())) + 1
    loadings = vectors[:, order[:rank]] * np.sqrt(np.maximum(values[order[:rank]], 0.0))
    own = np.maximum(share - (loadings**2).sum(axis=1), 0.0)
    options = tuple(
        "|".join(
            f"{axis.name}={axis.levels[level]}" for axis, level in zip(axes, levels, strict=True)
        )
        for levels in combinations
    )
    return Population(options, thresholds, loadings, own)


def _progress(axis: Axis) -> NDArray[np.float64]:
    """Say how far along an axis each level is: by its shift, or by its place where none shifts."""
    last = axis.shifts[-1]
    if abs(last) > 1e-9:
        return np.asarray(axis.shifts) / last
    return np.linspace(0.0, 1.0, len(axis.levels))


def measure_interaction(
    log: OutcomeLog,
    corners: Sequence[tuple[str, str, str, str]],
    *,
    seed: int = 0,
    n_resamples: int = 2000,
) -> Interval:
    """Measure whether two axes do more, or less, together than each by itself.

    Parameters
    ----------
    log : OutcomeLog
        With questions that saw all options named.
    corners : sequence of tuple of four str
        Options with neither, only the first, only the second, and both; the mean is taken over
        several such squares.
    seed, n_resamples : int
        Of the bootstrap over questions.

    Returns
    -------
    Interval
        Difference of differences of the means' log-odds, with its 95 % interval. Where this holds
        0 the axes are taken to add up.

    Raises
    ------
    InputError
        If an option is not there or no question saw all of them.

    Examples
    --------
    >>> from router.logs import read_log
    >>> log = read_log("examples/sample_log.csv")
    >>> names = [option.name for option in log.options]
    >>> interval = measure_interaction(log, [tuple(names[:4])], n_resamples=200)
    >>> interval.low < interval.mean < interval.high
    True
    """
    places = {option.name: position for position, option in enumerate(log.options)}
    missing = sorted({name for square in corners for name in square} - set(places))
    if missing:
        raise InputError(f"options {missing} are not in the log {log.dataset}")
    columns = np.array([[places[name] for name in square] for square in corners])
    quality = log.to_matrix(log.quality)[:, columns.ravel()]
    quality = quality[~np.isnan(quality).any(axis=1)]
    if not len(quality):
        raise InputError(f"no question of {log.dataset} saw all options of {list(corners)}")

    def contrast(means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the difference of differences of log-odds, averaged over squares."""
        low = 0.5 / len(quality)
        inside = np.clip(means, low, 1.0 - low)
        odds = np.log(inside / (1.0 - inside)).reshape(*means.shape[:-1], len(columns), 4)
        return np.asarray((odds @ np.array([1.0, -1.0, -1.0, 1.0])).mean(axis=-1))

    draws = contrast(bootstrap_means(quality.T, seed=seed, n_resamples=n_resamples))
    return percentile_interval(draws, float(contrast(quality.mean(axis=0))))
