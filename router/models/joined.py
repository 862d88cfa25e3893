"""Options that joined a bundle: linear in the surface of the options it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.models.task_inferrer import TaskInferrer

__all__ = ["JoinedHead", "JoinedOptions", "SurfaceHead"]

ARRAYS = ("weights", "offset", "tasks", "deviation")


class SurfaceHead(Protocol):
    """Anything that predicts options known by name."""

    @property
    def options(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the tasks."""
        ...

    @property
    def option_means(self) -> tuple[float, ...] | None:
        """Their mean quality, where it is known."""
        ...

    def predict(
        self, features: NDArray[np.float32], groups: Sequence[str | None]
    ) -> NDArray[np.float64]:
        """Predict their quality.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.
        groups : sequence of str or None, length n
            Task labels.

        Returns
        -------
        ndarray of float64, shape (n, m)
        """
        ...


@dataclass(frozen=True)
class JoinedOptions:
    """What p options that joined are worth, given m known ones and g tasks.

    Parameters
    ----------
    names : tuple of str, length p
        The options.
    stand_ins : tuple of str, length p
        The trained option most like each: what a question makes it consume, beside its mean, tells
        what the question makes the other consume.
    weights : ndarray of float64, shape (m, p)
        What each known option's quality contributes.
    offset : ndarray of float64, shape (p,)
        What is added.
    tasks : ndarray of float64, shape (g, p)
        What each task adds.
    deviation : ndarray of float64, shape (p,)
        Standard deviation of the expected quality, for want of outcomes.

    Raises
    ------
    BundleError
        If the shapes do not fit together or a value is not finite.

    Examples
    --------
    >>> joined = JoinedOptions(
    ...     ("new",), ("old",), weights=np.array([[0.5], [0.5]]), offset=np.array([0.1]),
    ...     tasks=np.zeros((1, 1)), deviation=np.array([0.05]),
    ... )
    >>> joined.predict(np.array([[0.2, 0.4]]), np.ones((1, 1))).round(2).tolist()
    [[0.4]]
    """

    names: tuple[str, ...]
    stand_ins: tuple[str, ...]
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]
    tasks: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse arrays that cannot be multiplied."""
        n_options = len(self.names)
        if len(self.stand_ins) != n_options:
            raise BundleError(f"joined.npz: {len(self.stand_ins)} options stand in for {n_options}")
        for name in ARRAYS:
            values = getattr(self, name)
            n_axes = 2 if name in ("weights", "tasks") else 1
            if values.ndim != n_axes or values.shape[-1] != n_options:
                raise BundleError(
                    f"joined.npz: {name} has shape {values.shape}: the last of its {n_axes} axes "
                    f"has to be {n_options} long"
                )
            if not np.isfinite(values).all():
                raise BundleError(f"joined.npz: {name} has a value that is not finite")

    def predict(
        self, surface: NDArray[np.float64], membership: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Predict the options that joined.

        Parameters
        ----------
        surface : ndarray of float64, shape (n, m)
            Quality of the known options.
        membership : ndarray of float64, shape (n, g)
            Tasks of the questions.

        Returns
        -------
        ndarray of float64, shape (n, p)
            From 0 to 1.
        """
        quality = surface @ self.weights + membership @ self.tasks + self.offset
        bounded: NDArray[np.float64] = np.clip(quality, 0.0, 1.0)
        return bounded

    def keep(self, names: Sequence[str]) -> JoinedOptions:
        """Keep some of the options, in the order given."""
        columns = [self.names.index(name) for name in names]
        arrays = {name: getattr(self, name)[..., columns] for name in ARRAYS}
        stand_ins = tuple(self.stand_ins[column] for column in columns)
        return JoinedOptions(tuple(names), stand_ins, **arrays)

    def append(self, other: JoinedOptions) -> JoinedOptions:
        """Put other options behind these; of two with one name the other's stays."""
        old = self.keep([name for name in self.names if name not in other.names])
        arrays = {
            name: np.concatenate((getattr(old, name), getattr(other, name)), axis=-1)
            for name in ARRAYS
        }
        stand_ins = (*old.stand_ins, *other.stand_ins)
        return JoinedOptions((*old.names, *other.names), stand_ins, **arrays)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything but the names, to be stored."""
        return {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        names: Sequence[str],
        stand_ins: Sequence[str],
    ) -> JoinedOptions:
        """Build from what :meth:`to_arrays` returned.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By name.
        names, stand_ins : sequence of str, length p
            The options, and the trained option most like each.

        Returns
        -------
        JoinedOptions

        Raises
        ------
        BundleError
            If an array is missing or does not fit.
        """
        try:
            values = {name: arrays[name].astype(np.float64) for name in ARRAYS}
        except (KeyError, TypeError, ValueError):
            raise BundleError("joined.npz: an array is missing or malformed") from None
        return cls(tuple(names), tuple(stand_ins), **values)


@dataclass(frozen=True)
class JoinedHead:
    """Options known by name, those that joined behind those of training.

    Parameters
    ----------
    trained : SurfaceHead
        Predicts the options that the bundle was trained on.
    joined : JoinedOptions
        The others.
    inferrer : TaskInferrer
        Tells tasks.
    surface_mean : ndarray of float64, shape (m,)
        Mean prediction of every trained option over the training questions.
    task_share : ndarray of float64, shape (g,)
        Share of each task in them.
    """

    trained: SurfaceHead
    joined: JoinedOptions
    inferrer: TaskInferrer
    surface_mean: NDArray[np.float64]
    task_share: NDArray[np.float64]

    @property
    def options(self) -> tuple[str, ...]:
        """Names, in the order of the output."""
        return (*self.trained.options, *self.joined.names)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return self.trained.groups

    @property
    def option_means(self) -> tuple[float, ...] | None:
        """Expected quality of every option over the training questions."""
        if self.trained.option_means is None:
            return None
        means = self.joined.predict(self.surface_mean[None], self.task_share[None])[0]
        return (*self.trained.option_means, *means.tolist())

    @property
    def deviations(self) -> dict[str, float]:
        """Standard deviation of the expected quality of the options that joined."""
        return dict(zip(self.joined.names, self.joined.deviation.tolist(), strict=True))

    @property
    def stand_ins(self) -> dict[str, str]:
        """The trained option whose consumption tells of that of each option that joined."""
        return dict(zip(self.joined.names, self.joined.stand_ins, strict=True))

    def predict(
        self, features: NDArray[np.float32], groups: Sequence[str | None]
    ) -> NDArray[np.float64]:
        """Predict every option.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.
        groups : sequence of str or None, length n
            Task labels.

        Returns
        -------
        ndarray of float64, shape (n, m + p)
        """
        surface = self.trained.predict(features, groups)
        membership = self.inferrer.assign(features, groups)
        return np.hstack((surface, self.joined.predict(surface, membership)))
