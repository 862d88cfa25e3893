"""Features in place of texts: read from files, kept on selecting and merging, refused if broken."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from router.exceptions import LogError
from router.log_merging import merge_logs
from router.logs import build_log, read_log
from router.tables import write_parquet
from tests.contracts.tables import BASE

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [[1.0, 2.5], [1.0, 2.5], [0.0, -3.0]]
KEPT: dict[str, list[Any]] = {
    **{name: values for name, values in BASE.items() if name != "query"},
    "features": ROWS,
    "feature_fingerprint": ["f1"] * 3,
}


@pytest.mark.parametrize("kind", [".parquet", ".jsonl"])
def test_features_stand_for_texts(tmp_path: Path, kind: str) -> None:
    """Lists of numbers in either kind of file become one row a question, without any text."""
    path = tmp_path / f"log{kind}"
    if kind == ".parquet":
        fixed = pa.array(ROWS, pa.list_(pa.float32(), 2))
        write_parquet(path, KEPT | {"features": fixed})
    else:
        rows = [dict(zip(KEPT, cells, strict=True)) for cells in zip(*KEPT.values(), strict=True)]
        path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    log = read_log(path)
    assert log.features is not None
    assert log.features.dtype == np.float32
    assert log.features.tolist() == [ROWS[0], ROWS[2]]
    assert log.feature_fingerprint == "f1"
    assert log.texts == ("", "")
    assert not log.has_texts
    assert log.notes == ()
    with pytest.raises(LogError, match=r"2 of 2 questions have features .*: telling needs the tex"):
        log.require_texts("telling")


def test_questions_have_a_text_or_features() -> None:
    """Both may stand in one log, question by question, but one of them has to."""
    columns = KEPT | {"query": [None, None, "b"], "features": [ROWS[0], None, None]}
    log = build_log(columns)
    assert log.texts == ("", "b")
    assert log.features is not None
    assert np.isnan(log.features[1]).all()
    assert log.select([False, True]).has_texts
    assert log.select([True, False]).features is not None
    with pytest.raises(LogError, match="row 3: the text is missing"):
        build_log(columns | {"query": [None, None, None]})
    assert build_log(BASE).features is None
    with pytest.raises(LogError, match="column 'query' is missing"):
        build_log({name: values for name, values in BASE.items() if name != "query"})


def test_identities_tell_questions_apart() -> None:
    """A text tells for itself; questions without have one identity if features are the same."""
    log = build_log(KEPT | {"features": [ROWS[0]] * 3})
    assert log.identities[0] == log.identities[1] != ""
    other = build_log(KEPT)
    assert len(set(other.identities)) == 2
    assert build_log(BASE).identities == ("a", "b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": [ROWS[0], ROWS[0], [1.0]]}, "row 3: 1 features, row 1 has 2"),
        ({"features": [ROWS[0], ROWS[0], "1;2"]}, "row 3: features are text, not a list"),
        ({"features": [ROWS[0], ROWS[0], [1.0, math.nan]]}, "row 3: features are not a list of fi"),
        ({"features": [ROWS[0], ROWS[0], [1.0, "x"]]}, "row 3: features are not a list of finite"),
        ({"features": [ROWS[0], ROWS[0], []]}, "row 3: features are not a list of finite"),
        ({"features": [[ROWS[0]], ROWS[0], ROWS[0]]}, "row 1: features are not a list of finite"),
        ({"features": [ROWS[0], [1.0, 2.6], ROWS[2]]}, "row 2: query_id '1' stands with two diffe"),
        ({"feature_fingerprint": ["f1", None, "f1"]}, "features stand without a feature_fingerpr"),
        ({"feature_fingerprint": ["f1", "f2", "f1"]}, "features of several encoders, f1, f2"),
    ],
)
def test_broken_features_are_refused(change: dict[str, list[Any]], message: str) -> None:
    """Whatever is no row of an encoder's features is named with file and row."""
    with pytest.raises(LogError, match=r"^kept: " + message):
        build_log(KEPT | change, place="kept")


def test_logs_with_features_merge() -> None:
    """Features go along with their questions; where all texts are there, they are not needed."""
    first = build_log(KEPT, name="first")
    second = build_log(KEPT | {"query_id": ["7", "7", "8"]}, name="second")
    merged = merge_logs([first, second])
    assert merged.features is not None
    assert merged.features.tolist() == [ROWS[0], ROWS[2]] * 2
    assert merged.query_ids == ("1", "2", "7", "8")
    mixed = merge_logs([first, build_log(BASE | {"query_id": ["7", "7", "8"]}, name="third")])
    assert mixed.texts == ("", "", "a", "b")
    assert mixed.features is not None
    assert np.isnan(mixed.features).all(axis=1).tolist() == [False, False, True, True]
    other = build_log(KEPT | {"feature_fingerprint": ["f2"] * 3}, name="other")
    with pytest.raises(LogError, match="features of several encoders, f1, f2"):
        merge_logs([first, other])
    both = [
        build_log(KEPT | {"query": BASE["query"], "feature_fingerprint": [name] * 3}, name=name)
        for name in ("f1", "f2")
    ]
    assert merge_logs(both).features is None
