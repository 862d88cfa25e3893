"""From a log to a bundle: train, calibrate, export, prove, describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from router.features.context import fit_context
from router.features.encoders.cache import EmbeddingCache
from router.features.encoders.opening import open_encoder
from router.logs import read_log
from router.models.arrays import pack_arrays
from router.models.bundle import Bundle, make_bundle
from router.models.calibration_training import fit_calibration
from router.models.card import write_log_card
from router.models.descriptor_model import export_descriptors, fit_descriptors
from router.models.descriptors import describe_menu
from router.models.export import export_gain
from router.models.joining_training import describe_models, fit_joining_basis
from router.models.log_encoding import check_features, encode_log
from router.models.manifest import (
    choose_golden,
    describe_features,
    describe_libraries,
    describe_quantities,
    describe_strengths,
)
from router.models.novelty_training import fit_borrowed_novelty, fit_novelty
from router.models.pooled import train_pooled
from router.models.prior import Prior
from router.models.progress import count_steps
from router.models.quantity_training import fit_quantities
from router.models.strengths import StrengthTable, load_strengths
from router.models.training import FittedGain, count_fitting_steps, fit_gain
from router.outcomes import OutcomeLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.features.encoders.sentences import SentenceEncoder
    from router.models.gain import GainModel
    from router.models.novelty import Novelty
    from router.options import Menu, Option
    from router.prices import Prices

__all__ = ["cost_options", "train", "train_pooled"]

Progress = Callable[[str], None]
# Exporting, novelty, descriptors.
STEPS_BEHIND_FITTING = 3


def train(
    log: OutcomeLog | str | Path,
    *,
    seed: int = 0,
    menu: Menu | None = None,
    prices: Prices | None = None,
    prior: Bundle | None = None,
    context: Sequence[str] | None = None,
    encoder: str | Path | SentenceEncoder | None = None,
    features_of: Bundle | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Train a bundle on a log of outcomes.

    A log that holds features in place of texts, as a sidecar that keeps no texts exports it, is
    trained on with the encoder that made them; the new bundle has the same encoder, so that what
    is gathered under it fits the next one.

    Parameters
    ----------
    log : OutcomeLog, str or Path
        Dense or sparse, in one cost unit; or the file that holds it.
    seed : int, default=0
        Seed of folds and sampling; the same seed gives the same bundle.
    menu : Menu, optional
        Default menu of the bundle; the log's own options by default.
    prices : Prices, optional
        Prices to store beside it.
    prior : Bundle, optional
        A pooled bundle, for a log of up to 500 questions: its guess of the options' means is
        weighed by the own outcomes. The new bundle holds all it needs and never looks it up.
    context : sequence of str, optional
        Names of the numbers known beforehand (``context_*`` columns) that are read beside the
        text; all in the log by default.
    encoder : str, Path or SentenceEncoder, optional
        A directory with an ONNX sentence encoder, or an encoder, whose embeddings are read beside
        the text. The bundle recognises it and does not hold it: it has to be given on loading.
    features_of : Bundle, optional
        A bundle whose encoder of texts is taken as it is. Where the log holds features in place of
        texts, it has to be that which made them: by default the shipped bundle.
    progress : callable, optional
        Told in words what is being done; each is a :class:`~router.models.progress.Step`.

    Returns
    -------
    Bundle
        In memory; :meth:`Bundle.save` writes it.

    Raises
    ------
    LogError
        If the log is too small, has no such context, or holds features of another encoder.
    BundleError
        If the prior says nothing of another log's options.
    EncoderError
        If the sentence encoder fails.
    ExportError
        If the exported graph does not reproduce the model.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    log = _select_context(log if isinstance(log, OutcomeLog) else read_log(log), context)
    n_steps = count_fitting_steps(log.n_questions, has_prior=prior is not None)
    tell = count_steps(progress, n_steps + STEPS_BEHIND_FITTING)
    expected = None if prior is None else Prior.from_bundle(prior)
    opened = None if encoder is None else _open(encoder, log)
    borrowed = _choose_encoder(log, features_of)
    fitted = fit_gain(
        log, seed=seed, prior=expected, encoder=opened, features_of=borrowed, progress=tell
    )
    tell("exporting")
    features = _encode(log, fitted.model)
    named, worst = export_gain(fitted.model, features)
    tell("measuring how alike the questions are")
    files = {"named.onnx": named, **_pack_features(fitted.model)}
    novelty = _fit_novelty(log, fitted, features, seed, is_borrowed=borrowed is not None)
    files["novelty.npz"] = pack_arrays(novelty.to_arrays())
    tell("learning from options' descriptors")
    strengths = load_strengths()
    files["joining.npz"] = pack_arrays(fit_joining_basis(log, fitted, strengths).to_arrays())
    descriptors: dict[str, Any] | None = None
    # Where every question saw one option only, there is no uplift to learn from descriptors.
    if np.bincount(log.question_index).max() > 1:
        graphs, worst_descriptors, descriptors = _train_descriptors(log, fitted, strengths, seed)
        files |= graphs
        worst = max(worst, worst_descriptors)
    manifest = _describe(log, fitted, seed) | {
        "menu_name": "menu of the log" if menu is None else menu.name,
        "menu": [option.to_dict() for option in menu or cost_options(log)],
        "descriptors": descriptors,
        "calibration": _calibrate(log, fitted),
    }
    manifest["training"]["parity_max_difference"] = worst
    manifest["training"] |= _describe_sources(log, prior, borrowed)
    _add_quantities(log, fitted, features, seed, (files, manifest))
    if prices is not None:
        files["prices.toml"] = prices.to_toml().encode()
    files["card.md"] = write_log_card(manifest).encode()
    return replace(make_bundle(manifest, files), encoder=opened)


def _calibrate(log: OutcomeLog, fitted: FittedGain) -> dict[str, Any]:
    """Measure how far held-out predictions were off."""
    group_index = np.unique([group or "" for group in log.groups], return_inverse=True)[1]
    quality = log.to_matrix(log.quality)
    return fit_calibration(
        fitted.held_out, quality, group_index, option_cost=log.mean_costs()
    ).to_dict()


def _describe_sources(
    log: OutcomeLog, prior: Bundle | None, borrowed: TextEncoder | None
) -> dict[str, Any]:
    """Write what was taken from other bundles, if anything was."""
    described: dict[str, Any] = {} if prior is None else {"prior": prior.bundle_id}
    if borrowed is not None:
        described["n_texts"] = log.n_questions - log.texts.count("")
    return described


def _open(encoder: str | Path | SentenceEncoder, log: OutcomeLog) -> SentenceEncoder:
    """Open a sentence encoder with a cache for the whole log, as each text is asked for again."""
    return open_encoder(encoder, cache=EmbeddingCache(size_max=2 * log.n_questions))


def _choose_encoder(log: OutcomeLog, features_of: Bundle | None) -> TextEncoder | None:
    """Choose the encoder that is taken as it is.

    Parameters
    ----------
    log : OutcomeLog
        What is to be trained on.
    features_of : Bundle or None
        The bundle that was named, if one was.

    Returns
    -------
    TextEncoder or None
        None where the log has texts and no bundle was named.

    Raises
    ------
    LogError
        If the log holds features of another encoder.
    """
    if features_of is None:
        if log.has_texts:
            return None
        features_of = Bundle.load()
    encoder = features_of.predictor.encoder
    # Checked before anything is learned.
    check_features(log, encoder)
    return encoder


def _encode(log: OutcomeLog, model: GainModel) -> NDArray[np.float32]:
    """Turn the questions of a log into features: embeddings, text, numbers known beforehand."""
    if log.has_texts:
        return model.encode(log.texts, log.list_contexts())
    return model.context.append(encode_log(log, model.encoder), log.list_contexts())


def _pack_features(model: GainModel) -> dict[str, bytes]:
    """Pack what turns texts into features."""
    files = {"text.npz": pack_arrays(model.encoder.to_arrays())}
    if model.embedding.n_columns:
        files["embedding.npz"] = pack_arrays(model.embedding.to_arrays())
    return files


def _select_context(log: OutcomeLog, names: Sequence[str] | None) -> OutcomeLog:
    """Keep the numbers known beforehand that are to be read."""
    if names is None:
        return log
    kept = fit_context(log.context, names).names
    return replace(log, context={name: log.context[name] for name in kept})


def _describe(log: OutcomeLog, fitted: FittedGain, seed: int) -> dict[str, Any]:
    """Write what the manifest says of log and model."""
    groups, embedding = fitted.model.groups, fitted.model.embedding
    return {
        "cost_unit": log.cost_unit,
        "features": describe_features(fitted.model.encoder, fitted.model.context),
        **({"encoder": embedding.to_dict()} if embedding.n_columns else {}),
        "named": {
            "options": [option.name for option in log.options],
            "groups": list(groups),
            "option_means": [
                round(float(value), 6) for value in np.clip(fitted.model.head.option_means, 0, 1)
            ],
        },
        "golden_questions": choose_golden(groups),
        "joining": {"options": [option.to_dict() for option in log.options]},
        "models": describe_models(log, fitted),
        "training": {
            "dataset": log.dataset,
            "n_questions": log.n_questions,
            "n_options": log.n_options,
            "n_rows": len(log.quality),
            "coverage": log.coverage,
            "seed": seed,
            # As far as out-of-fold evidence let them stand.
            "learner_weights": [
                round(float(value), 4) for value in fitted.weights * fitted.scale.max(initial=0.0)
            ],
            "direction_scales": [round(float(value), 4) for value in fitted.scale],
            "notes": list(log.notes),
            "libraries": describe_libraries(),
        },
    }


def _fit_novelty(
    log: OutcomeLog,
    fitted: FittedGain,
    features: NDArray[np.float32],
    seed: int,
    *,
    is_borrowed: bool,
) -> Novelty:
    """Fit what tells how like the training questions a question is."""
    model = fitted.model
    # Strange is what the text's own features say is strange, with and without an encoder.
    first = model.embedding.n_columns
    n_components = model.standard.n_components - first
    text = features[:, first : first + model.encoder.n_features]
    if is_borrowed:
        return fit_borrowed_novelty(log.identities, text, n_components=n_components, seed=seed)
    return fit_novelty(model.encoder, log.texts, text, n_components=n_components, seed=seed)


def _add_quantities(
    log: OutcomeLog,
    fitted: FittedGain,
    features: NDArray[np.float32],
    seed: int,
    place: tuple[dict[str, bytes], dict[str, Any]],
) -> None:
    """Fit what predicts consumption and add it to files and manifest, where questions differ."""
    files, manifest = place
    quantities = fit_quantities(log, features, fitted.model.standard, seed=seed)
    if quantities is not None:
        files["quantities.npz"] = pack_arrays(quantities.to_arrays())
        manifest["quantities"] = describe_quantities(quantities)


def _train_descriptors(
    log: OutcomeLog, fitted: FittedGain, strengths: StrengthTable, seed: int
) -> tuple[dict[str, bytes], float, dict[str, Any]]:
    """Fit, export and describe the model of options that the log has not seen."""
    model = fitted.model
    features = encode_log(log, model.encoder)
    n_features = model.standard.n_tree_components - model.embedding.n_columns
    head = fit_descriptors([log], [features], strengths, n_features=n_features, seed=seed)
    graphs, worst = export_descriptors(head, features, describe_menu(log.options, strengths))
    description = {
        "n_features": n_features,
        "strength_mean": head.strength_mean,
        "strengths": describe_strengths(strengths),
    }
    return graphs, worst, description


def cost_options(log: OutcomeLog) -> tuple[Option, ...]:
    """Give the log's options their mean cost in its own unit, beside those in budget units."""
    unit = log.cost_unit if log.cost_unit in {"usd", "tokens", "searches", "seconds"} else None
    options = []
    for option, mean in zip(log.options, log.mean_costs(), strict=True):
        own = {} if np.isnan(mean) else {"nominal": float(mean)}
        if own and unit is not None:
            own[unit] = float(mean)
        options.append(replace(option, costs={**own, **option.costs}))
    return tuple(options)
