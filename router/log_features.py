"""Features in an outcome log: what an encoder made of questions whose texts were not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import LogError
from router.log_columns import is_null, read_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["FEATURE_COLUMNS", "collect_features"]

FEATURE_COLUMNS = ("features", "feature_fingerprint")
# Another processor may add in another order; features of two texts are further apart than this.
TOLERANCE = 1e-3


def collect_features(
    table: Mapping[str, Sequence[Any]],
    ids: Sequence[str],
    question_index: NDArray[np.int64],
    place: str,
) -> tuple[NDArray[np.float32] | None, str | None]:
    """Take each question's features, refusing one id with two rows of them.

    Parameters
    ----------
    table : mapping of str to sequence
        Columns of r rows.
    ids : sequence of str, length n
        Identifiers of the questions.
    question_index : ndarray of int64, shape (r,)
        Each row's question.
    place : str
        How messages call the source.

    Returns
    -------
    features : ndarray of float32, shape (n, d), or None
        NaN for a question without; None where the log has no features.
    fingerprint : str or None
        Of the encoder that made them.

    Raises
    ------
    LogError
        If a row's features are no list of finite numbers, or not as long as those of the others;
        if they are of no encoder that is named, or of more than one.
    """
    cells = table.get("features", ())
    held = [(row, cell) for row, cell in enumerate(cells) if not is_null(cell)]
    if not held:
        return None, None
    fingerprint = _read_fingerprint(table, [row for row, _ in held], place)
    width = len(_read_row(held[0][1], held[0][0], place))
    features = np.full((len(ids), width), np.nan, dtype=np.float32)
    for row, cell in held:
        values = _read_row(cell, row, place)
        if len(values) != width:
            raise LogError(
                f"{place}: row {row + 1}: {len(values)} features, row {held[0][0] + 1} has {width}"
            )
        question = question_index[row]
        known = features[question]
        if np.isnan(known[0]):
            features[question] = values
        elif not np.allclose(known, values, rtol=TOLERANCE, atol=TOLERANCE):
            raise LogError(
                f"{place}: row {row + 1}: query_id {ids[question]!r} stands with two different "
                "rows of features"
            )
    return features, fingerprint


def _read_fingerprint(table: Mapping[str, Sequence[Any]], rows: Sequence[int], place: str) -> str:
    """Take the one fingerprint of the rows that hold features."""
    labels = read_labels(table.get("feature_fingerprint", ()), place, "feature_fingerprint")
    found = {labels[row] if labels else None for row in rows}
    if None in found:
        raise LogError(
            f"{place}: features stand without a feature_fingerprint, which says what made them"
        )
    if len(found) > 1:
        raise LogError(
            f"{place}: features of several encoders, {', '.join(sorted(map(str, found)))}: one "
            "bundle can be trained on those of one only"
        )
    return str(found.pop())


def _read_row(cell: Any, row: int, place: str) -> NDArray[np.float32]:
    """Read one row of features."""
    if isinstance(cell, str):
        raise LogError(
            f"{place}: row {row + 1}: features are text, not a list of numbers; "
            "use .parquet or .jsonl for a log with features"
        )
    try:
        values = np.asarray(cell, dtype=np.float32)
    except (TypeError, ValueError):
        values = np.zeros(0, dtype=np.float32)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise LogError(f"{place}: row {row + 1}: features are not a list of finite numbers")
    return values
