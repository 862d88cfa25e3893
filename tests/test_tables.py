"""Tables in files: three kinds read alike, every damage named, files replaced whole."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError, LogError, MissingExtraError
from router.tables import (
    parse_json_lines,
    quote_toml,
    read_columns,
    read_label,
    read_toml,
    write_bytes_atomically,
    write_parquet,
)

if TYPE_CHECKING:
    from pathlib import Path

# Characters at which str.splitlines breaks a line, though no file format does.
FALSE_LINE_ENDS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"
TEXTS = [
    f"a{FALSE_LINE_ENDS}b",
    'say "hi", twice',
    "two\nlines",
    "CR\r\nLF",
    " spaced ",
    "\U0001f600",
]


def write_text(path: Path, text: str) -> Path:
    """Write a file without touching its line ends."""
    path.write_bytes(text.encode("utf-8"))
    return path


def write_kind(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table with pandas, as its users do."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    return path


@pytest.mark.parametrize("kind", [".parquet", ".jsonl", ".csv", ".CSV", ".JSONL"])
def test_texts_survive_in_every_kind(tmp_path: Path, kind: str) -> None:
    """Quotes, line ends of any sort and characters beyond 16 bits read back as they were."""
    frame = pd.DataFrame({"text": TEXTS, "n": [str(i) for i in range(len(TEXTS))]})
    path = write_kind(tmp_path / f"x{kind.lower()}", frame).rename(tmp_path / f"y{kind}")
    assert read_columns(path) == {"text": TEXTS, "n": [str(i) for i in range(len(TEXTS))]}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_marks_and_line_ends_do_not_matter(
    tmp_path: Path, mark: bytes, line_end: str, *, last: bool
) -> None:
    """A byte order mark, CRLF, blank lines and a missing last line end change nothing."""
    contents = {
        "x.csv": ["a,b", "1,2", "", "3,4"],
        "x.jsonl": ['{"a":"1","b":"2"}', " ", '{"a":"3","b":"4"}'],
    }
    for name, lines in contents.items():
        text = line_end.join(lines) + (line_end if last else "")
        (tmp_path / name).write_bytes(mark + text.encode())
        assert read_columns(tmp_path / name) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_gaps_are_null(tmp_path: Path) -> None:
    """An empty cell, a key that is absent and a null are all None."""
    path = write_text(tmp_path / "x.jsonl", '{"a": 1}\n{"b": null, "c": 2}\n')
    assert read_columns(path) == {"a": [1, None], "b": [None, None], "c": [None, 2]}
    path = write_text(tmp_path / "x.csv", 'a,b\n,1\n"",2\n')
    assert read_columns(path) == {"a": [None, None], "b": ["1", "2"]}
    pq.write_table(pa.table({"a": pa.array([None, 2])}), tmp_path / "x.parquet")
    assert read_columns(tmp_path / "x.parquet") == {"a": [None, 2]}


def test_parquet_takes_no_columns_from_its_folder(tmp_path: Path) -> None:
    """A folder named as a partition adds nothing to the file, and categories are words."""
    folder = tmp_path / "dataset=1"
    folder.mkdir()
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y", "x"])})
    assert read_columns(write_kind(folder / "x.parquet", frame)) == {"a": ["x", "y", "x"]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", b"", r"files of kind '.txt' are not read: use .parquet, .jsonl, .csv"),
        ("x", b"", r"files of kind '' are not read"),
        ("x.csv", None, r"no such file"),
        ("x.csv", b"", r"the file has no rows"),
        ("x.csv", b"a,b\n", r"the file has no rows"),
        ("x.csv", b"a,b\n1,2\n3\n", r"line 3 has 1 cells, the header has 2"),
        ("x.csv", b'a,b\n"1\n1",2\n3,4,5\n', r"line 4 has 3 cells"),
        ("x.csv", b'a,b\n"1,2\n3,4\n', r"line 3 is malformed \(unexpected end of data\)"),
        ("x.csv", b'a,b\n"1"x,2\n', r"line 2 is malformed"),
        ("x.csv", b"a,b,a\n1,2,3\n", r"column 'a' occurs twice"),
        ("x.csv", b"a\n\xff\n", r"byte 2 is not valid UTF-8"),
        ("x.csv", b"a\n" + b"y" * 140_000, r"line 2 is malformed \(field larger than"),
        ("x.jsonl", b"\n\n", r"the file has no rows"),
        ("x.jsonl", b"{}\n{}\n", r"the file has no rows"),
        ("x.jsonl", b'\n{"a": 1', r"line 2 is not valid JSON"),
        ("x.jsonl", b'{"a": 1}\n[1]', r"line 2 is not a JSON object"),
        ("x.jsonl", b'{"a": ' + b"9" * 5000 + b"}", r"line 1 is not valid JSON"),
        ("x.jsonl", b"[" * 100_000, r"line 1 is not valid JSON"),
        ("x.jsonl", b'{"a": "\xe9"}', r"byte 7 is not valid UTF-8"),
        ("x.parquet", b"", r"not a readable parquet file"),
        ("x.parquet", b"PAR1 and no more", r"not a readable parquet file"),
    ],
)
def test_damaged_files_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """Every damage is one line with file, line and what is wrong, of the class asked for."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LogError, match=rf"{name}: {message}") as caught:
        read_columns(path, error=LogError)
    assert "\n" not in str(caught.value)


