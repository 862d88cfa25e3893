"""Populations of questions: what every option is worth on each of them, drawn at will.

Behind every question and option lies a hidden normal variable: a threshold, which says how often
the option is right on average, plus what is the question's own. The latter is common to options in
part (a hard question is hard for all), along a few directions, and in part the option's alone.
Averages, how much questions differ, and how far options fail together are then free of each other,
which curves of one difficulty are not; and nothing forces an option that costs more to be better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.simulation.orthants import load_normal
from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Latent", "Population"]

# A run keeps a little of chance, without which a probability would be nothing or one.
SHARE_MAX = 0.995


@dataclass(frozen=True)
class Latent:
    """What is hidden behind some drawn questions.

    Parameters
    ----------
    deviation : ndarray of float32, shape (n, m)
        What of each question's hidden variable is its own, by option.
    """

    deviation: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the questions."""
        return len(self.deviation)


@dataclass(frozen=True, eq=False)
class Population:
    """Questions that differ, and options that fail together, as normal variables with thresholds.

    Parameters
    ----------
    options : sequence of str, length m
        Names.
    thresholds : array_like of shape (m,)
        The normal quantile of every option's mean quality.
    loadings : array_like of shape (m, k)
        How far each option follows each of k hidden traits of a question.
    own : array_like of shape (m,), optional
        Variance of what a question has for one option alone; nothing by default.

    Raises
    ------
    InputError
        If there is no option or a name comes twice, shapes do not fit, a number is not finite, or
        an option's variance exceeds one, which is all that there is: the rest is chance from run to
        run.

    Notes
    -----
    With R = loadings loadings' + diag(own), option o succeeds on a question with probability
    Phi((t_o + x_o) / sqrt(1 - R_oo)) for x drawn from N(0, R). Its mean over questions is Phi(t_o),
    and two options succeed together as often as normal variables of correlation R_op lie below
    their thresholds. This is the multidimensional normal-ogive model of item response theory
    (Lord and Novick 1968, chapter 16) with options as items.

    Examples
    --------
    >>> population = Population(("small", "large"), [0.0, 0.8], [[0.6], [0.7]])
    >>> population.mean.round(3)
    array([0.5  , 0.788])
    >>> quality = population.judge(population.draw(100_000, np.random.default_rng(0)))
    >>> quality.shape, bool(np.abs(quality.mean(axis=0) - population.mean).max() < 0.01)
    ((100000, 2), True)
    """

    options: Sequence[str]
    thresholds: ArrayLike
    loadings: ArrayLike
    own: ArrayLike | None = None

    def __post_init__(self) -> None:
        """Check shapes and variances, and keep plain arrays."""
        options = tuple(self.options)
        if not options or len(set(options)) != len(options):
            raise InputError(f"options are {list(options)}: one or more different names are needed")
        loadings = np.asarray(self.loadings, dtype=np.float64)
        given = 0.0 if self.own is None else self.own
        own = np.broadcast_to(np.asarray(given, dtype=np.float64), (len(options),))
        thresholds = np.asarray(self.thresholds, dtype=np.float64)
        for name, value, shape in (
            ("thresholds", thresholds, (len(options),)),
            ("loadings", loadings, (len(options), loadings.shape[-1] if loadings.ndim else 0)),
            ("own", own, (len(options),)),
        ):
            if value.shape != shape or not np.isfinite(value).all():
                raise InputError(
                    f"{name} has shape {value.shape}: finite numbers of shape {shape} are needed "
                    f"for {len(options)} options"
                )
        share = (loadings**2).sum(axis=1) + own
        if (own < 0.0).any() or (share > 1.0).any():
            worst = int(np.argmax(np.where(own < 0.0, np.inf, share)))
            raise InputError(
                f"option {options[worst]!r} has variance {share[worst]:g} of its own "
                f"{own[worst]:g}: from 0 to 1 in all is needed"
            )
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "thresholds", thresholds)
        object.__setattr__(self, "loadings", loadings)
        object.__setattr__(self, "own", own)

    @property
    def n_options(self) -> int:
        """Number of options m."""
        return len(self.options)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean quality of every option, shape (m,)."""
        distribution, _ = load_normal()
        return distribution(self.thresholds)

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Correlation R of the hidden variables, shape (m, m); what repeats in the diagonal."""
        loadings = np.asarray(self.loadings)
        return np.asarray(loadings @ loadings.T + np.diag(np.asarray(self.own)))

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of the variance that is the question's, shape (m,); the rest is chance."""
        return np.minimum(np.diag(self.correlation), SHARE_MAX)

    def select(self, keep: Sequence[int]) -> Population:
        """Keep some options, by position, in the order given."""
        index = np.asarray(keep, dtype=np.int64)
        return Population(
            tuple(self.options[position] for position in index),
            np.asarray(self.thresholds)[index],
            np.asarray(self.loadings)[index],
            np.asarray(self.own)[index],
        )

    def shift(self, amount: float | ArrayLike) -> Population:
        """Make questions easier (above 0) or harder, in units of the hidden variables.

        Parameters
        ----------
        amount : float or array_like of shape (m,)
            Added to the thresholds.

        Returns
        -------
        Population
        """
        moved = np.asarray(self.thresholds) + np.asarray(amount, dtype=np.float64)
        return Population(self.options, moved, self.loadings, self.own)

    def draw(self, n_questions: int, chance: np.random.Generator) -> Latent:
        """Draw questions.

        Parameters
        ----------
        n_questions : int
            How many.
        chance : Generator
            Of random numbers.

        Returns
        -------
        Latent
        """
        loadings = np.asarray(self.loadings, dtype=np.float32)
        traits = chance.standard_normal((n_questions, loadings.shape[1]), dtype=np.float32)
        deviation = traits @ loadings.T
        own = np.sqrt(np.asarray(self.own)).astype(np.float32)
        for option in np.flatnonzero(own).tolist():
            deviation[:, option] += own[option] * chance.standard_normal(
                n_questions, dtype=np.float32
            )
        return Latent(deviation)

    def judge(self, latent: Latent) -> NDArray[np.float32]:
        """Say how good every option truly is on drawn questions.

        Parameters
        ----------
        latent : Latent
            Of n questions.

        Returns
        -------
        ndarray of float32, shape (n, m)
            Probability that a run succeeds.
        """
        distribution, _ = load_normal()
        spread = np.sqrt(1.0 - self.share).astype(np.float32)
        hidden = latent.deviation + np.asarray(self.thresholds, dtype=np.float32)
        hidden /= spread
        return np.asarray(distribution(hidden))

    def observe(
        self, quality: NDArray[np.float32], chance: np.random.Generator, n_runs: ArrayLike = 1
    ) -> NDArray[np.float32]:
        """Run options and average their outcomes of nothing or one.

        Parameters
        ----------
        quality : ndarray of shape (n, m)
            True probabilities.
        chance : Generator
            Of random numbers.
        n_runs : array_like of int, default=1
            Runs of every option, broadcastable to (n, m).

        Returns
        -------
        ndarray of float32, shape (n, m)
        """
        runs = np.asarray(n_runs)
        return np.asarray(chance.binomial(runs, quality) / runs, dtype=np.float32)
