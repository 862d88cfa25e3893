"""``router join``: a bundle and a few outcomes of a new model in, a bundle that knows it out."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import EncoderModelOption, EncoderOption, JsonOption
from router.cli.output import emit, print_lines
from router.features.encoders.opening import open_encoder
from router.logs import read_log
from router.menus import load_menu
from router.models.bundle import Bundle, check_target
from router.models.responsiveness import write_responsiveness

__all__ = ["join"]

BundleArgument = Annotated[
    Path,
    typer.Argument(metavar="BUNDLE", help="A bundle trained on a log.", show_default=False),
]
LogArgument = Annotated[
    Path,
    typer.Argument(
        metavar="OUTCOMES",
        help="A log of the new options' outcomes, best with those of known options on the same "
        "questions: .parquet, .jsonl or .csv.",
        show_default=False,
    ),
]
NamesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME",
        help="An option to join; all that the bundle does not know by default. May be repeated.",
        show_default=False,
    ),
]
ExtraOption = Annotated[
    Path | None,
    typer.Option(
        "--menu",
        metavar="MENU.toml",
        help="Further options of the same models that the outcomes do not hold.",
        show_default=False,
    ),
]
TargetOption = Annotated[
    Path,
    typer.Option("--out", metavar="BUNDLE", help="The directory to write.", show_default=False),
]
ReplaceOption = Annotated[
    bool,
    typer.Option("--replace", help="Let options that joined before join anew, on these outcomes."),
]


def join(
    *,
    bundle: BundleArgument,
    outcomes: LogArgument,
    out: TargetOption,
    menu: ExtraOption = None,
    options: NamesOption = None,
    replace: ReplaceOption = False,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let new models join a bundle, by a few dozen of their outcomes."""
    from router.models.joiner import join as join_options

    check_target(out)
    trained = Bundle.load(bundle)
    if encoder is not None:
        trained = trained.with_encoder(open_encoder(encoder, encoder_model))
    joined = join_options(
        trained,
        read_log(outcomes),
        options=options or None,
        menu=None if menu is None else load_menu(menu),
        replace=replace,
    )
    joined.save(out)
    models = joined.manifest["joined"]["models"]
    document = {"bundle_id": joined.bundle_id, "out": str(out), "models": models}

    def show() -> None:
        """Print the same for a reader."""
        print_lines(
            [
                f"wrote bundle {joined.bundle_id} with {len(joined.menu)} options to {out}",
                *write_responsiveness(models),
            ]
        )

    emit(document, show, as_json=as_json, out=None)
