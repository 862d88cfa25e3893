"""The outbox: its order, its bound, and what lies on disk."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from router.client.outbox import Outbox, Report
from router.exceptions import InputError

if TYPE_CHECKING:
    from pathlib import Path


def report(number: int) -> Report:
    """Make a report."""
    return Report(f"key-{number}", f'{{"number":{number}}}'.encode())


def fill(outbox: Outbox, *numbers: int) -> Outbox:
    """Save and add reports."""
    for number in numbers:
        outbox.add(report(number), outbox.save(report(number)))
    return outbox


def drain(outbox: Outbox) -> list[str]:
    """Take and settle all reports; give their keys."""
    keys = []
    while (taken := outbox.take()) is not None:
        keys.append(taken.key)
        outbox.settle(taken)
    return keys


def test_order_of_age_survives_failures() -> None:
    """A report that comes back stands where it stood."""
    outbox = fill(Outbox(), 0, 1, 2)
    first, second = outbox.take(), outbox.take()
    assert first is not None
    assert second is not None
    outbox.give_back(second)
    outbox.give_back(first)
    assert drain(outbox) == ["key-0", "key-1", "key-2"]


def test_oldest_gives_way(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The bound holds in memory and on disk, what is lost is counted and said."""
    with caplog.at_level(logging.WARNING):
        outbox = fill(Outbox(2, tmp_path), 0, 1, 2, 3)
    assert (len(outbox), outbox.n_dropped) == (2, 2)
    assert len(list(tmp_path.iterdir())) == 2
    assert "dropped" in caplog.text
    assert drain(outbox) == ["key-2", "key-3"]


def test_loss_in_memory_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    """Without a directory a dropped report is no secret either."""
    with caplog.at_level(logging.WARNING):
        fill(Outbox(1), 0, 1)
    assert "dropped" in caplog.text


def test_report_on_its_way_is_not_dropped() -> None:
    """One that is being delivered makes no room."""
    outbox = Outbox(1)
    outbox.add(report(0), is_taken=True)
    fill(outbox, 1)
    assert (len(outbox), outbox.n_dropped) == (1, 1)
    outbox.give_back(report(0))
    assert drain(outbox) == ["key-0"]


def test_directory_is_read_oldest_first(tmp_path: Path) -> None:
    """A new process finds what the last one left, in order and word for word."""
    fill(Outbox(directory=tmp_path), 0, 1, 2)
    outbox = Outbox(2, tmp_path)
    assert [outbox.take(), outbox.take(), outbox.take()] == [report(1), report(2), None]
    assert drain(Outbox(directory=tmp_path)) == ["key-0", "key-1", "key-2"]
    assert list(tmp_path.iterdir()) == []


def test_damaged_file_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is no report is named and left where it is."""
    fill(Outbox(directory=tmp_path), 0)
    for number, content in enumerate(("", "{}", "[]", '{"key": 1')):
        (tmp_path / f"{number}.json").write_text(content, "utf-8")
    with caplog.at_level(logging.WARNING):
        assert drain(Outbox(directory=tmp_path)) == ["key-0"]
    assert caplog.text.count("holds no report") == 4
    assert len(list(tmp_path.iterdir())) == 4


def test_directory_that_fails_later_leaves_reports_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A spool that is gone costs the safety of a report, not the report."""
    outbox = Outbox(directory=tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    with caplog.at_level(logging.WARNING):
        fill(outbox, 0)
    assert "in memory only" in caplog.text
    assert drain(outbox) == ["key-0"]


def test_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A spool that never worked is a mistake of the caller."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="spool"):
        Outbox(directory=tmp_path / "file" / "spool")
    with pytest.raises(InputError, match="n_reports_max"):
        Outbox(0)


def test_others_cannot_read_the_spool(tmp_path: Path) -> None:
    """What questions cost is nobody else's business."""
    Outbox(directory=tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
