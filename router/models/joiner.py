"""From a bundle and a few dozen outcomes of a new model to a bundle that knows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError, EncoderError, LogError
from router.logs import read_log
from router.models.arrays import pack_arrays, unpack_arrays
from router.models.bundle import Bundle, make_bundle
from router.models.card import write_joined_card
from router.models.contrasts import split_variance
from router.models.joined import JoinedHead, JoinedOptions
from router.models.joining import ModelDesign, infer_coefficients, measure_residual
from router.models.joining_basis import JoiningBasis
from router.models.kinship import find_kin, name_models
from router.models.log_encoding import encode_log
from router.models.manifest import read_strengths
from router.models.responsiveness import measure_responsiveness
from router.models.trainer import cost_options
from router.outcomes import OutcomeLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router.models.joined import SurfaceHead
    from router.models.strengths import StrengthTable
    from router.options import Menu, Option

__all__ = ["join"]

# Fewer outcomes say less of a model than its name does.
OUTCOMES_MIN = 10
# The noise of the known models' outcomes counts like so many outcomes of the new one, whose answers
# may be scored otherwise or averaged over other numbers of runs.
NOISE_WORTH, NOISE_ROUNDS = 20.0, 3


def join(
    bundle: Bundle,
    log: OutcomeLog | str | Path,
    *,
    options: Sequence[str] | None = None,
    menu: Menu | None = None,
    replace: bool = False,
) -> Bundle:
    """Let options of new models join a bundle, by a few dozen of their outcomes.

    The questions may be any the new options answered. Where the log also holds outcomes of options
    that the bundle knows, on the same questions, these tell how hard the questions were.

    Parameters
    ----------
    bundle : Bundle
        Trained on a log; it is left as it is.
    log : OutcomeLog, str or Path
        Outcomes in the bundle's cost unit, at least 10 of every new model; or the file that holds
        them.
    options : sequence of str, optional
        Names of the options to join; all that the bundle has no outcomes of by default.
    menu : Menu, optional
        Further options of the same models, which join although the log does not hold them: what is
        learned of a model is shared by all its options.
    replace : bool, default=False
        Whether options that joined before may join anew, on these outcomes alone.

    Returns
    -------
    Bundle
        In memory, with the new options behind the others in its menu.

    Raises
    ------
    BundleError
        If nothing can join the bundle.
    LogError
        If an option is not in the log or known already, there are too few outcomes, a question has
        no text, or the cost unit is another.
    """
    log = log if isinstance(log, OutcomeLog) else read_log(log)
    basis, trained, earlier = _read_basis(bundle)
    names = _choose_options(bundle, log, trained, earlier, options, replace=replace)
    evidence = _collect(bundle, log, basis, trained)
    strengths = read_strengths(bundle.manifest)
    joined, entries = earlier, []
    known = (*trained.options, *(() if earlier is None else earlier.names))
    for newcomer in _part_by_model(log, names, menu, known):
        fresh, entry = _join_model(evidence, basis, newcomer, strengths)
        joined = fresh if joined is None else joined.append(fresh)
        entries.append(entry)
    return _assemble(bundle, log, joined, entries)


@dataclass(frozen=True)
class _Newcomer:
    """The options of a model that joins: those at some columns of the log, then untried ones."""

    columns: NDArray[np.int64]
    options: tuple[Option, ...]


@dataclass(frozen=True)
class _Evidence:
    """A log as seen by a bundle: n questions, m trained options, g tasks."""

    log: OutcomeLog
    surface: NDArray[np.float64]
    membership: NDArray[np.float64]
    residual: NDArray[np.float64]
    is_told: NDArray[np.bool_]


def _read_basis(bundle: Bundle) -> tuple[JoiningBasis, SurfaceHead, JoinedOptions | None]:
    """Read what a join starts from and what joined before, or say that nothing can join."""
    head, manifest = bundle.predictor.named, bundle.manifest
    if head is None:
        raise BundleError(
            f"bundle {bundle.bundle_id} knows no option by name, so a new one has none to be "
            "compared with: train a bundle on a log of outcomes first"
        )
    if "joining.npz" not in bundle.files:
        raise BundleError(
            f"bundle {bundle.bundle_id} was made before models could join: train it again"
        )
    named = manifest["named"]
    arrays = unpack_arrays(bundle.files["joining.npz"], "joining.npz")
    basis = JoiningBasis.from_arrays(arrays, manifest["joining"]["options"], named["groups"])
    if isinstance(head, JoinedHead):
        return basis, head.trained, head.joined
    return basis, head, None


def _choose_options(
    bundle: Bundle,
    log: OutcomeLog,
    trained: SurfaceHead,
    earlier: JoinedOptions | None,
    wanted: Sequence[str] | None,
    *,
    replace: bool,
) -> list[str]:
    """Choose the options that join, and refuse what cannot."""
    held = [option.name for option in log.options]
    before = () if earlier is None else earlier.names
    refused = set(trained.options) | (set() if replace else set(before))
    names = [name for name in held if name not in refused] if wanted is None else list(wanted)
    if not names:
        raise LogError(f"{log.dataset}: the bundle knows all its options: {', '.join(held[:9])}")
    for name in names:
        if name not in held:
            raise LogError(f"{log.dataset}: no option {name!r}: there are {', '.join(held[:9])}")
        if name in trained.options:
            raise LogError(f"option {name!r}: the bundle was trained on it; train it again instead")
        if name in refused:
            raise LogError(f"option {name!r}: joined before; --replace lets it join anew")
    unit = bundle.manifest["cost_unit"]
    if log.cost_unit != unit:
        raise LogError(f"{log.dataset}: costs are in {log.cost_unit!r}; the bundle's in {unit!r}")
    for query_id, text in zip(log.query_ids, log.texts, strict=True):
        if not text.strip() and log.features is None:
            raise LogError(f"{log.dataset}: question {query_id!r} has no text to be predicted from")
    return names


def _part_by_model(
    log: OutcomeLog, names: Sequence[str], menu: Menu | None, known: Sequence[str]
) -> list[_Newcomer]:
    """Part the options that join by model, each with enough outcomes."""
    models = np.array(name_models(log.options))
    chosen = np.array([option.name in names for option in log.options])
    held = {*known, *(option.name for option in log.options)}
    untried = [option for option in menu or () if option.name not in held and not option.is_skip]
    newcomers = []
    for model in np.unique(models[chosen]):
        columns = np.flatnonzero(chosen & (models == model))
        n_outcomes = int(np.isin(log.option_index, columns).sum())
        if n_outcomes < OUTCOMES_MIN:
            raise LogError(
                f"{log.dataset}: {n_outcomes} outcomes of model {str(model)!r} are too few to "
                f"join: at least {OUTCOMES_MIN} are needed"
            )
        tried = [cost_options(log)[column] for column in columns.tolist()]
        also = [option for option in untried if option.model == model]
        newcomers.append(_Newcomer(columns, (*tried, *also)))
    return newcomers


def _collect(
    bundle: Bundle, log: OutcomeLog, basis: JoiningBasis, trained: SurfaceHead
) -> _Evidence:
    """Predict the questions, and measure how the known options did on them."""
    predictor = bundle.predictor
    features = predictor.context.append(encode_log(log, predictor.encoder), log.list_contexts())
    if predictor.embedding.n_columns:
        log.require_texts("the bundle's sentence encoder")
    features, failure = predictor.embedding.prepend(features, log.texts)
    if failure is not None:
        raise EncoderError(failure)
    surface = trained.predict(features, log.groups)
    position = {option.name: column for column, option in enumerate(log.options)}
    observed = log.to_matrix(log.quality)
    quality = np.full_like(surface, np.nan)
    for column, name in enumerate(trained.options):
        if name in position:
            quality[:, column] = observed[:, position[name]]
    return _Evidence(
        log,
        surface,
        basis.inferrer.assign(features, log.groups),
        measure_residual(quality, surface),
        (~np.isnan(quality)).sum(axis=1) > 0,
    )


def _join_model(
    evidence: _Evidence,
    basis: JoiningBasis,
    newcomer: _Newcomer,
    strengths: StrengthTable,
) -> tuple[JoinedOptions, dict[str, Any]]:
    """Infer what one model's options are worth, and describe the model."""
    log = evidence.log
    columns, options = newcomer.columns, newcomer.options
    kin = find_kin(basis.options, options, strengths)
    design = ModelDesign(kin, basis.surface_mean, len(basis.task_share))
    rows = np.isin(log.option_index, columns)
    question, option = log.question_index[rows], np.searchsorted(columns, log.option_index[rows])
    coefficients, covariance = _infer(evidence, basis, design, rows, option)
    average, _ = design.build(
        np.tile(basis.surface_mean, (len(options), 1)),
        np.tile(basis.task_share, (len(options), 1)),
        np.zeros(len(options)),
        np.arange(len(options)),
    )
    spread = average @ covariance @ average.T
    weights, offset, tasks = design.fold(coefficients)
    joined = JoinedOptions(
        tuple(option.name for option in options),
        tuple(basis.options[column].name for column in kin.find_nearest().tolist()),
        weights,
        offset,
        np.tile(tasks[:, None], (1, len(options))),
        np.sqrt(np.diag(spread)),
    )
    means = basis.surface_mean @ weights + basis.task_share @ tasks + offset
    entry = measure_responsiveness(options, means, spread)[0]
    return joined, entry | {
        "dataset": log.dataset,
        "options": [option.to_dict() for option in options],
        "n_outcomes": int(rows.sum()),
        "n_questions": len(np.unique(question)),
    }


