"""Several logs made into one: the parts give the whole, and what does not fit is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import LogError
from router.log_merging import merge_logs, read_logs
from router.logs import build_log
from tests.contracts.tables import BASE, make_frame, write_frame

if TYPE_CHECKING:
    from pathlib import Path

NAN = math.nan


def test_merging_parts_gives_the_whole(tmp_path: Path) -> None:
    """Logs cut from one and merged hold what the whole log holds, repeats across files included."""
    frame = make_frame()
    paths = [
        write_frame(part, tmp_path / f"{i}.parquet")
        for i, part in enumerate([frame.iloc[:4], frame.iloc[4:7], frame.iloc[7:]])
    ]
    merged, whole = read_logs(paths), build_log(frame.to_dict("list"))
    for name in ("query_ids", "texts", "groups", "cost_unit"):
        assert getattr(merged, name) == getattr(whole, name)
    for name in ("quality", "cost", "trials"):
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name))
    np.testing.assert_array_equal(merged.context["hops"], whole.context["hops"])
    np.testing.assert_array_equal(merged.unit_costs["usd"], whole.unit_costs["usd"])
    assert [o.name for o in merged.options] == [o.name for o in whole.options]
    assert "ignored columns: colour" in merged.notes
    assert merged.dataset == "toy"


def test_merging_fills_columns_that_one_log_lacks() -> None:
    """A column that only one log has is unknown in the rows of the other."""
    first = build_log({**BASE, "context_k": [1, 1, 2]}, name="first")
    second = build_log({**BASE, "query_id": ["3", "3", "4"], "cost_usd": [1, 2, 3]}, name="second")
    for logs in ([first, second], [second, first]):
        merged = merge_logs(logs)
        np.testing.assert_array_equal(merged.context["k"], [1, 2, NAN, NAN])
        dollars = merged.to_matrix(merged.unit_costs["usd"])
        np.testing.assert_array_equal(dollars, [[NAN] * 2, [NAN] * 2, [1, 2], [3, NAN]])
        assert merged.dataset == "+".join(log.dataset for log in logs)
    assert merge_logs([first]) is first


def test_logs_that_do_not_fit_are_not_merged() -> None:
    """No log, two units, or one identifier with two texts are refused by the logs' names."""
    log = build_log(BASE, name="first")
    with pytest.raises(LogError, match="there is no log"):
        merge_logs([])
    with pytest.raises(LogError, match=r"logs first, second mix the cost units nominal, usd"):
        merge_logs([log, build_log({**BASE, "cost_unit": ["usd"] * 3}, name="second")])
    with pytest.raises(
        LogError, match=r"'1' stands with two different texts in logs named 'first'"
    ):
        merge_logs([log, build_log({**BASE, "query": ["z", "z", "b"]}, name="first")])


def test_identifiers_of_logs_that_clash_get_their_logs_names() -> None:
    """Two logs that number their questions alike are told apart by the logs' names."""
    first = build_log(BASE, name="first")
    second = build_log({**BASE, "query": ["z", "z", "y"]}, name="second")
    merged = merge_logs([first, second])
    assert merged.n_questions == first.n_questions + second.n_questions
    assert set(merged.query_ids) == {
        f"{log.dataset}/{name}" for log in (first, second) for name in log.query_ids
    }
