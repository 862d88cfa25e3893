"""The cold-start prior: one model of descriptors over several logs, judged on logs it has not seen.

Logs differ in options, units and what quality means, so only uplifts between options of one
question are pooled. Each log is then left out in turn, with its questions removed from all others
by their text, and the prior plans it from descriptors alone.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import LogError, MissingExtraError
from router.features.encoder import TextEncoder
from router.models.arrays import pack_arrays
from router.models.bundle import Bundle, make_bundle
from router.models.calibration_training import fit_calibration
from router.models.card import write_pooled_card
from router.models.descriptor_model import DescriptorModel, export_descriptors, fit_descriptors
from router.models.descriptors import describe_menu
from router.models.inputs import fit_inputs
from router.models.manifest import (
    choose_golden,
    describe_features,
    describe_libraries,
    describe_strengths,
)
from router.models.novelty_training import fit_novelty
from router.models.prior import Prior
from router.models.prior_figures import FRACTIONS, score_joined
from router.models.progress import count_steps
from router.models.strengths import load_strengths
from router.models.surface import shift_into_range
from router.scoring import best_mixture, knapsack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.models.strengths import StrengthTable
    from router.options import Menu, Option
    from router.outcomes import OutcomeLog
    from router.prices import Prices

__all__ = ["SourceFigures", "identify_question", "leave_out", "score_source", "train_pooled"]

N_COMPONENTS = 32
VOCABULARY_SIZE_MAX = 20_000
QUESTIONS_MIN = 20
# Logs lay the same question out in different ways behind its first words.
IDENTITY_WORDS, IDENTITY_CHARACTERS = 14, 1000


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """What the prior is worth on a log whose questions it has not seen.

    Qualities are means over five budgets, on questions that saw every option; costs are the log's.

    Parameters
    ----------
    dataset : str
        The log that was left out.
    n_questions, n_options : int
        Its size.
    cheapest : float
        Quality of the cheapest option.
    straight : float
        Quality of mixing the cheapest and the dearest option at the same mean cost: what can be
        done knowing costs alone.
    prior : float
        Quality of the plan on the prior's surface.
    blind : float
        Quality of the best fixed mix, which knows the log's own outcomes.
    rank_correlation : float
        Spearman's, between predicted and true means of the options.
    """

    dataset: str
    n_questions: int
    n_options: int
    cheapest: float
    straight: float
    prior: float
    blind: float
    rank_correlation: float


def train_pooled(
    logs: Sequence[OutcomeLog],
    *,
    menu: Menu,
    prices: Prices | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Bundle:
    """Train a cold-start prior on several logs.

    Parameters
    ----------
    logs : sequence of OutcomeLog
        At least two, in any units; costs serve only to judge the prior.
    menu : Menu
        Default menu of the bundle, in quantities.
    prices : Prices, optional
        Prices to store beside it.
    seed : int, default=0
        Seed of the sampling.
    progress : callable, optional
        Told in words what is being done.

    Returns
    -------
    Bundle
        It knows no option by name.

    Raises
    ------
    LogError
        If there are fewer than two logs.
    ExportError
        If an exported graph does not reproduce the model.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    # As for one log: the same seed is to give the same bundle on any number of cores.
    with threadpool_limits(limits=1):
        return _train(logs, menu, prices, seed, count_steps(progress, len(logs) + 3))