def _infer(
    evidence: _Evidence,
    basis: JoiningBasis,
    design: ModelDesign,
    rows: NDArray[np.bool_],
    option: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Infer a model's coefficients from its rows of the log, with their covariance."""
    log, prior = evidence.log, basis.prior
    question = log.question_index[rows]
    columns, base = design.build(
        evidence.surface[question],
        evidence.membership[question],
        evidence.residual[question],
        option,
    )
    # What the known options would have told of a question is doubt where none of them tried it.
    doubt = (prior.mean[-1] ** 2 + prior.variance[-1]) * basis.residual_variance
    common = prior.between + np.where(evidence.is_told[question], 0.0, doubt)
    target, expected = log.quality[rows] - base, (prior.noise, common)
    noise = expected
    for _ in range(NOISE_ROUNDS):
        coefficients, covariance = infer_coefficients(
            columns, target, question, design.expect(prior), noise
        )
        noise = _measure_noise(target - columns @ coefficients, question, option, expected)
    return coefficients, covariance


def _measure_noise(
    residual: NDArray[np.float64],
    question: NDArray[np.int64],
    option: NDArray[np.int64],
    expected: tuple[float, NDArray[np.float64]],
) -> tuple[float, NDArray[np.float64]]:
    """Measure the noise of the new outcomes, as far as there are enough, else as expected."""
    own, common = expected
    shape = int(question.max()) + 1, int(option.max()) + 1
    spread, seen = np.zeros(shape), np.zeros(shape)
    spread[question, option], seen[question, option] = residual, 1.0
    found_own, found_common = split_variance(spread, seen)
    n, average = len(residual), float(common.mean())
    mixed_common = (NOISE_WORTH * average + n * found_common) / (NOISE_WORTH + n)
    scaled = common * (mixed_common / average) if average > 0.0 else np.full(n, mixed_common)
    return (NOISE_WORTH * own + n * found_own) / (NOISE_WORTH + n), scaled


def _assemble(
    bundle: Bundle,
    log: OutcomeLog,
    joined: JoinedOptions | None,
    entries: list[dict[str, Any]],
) -> Bundle:
    """Write the new bundle: the old one's files, what joined, and a card that says so."""
    if joined is None:
        raise LogError(f"{log.dataset}: no option joins")
    manifest = {
        name: value
        for name, value in bundle.manifest.items()
        if name not in ("bundle_id", "files", "golden", "format")
    }
    golden = bundle.manifest["golden"]
    fresh = {option["name"]: option for entry in entries for option in entry.pop("options")}
    models = {entry["model"]: entry for entry in manifest.get("joined", {"models": []})["models"]}
    models |= {entry["model"]: entry for entry in entries}
    options = {option.name: option.to_dict() for option in bundle.menu} | fresh
    manifest |= {
        "golden_questions": (golden["texts"], golden["groups"]),
        "menu": list(options.values()),
        "joined": {
            "options": list(joined.names),
            "stand_ins": list(joined.stand_ins),
            "models": list(models.values()),
        },
    }
    files = dict(bundle.files) | {"joined.npz": pack_arrays(joined.to_arrays())}
    files["card.md"] = write_joined_card(bundle.card, manifest["joined"]["models"]).encode()
    return replace(make_bundle(manifest, files), encoder=bundle.encoder)
