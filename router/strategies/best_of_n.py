r"""Best of n with a verifier: perfect, with errors, or fooled now and then.

The verifier puts each sample on a level; one sample of the highest level seen is the answer. With
:math:`g_l = p r_l + (1 - p) w_l` the share of samples on level l and :math:`G_l` the share on it or
below, the highest level of n is l with probability :math:`G_l^n - G_{l-1}^n`, and whatever was
drawn there is right with probability :math:`p r_l / g_l`. Two levels are a verifier that accepts or
rejects: quality then rises to its precision and stays there. A third level above, which mostly
wrong answers reach, makes quality rise and then fall: the more samples, the surer one fools it.

References
----------
.. [1] Cobbe, K. et al., "Training verifiers to solve math word problems", arXiv:2110.14168: quality
   rises with the number of completions and falls beyond some 400.
.. [2] Brown, B. et al., "Large language monkeys", arXiv:2407.21787, sections 2 and 4: coverage with
   a perfect verifier, and how far others stay behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import Estimate, bound_by_resampling, read_counts, read_shares
from router.strategies.offers import Consumption, Offer, offer_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["BestOfN"]

N_SAMPLES_MAX = 1_000_000


@dataclass(frozen=True)
class BestOfN:
    """Draw n samples and answer with one that the verifier puts highest.

    Parameters
    ----------
    right, wrong : tuple of float
        Shares of right and of wrong samples on each level, lowest first; each sums to 1.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If shares are none, do not sum to 1 or are not equally many.

    Examples
    --------
    >>> BestOfN.perfect().predict(0.3, [1, 2, 8]).round(3).tolist()
    [0.3, 0.51, 0.942]
    >>> fooled = BestOfN.with_rates(0.9, 0.1, fooling=0.01)
    >>> fooled.predict(0.3, [1, 8, 100]).round(3).tolist(), int(fooled.find_peak(0.3))
    ([0.3, 0.726, 0.393], 10)
    """

    right: tuple[float, ...]
    wrong: tuple[float, ...]
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse shares that are no distributions over the same levels."""
        for name in ("right", "wrong"):
            shares = read_shares(name, getattr(self, name))
            if shares.ndim != 1 or abs(shares.sum() - 1.0) > 1e-9:
                raise InputError(
                    f"{name} is {getattr(self, name)}: shares that sum to 1 are needed"
                )
        if len(self.right) != len(self.wrong):
            raise InputError(
                f"right has {len(self.right)} levels and wrong {len(self.wrong)}: equal is needed"
            )

    @classmethod
    def perfect(cls) -> BestOfN:
        """Take a verifier that never errs: the answer is right if any sample is."""
        return cls((0.0, 1.0), (1.0, 0.0))

    @classmethod
    def with_rates(
        cls, true_positive: float, false_positive: float, *, fooling: float = 0.0
    ) -> BestOfN:
        """Take a verifier that accepts or rejects, and is fooled by some wrong samples.

        Parameters
        ----------
        true_positive, false_positive : float
            Shares of right and of wrong samples that it accepts.
        fooling : float, default=0
            Share of wrong samples that it puts above everything that is right.

        Returns
        -------
        BestOfN

        Raises
        ------
        InputError
            If a rate is not from 0 to 1, or more is accepted than there is.
        """
        read_shares("rates", [true_positive, false_positive, fooling])
        if false_positive + fooling > 1:
            raise InputError(f"false_positive + fooling is {false_positive + fooling}: at most 1")
        rejected = max(0.0, 1 - false_positive - fooling)
        return cls((1 - true_positive, true_positive, 0.0), (rejected, false_positive, fooling))

    @classmethod
    def fit(
        cls, levels: ArrayLike, is_right: ArrayLike, *, seed: int = 0, n_resamples: int = 200
    ) -> BestOfN:
        """Count how often right and wrong samples stand on each level.

        Parameters
        ----------
        levels : array_like of int, shape (n, s)
            Level from 0 up of s samples of n questions.
        is_right : array_like of bool, shape (n, s)
            Whether each is right.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        BestOfN
            With estimates ``right_l`` and ``wrong_l`` of every level l.

        Raises
        ------
        InputError
            If shapes differ, or no sample is right or none wrong.
        """
        places, truth = read_counts("levels", levels), np.asarray(is_right, dtype=bool)
        if places.ndim != 2 or places.shape != truth.shape or not places.size:
            raise InputError(f"levels {places.shape} and is_right {truth.shape}: (n, s) twice")
        if truth.all() or not truth.any():
            raise InputError("is_right is the same for all samples: both kinds are needed")
        n_levels = int(places.max()) + 1
        seen = np.zeros((len(places), 2, n_levels))
        np.add.at(seen, (np.arange(len(places))[:, None], truth.astype(int), places), 1.0)

        def count(rows: NDArray[np.int64]) -> dict[str, float]:
            """Take shares among the questions drawn."""
            sums = seen[rows].sum(axis=0)
            shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1.0)
            words = ("wrong", "right")
            return {f"{words[k]}_{i}": shares[k, i] for k in (0, 1) for i in range(n_levels)}

        found = bound_by_resampling(count, len(places), seed=seed, n_resamples=n_resamples)
        right = tuple(found[f"right_{level}"].value for level in range(n_levels))
        wrong = tuple(found[f"wrong_{level}"].value for level in range(n_levels))
        return cls(right, wrong, found)

    def predict(self, p: ArrayLike, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute the probability that the answer is right.

        Parameters
        ----------
        p : array_like of float
            Probability that one sample is right.
        n_samples : array_like of int
            Samples drawn; broadcast against `p`.

        Returns
        -------
        ndarray of float64
        """
        share = read_shares("p", p)[..., None]
        n = read_counts("n_samples", n_samples, least=1)[..., None]
        on_level = share * np.array(self.right) + (1 - share) * np.array(self.wrong)
        below = np.minimum(np.cumsum(on_level, axis=-1), 1.0)
        under = np.concatenate((np.zeros_like(below[..., :1]), below[..., :-1]), axis=-1)
        top = below**n - under**n
        true = np.divide(
            share * np.array(self.right), on_level, out=np.zeros_like(on_level), where=on_level > 0
        )
        return np.asarray((top * true).sum(axis=-1), dtype=np.float64)

    def expect_samples(self, p: ArrayLike, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute how many samples are drawn when the first on the highest level ends it.

        With a perfect verifier that is stopping at success. The answer is the same as without
        stopping in distribution, since it is one of the samples of the highest level.

        Parameters
        ----------
        p : array_like of float
            Probability that one sample is right.
        n_samples : array_like of int
            Most samples drawn.

        Returns
        -------
        ndarray of float64
        """
        share = read_shares("p", p)
        n = read_counts("n_samples", n_samples, least=1)
        share, n = np.broadcast_arrays(share, n)
        last = max(i for i in range(len(self.right)) if self.right[i] + self.wrong[i] > 0)
        end = share * self.right[last] + (1 - share) * self.wrong[last]
        # By logarithms, as one minus a tiny share is one and would leave no sample at all.
        ended = -np.expm1(n * np.log1p(-np.minimum(end, 1.0 - 1e-16)))
        drawn = np.divide(ended, end, out=n.astype(float), where=end > 0)
        return np.asarray(drawn, dtype=np.float64)

    def find_peak(self, p: ArrayLike, *, n_samples_max: int = 1000) -> NDArray[np.int64]:
        """Find the fewest samples of the highest quality.

        Parameters
        ----------
        p : array_like of float
            Probability that one sample is right.
        n_samples_max : int, default=1000
            How far to look.

        Returns
        -------
        ndarray of int64
        """
        counts = np.arange(1, n_samples_max + 1)
        curve = self.predict(np.asarray(p, float)[..., None], counts)
        # Rounding near a plateau would let the peak wander.
        return np.asarray(counts[np.argmax(curve.round(12), axis=-1)], dtype=np.int64)

    def offer(
        self, p: ArrayLike, n_samples: ArrayLike, consumption: Consumption, model: str | None = None
    ) -> Offer:
        """Put numbers of samples on the menu.

        Parameters
        ----------
        p : array_like of float, shape (n,)
            Probability that one sample of each question is right.
        n_samples : array_like of int, shape (m,)
            Samples of each option.
        consumption : Consumption
            What one sample consumes, its verification included. One that is not parallel stops at
            the first sample on the highest level.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
        """
        share = np.atleast_1d(np.asarray(p, float))[:, None]
        quality = self.predict(share, n_samples)
        drawn = None if consumption.is_parallel else self.expect_samples(share, n_samples)
        return offer_samples("best_of_n", n_samples, quality, consumption, drawn=drawn, model=model)

    def simulate(
        self, rng: np.random.Generator, p: float, n_samples: int, n_runs: int
    ) -> NDArray[np.bool_]:
        """Draw samples, let the verifier place them, and see whether the answer is right.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        p : float
            Probability that one sample is right.
        n_samples : int
            Samples drawn.
        n_runs : int
            How often.

        Returns
        -------
        ndarray of bool, shape (n_runs,)
        """
        truth = rng.random((n_runs, n_samples)) < p
        steps = np.cumsum([self.wrong, self.right], axis=1)[:, :-1]
        chance = rng.random((n_runs, n_samples))
        level = (chance[..., None] >= steps[truth.astype(int)]).sum(axis=-1)
        # A fraction below 1 chooses among equals without ever passing a higher level.
        chosen = np.argmax(level + rng.random((n_runs, n_samples)), axis=1)
        return np.asarray(truth[np.arange(n_runs), chosen], dtype=bool)
