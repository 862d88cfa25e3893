"""Disks that fail and disks that are full: refused, nothing lost, and it goes on by itself."""

from __future__ import annotations

import pytest

from tests.rigs.io_faults import ERRORS, FaultyDisk, fail_nth, fill_disk
from tests.rigs.planted import list_changes

EVERY = 13
CALLS_MAX = 2000


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("sticky", [False, True])
def test_no_failing_call_loses_anything(error: str, sticky: bool) -> None:  # noqa: FBT001
    """One call or all from one on fail: nobody is misled, and it goes on without being reopened."""
    found, n_reached = [], 0
    for at in range(1, CALLS_MAX, EVERY):
        reached, faults = fail_nth(at, error, sticky=sticky)
        found += faults
        n_reached += reached
        if not reached:
            break
    assert found == []
    assert 15 < n_reached < CALLS_MAX / EVERY - 1


def test_full_disk_refuses_and_is_forgotten_when_there_is_room() -> None:
    """Where files cannot grow nothing is granted and nothing lost; with room it goes on."""
    assert fill_disk() == []


def test_answers_before_the_commit_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that tells before it is on disk misleads somebody when a call fails."""
    for target, attribute, value in list_changes("early"):
        monkeypatch.setattr(target, attribute, value)
    found = [x for at in range(60, 120, 5) for x in fail_nth(at, "ioerr", sticky=False)[1]]
    assert any("lost" in fault for fault in found)


def test_faulty_disk_counts_from_one() -> None:
    """Exactly the chosen call fails, or all from it on until the disk is mended."""
    once = FaultyDisk("once", 2, ERRORS["full"], sticky=False)
    always = FaultyDisk("always", 2, ERRORS["full"], sticky=True)
    for disk in (once, always):
        disk.count_call()
        with pytest.raises(ERRORS["full"]):
            disk.count_call()
    once.count_call()
    with pytest.raises(ERRORS["full"]):
        always.count_call()
    always.mend()
    always.count_call()
    assert (once.n_failed, always.n_failed) == (1, 2)
    once.unregister()
    always.unregister()
