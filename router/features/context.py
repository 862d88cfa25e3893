"""Context: numbers known before the choice, beside the text, by name, any of them missing.

What an agent knows already says more than the text of a question: scores of a first search, how far
the first samples agree, the depth in a plan. Every name makes two columns behind the text's
features: the standardised number, at its mean where it is missing, and whether it is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError, LogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["ContextTable", "fit_context"]

# Far beyond what learners are shown, and far within single precision.
BOUND = 1e6
ROUNDING = 1e-9
# Squares beyond it, and so spreads, leave double precision.
LARGEST = 1e150


@dataclass(frozen=True, slots=True)
class ContextTable:
    """Turns numbers by name into columns.

    Parameters
    ----------
    names : tuple of str, length c
        What is read; every other name is ignored.
    mean, spread : tuple of float, length c
        Over the training questions that had the number.
    """

    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @property
    def n_columns(self) -> int:
        """Number of columns: two a name."""
        return 2 * len(self.names)

    @property
    def fingerprint(self) -> str:
        """Digest of what the columns mean."""
        content = json.dumps([self.names, self.mean, self.spread])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def tabulate(self, contexts: Sequence[Mapping[str, float]]) -> NDArray[np.float32]:
        """Turn every question's numbers into columns.

        Parameters
        ----------
        contexts : sequence of mapping of str to float, length n
            Finite numbers by name; any may be missing.

        Returns
        -------
        ndarray of float32, shape (n, 2 c)
            Standardised numbers, then 1 where a number is missing.

        Examples
        --------
        >>> table = ContextTable(("agreement",), (0.5,), (0.25,))
        >>> table.tabulate([{"agreement": 1.0}, {}]).tolist()
        [[2.0, 0.0], [0.0, 1.0]]
        """
        values = np.array(
            [[given.get(name, np.nan) for name in self.names] for given in contexts]
        ).reshape(len(contexts), len(self.names))
        missing = np.isnan(values)
        scaled = (values - np.array(self.mean)) / np.array(self.spread)
        bounded = np.clip(np.where(missing, 0.0, scaled), -BOUND, BOUND)
        return np.hstack((bounded, missing)).astype(np.float32)

    def append(
        self, features: NDArray[np.float32], contexts: Sequence[Mapping[str, float]]
    ) -> NDArray[np.float32]:
        """Put the columns behind the text's features; the same array where there are none."""
        return np.hstack((features, self.tabulate(contexts))) if self.names else features

    def to_dict(self) -> dict[str, Any]:
        """Return what has to be stored, ready for JSON."""
        return {
            "names": list(self.names),
            "mean": list(self.mean),
            "spread": list(self.spread),
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ContextTable:
        """Build from what :meth:`to_dict` returned.

        Raises
        ------
        BundleError
            If a field is missing, is no number, or the fingerprint is another.
        """
        try:
            names = tuple(map(str, values["names"]))
            mean, spread = (tuple(map(float, values[key])) for key in ("mean", "spread"))
            fingerprint = values["fingerprint"]
        except (KeyError, TypeError, ValueError):
            raise BundleError("manifest: the context is malformed") from None
        table = cls(names, mean, spread)
        fits = len(names) == len(mean) == len(spread) and all(value > 0.0 for value in spread)
        if not fits or table.fingerprint != fingerprint:
            raise BundleError("manifest: the context does not fit its fingerprint")
        return table


def fit_context(
    columns: Mapping[str, NDArray[np.float64]], names: Sequence[str] | None = None
) -> ContextTable:
    """Learn from a log which numbers there are and how they are scaled.

    Parameters
    ----------
    columns : mapping of str to ndarray of float64, shape (n,)
        NaN where a number is missing.
    names : sequence of str, optional
        Which of them to use; all by default. One that no question has is left out.

    Returns
    -------
    ContextTable
        Names sorted.

    Raises
    ------
    LogError
        If a name is not in the log, or a number is too large to have a spread.

    Examples
    --------
    >>> fit_context({"depth": np.array([0.0, 2.0, np.nan]), "empty": np.array([np.nan] * 3)})
    ContextTable(names=('depth',), mean=(1.0,), spread=(1.0,))
    """
    chosen = sorted(columns if names is None else set(names))
    for name in chosen:
        if name not in columns:
            known = ", ".join(sorted(columns)) or "none"
            raise LogError(f"context {name!r} is not in the log: it has {known}")
    kept = [name for name in chosen if not np.isnan(columns[name]).all()]
    for name in kept:
        largest = float(np.nanmax(np.abs(columns[name])))
        if largest > LARGEST:
            raise LogError(f"context {name!r} reaches {largest:g}: at most {LARGEST:g} is allowed")
    deviations = [float(np.nanstd(columns[name])) for name in kept]
    return ContextTable(
        tuple(kept),
        tuple(float(np.nanmean(columns[name])) for name in kept),
        tuple(
            # A constant's deviation is rounding, by which nothing may be divided.
            spread if spread > ROUNDING * float(np.nanmax(np.abs(columns[name]))) else 1.0
            for name, spread in zip(kept, deviations, strict=True)
        ),
    )
