"""Tasks from labels, or from the text where a question has no label."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError
from router.models.gain import TextStandard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.models.gain import GainModel

__all__ = ["TaskInferrer"]


@dataclass(frozen=True)
class TaskInferrer:
    """Tells how likely a question belongs to each of g tasks.

    Parameters
    ----------
    groups : tuple of str, length g
        Names of the tasks.
    standard : TextStandard
        How to read the features.
    coefficient : ndarray of float32, shape (d, g)
        Logits from dense features.
    intercept : ndarray of float32, shape (g,)
        Their offset.
    """

    groups: tuple[str, ...]
    standard: TextStandard
    coefficient: NDArray[np.float32]
    intercept: NDArray[np.float32]

    @classmethod
    def from_model(cls, model: GainModel) -> TaskInferrer:
        """Take over what a gain model does inside.

        Parameters
        ----------
        model : GainModel
            In native form.

        Returns
        -------
        TaskInferrer
        """
        inferrer, n_groups = model.head.inferrer, len(model.groups)
        if inferrer is None:
            n_dense = len(model.head.level.coefficient)
            coefficient, intercept = np.zeros((n_dense, n_groups)), np.zeros(n_groups)
        else:
            coefficient, intercept = inferrer.coefficient, inferrer.intercept
        return cls(
            model.groups,
            model.standard,
            coefficient.astype(np.float32),
            np.asarray(intercept, dtype=np.float32),
        )

    def assign(
        self, features: NDArray[np.float32], groups: Sequence[str | None]
    ) -> NDArray[np.float64]:
        """Return membership: 1 for a known label, probabilities where there is none.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.
        groups : sequence of str or None, length n
            Labels; one that the model does not know counts as missing.

        Returns
        -------
        ndarray of float64, shape (n, g)
            Rows add up to 1.
        """
        position = {name: index for index, name in enumerate(self.groups)}
        membership = np.zeros((len(groups), len(self.groups)))
        missing = np.array([name not in position for name in groups], dtype=bool)
        for row, name in enumerate(groups):
            if name in position:
                membership[row, position[name]] = 1.0
        if missing.any():
            dense = self.standard.split(features[missing])[0]
            logits = dense @ self.coefficient + self.intercept
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            membership[missing] = odds / odds.sum(axis=1, keepdims=True)
        return membership

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything but the tasks' names, to be stored."""
        arrays = {
            item.name: np.asarray(getattr(self.standard, item.name))
            for item in fields(self.standard)
        }
        return arrays | {"coefficient": self.coefficient, "intercept": self.intercept}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[np.generic]], groups: Sequence[str]
    ) -> TaskInferrer:
        """Build from what :meth:`to_arrays` returned.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By name.
        groups : sequence of str, length g
            Names of the tasks.

        Returns
        -------
        TaskInferrer

        Raises
        ------
        BundleError
            If an array is missing or does not fit.
        """
        try:
            standard = TextStandard(
                n_components=int(arrays["n_components"]),
                n_tree_components=int(arrays["n_tree_components"]),
                n_directions=int(arrays["n_directions"]),
                shape_mean=arrays["shape_mean"].astype(np.float32),
                shape_spread=arrays["shape_spread"].astype(np.float32),
                shape_clip=float(arrays["shape_clip"]),
                shape_weight=float(arrays["shape_weight"]),
            )
            coefficient = arrays["coefficient"].astype(np.float32)
            intercept = arrays["intercept"].astype(np.float32)
        except (KeyError, TypeError, ValueError):
            raise BundleError("joining.npz: the tasks are malformed") from None
        n_dense = standard.n_components + len(standard.shape_mean)
        if coefficient.shape != (n_dense, len(groups)) or intercept.shape != (len(groups),):
            raise BundleError(
                f"joining.npz: coefficients of shape {coefficient.shape} do not fit "
                f"{n_dense} features and {len(groups)} tasks"
            )
        return cls(tuple(groups), standard, coefficient, intercept)
