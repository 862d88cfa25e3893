"""``router train``: outcome logs in, a bundle out."""

# No postponed annotations here: typer reads them when the command is declared.
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import (
    EncoderModelOption,
    EncoderOption,
    JsonOption,
    MenuOption,
    NoProgressOption,
    PricesOption,
    SeedOption,
)
from router.cli.output import emit, print_lines, report_progress
from router.exceptions import InputError
from router.features.encoders.cache import CachedEncoder, EmbeddingCache
from router.features.encoders.opening import open_encoder
from router.log_merging import merge_logs
from router.logs import read_log
from router.menus import load_menu
from router.models.bundle import Bundle, check_target
from router.options import Menu
from router.outcomes import OutcomeLog
from router.prices import Prices

__all__ = ["train"]

POOLED_LACKS = {
    "--prior": "--pooled makes a prior from all logs",
    "--encoder": "a prior has no embeddings",
    "--features-of": "--pooled reads the texts of all logs",
}
LogsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="LOG...",
        help="Outcome logs: .parquet, .jsonl or .csv.",
        show_default=False,
    ),
]
BundleOption = Annotated[
    Path,
    typer.Option("--out", metavar="BUNDLE", help="The directory to write.", show_default=False),
]
PooledOption = Annotated[
    bool,
    typer.Option(
        "--pooled",
        help="Learn from options' descriptors over all logs; needs --menu, the default menu.",
    ),
]
PriorOption = Annotated[
    str | None,
    typer.Option(
        "--prior",
        metavar="BUNDLE",
        help="A pooled bundle to start a small log from; `default` is the shipped one.",
        show_default=False,
    ),
]
ContextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="A context_NAME column to read beside the text; may be repeated. All by default.",
        show_default=False,
    ),
]
FeaturesOption = Annotated[
    str | None,
    typer.Option(
        "--features-of",
        metavar="BUNDLE",
        help="Take this bundle's encoder of texts as it is: for logs with features in place of "
        "texts, which need the bundle they were gathered under. `default`, the shipped one, where "
        "a log has no texts.",
        show_default=False,
    ),
]
NoContextOption = Annotated[
    bool, typer.Option("--no-context", help="Read text and task alone, whatever the log has.")
]


def train(
    *,
    logs: LogsArgument,
    out: BundleOption,
    seed: SeedOption = 0,
    pooled: PooledOption = False,
    menu: MenuOption = None,
    prices: PricesOption = None,
    prior: PriorOption = None,
    context: ContextOption = None,
    no_context: NoContextOption = False,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
    features_of: FeaturesOption = None,
    no_progress: NoProgressOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a gain model on outcome logs and write it as a bundle."""
    if pooled:
        refused = {"--prior": prior, "--encoder": encoder, "--features-of": features_of}
        _check_pooled(has_menu=menu is not None, refused=refused)
    if features_of is not None and encoder is not None:
        raise InputError("--encoder needs texts: it does not go with --features-of")
    if context and (no_context or pooled):
        raise InputError("--context goes neither with --no-context nor with --pooled")
    # Before minutes are spent on training.
    check_target(out)
    default_menu = None if menu is None else load_menu(menu)
    price_table = None if prices is None else Prices.load(prices)
    prior_bundle, source = _load(prior), _load(features_of)
    read = [read_log(path) for path in logs]
    opened = None if encoder is None else _open(encoder, encoder_model, read)
    with report_progress(hidden=no_progress) as progress:
        names = () if no_context else context or None
        own = partial(_train, prior=prior_bundle, context=names, encoder=opened, features_of=source)
        fit = _train_pooled if pooled else own
        bundle = fit(read, seed=seed, menu=default_menu, prices=price_table, progress=progress)
    bundle.save(out)
    _report(bundle, out, list(zip(logs, read, strict=True)), as_json=as_json)


def _report(
    bundle: Bundle, out: Path, logs: list[tuple[Path, OutcomeLog]], *, as_json: bool
) -> None:
    """Tell what was written, and what of the logs was ignored."""
    read = [log for _, log in logs]
    notes = list(dict.fromkeys(note for log in read for note in log.notes))
    if not any(log.unit_costs for log in read) and bundle.prices is None:
        notes.append("no log says what an option costs: planning needs prices (--prices)")
    document = {
        "bundle_id": bundle.bundle_id,
        "out": str(out),
        "options": list(bundle.menu.names),
        "n_questions": sum(log.n_questions for log in read),
        "coverage": {str(path): log.coverage for path, log in logs},
        "notes": notes,
    }

    def show() -> None:
        """Print the same for a reader."""
        coverage = ", ".join(f"{log.dataset} {log.coverage:.1%}" for log in read)
        print_lines(
            [
                f"wrote bundle {bundle.bundle_id} with {len(bundle.menu)} options to {out}",
                f"coverage of (question, option) pairs: {coverage}",
                *(f"note: {note}" for note in notes),
            ]
        )

    emit(document, show, as_json=as_json, out=None)


def _load(place: str | None) -> Bundle | None:
    """Load a bundle that was named, `default` being the shipped one."""
    return None if place is None else Bundle.load(None if place == "default" else place)


def _check_pooled(*, has_menu: bool, refused: Mapping[str, str | None]) -> None:
    """Refuse what does not go with pooled training, before anything is read."""
    if not has_menu:
        raise InputError("--pooled needs --menu MENU.toml: the options its bundle plans with")
    for option, given in refused.items():
        if given is not None:
            raise InputError(f"{option} is for a log of one's own: {POOLED_LACKS[option]}")


def _open(encoder: str, model: str | None, logs: list[OutcomeLog]) -> CachedEncoder:
    """Open a sentence encoder with a cache that holds all questions."""
    n_questions = sum(log.n_questions for log in logs)
    return open_encoder(encoder, model, cache=EmbeddingCache(size_max=2 * n_questions))


def _train(
    logs: list[OutcomeLog],
    *,
    seed: int,
    menu: Menu | None,
    prices: Prices | None,
    prior: Bundle | None,
    context: Sequence[str] | None,
    encoder: CachedEncoder | None,
    features_of: Bundle | None,
    progress: Callable[[str], None],
) -> Bundle:
    """Train a model of one merged log."""
    from router.models.trainer import train as train_one

    log = merge_logs(logs)
    return train_one(
        log,
        seed=seed,
        menu=menu,
        prices=prices,
        prior=prior,
        context=context,
        encoder=encoder,
        features_of=features_of,
        progress=progress,
    )


def _train_pooled(
    logs: list[OutcomeLog],
    *,
    seed: int,
    menu: Menu | None,
    prices: Prices | None,
    progress: Callable[[str], None],
) -> Bundle:
    """Train a prior over logs of any units."""
    from router.models.trainer import train_pooled

    if menu is None:
        raise InputError("pooled training needs a menu")
    return train_pooled(logs, seed=seed, menu=menu, prices=prices, progress=progress)
