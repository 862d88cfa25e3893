"""The two heads of a bundle: options known by name, and any option from its descriptors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.features.engines import is_compiled
from router.models.descriptors import (
    DESCRIPTOR_NAMES,
    UNKNOWN,
    describe_menu,
    find_reference,
)
from router.models.surface import shift_into_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.compiled import CompiledGain
    from router.models.session import Session
    from router.models.strengths import StrengthTable
    from router.options import Option

__all__ = ["DescriptorHead", "NamedHead", "stack_pairs", "stack_reference"]

# Questions times options laid out together; a batch's would fill the memory.
PAIRS_MAX = 65_536


@dataclass(frozen=True)
class NamedHead:
    """Predicts the options of one log, known by name.

    Parameters
    ----------
    session : Session
        Takes ``features`` (n, f) and ``membership`` (n, g), gives (n, m).
    options : tuple of str, length m
        Names, in the order of the output.
    groups : tuple of str, length g
        Names of the tasks.
    option_means : tuple of float, length m, optional
        Quality of every option over all questions, from 0 to 1; None in older bundles.
    content : bytes, default=b""
        The graph of the session, from which compiled kernels take its constants.
    """

    session: Session
    options: tuple[str, ...]
    groups: tuple[str, ...]
    option_means: tuple[float, ...] | None = None
    content: bytes = field(default=b"", repr=False)

    @property
    def deviations(self) -> dict[str, float]:
        """Standard deviations of expected quality for want of outcomes: of options that joined."""
        return {}

    @property
    def stand_ins(self) -> dict[str, str]:
        """Whose consumption tells of that of another option: of options that joined."""
        return {}

    def predict(
        self, features: NDArray[np.float32], groups: Sequence[str | None]
    ) -> NDArray[np.float64]:
        """Predict every known option, shape (n, m)."""
        membership = np.zeros((len(groups), len(self.groups)), dtype=np.float32)
        if any(name is not None for name in groups):
            position = {name: index for index, name in enumerate(self.groups)}
            for row, name in enumerate(groups):
                if name in position:
                    membership[row, position[name]] = 1.0
        compiled = self._compiled if is_compiled() else None
        if compiled is None or not np.isfinite(features).all():
            # The session also says what is wrong with features that are not finite.
            return self.session.run({"features": features, "membership": membership})
        return compiled.predict(features, membership)

    @cached_property
    def _compiled(self) -> CompiledGain | None:
        """The same as a kernel, where the graph allows it."""
        from router.models.compiled import CompiledGain

        return CompiledGain.load(self.content)


@dataclass(frozen=True, slots=True)
class DescriptorHead:
    """Predicts any option from its descriptors, as level plus uplift over a reference option.

    Parameters
    ----------
    level : Session
        Takes ``features`` (n, f + p), the reference's descriptors behind the text's features, and
        gives the reference option's quality (n, 1).
    uplift : Session
        Takes ``pairs`` (n * m, f' + 2 p), gives the uplift over the reference (n * m, 1).
    n_features : int
        f', how many leading feature columns the uplift sees.
    strengths : StrengthTable
        Strengths of models by name.
    strength_mean : float
        What stands for the strength of a reference whose strength is not known.
    """

    level: Session
    uplift: Session
    n_features: int
    strengths: StrengthTable
    strength_mean: float

    def predict(
        self, features: NDArray[np.float32], options: Sequence[Option]
    ) -> NDArray[np.float64]:
        """Predict options that answer, shape (n, m); the least of them is the reference."""
        table = describe_menu(options, self.strengths)
        reference = find_reference(table)
        step = max(1, PAIRS_MAX // len(table))
        uplift = np.zeros((len(features), len(table)))
        for first in range(0, len(features), step):
            part = features[first : first + step, : self.n_features]
            pairs = stack_pairs(part, table, reference)
            uplift[first : first + step] = self.uplift.run({"pairs": pairs}).reshape(len(part), -1)
        # The reference's uplift over itself is nothing by definition, whatever the trees say.
        uplift -= uplift[:, reference, None]
        level_inputs = stack_reference(features, table[reference], self.strength_mean)
        return shift_into_range(self.level.run({"features": level_inputs}) + uplift)


def stack_pairs(
    features: NDArray[np.float32], table: NDArray[np.float32], reference: int
) -> NDArray[np.float32]:
    """Put every question beside every option and the reference option.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Questions.
    table : ndarray of float32, shape (m, p)
        Descriptors.
    reference : int
        The reference option's row in `table`.

    Returns
    -------
    ndarray of float32, shape (n * m, f + 2 p)
        Questions outermost.

    Examples
    --------
    >>> table = np.array([[0.0], [1.0]], np.float32)
    >>> stack_pairs(np.array([[7.0]], np.float32), table, 0).tolist()
    [[7.0, 0.0, 0.0], [7.0, 1.0, 0.0]]
    """
    n, m = len(features), len(table)
    columns = (
        np.repeat(features, m, axis=0),
        np.tile(table, (n, 1)),
        np.broadcast_to(table[reference], (n * m, table.shape[1])),
    )
    return np.hstack(columns).astype(np.float32, copy=False)


def stack_reference(
    features: NDArray[np.float32], reference: NDArray[np.float32], strength_mean: float
) -> NDArray[np.float32]:
    """Put the reference option's descriptors behind every question's features.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Questions.
    reference : ndarray of float32, shape (p,)
        Descriptors of the reference option.
    strength_mean : float
        Stands for a strength that is not known.

    Returns
    -------
    ndarray of float32, shape (n, f + p)
    """
    row = reference.copy()
    position = DESCRIPTOR_NAMES.index("model_strength")
    if row[position] == UNKNOWN:
        row[position] = strength_mean
    return np.hstack((features, np.tile(row, (len(features), 1)))).astype(np.float32)
