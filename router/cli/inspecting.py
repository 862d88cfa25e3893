"""``router inspect``: what a bundle holds and how good it proved to be."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import Annotated, Any

import typer

from router.cli.arguments import JsonOption, OutOption
from router.cli.output import emit, print_lines, print_table
from router.models.abstention import ABSTAIN_BELOW
from router.models.bundle import Bundle

__all__ = ["inspect"]

# Recorded answers and digests are for machines, and the menu gets a table.
HIDDEN = ("bundle_id", "files", "golden", "joined", "joining", "menu", "menu_name", "models")
ENTRIES_MAX = 12

BundleArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="BUNDLE", help="A bundle; the one that ships by default.", show_default=False
    ),
]


def inspect(
    *, bundle: BundleArgument = None, out: OutOption = None, as_json: JsonOption = False
) -> None:
    """Show a bundle's identifier, menu, training figures and card."""
    loaded = Bundle.load(bundle)
    document = {name: value for name, value in loaded.manifest.items() if name != "golden"}
    document["price_id"] = None if loaded.prices is None else loaded.prices.price_id
    document["abstention"] = _describe_abstention(loaded)
    document["card"] = loaded.card
    emit(document, lambda: _show(loaded), as_json=as_json, out=out)


def _describe_abstention(bundle: Bundle) -> dict[str, Any] | None:
    """Say below which familiarity plans abstain, and how low the bundle can tell it to be."""
    novelty = bundle.predictor.novelty
    if novelty is None:
        return None
    n_reference = len(novelty.reference)
    return {
        "abstain_below": ABSTAIN_BELOW,
        "n_reference": n_reference,
        "familiarity_min": 1 / (1 + n_reference),
    }


def _show(bundle: Bundle) -> None:
    """Print a bundle for a reader."""
    prices = "none" if bundle.prices is None else bundle.prices.price_id
    print_lines([f"bundle {bundle.bundle_id}, prices {prices}"])
    print_table(
        ("option", "model", "strategy", "searches", "effort", "samples"),
        [
            (
                option.name,
                option.model or "-",
                option.strategy or "-",
                "-" if option.search_steps is None else f"{option.search_steps:g}",
                option.reasoning_effort or "-",
                str(option.samples),
            )
            for option in bundle.menu
        ],
        n_left=3,
        more=": --json has all",
    )
    for name, value in bundle.manifest.items():
        if name not in HIDDEN:
            print_lines(_write_figures(name, value))
    print_lines(_write_figures("abstention", _describe_abstention(bundle) or "none"))
    print_lines(["", *bundle.card.splitlines()])


def _write_figures(name: str, value: Any, depth: int = 0) -> list[str]:
    """Write nested figures as indented lines, long lists shortened."""
    indent = "  " * depth
    if isinstance(value, dict) and len(value) > ENTRIES_MAX:
        return [f"{indent}{name}: {len(value)} entries"]
    if isinstance(value, dict):
        inner = [line for key in value for line in _write_figures(key, value[key], depth + 1)]
        return [f"{indent}{name}:", *inner]
    if isinstance(value, list):
        shown = ", ".join(_write_number(entry) for entry in value[:ENTRIES_MAX])
        more = f", ... ({len(value)})" if len(value) > ENTRIES_MAX else ""
        return [f"{indent}{name}: {shown or '-'}{more}"]
    return [f"{indent}{name}: {_write_number(value)}"]


def _write_number(value: Any) -> str:
    """Write a fraction with four digits, and anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