def test_damaged_parquet_is_named(tmp_path: Path) -> None:
    """A table of no rows, one with two columns of a name, and a truncated file are refused."""
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), tmp_path / "empty.parquet")
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    whole = (tmp_path / "twice.parquet").read_bytes()
    (tmp_path / "short.parquet").write_bytes(whole[: len(whole) // 2])
    for name, message in {
        "empty": "the file has no rows",
        "twice": "column 'a' occurs twice",
        "short": "not a readable parquet file",
    }.items():
        with pytest.raises(InputError, match=rf"{name}.parquet: {message}"):
            read_columns(tmp_path / f"{name}.parquet")


def test_missing_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, reading and writing parquet say which extra brings it."""
    path = tmp_path / "x.parquet"
    write_parquet(path, {"a": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"reading parquet needs the extra \[cli\]"):
        read_columns(path)
    with pytest.raises(MissingExtraError, match=r"writing parquet needs the extra \[cli\]"):
        write_parquet(path, {"a": [1]})


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("a", "a"),
        ("1.0", "1.0"),
        (7, "7"),
        (7.0, "7"),
        (np.float64(7.0), "7"),
        (np.int64(7), "7"),
        (-0.5, "-0.5"),
        (True, "True"),
        (Decimal("1.50"), "1.50"),
        (math.inf, "inf"),
        ("", None),
        (None, None),
        (math.nan, None),
        (np.float64("nan"), None),
        (pd.NA, None),
        (pd.NaT, None),
    ],
)
def test_labels_are_text(value: Any, label: str | None) -> None:
    """Numbers are read as text without a needless point, and whatever is missing is None."""
    assert read_label(value) == label


@pytest.mark.parametrize("value", [b"a", [1], (1,), {"a": 1}, "a\udfffb"])
def test_labels_are_neither_bytes_nor_lists(value: Any) -> None:
    """Bytes, containers and text that is no Unicode are refused."""
    with pytest.raises(InputError, match=r"not text or a number|lone surrogate"):
        read_label(value)


@given(st.lists(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())))
def test_json_lines_parse_back(rows: list[dict[str, Any]]) -> None:
    """Objects written one a line parse back with their line numbers, whatever they hold."""
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert list(parse_json_lines(text, "x")) == list(enumerate(rows, start=1))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_is_toml(text: str) -> None:
    """Any text is one line of TOML that stands for it."""
    quoted = quote_toml(text)
    assert tomllib.loads(f"{quoted} = {quoted}") == {text: text}
    assert "\n" not in quoted


def test_toml_reads_from_text_or_path(tmp_path: Path) -> None:
    """The path may be a string, and line ends inside a string are those of TOML."""
    path = write_text(tmp_path / "x.toml", 'a = """x\r\ny"""\r\n')
    assert read_toml(str(path)) == read_toml(path) == {"a": "x\ny"}


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    """A new content replaces the old one, is as readable as other files, and nothing is left."""
    path, other = tmp_path / "x.bin", tmp_path / "other"
    other.write_bytes(b"")
    for content in (b"old" * 100, b"new", b""):
        write_bytes_atomically(path, content)
        assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "x.bin"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failing_writes_leave_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, problem: BaseException
) -> None:
    """A disk that is full and a user who interrupts leave the old content and nothing else."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(os, function, fail)
    kind = InputError if isinstance(problem, OSError) else type(problem)
    with pytest.raises(kind, match=r"x\.bin: .*No space left" if kind is InputError else None):
        write_bytes_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]


def test_content_of_another_type_leaves_nothing(tmp_path: Path) -> None:
    """A mistake of the caller leaves no temporary file either."""
    with pytest.raises(TypeError):
        write_bytes_atomically(tmp_path / "x", "text")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["missing/x", "file/x", "folder"])
def test_places_that_cannot_be_written_are_named(tmp_path: Path, place: str) -> None:
    """A missing folder, a file in place of one, and a folder in place of the file are refused."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=rf"{place}: cannot be written"):
        write_bytes_atomically(tmp_path / place, b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_written_parquet_reads_back(tmp_path: Path) -> None:
    """Columns written are columns read, long names of files included."""
    path = tmp_path / ("x" * 200 + ".parquet")
    columns: dict[str, Any] = {"query_id": ["a", "b"], "quality": [0.5, None]}
    write_parquet(path, columns)
    assert read_columns(path) == columns
