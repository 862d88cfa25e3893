"""Quantities: what each option consumes on a question, as mean and spread, beside its own mean.

An option's mean consumption is known from a log; a question's length and task say by what factor it
will be more or less. The factor is ``1 + kept * (exp(line) * smearing - 1)``: a line in the
question's features fitted to log consumption, brought back to the scale of consumption without bias
(smearing [1]_), and kept only as far as questions that were held out followed it. Factors multiply
what a menu says its options consume, so prices and menus may change after training.

References
----------
.. [1] N. Duan, "Smearing Estimate: A Nonparametric Retransformation Method", JASA 78, 1983.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Consumption", "Quantities", "QuantityHead", "QuantityInputs"]


@dataclass(frozen=True, slots=True)
class Consumption:
    """What n questions consume under m options, relative to each option's mean.

    Parameters
    ----------
    factor : mapping of str to ndarray of float64, shape (n, m)
        Expected consumption over the option's mean, by unit; 1 where nothing is known.
    deviation : mapping of str to ndarray of float64, shape (n, m)
        Standard deviation over the option's mean, by unit; NaN where nothing is known.
    task_deviation : mapping of str to float
        Standard deviation of the error common to all questions of a task, over their expectation.
    task_index : ndarray of int64, shape (n,)
        Which questions share a task; those without a known label share one.
    """

    factor: Mapping[str, NDArray[np.float64]]
    deviation: Mapping[str, NDArray[np.float64]]
    task_deviation: Mapping[str, float]
    task_index: NDArray[np.int64]

    def neutralise(self, rows: NDArray[np.bool_]) -> Consumption:
        """Expect of some questions what their options consume on average, in doubt as before."""
        mask = rows[:, None]
        factor = {unit: np.where(mask, 1.0, values) for unit, values in self.factor.items()}
        deviation = {
            unit: np.where(mask, values / self.factor[unit], values)
            for unit, values in self.deviation.items()
        }
        return replace(self, factor=factor, deviation=deviation)


@dataclass(frozen=True)
class QuantityInputs:
    """How the feature matrix becomes the inputs of the lines.

    Parameters
    ----------
    columns : ndarray of int64, shape (d,)
        Which features are read.
    mean, spread, limit : ndarray of float32, shape (d,)
        They are standardised by the first two and then bounded by the third.
    share : ndarray of float32, shape (g,)
        Share of each task in training; it stands for a label that is not known.
    task_weight : float
        What the membership of a task is multiplied by.
    """

    columns: NDArray[np.int64]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    limit: NDArray[np.float32]
    share: NDArray[np.float32]
    task_weight: float

    def build(
        self, features: NDArray[np.float32], task_index: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Put standardised features and membership side by side.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.
        task_index : ndarray of int64, shape (n,)
            From 0 to g - 1, or g where the label is not known.

        Returns
        -------
        ndarray of float64, shape (n, d + g)
        """
        scaled = features.take(self.columns, axis=1)
        scaled -= self.mean
        scaled /= self.spread
        n_columns = len(self.columns)
        inputs = np.empty((len(features), n_columns + len(self.share)))
        inputs[:, :n_columns] = np.minimum(np.maximum(scaled, -self.limit), self.limit)
        inputs[:, n_columns:] = self._membership.take(task_index, axis=0)
        return inputs

    @cached_property
    def _membership(self) -> NDArray[np.float64]:
        """Weighted membership of a question of each task, and of one without a known label."""
        table: NDArray[np.float64] = np.vstack((np.eye(len(self.share)), self.share))
        return table * self.task_weight


