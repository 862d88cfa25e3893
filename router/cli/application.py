"""The application: its commands, and what becomes of an error."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import typer

from router import __version__
from router.cli.backups import backup
from router.cli.estimating import estimate_policies
from router.cli.evaluating import evaluate
from router.cli.exporting import export_log
from router.cli.inspecting import inspect
from router.cli.joining import join
from router.cli.keys import key_commands
from router.cli.menus import menu_commands
from router.cli.output import make_printable
from router.cli.planning import allocate, curve, predict
from router.cli.serving import serve
from router.cli.simulating import simulate
from router.cli.training import train
from router.exceptions import ExportError, RouterError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

SUCCESS, FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
# A file that is named wrongly or may not be read is bad input, a full disk is not.
PATH_ERRORS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)

application = typer.Typer(
    name="router",
    help="Decide before an agent runs how much compute each question gets.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    train,
    join,
    predict,
    allocate,
    curve,
    evaluate,
    simulate,
    inspect,
    serve,
    export_log,
    backup,
):
    application.command()(command)
application.command("off-policy")(estimate_policies)
application.add_typer(menu_commands, name="menu")
application.add_typer(key_commands, name="key")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 -- A callback's value comes first.
    """Print the version and stop, where that was asked."""
    if wanted:
        sys.stdout.write(f"router {__version__}\n")
        raise typer.Exit


@application.callback()
def _take_global_options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of a failure.")
    ] = False,
) -> None:
    """Declare what may stand before a command; :func:`run` acts on --debug."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and turn whatever happens into an exit status.

    Parameters
    ----------
    arguments : sequence of str
        What stands behind the program's name; ``--debug`` may stand anywhere.

    Returns
    -------
    int
        0 where it went well, 1 for a failure, 2 for bad usage or input, 130 when interrupted.
    """
    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character of a question gets its number, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = application(
            [argument for argument in arguments if argument != "--debug"],
            prog_name="router",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has heard enough; Python would complain once more when it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:  # noqa: BLE001 -- The last place where an error can be told plainly.
        if debug:
            traceback.print_exc()
        return _judge(error)
    # Typer reports an interruption as this status or as an error, by version.
    if status == INTERRUPTED:
        return _fail("interrupted", INTERRUPTED)
    return status if isinstance(status, int) else SUCCESS


def _judge(error: Exception) -> int:
    """Say in one line what went wrong, and whose fault it is."""
    if isinstance(error, RouterError):
        return _fail(str(error), FAILURE if isinstance(error, ExportError) else BAD_INPUT)
    # Typer brings its own copy of its parser or imports it, by version; the method tells either.
    describe: Any = getattr(error, "format_message", None)
    if describe is not None:
        return _fail(f"{describe()} (see router --help)", BAD_INPUT)
    if isinstance(error, PATH_ERRORS) and error.filename is not None:
        return _fail(f"{error.filename}: cannot be read ({error.strerror})", BAD_INPUT)
    return _fail(
        f"{type(error).__name__}: {error} (unexpected; --debug shows the traceback)", FAILURE
    )


def _fail(message: str, status: int) -> int:
    """Write the one line and return the exit status."""
    sys.stderr.write(f"error: {make_printable(' '.join(message.split()))}\n")
    return status
