"""Export with proof: a graph leaves this module only if it reproduces the native model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import ExportError
from router.models.graph import build_gain_graph
from router.models.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from router.models.gain import GainModel

__all__ = ["PARITY_ROWS", "PARITY_TOLERANCE", "export_gain", "prove_parity", "spread_rows"]

PARITY_ROWS = 1000
PARITY_TOLERANCE = 1e-5


def spread_rows(features: NDArray[np.float32], n_rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Take rows to test on: the given ones, then new ones with every column shuffled on its own.

    Shuffled rows hold combinations that no training question had, so they visit leaves that the
    training rows do not.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Real rows.
    n_rows : int
        How many shuffled rows are added.
    seed : int, default=0
        Seed of the shuffling.

    Returns
    -------
    ndarray of float32, shape (n + n_rows, f)

    Examples
    --------
    >>> spread_rows(np.zeros((2, 3), np.float32), 5).shape
    (7, 3)
    """
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(features), (n_rows, features.shape[1]))
    return np.vstack((features, np.take_along_axis(features, picks, axis=0)))


def prove_parity(
    content: bytes,
    inputs: Mapping[str, NDArray[np.float32]],
    native: Callable[[Mapping[str, NDArray[np.float32]]], NDArray[np.float64]],
    place: str,
) -> float:
    """Compare a graph with the native model on the same rows.

    Parameters
    ----------
    content : bytes
        The serialised graph.
    inputs : mapping of str to ndarray of float32, shape (n, ...)
        At least 1,000 rows.
    native : callable
        Takes the same inputs, gives the native model's answers.
    place : str
        How messages call the graph.

    Returns
    -------
    float
        The largest absolute difference.

    Raises
    ------
    ExportError
        If there are fewer than 1,000 rows or the difference reaches 1e-5.
    """
    n_rows = len(next(iter(inputs.values())))
    if n_rows < PARITY_ROWS:
        raise ExportError(
            f"{place}: parity on {n_rows} rows proves too little: {PARITY_ROWS} needed"
        )
    difference = np.abs(Session(content, place).run(inputs) - native(inputs))
    worst = float(difference.max())
    # A comparison that is false for NaN would let a broken graph pass.
    if not worst < PARITY_TOLERANCE:
        row = int(difference.max(axis=1).argmax())
        raise ExportError(
            f"{place}: the graph differs from the native model by {worst:.2e} at row {row}; "
            f"less than {PARITY_TOLERANCE:.0e} is allowed"
        )
    return worst


def export_gain(model: GainModel, features: NDArray[np.float32]) -> tuple[bytes, float]:
    """Export a gain model and prove that the graph gives the same surface.

    Parameters
    ----------
    model : GainModel
        In native form.
    features : ndarray of float32, shape (n, f)
        Features of training questions.

    Returns
    -------
    content : bytes
        The serialised graph.
    worst : float
        The largest difference found, on at least 1,000 rows.

    Raises
    ------
    ExportError
        If the graph differs by 1e-5 or more from the model with its original thresholds.
    """
    content = build_gain_graph(model)
    rows = spread_rows(features[:PARITY_ROWS], PARITY_ROWS)
    membership = np.zeros((len(rows), len(model.groups)), dtype=np.float32)
    # Every task has its turn, and every third row has no label, as at serving time.
    labelled = np.flatnonzero(np.arange(len(rows)) % 3)
    membership[labelled, np.arange(len(labelled)) % len(model.groups)] = 1.0
    worst = prove_parity(
        content,
        {"features": rows, "membership": membership},
        lambda inputs: model.predict_features(inputs["features"], inputs["membership"]),
        "named.onnx",
    )
    return content, worst