def _train(
    logs: Sequence[OutcomeLog],
    menu: Menu,
    prices: Prices | None,
    seed: int,
    tell: Callable[[str], None],
) -> Bundle:
    """Train on one thread."""
    if len(logs) < 2:
        raise LogError("a pooled prior needs at least two logs: one is left out to judge it")
    for log in logs:
        log.require_texts("a prior over several logs")
    strengths = load_strengths()
    held_out, figures, joined = [], [], []
    for log in logs:
        tell(f"leaving out {log.dataset}")
        surface, prior = leave_out(logs, log, strengths, seed=seed)
        held_out.append(surface)
        figures.append(score_source(log, surface))
        joined.append(score_joined(log, prior, surface, seed=seed))
    tell("fitting on all logs")
    encoder, model = _fit(logs, strengths, seed)
    texts = [text for log in logs for text in log.texts]
    features = encoder.encode(texts)
    tell("exporting")
    graphs, worst = export_descriptors(model, features, describe_menu(menu, strengths))
    manifest = _describe(logs, menu, encoder, model) | {"calibration": _calibrate(logs, held_out)}
    manifest["training"] |= {
        "seed": seed,
        "parity_max_difference": worst,
        "left_out": [asdict(entry) for entry in figures if entry is not None],
        "joined": [asdict(entry) for entry in joined if entry is not None],
    }
    tell("measuring how alike the questions are")
    novelty = fit_novelty(encoder, texts, features, n_components=encoder.n_learned, seed=seed)
    files = {
        **graphs,
        "text.npz": pack_arrays(encoder.to_arrays()),
        "novelty.npz": pack_arrays(novelty.to_arrays()),
    }
    if prices is not None:
        files["prices.toml"] = prices.to_toml().encode()
    files["card.md"] = write_pooled_card(manifest).encode()
    return make_bundle(manifest, files)


def leave_out(
    logs: Sequence[OutcomeLog],
    log: OutcomeLog,
    strengths: StrengthTable,
    *,
    seed: int = 0,
) -> tuple[NDArray[np.float64], Prior]:
    """Train a prior without a log and its questions, and ask it about that log.

    Parameters
    ----------
    logs : sequence of OutcomeLog
        All logs; `log` need not be one of them.
    log : OutcomeLog
        n questions, m options.
    strengths : StrengthTable
        Of models.
    seed : int, default=0
        Seed of the sampling.

    Returns
    -------
    surface : ndarray of float64, shape (n, m)
        What the prior predicts for the log.
    prior : Prior
        What it brings to training on the log.

    Raises
    ------
    LogError
        If every question of the other logs is in `log` too.
    """
    rest = _without_questions(logs, log)
    encoder, model = _fit(rest, strengths, seed)

    def predict(texts: Sequence[str], options: Sequence[Option]) -> NDArray[np.float64]:
        """Predict options by their descriptors."""
        table = describe_menu(options, strengths)
        return shift_into_range(model.predict(encoder.encode(texts), table))

    prior = Prior(lambda own, options: predict(own.texts, options).mean(axis=0))
    return predict(log.texts, log.options), prior


def _describe(
    logs: Sequence[OutcomeLog], menu: Menu, encoder: TextEncoder, model: DescriptorModel
) -> dict[str, Any]:
    """Write what the manifest says of model and logs, figures apart."""
    return {
        "menu_name": menu.name,
        "menu": [option.to_dict() for option in menu],
        "cost_unit": "usd",
        "features": describe_features(encoder),
        "named": None,
        "descriptors": {
            "n_features": model.n_features,
            "strength_mean": model.strength_mean,
            "strengths": describe_strengths(load_strengths()),
        },
        "golden_questions": choose_golden(("",)),
        "training": {
            "datasets": [log.dataset for log in logs],
            "n_questions": len({text.strip().lower() for log in logs for text in log.texts}),
            "n_rows": sum(len(log.quality) for log in logs),
            "libraries": describe_libraries(),
        },
    }


def identify_question(text: str) -> str:
    """Name a question by its leading words, so that another layout of its choices is the same.

    Parameters
    ----------
    text : str
        The question.

    Returns
    -------
    str
        The first 14 words in lower case, without anything but letters and digits.

    Examples
    --------
    >>> identify_question("Which gas is noble?  (A) Neon") == identify_question(
    ...     "which gas is noble? A: Neon"
    ... )
    True
    """
    words = re.findall(r"[^\W_]+", text[:IDENTITY_CHARACTERS].lower())
    return " ".join(words[:IDENTITY_WORDS])


