"""What a bundle keeps so that new models can join it: a prior, the options it knows, its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError
from router.models.joining import BLOCKS, JoinPrior
from router.models.task_inferrer import TaskInferrer
from router.options import Option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["JoiningBasis"]

NUMBERS = ("strength_slope", "noise", "between")


@dataclass(frozen=True)
class JoiningBasis:
    """What the join of a new model starts from.

    Parameters
    ----------
    options : tuple of Option, length m
        The options the bundle was trained on.
    prior : JoinPrior
        What is expected of a new model.
    inferrer : TaskInferrer
        Tells the g tasks.
    surface_mean : ndarray of float64, shape (m,)
        Mean prediction of every option over the training questions.
    task_share : ndarray of float64, shape (g,)
        Share of each task in them.
    residual_variance : float
        Variance of how much better the known options did on a question than expected: what is not
        known of a question on which none of them was tried.
    """

    options: tuple[Option, ...]
    prior: JoinPrior
    inferrer: TaskInferrer
    surface_mean: NDArray[np.float64]
    task_share: NDArray[np.float64]
    residual_variance: float

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything but names and descriptors, to be stored."""
        numbers = {name: np.asarray(getattr(self.prior, name)) for name in NUMBERS}
        return {
            **numbers,
            **self.inferrer.to_arrays(),
            "block_mean": self.prior.mean,
            "block_variance": self.prior.variance,
            "surface_mean": self.surface_mean,
            "task_share": self.task_share,
            "residual_variance": np.asarray(self.residual_variance),
        }

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        options: Sequence[Mapping[str, Any]],
        groups: Sequence[str],
    ) -> JoiningBasis:
        """Build from what :meth:`to_arrays` returned.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By name.
        options : sequence of mapping, length m
            Descriptors of the options, as the manifest has them.
        groups : sequence of str, length g
            Names of the tasks.

        Returns
        -------
        JoiningBasis

        Raises
        ------
        BundleError
            If an array is missing or does not fit.
        """
        try:
            vectors = {
                name: arrays[name].astype(np.float64)
                for name in ("block_mean", "block_variance", "surface_mean", "task_share")
            }
            numbers = {name: float(arrays[name]) for name in (*NUMBERS, "residual_variance")}
        except (KeyError, TypeError, ValueError):
            raise BundleError("joining.npz: an array is missing or malformed") from None
        sizes = (len(BLOCKS), len(BLOCKS), len(options), len(groups))
        for (name, values), size in zip(vectors.items(), sizes, strict=True):
            if values.shape != (size,) or not np.isfinite(values).all():
                raise BundleError(
                    f"joining.npz: {name} has shape {values.shape}: ({size},) finite numbers are "
                    "needed"
                )
        residual_variance = numbers.pop("residual_variance")
        return cls(
            tuple(Option.from_mapping(values, "manifest") for values in options),
            JoinPrior(vectors["block_mean"], vectors["block_variance"], **numbers),
            TaskInferrer.from_arrays(arrays, groups),
            vectors["surface_mean"],
            vectors["task_share"],
            residual_variance,
        )
