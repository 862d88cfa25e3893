"""Tables in files: columns in, columns out, and files replaced whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.exceptions import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["read_columns", "write_bytes_atomically", "write_parquet"]

TABLE_SUFFIXES = (".parquet", ".jsonl", ".csv")


def read_columns(path: str | Path, *, error: type[InputError] = InputError) -> dict[str, list[Any]]:
    """Read a table as one list a column, null as None.

    Parameters
    ----------
    path : str or Path
        ``.parquet`` (needs the extra ``[cli]`` or ``[train]``), ``.jsonl`` or ``.csv``.
    error : type, default=InputError
        The error to raise, so that a log complains as a log and a question file as one.

    Returns
    -------
    dict of str to list
        Columns of equal length.

    Raises
    ------
    InputError
        (or `error`) If the file is missing, of another kind, empty or malformed.
    MissingExtraError
        If a parquet file is read without pyarrow.
    """
    path = Path(path)
    if path.suffix not in TABLE_SUFFIXES:
        raise error(
            f"{path}: files of kind {path.suffix!r} are not read: use {', '.join(TABLE_SUFFIXES)}"
        )
    if not path.is_file():
        raise error(f"{path}: no such file")
    reader = {".parquet": _read_parquet, ".jsonl": _read_jsonl, ".csv": _read_csv}[path.suffix]
    columns = reader(path, error)
    if not columns or not len(next(iter(columns.values()))):
        raise error(f"{path}: the file has no rows")
    return columns


def _read_parquet(path: Path, error: type[InputError]) -> dict[str, list[Any]]:
    """Read a parquet file through pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError.for_extra("cli", "reading parquet") from None
    try:
        table = parquet.read_table(path)
        return {name: table.column(name).to_pylist() for name in table.column_names}
    except (pyarrow.ArrowException, OSError) as problem:
        first_line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise error(f"{path}: not a readable parquet file ({first_line})") from None


def _read_text(path: Path, error: type[InputError]) -> str:
    """Read a UTF-8 file, with or without a byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{path}: byte {problem.start} is not valid UTF-8") from None


def _read_jsonl(path: Path, error: type[InputError]) -> dict[str, list[Any]]:
    """Read one JSON object a line; a key absent from a line is null there."""
    rows: list[dict[str, Any]] = []
    # Only the line feed ends a line: str.splitlines would also break at U+2028 inside a string.
    for number, line in enumerate(_read_text(path, error).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise error(f"{path}: line {number} is not valid JSON") from None
        if not isinstance(row, dict):
            raise error(f"{path}: line {number} is not a JSON object")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read_csv(path: Path, error: type[InputError]) -> dict[str, list[Any]]:
    """Read comma-separated values with a header; an empty cell is null."""
    reader = csv.reader(_read_text(path, error).splitlines(keepends=True))
    try:
        header = next(reader, [])
        rows = [row for row in reader if row]
    except csv.Error as problem:
        raise error(f"{path}: line {reader.line_num} is malformed ({problem})") from None
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise error(f"{path}: row {number} has {len(row)} cells, the header has {len(header)}")
    return {name: [row[position] or None for row in rows] for position, name in enumerate(header)}


def write_bytes_atomically(path: str | Path, content: bytes) -> None:
    """Replace a file whole: a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path : str or Path
        Where the content goes; its folder must exist.
    content : bytes
        The whole new content.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as problem:
        raise InputError(f"{path}: cannot be written ({problem.strerror})") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private to its owner; the result should be as readable as any other.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as problem:
        Path(temporary).unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({problem.strerror})") from None


def write_parquet(path: str | Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns as a parquet file, replacing it whole.

    Parameters
    ----------
    path : str or Path
        Where the table goes.
    columns : mapping of str to sequence
        Columns of equal length.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError.for_extra("cli", "writing parquet") from None
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(dict(columns)), sink)
    write_bytes_atomically(path, sink.getvalue().to_pybytes())
