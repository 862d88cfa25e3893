"""Uplift of a menu's options for a few questions: sets of conditions, and what each adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.compilation import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.factored_trees import ConditionTable

__all__ = ["MenuTables", "predict_menu", "tabulate_menu"]


class MenuTables(NamedTuple):
    """What the model of descriptors says of m options.

    Parameters
    ----------
    column : ndarray of int64, shape (k,)
        Column of the features that each comparison looks at.
    threshold : ndarray of float32, shape (k,)
        What it is compared with.
    first : ndarray of int64, shape (s + 1,)
        Where the conditions of each set begin, and where those of the last one end.
    members : ndarray of int64
        Conditions: i for "comparison i holds", k + i for "it does not", 2 k for one that always
        holds.
    values : ndarray of float32, shape (s, m)
        What is added for each option where a set holds.
    line : ndarray of float32, shape (f,)
        Slopes of the level.
    level : float32
        Its intercept.
    """

    column: NDArray[np.int64]
    threshold: NDArray[np.float32]
    first: NDArray[np.int64]
    members: NDArray[np.int64]
    values: NDArray[np.float32]
    line: NDArray[np.float32]
    level: np.float32


@kernel
def predict_menu(features: NDArray[np.float32], tables: MenuTables) -> NDArray[np.float64]:
    """Predict m options for n questions, every row shifted into [0, 1].

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Finite.
    tables : MenuTables
        The model, for a menu.

    Returns
    -------
    ndarray of float64, shape (n, m)
    """
    n, n_options, k = len(features), tables.values.shape[1], len(tables.column)
    quality = np.empty((n, n_options))
    holds = np.ones(2 * k + 1, dtype=np.bool_)
    for row in range(n):
        for each in range(k):
            is_below = features[row, tables.column[each]] <= tables.threshold[each]
            holds[each], holds[k + each] = is_below, not is_below
        level = np.float64(tables.level)
        for column in range(len(tables.line)):
            level += np.float64(features[row, column]) * tables.line[column]
        total = quality[row]
        total[:] = level
        for each in range(len(tables.first) - 1):
            together = True
            for member in range(tables.first[each], tables.first[each + 1]):
                together &= holds[tables.members[member]]
            if together:
                for option in range(n_options):
                    total[option] += tables.values[each, option]
        above = max(total.max() - 1.0, 0.0)
        below = min(total.min() - above, 0.0)
        for option in range(n_options):
            total[option] = min(max(total[option] - above - below, 0.0), 1.0)
    return quality


def tabulate_menu(
    conditions: ConditionTable | None,
    values: NDArray[np.float32],
    line: NDArray[np.float32],
    level: float,
) -> MenuTables:
    """Tabulate the model for a menu.

    Parameters
    ----------
    conditions : ConditionTable or None
        Sets of conditions on questions; None where the options do not differ.
    values : ndarray of float32, shape (s, m)
        What is added for each option where a set holds.
    line : ndarray of float32, shape (f,)
        Slopes of the level.
    level : float
        Its intercept.

    Returns
    -------
    MenuTables
    """
    column, threshold = np.zeros(0, np.int64), np.zeros(0, np.float32)
    lists: list[list[int]] = []
    if conditions is not None:
        column, threshold = conditions.column.copy(), conditions.threshold.copy()
        lists = [[] for _ in conditions.members[0]]
        for members in conditions.members:
            for each, member in enumerate(members.tolist()):
                lists[each].append(member)
    return MenuTables(
        column,
        threshold,
        np.cumsum([0, *map(len, lists)], dtype=np.int64),
        np.array([member for each in lists for member in each], dtype=np.int64),
        np.array(values[: len(lists)], dtype=np.float32, order="C"),
        np.array(line, dtype=np.float32),
        np.float32(level),
    )
