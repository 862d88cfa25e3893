"""The model of descriptors without its graphs: what depends on the menu alone is worked out once.

Every prediction is that of :class:`~router.models.heads.DescriptorHead`, up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError
from router.features.engines import is_compiled
from router.models.descriptors import describe_menu, find_reference
from router.models.factored_trees import FactoredTrees
from router.models.graph_reading import read_graph, read_line
from router.models.heads import stack_reference
from router.models.surface import shift_into_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.models.compiled import CompiledMenu
    from router.models.factored_trees import MenuTrees
    from router.models.heads import DescriptorHead
    from router.models.strengths import StrengthTable
    from router.options import Option

__all__ = ["FactoredHead", "PreparedMenu", "factor_descriptors"]

# Menus kept ready: a service answers for one or two, and each takes some hundred kilobytes.
MENUS_MAX = 8
FEW_QUESTIONS = 8


@dataclass(frozen=True)
class PreparedMenu:
    """What is known of a menu before any question comes.

    Parameters
    ----------
    options : tuple of Option
        The menu; kept, so that no other option can take the identity of one of them.
    trees : MenuTrees
        Uplift over the reference option.
    line : ndarray of float32, shape (f,)
        What a question's features add to the reference's quality.
    level : float
        What the reference adds to its own quality.
    """

    options: tuple[Option, ...]
    trees: MenuTrees
    line: NDArray[np.float32]
    level: float

    @cached_property
    def compiled(self) -> CompiledMenu | None:
        """The same as a kernel; None where kernels do not work."""
        from router.models.compiled import CompiledMenu

        return CompiledMenu.load(self.trees, self.line, self.level)


@dataclass(frozen=True, slots=True)
class FactoredHead:
    """Predicts any option from its descriptors.

    Parameters
    ----------
    plain : DescriptorHead
        The model as its graphs give it.
    trees : FactoredTrees
        The trees of its uplift.
    line : ndarray of float32, shape (f + p + 1,)
        Coefficients and intercept of its level.
    """

    plain: DescriptorHead
    trees: FactoredTrees
    line: NDArray[np.float32]
    _menus: dict[tuple[int, ...], PreparedMenu] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def strengths(self) -> StrengthTable:
        """Strengths of models by name."""
        return self.plain.strengths

    def predict(
        self, features: NDArray[np.float32], options: Sequence[Option]
    ) -> NDArray[np.float64]:
        """Predict options that answer, shape (n, m); the least of them is the reference.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            Questions.
        options : sequence of Option
            m options.

        Returns
        -------
        ndarray of float64, shape (n, m)

        Raises
        ------
        BundleError
            If a feature is not finite.
        """
        if not np.isfinite(features).all():
            raise BundleError("descriptors: a feature is not finite")
        key = tuple(map(id, options))
        menu = self._menus.get(key)
        if menu is None:
            menu = self._prepare(tuple(options))
            if len(self._menus) >= MENUS_MAX:
                self._menus.clear()
            self._menus[key] = menu
        # Of many questions the linear algebra makes a product of two matrices, which is as fast.
        if len(features) <= FEW_QUESTIONS and is_compiled() and menu.compiled is not None:
            return menu.compiled.predict(features)
        level = features @ menu.line + np.float32(menu.level)
        return shift_into_range(level[:, None] + menu.trees.predict(features))

    def _prepare(self, options: tuple[Option, ...]) -> PreparedMenu:
        """Work out what depends on the menu alone."""
        table = describe_menu(options, self.strengths)
        reference = find_reference(table)
        nothing = np.zeros((1, 0), np.float32)
        row = stack_reference(nothing, table[reference], self.plain.strength_mean)[0]
        level = float(row.astype(np.float64) @ self.line[-1 - len(row) : -1] + self.line[-1])
        columns = np.hstack((table, np.broadcast_to(table[reference], table.shape)))
        trees = self.trees.specialise(columns, reference)
        return PreparedMenu(options, trees, self.line[: -1 - len(row)], level)


def factor_descriptors(
    plain: DescriptorHead, files: Mapping[str, bytes]
) -> DescriptorHead | FactoredHead:
    """Take a model of descriptors apart, if its graphs are what this version writes.

    Parameters
    ----------
    plain : DescriptorHead
        The model.
    files : mapping of str to bytes
        ``level.onnx`` and ``uplift.onnx``.

    Returns
    -------
    DescriptorHead or FactoredHead
        The model as it was where its graphs do something else.
    """
    line = read_line(read_graph(files["level.onnx"], "level.onnx"))
    uplift = read_graph(files["uplift.onnx"], "uplift.onnx")
    trees = FactoredTrees.from_graph(uplift, plain.n_features)
    return plain if line is None or trees is None else FactoredHead(plain, trees, line)
