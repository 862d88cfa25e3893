"""What commands show: one JSON document, or text and tables; progress goes to standard error."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from router.models.progress import Step
from router.tables import write_bytes_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from pathlib import Path
    from typing import TextIO

__all__ = [
    "emit",
    "make_printable",
    "print_lines",
    "print_table",
    "report_progress",
]

# Where output goes to a file or a pipe there is no terminal to ask for its width.
COLUMNS_DEFAULT = 100
# How the bar's text column takes what is being done.
TASK_TEXT = "{task.description}"
# More rows than this are for a program to read: the JSON document has all of them.
ROWS_MAX = 200


def make_printable(text: str) -> str:
    r"""Write characters that would move a cursor, or that no file may hold, by their number.

    Parameters
    ----------
    text : str
        Anything, for instance an identifier out of a file.

    Returns
    -------
    str

    Examples
    --------
    >>> make_printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def emit(
    document: dict[str, Any], show: Callable[[], None], *, as_json: bool, out: Path | None
) -> None:
    """Give a command's result: into a file, as JSON, or as text.

    The file comes first, so that nothing is printed where it cannot be written.

    Parameters
    ----------
    document : dict
        The result, ready for JSON.
    show : callable
        Prints the same for a reader.
    as_json : bool
        Whether to print the document instead.
    out : Path or None
        A file that gets the document in either case.

    Raises
    ------
    InputError
        If the file cannot be written.
    ValueError
        If a number in the document is infinite or NaN, which JSON has no word for.
    """
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    if out is not None:
        write_bytes_atomically(out, text.encode())
    if as_json:
        sys.stdout.write(text)
    else:
        show()


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of text as they are, however long.

    Parameters
    ----------
    lines : iterable of str
        Without line ends.
    """
    for line in lines:
        sys.stdout.write(make_printable(line) + "\n")


def print_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int = 1, more: str = ""
) -> None:
    """Print a table that fits the terminal, or 100 columns where there is none.

    Parameters
    ----------
    heads : sequence of str, length c
        Of the columns.
    rows : sequence of sequence of str, each of length c
        The cells; the first 200 rows are shown.
    n_left : int, default=1
        How many leading columns are text, aligned to the left.
    more : str, default=""
        Where a reader finds the rows that are not shown.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for position, head in enumerate(heads):
        is_text = position < n_left
        table.add_column(
            Text(head),
            justify="left" if is_text else "right",
            overflow="fold" if is_text else "ellipsis",
            no_wrap=not is_text,
        )
    for row in rows[:ROWS_MAX]:
        # As Text a cell is never read as markup, whatever brackets an identifier has.
        table.add_row(*(Text(make_printable(cell)) for cell in row))
    _open_console(sys.stdout).print(table)
    if len(rows) > ROWS_MAX:
        print_lines([f"... and {len(rows) - ROWS_MAX} more{more}"])


@contextmanager
def report_progress(*, hidden: bool = False) -> Generator[Callable[[str], None], None, None]:
    """Tell on standard error what is being done: a bar on a terminal, else a line each.

    Parameters
    ----------
    hidden : bool, default=False
        Whether nothing is shown.

    Yields
    ------
    callable
        Takes one line of text; of a :class:`~router.models.progress.Step` the bar shows the share
        that is done, of other texts only that something goes on.
    """
    console = _open_console(sys.stderr)
    if hidden:
        yield lambda _: None
        return
    if not console.is_terminal:
        yield lambda text: console.print(Text(make_printable(text)))
        return
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn(TASK_TEXT))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def show(text: str) -> None:
            """Move the bar to the share that is done, if the text knows it."""
            description = escape(make_printable(text))
            if isinstance(text, Step):
                progress.update(task, description=description, total=1.0, completed=text.share)
            else:
                progress.update(task, description=description)

        yield show


def _open_console(stream: TextIO) -> Console:
    """Open a stream for rich text."""
    width = None if stream.isatty() else COLUMNS_DEFAULT
    return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)