def _without_questions(logs: Sequence[OutcomeLog], left_out: OutcomeLog) -> list[OutcomeLog]:
    """Remove a log and its questions from all others, however they are laid out."""
    texts = {identify_question(text) for text in left_out.texts}
    rest = []
    for log in logs:
        if log is left_out:
            continue
        keep = [identify_question(text) not in texts for text in log.texts]
        if any(keep):
            rest.append(log.select(keep))
    if not rest:
        raise LogError(f"every question of the other logs is in {left_out.dataset} too")
    return rest


def _fit(
    logs: Sequence[OutcomeLog], strengths: StrengthTable, seed: int
) -> tuple[TextEncoder, DescriptorModel]:
    """Fit features and the descriptor model on some logs."""
    texts = list(dict.fromkeys(text for log in logs for text in log.texts))
    tables, _ = fit_inputs(
        texts,
        families=("word",),
        n_components=N_COMPONENTS,
        vocabulary_size_max=VOCABULARY_SIZE_MAX,
    )
    encoder = TextEncoder(tables.vocabularies, tables.projections)
    features = [encoder.encode(log.texts) for log in logs]
    model = fit_descriptors(logs, features, strengths, n_features=encoder.n_features, seed=seed)
    return encoder, model


def score_source(log: OutcomeLog, surface: NDArray[np.float64]) -> SourceFigures | None:
    """Score a surface on a log by the protocol's budgets.

    Parameters
    ----------
    log : OutcomeLog
        The log that was left out.
    surface : ndarray of float64, shape (n, m)
        What was predicted for it.

    Returns
    -------
    SourceFigures or None
        None where fewer than 20 questions saw every option, or a cost is not known.
    """
    quality = log.to_matrix(log.quality)
    dense = ~np.isnan(quality).any(axis=1)
    cost = log.mean_costs()
    if dense.sum() < QUESTIONS_MIN or np.isnan(cost).any():
        return None
    truth, guess = quality[dense], surface[dense]
    mean = truth.mean(axis=0)
    cheapest, best, dearest = int(cost.argmin()), int(mean.argmax()), int(cost.argmax())
    totals = np.zeros(3)
    for fraction in FRACTIONS:
        budget = float(cost[cheapest] + fraction * (cost[best] - cost[cheapest]))
        share = (budget - cost[cheapest]) / max(cost[dearest] - cost[cheapest], 1e-12)
        choice = knapsack(guess, cost, budget)
        totals += (
            (1.0 - share) * mean[cheapest] + share * mean[dearest],
            truth[np.arange(len(truth)), choice].mean(),
            best_mixture(cost, mean, budget).blend(mean),
        )
    straight, prior, blind = (float(value) for value in totals / len(FRACTIONS))
    return SourceFigures(
        dataset=log.dataset,
        n_questions=len(truth),
        n_options=log.n_options,
        cheapest=float(mean[cheapest]),
        straight=straight,
        prior=prior,
        blind=blind,
        rank_correlation=_correlate_ranks(guess.mean(axis=0), mean),
    )


def _correlate_ranks(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Compute Spearman's rank correlation, ties sharing their mean rank."""

    def rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
        return np.asarray(mean_rank[inverse])

    a, b = rank(left) - (len(left) + 1) / 2.0, rank(right) - (len(right) + 1) / 2.0
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def _calibrate(
    logs: Sequence[OutcomeLog], held_out: Sequence[NDArray[np.float64]]
) -> dict[str, Any]:
    """Calibrate on predictions for logs that were left out, each log one task."""
    width = max(log.n_options for log in logs)
    predicted, quality, group = [], [], []
    for position, (log, surface) in enumerate(zip(logs, held_out, strict=True)):
        truth = np.full((log.n_questions, width), np.nan)
        guess = np.zeros((log.n_questions, width))
        truth[:, : log.n_options] = log.to_matrix(log.quality)
        guess[:, : log.n_options] = surface
        predicted.append(guess)
        quality.append(truth)
        group.append(np.full(log.n_questions, position, dtype=np.int64))
    fitted = fit_calibration(np.vstack(predicted), np.vstack(quality), np.concatenate(group))
    return fitted.to_dict()
