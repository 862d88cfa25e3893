"""``router menu``: menus made for one's own models and tools."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import JsonOption
from router.cli.output import emit, print_lines
from router.menus import load_menu, write_menu_template
from router.prices import Prices
from router.tables import write_bytes_atomically

__all__ = ["init", "menu_commands"]

menu_commands = typer.Typer(help="Make menus.", no_args_is_help=False)

PriceTableArgument = Annotated[
    Path,
    typer.Argument(
        metavar="PRICES.toml", help="One's own models, tools and prices.", show_default=False
    ),
]
MenuFileOption = Annotated[
    Path,
    typer.Option("--out", metavar="MENU.toml", help="The file to write.", show_default=False),
]


@menu_commands.callback()
def _group() -> None:
    """Keep ``init`` a word of its own: a single command would take its group's name."""


@menu_commands.command()
def init(*, prices: PriceTableArgument, out: MenuFileOption, as_json: JsonOption = False) -> None:
    """Write a commented menu for the models and tools of a price table."""
    table = Prices.load(prices)
    write_bytes_atomically(out, write_menu_template(table, name=out.stem).encode())
    menu = load_menu(out)
    document = {"out": str(out), "price_id": table.price_id, "options": list(menu.names)}
    emit(
        document,
        lambda: print_lines([f"wrote {out}: {len(menu)} options; edit its lengths and axes"]),
        as_json=as_json,
        out=None,
    )
