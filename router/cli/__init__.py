"""The command line: one file a command family, and this door in front of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

LIBRARIES = ("rich", "typer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind the program's name; that of this process by default.

    Returns
    -------
    int
        0 where it went well, 1 for a failure, 2 for bad usage or input, 130 when interrupted.

    Examples
    --------
    >>> main(["--version"])
    router 0.1.0
    0
    """
    try:
        from router.cli.application import run
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        problem = MissingExtraError.for_extra("cli", "the command line")
        sys.stderr.write(f"error: {problem}\n")
        return 2
    return run(sys.argv[1:] if arguments is None else list(arguments))
