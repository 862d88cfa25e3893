"""Populations fitted to a log: its averages exactly, and how far options fail together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.simulation.orthants import find_correlation, load_normal
from router.evaluation.simulation.population import SHARE_MAX, Population
from router.exceptions import LogError
from router.strategies.normal_law import compute_joint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog

__all__ = ["PopulationFit", "fit_population"]

RANK = 8
ROUNDS = 60
QUESTIONS_MIN = 50
COUNT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class PopulationFit:
    """A population, and how far it is from the log it was fitted to.

    Parameters
    ----------
    population : Population
        What was fitted.
    n_questions : int
        Questions of the log that saw every option.
    mean_error : float
        Largest difference of an option's mean quality.
    joint_error : float
        Root mean square difference over pairs of options in how often both succeed.
    best_fixed, oracle, oracle_drawn : float
        Mean quality in the log of the best option and of the best observed option of each
        question; and the latter in a drawn population observed in the same way. They differ where
        the population is wrong about how far options complement each other.
    repeatable : bool
        Whether the log has several runs of every option, so that what a question has for one
        option alone is known; where not, it counts as chance.
    """

    population: Population
    n_questions: int
    mean_error: float
    joint_error: float
    best_fixed: float
    oracle: float
    oracle_drawn: float
    repeatable: bool


def fit_population(log: OutcomeLog, *, rank: int = RANK, seed: int = 0) -> PopulationFit:
    """Fit a population to the questions of a log that saw every option.

    Parameters
    ----------
    log : OutcomeLog
        With at least 50 such questions.
    rank : int, default=8
        Hidden traits of a question at most.
    seed : int, default=0
        Of the draw that the fit is compared with.

    Returns
    -------
    PopulationFit

    Raises
    ------
    LogError
        If fewer questions saw every option, or the log has one option only.
    MissingExtraError
        SciPy, which the extra ``train`` brings, is not installed.

    Notes
    -----
    Thresholds are normal quantiles of the means; correlations are tetrachoric, found from how often
    two options succeed on the same question, and brought to few directions by iterated principal
    factors (Harman 1960). Runs of different options count as independent given the question; votes
    over the same samples are not, so that their correlations come out near one, as they are.

    Examples
    --------
    >>> from router.logs import read_log
    >>> fit = fit_population(read_log("examples/sample_log.csv"))
    >>> bool(fit.mean_error < 1e-6), fit.population.n_options > 1
    (True, True)
    """
    quality = log.to_matrix(log.quality)
    trials = log.to_matrix(log.trials.astype(np.float64))
    full = ~np.isnan(quality).any(axis=1)
    quality, trials = quality[full], trials[full]
    n_questions, n_options = quality.shape
    if n_questions < QUESTIONS_MIN or n_options < 2:
        raise LogError(
            f"{log.dataset}: {n_questions} questions saw all of {n_options} options; at least "
            f"{QUESTIONS_MIN} questions and 2 options are needed"
        )
    _, quantile = load_normal()
    low = 0.5 / n_questions
    thresholds = quantile(np.clip(quality.mean(axis=0), low, 1.0 - low))
    found = find_correlation(thresholds[:, None], thresholds, quality.T @ quality / n_questions)
    # Nothing is learned from an option that always or never succeeds.
    known = np.minimum(quality.mean(axis=0), 1.0 - quality.mean(axis=0)) > low
    found[~known] = found[:, ~known] = 0.0
    repeatable, share = _measure_share(quality, trials, thresholds, known)
    loadings = _factor(found, None if not repeatable else share, min(rank, n_options))
    own = np.zeros(n_options)
    if repeatable:
        own = np.maximum(share - (loadings**2).sum(axis=1), 0.0)
    names = tuple(option.name for option in log.options)
    population = Population(names, thresholds, loadings, own)
    return _compare(population, quality, trials, repeatable=repeatable, seed=seed)


def _measure_share(
    quality: NDArray[np.float64],
    trials: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> tuple[bool, NDArray[np.float64]]:
    """Measure which share of each option's variance repeats from run to run, if that can be had.

    Two runs of one option on one question succeed together as often as their hidden variables of
    this correlation do. Means of several 0/1 runs say how often that is without bias; a value
    between 0 and 1 that is no such mean is taken as the probability itself.
    """
    counted = _are_counts(quality, trials).all(axis=0)
    if (counted & (trials < 2).any(axis=0) & known).any():
        return False, np.zeros(quality.shape[1])
    repeated = (trials * quality**2 - quality) / np.maximum(trials - 1.0, 1.0)
    joint = np.where(counted, repeated, quality**2).mean(axis=0)
    share = find_correlation(thresholds, thresholds, joint)
    return True, np.where(known, np.clip(share, 0.0, SHARE_MAX), 0.0)


def _are_counts(quality: NDArray[np.float64], trials: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which entries can be means of so many runs of nothing or one."""
    counts = quality * trials
    return np.asarray(np.abs(counts - np.round(counts)) < COUNT_TOLERANCE)


def _factor(
    found: NDArray[np.float64], share: NDArray[np.float64] | None, rank: int
) -> NDArray[np.float64]:
    """Bring correlations to a few directions, none of an option exceeding what repeats of it."""
    matrix = found.copy()
    off = ~np.eye(len(found), dtype=bool)
    ceiling = np.full(len(found), SHARE_MAX) if share is None else share
    common = np.minimum(np.where(off, np.abs(found), 0.0).max(axis=1), ceiling)
    for _ in range(ROUNDS):
        np.fill_diagonal(matrix, common)
        values, vectors = np.linalg.eigh(matrix)
        kept = np.maximum(values[-rank:], 0.0)
        loadings = vectors[:, -rank:] * np.sqrt(kept)
        size = (loadings**2).sum(axis=1)
        loadings *= np.sqrt(np.minimum(1.0, ceiling / np.maximum(size, 1e-12)))[:, None]
        moved = np.abs((loadings**2).sum(axis=1) - common).max()
        common = (loadings**2).sum(axis=1)
        if moved < 1e-6:
            break
    return np.asarray(loadings)


def _compare(
    population: Population,
    quality: NDArray[np.float64],
    trials: NDArray[np.float64],
    *,
    repeatable: bool,
    seed: int,
) -> PopulationFit:
    """Compare a population with the log's questions, and a draw of it observed as these were."""
    n_questions, n_options = quality.shape
    off = ~np.eye(n_options, dtype=bool)
    thresholds = np.asarray(population.thresholds)
    correlation = np.clip(population.correlation, -SHARE_MAX, SHARE_MAX)
    joint = compute_joint(thresholds[:, None], thresholds, correlation)
    error = (joint - quality.T @ quality / n_questions)[off]
    chance = np.random.default_rng(seed)
    # Many draws, so that the comparison has the log's own noise only.
    rows = np.arange(max(n_questions, 20_000)) % n_questions
    drawn = population.judge(population.draw(len(rows), chance))
    if _are_counts(quality, trials).all():
        drawn = population.observe(drawn, chance, trials[rows].astype(np.int64))
    return PopulationFit(
        population,
        n_questions,
        float(np.abs(population.mean - quality.mean(axis=0)).max()),
        float(np.sqrt((error**2).mean())),
        float(quality.mean(axis=0).max()),
        float(quality.max(axis=1).mean()),
        float(drawn.max(axis=1).mean()),
        repeatable,
    )
