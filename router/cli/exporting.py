"""``router export-log``: what the sidecar's ledger holds, as an outcome log."""

# No postponed annotations here: typer reads them when the command is declared.
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import JsonOption
from router.cli.output import emit, print_lines
from router.exceptions import InputError
from router.tables import write_parquet

__all__ = ["export_log"]

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
    typer.Option("--out", metavar="LOG.parquet", help="The file to write.", show_default=False),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what was reported from then on: 2026-11-27, or with a time of day (UTC where "
        "no zone is named).",
        show_default=False,
    ),
]
TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="Whose; all by default.", show_default=False),
]
FingerprintOption = Annotated[
    str | None,
    typer.Option(
        "--fingerprint",
        metavar="ID",
        help="Of the encoder whose features are wanted, where several bundles served.",
        show_default=False,
    ),
]


def export_log(
    *,
    directory: DirectoryArgument,
    out: OutOption,
    since: SinceOption = None,
    tenant: TenantOption = None,
    fingerprint: FingerprintOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the outcomes in a sidecar's ledger as a log for `router train`."""
    if out.suffix.lower() != ".parquet":
        raise InputError(f"{out}: a log is exported as .parquet")
    since_wall_us = 0 if since is None else _read_time(since)
    # Names the extra itself where it is not installed.
    from router.ledger.ledger import read_outcomes
    from router.ledger.log_export import collect_columns

    outcomes = read_outcomes(directory, tenant=tenant, since_wall_us=since_wall_us)
    export = collect_columns(outcomes, fingerprint=fingerprint)
    write_parquet(out, export.columns)
    needed = export.columns.get("feature_fingerprint", [None])[0]
    document = {
        "out": str(out),
        "n_rows": export.n_rows,
        "n_questions": len(set(export.columns["query_id"])),
        "options": sorted(set(export.columns["option"])),
        "feature_fingerprint": needed,
        "notes": list(export.notes),
    }

    def show() -> None:
        """Print the same for a reader."""
        print_lines(
            [
                f"wrote {export.n_rows} outcomes of {document['n_questions']} questions to {out}",
                *([] if needed is None else [f"features are of the encoder {needed}"]),
                *(f"note: {note}" for note in export.notes),
            ]
        )

    emit(document, show, as_json=as_json, out=None)


def _read_time(text: str) -> int:
    """Read a time as microseconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--since {text!r} is no time: 2026-11-27 or 2026-11-27T14:30:00Z is"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)
