"""``router backup``: a copy of the sidecar's ledger, also while it serves."""

# No postponed annotations here: typer reads them when the command is declared.
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import JsonOption
from router.cli.output import emit, print_lines

__all__ = ["backup"]

DirectoryArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="The ledger's directory; a server may be running on it.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "--out", metavar="COPY", help="The copy, a directory to be made.", show_default=False
    ),
]


def backup(*, directory: DirectoryArgument, out: OutOption, as_json: JsonOption = False) -> None:
    """Copy a sidecar's ledger as it is at one moment, and add the copy up."""
    # Names the extra itself where it is not installed.
    from router.ledger.backup import back_up

    made = back_up(directory, out)
    document = {"out": str(out), **asdict(made)}

    def show() -> None:
        """Print the same for a reader."""
        held = f"{made.n_pools} pools, {made.n_plans} plans and {made.n_outcomes} outcomes"
        print_lines([f"copied {held} to {out} ({made.n_bytes} bytes), which add up"])

    emit(document, show, as_json=as_json, out=None)
