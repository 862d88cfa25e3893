"""Tables in files: columns in, columns out, and files replaced whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import secrets
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = [
    "describe_missing",
    "parse_json_lines",
    "quote_toml",
    "read_columns",
    "read_label",
    "read_text",
    "read_toml",
    "write_bytes_atomically",
    "write_parquet",
]

# What pandas puts where a value is missing, known by name so that pandas need not be loaded.
MISSING_TYPES = ("NAType", "NaTType")
COLUMNS_NAMED_MAX = 8


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
    readers = {".parquet": _read_parquet, ".jsonl": _read_jsonl, ".csv": _read_csv}
    kind = path.suffix.lower()
    if kind not in readers:
        raise error(f"{path}: files of kind {path.suffix!r} are not read: use {', '.join(readers)}")
    if not path.is_file():
        raise error(f"{path}: no such file")
    columns = readers[kind](path, error)
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
        with path.open("rb") as file:
            table = parquet.ParquetFile(file).read()
        _refuse_repeated(table.column_names, path, error)
        return {name: table.column(name).to_pylist() for name in table.column_names}
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as problem:
        first_line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise error(f"{path}: not a readable parquet file ({first_line})") from None


def read_text(path: Path, *, error: type[InputError] = InputError) -> str:
    """Read a UTF-8 file with its line ends as they stand, with or without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.
    error : type, default=InputError
        The error to raise.

    Returns
    -------
    str

    Raises
    ------
    InputError
        (or `error`) If the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{path}: byte {problem.start} is not valid UTF-8") from None
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from None


def read_toml(path: str | Path, *, error: type[InputError] = InputError) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : str or Path
        The file.
    error : type, default=InputError
        The error to raise.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        (or `error`) If the file cannot be read or is not TOML.
    """
    # The specification allows CRLF, but no lone carriage return, and tomllib neither.
    text = read_text(Path(path), error=error)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise error(f"{path}: not valid TOML ({problem})") from None


def quote_toml(text: str) -> str:
    r"""Write a TOML string that stands for any text, on one line.

    Examples
    --------
    >>> print(quote_toml('a "b"\n'))
    "a \"b\"\n"
    """
    # JSON escapes as TOML does, except that TOML also wants U+007F escaped and knows no surrogates.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse_json_lines(
    text: str, place: str, *, error: type[InputError] = InputError
) -> Iterator[tuple[int, Any]]:
    r"""Parse one JSON value a line, skipping blank lines.

    Parameters
    ----------
    text : str
        The lines.
    place : str
        How messages call the source.
    error : type, default=InputError
        The error to raise.

    Yields
    ------
    int
        The line's number, from 1.
    Any
        The value that stands there.

    Raises
    ------
    InputError
        (or `error`) If a line is not JSON.

    Examples
    --------
    >>> list(parse_json_lines('{"a": 1}\n\n[2]', "x.jsonl"))
    [(1, {'a': 1}), (3, [2])]
    """
    # Only the line feed ends a line: str.splitlines would also break at U+2028 inside a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise error(f"{place}: line {number} is not valid JSON") from None
        yield number, value


def _read_jsonl(path: Path, error: type[InputError]) -> dict[str, list[Any]]:
    """Read one JSON object a line; a key absent from a line is null there."""
    rows: list[dict[str, Any]] = []
    for number, row in parse_json_lines(read_text(path, error=error), str(path), error=error):
        if not isinstance(row, dict):
            raise error(f"{path}: line {number} is not a JSON object")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read_csv(path: Path, error: type[InputError]) -> dict[str, list[Any]]:
    """Read comma-separated values with a header; an empty cell is null."""
    # Without `strict`, one quotation mark that is never closed swallows all rows behind it.
    reader = csv.reader(io.StringIO(read_text(path, error=error), newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        header = next(reader, [])
        for row in reader:
            if row and len(row) != len(header):
                raise error(
                    f"{path}: line {reader.line_num} has {len(row)} cells, "
                    f"the header has {len(header)}"
                )
            if row:
                rows.append(row)
    except csv.Error as problem:
        raise error(f"{path}: line {reader.line_num} is malformed ({problem})") from None
    _refuse_repeated(header, path, error)
    return {name: [row[position] or None for row in rows] for position, name in enumerate(header)}


def describe_missing(name: str, columns: Collection[str]) -> str:
    """Say that a column is missing and which there are, so that a wrong name or separator is seen.

    Parameters
    ----------
    name : str
        The column that is needed.
    columns : collection of str
        The columns of the table; the first few are named.

    Returns
    -------
    str

    Examples
    --------
    >>> describe_missing("query_id", ["id", "query"])
    "column 'query_id' is missing; there are 'id', 'query'"
    """
    named = ", ".join(repr(column) for column in list(columns)[:COLUMNS_NAMED_MAX])
    more = ", ..." if len(columns) > COLUMNS_NAMED_MAX else ""
    return f"column {name!r} is missing; there are {named}{more}"


def _refuse_repeated(names: Sequence[str], path: Path, error: type[InputError]) -> None:
    """Refuse a table with two columns of one name, of which one would be lost."""
    for position, name in enumerate(names):
        if name in names[:position]:
            raise error(f"{path}: column {name!r} occurs twice")


def read_label(value: Any) -> str | None:
    """Read a cell as a name: an identifier, a group, an option.

    Parameters
    ----------
    value : object
        A string or a number.

    Returns
    -------
    str or None
        None where the cell is null, empty or NaN. A whole number has no point, whichever type a
        file gave it, as tables turn whole numbers into floats where a column has gaps.

    Raises
    ------
    InputError
        If it is something else, or not valid Unicode.

    Examples
    --------
    >>> read_label("q1"), read_label(7), read_label(7.0), read_label(float("nan"))
    ('q1', '7', '7', None)
    """
    if value is None or type(value).__name__ in MISSING_TYPES:
        return None
    if isinstance(value, (bytes, bytearray, list, tuple, set, dict)):
        raise InputError(f"{value!r} is {type(value).__name__}, not text or a number")
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    text = str(value)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{text!r} has a lone surrogate, not valid Unicode") from None
    return text or None


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
    temporary = path.parent / f".{secrets.token_hex(8)}.partial"
    try:
        # Created as any other file, the umask decides who may read it.
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as problem:
        raise InputError(f"{path}: cannot be written ({problem.strerror})") from None
    finally:
        # After the replacement nothing is left under this name; after any failure, nothing either.
        with suppress(OSError):
            temporary.unlink()


def write_parquet(path: str | Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns as a parquet file, replacing it whole.

    Parameters
    ----------
    path : str or Path
        Where the table goes.
    columns : mapping of str to sequence
        Columns of equal length; an array of shape (r, d) becomes lists of d numbers, null where
        all of them are NaN.

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

    def convert(values: Any) -> Any:
        """Turn a matrix into fixed-size lists."""
        if getattr(values, "ndim", 1) != 2:
            return values
        missing = pyarrow.array(np.isnan(values).all(axis=1))
        flat = pyarrow.array(values.ravel())
        return pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=missing)

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(
        pyarrow.table({name: convert(values) for name, values in columns.items()}), sink
    )
    write_bytes_atomically(path, sink.getvalue().to_pybytes())