@dataclass(frozen=True)
class QuantityHead:
    """Lines, smearing and doubt of one unit, for m options.

    Parameters
    ----------
    coefficient : ndarray of float32, shape (d, m)
        Slopes of log consumption over the option's mean.
    intercept : ndarray of float32, shape (m,)
        Their intercepts.
    low, high : ndarray of float32, shape (m,)
        Least and largest logarithm seen in training; lines are bounded by them.
    smearing : ndarray of float32, shape (m,)
        Multiplies the exponential so that the mean over held-out questions is right.
    kept : ndarray of float32, shape (m,)
        How far held-out questions followed the line, from 0 to 1.
    deviation : ndarray of float32, shape (m,)
        Standard deviation of consumption over its expectation, held out.
    task_deviation : float
        That of the error common to a task.
    """

    coefficient: NDArray[np.float32]
    intercept: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    smearing: NDArray[np.float32]
    kept: NDArray[np.float32]
    deviation: NDArray[np.float32]
    task_deviation: float

    def predict(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict factors over the options' means, shape (n, m).

        Examples
        --------
        >>> one = np.ones(1, np.float32)
        >>> head = QuantityHead(one[:, None], 0 * one, -one, one, one, one / 2, one, 0.0)
        >>> head.predict(np.array([[0.0], [np.log(2.0)], [9.0]])).round(3).ravel().tolist()
        [1.0, 1.5, 1.859]
        """
        line = inputs @ self._slopes
        line += self.intercept
        np.minimum(np.maximum(line, self.low, out=line), self.high, out=line)
        factor: NDArray[np.float64] = np.exp(line, out=line)
        factor *= self.smearing
        factor -= 1.0
        factor *= self.kept
        factor += 1.0
        return factor

    @cached_property
    def _slopes(self) -> NDArray[np.float64]:
        """The slopes in the precision of the inputs."""
        return self.coefficient.astype(np.float64)


# Menus remembered: a service answers for one or two of its own, and for those of requests.
MENUS_MAX = 16
LINE_ARRAYS = ("coefficient", "intercept", "low", "high", "smearing", "kept", "deviation")
INPUT_ARRAYS = ("columns", "mean", "spread", "limit", "share")


@dataclass(frozen=True)
class Quantities:
    """Predicts consumption by unit, for the options that a log measured.

    Parameters
    ----------
    options : tuple of str, length m
        Names.
    groups : tuple of str, length g
        Names of the tasks.
    inputs : QuantityInputs
        How features are read.
    heads : mapping of str to QuantityHead
        By unit; only units in which questions differ.
    """

    options: tuple[str, ...]
    groups: tuple[str, ...]
    inputs: QuantityInputs
    heads: Mapping[str, QuantityHead]
    _places: dict[tuple[str, ...], tuple[NDArray[np.int64], NDArray[np.int64]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def predict(
        self,
        features: NDArray[np.float32],
        groups: Sequence[str | None],
        names: Sequence[str],
    ) -> Consumption:
        """Predict what questions consume.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.
        groups : sequence of str or None, length n
            Task labels.
        names : sequence of str, length m
            Options of a menu; those that were not measured get factor 1 and deviation NaN.

        Returns
        -------
        Consumption
        """
        task_index = self._find_tasks(groups)
        columns, sources = self._find_options(tuple(names))
        shape = (len(features), len(self.heads), len(names))
        if self.heads and len(columns) == len(names):
            factor, deviation = self._predict_known(features, task_index, sources)
        else:
            factor, deviation = np.ones(shape), np.full(shape, np.nan)
            if self.heads and len(columns):
                known = self._predict_known(features, task_index, sources)
                factor[:, :, columns], deviation[:, :, columns] = known
        return Consumption(
            {unit: factor[:, place] for place, unit in enumerate(self.heads)},
            {unit: deviation[:, place] for place, unit in enumerate(self.heads)},
            {unit: head.task_deviation for unit, head in self.heads.items()},
            task_index,
        )

    def _predict_known(
        self,
        features: NDArray[np.float32],
        task_index: NDArray[np.int64],
        sources: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predict factors and deviations of measured options in all units, shape (n, u, m)."""
        expected = self._together.predict(self.inputs.build(features, task_index))
        shape = (len(self.heads), len(self.options))
        factor = expected.reshape(len(features), *shape).take(sources, axis=2)
        return factor, factor * self._together.deviation.reshape(shape).take(sources, axis=1)

    @cached_property
    def _together(self) -> QuantityHead:
        """The lines of all units side by side, so that one call predicts them all."""
        heads = list(self.heads.values())
        arrays = {
            name: np.concatenate([getattr(head, name) for head in heads], axis=-1)
            for name in LINE_ARRAYS
        }
        return QuantityHead(**arrays, task_deviation=0.0)

    def _find_tasks(self, groups: Sequence[str | None]) -> NDArray[np.int64]:
        """Find the number of each task; all that are not known share one."""
        n_groups = len(self.groups)
        if not any(groups):
            # Names are sorted, so the nameless task, where a log has one, comes first.
            return np.full(len(groups), 0 if self.groups[:1] == ("",) else n_groups)
        position = {name: index for index, name in enumerate(self.groups)}
        return np.array([position.get(name or "", n_groups) for name in groups], dtype=np.int64)

    def _find_options(self, names: tuple[str, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find which options of a menu were measured, and where each of them stands."""
        found = self._places.get(names)
        if found is None:
            place = {name: index for index, name in enumerate(self.options)}
            columns = [column for column, name in enumerate(names) if name in place]
            sources = [place[names[column]] for column in columns]
            found = np.array(columns, dtype=np.int64), np.array(sources, dtype=np.int64)
            if len(self._places) >= MENUS_MAX:
                self._places.clear()
            self._places[names] = found
        return found

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything that has to be stored but names, by name."""
        arrays: dict[str, NDArray[np.generic]] = {
            f"inputs/{name}": getattr(self.inputs, name) for name in INPUT_ARRAYS
        }
        arrays["inputs/task_weight"] = np.array(self.inputs.task_weight)
        for unit, head in self.heads.items():
            arrays |= {f"{unit}/{name}": getattr(head, name) for name in LINE_ARRAYS}
            arrays[f"{unit}/task_deviation"] = np.array(head.task_deviation)
        return arrays

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        names: Mapping[str, Sequence[str]],
        n_features: int,
    ) -> Quantities:
        """Build from what :meth:`to_arrays` returned.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By name.
        names : mapping of str to sequence of str
            ``options``, ``groups`` and ``units``.
        n_features : int
            How many features the encoder makes.

        Returns
        -------
        Quantities

        Raises
        ------
        BundleError
            If an array is missing, has another shape than it should, or is not finite.
        """
        options, groups, units = (tuple(names[key]) for key in ("options", "groups", "units"))
        try:
            columns, *rest = (np.asarray(arrays[f"inputs/{name}"]) for name in INPUT_ARRAYS)
            weight = float(np.asarray(arrays["inputs/task_weight"]))
            lines = {
                unit: {name: np.asarray(arrays[f"{unit}/{name}"]) for name in LINE_ARRAYS}
                for unit in units
            }
            common = {unit: float(np.asarray(arrays[f"{unit}/task_deviation"])) for unit in units}
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"quantities: malformed ({error})") from None
        d, m, g = columns.size, len(options), len(groups)
        shapes = [(d,)] * 4 + [(g,)] + [(d + g, m), *[(m,)] * 6] * len(units)
        found = [columns, *rest, *(array for line in lines.values() for array in line.values())]
        if [array.shape for array in found] != shapes or columns.dtype.kind != "i" or not options:
            raise BundleError("quantities: the arrays do not fit together")
        finite = all(np.isfinite(array).all() for array in found if array is not rest[2])
        if not finite or ((columns < 0) | (columns >= n_features)).any():
            raise BundleError("quantities: a column does not exist or a number is not finite")
        mean, spread, limit, share = rest
        reading = QuantityInputs(columns.astype(np.int64), mean, spread, limit, share, weight)
        heads = {unit: QuantityHead(**lines[unit], task_deviation=common[unit]) for unit in units}
        return cls(options, groups, reading, heads)
