"""Power cuts: what was answered is on the disk, and a commit that waits for less is found out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.rigs.power_cut import Content, Disk, cut_power

if TYPE_CHECKING:
    from router.ledger.store import Synchronous

SEED = secrets.randbelow(2**32)


def test_nothing_answered_is_lost_in_a_power_cut() -> None:
    """At 500 moments of a piece of work the power goes: every answer was true, every sum is."""
    assert cut_power(500, SEED) == [], f"seed {SEED}"


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_commits_that_do_not_wait_are_found_out(synchronous: Synchronous) -> None:
    """The same cuts lose answers where commits wait for less."""
    found = cut_power(60, SEED, synchronous=synchronous, n_rounds=30)
    assert len(found) > 10, f"seed {SEED}"
    assert any("lost" in line for line in found)


class Script:
    """Chance that always says the same."""

    def __init__(self, mode: str, *, keep: bool) -> None:
        """Choose a mode and whether to keep."""
        self._mode, self._keep = mode, keep

    def choice(self, _modes: object) -> str:
        """Choose."""
        return self._mode

    def randint(self, low: int, high: int) -> int:
        """Take the most or the least."""
        return high if self._keep else low

    def random(self) -> float:
        """Keep or drop."""
        return 0.0 if self._keep else 1.0


@pytest.mark.parametrize(
    ("mode", "keep", "left"),
    [
        ("none", True, {"a": b"old", "b": b""}),
        ("first", True, {"a": b"NEW" + bytes(2), "b": b"B"}),
        ("torn", True, {"a": b"NEW" + bytes(2), "b": b"B"}),
        ("half", False, {"a": b"old"}),
    ],
)
def test_disk_keeps_what_was_synced(
    mode: str,
    keep: bool,  # noqa: FBT001 - a parameter of the test
    left: dict[str, bytes],
) -> None:
    """What was synced is there after a cut, what was not is as chance has it."""
    disk = Disk()
    disk.remembered["a"] = disk.directory["a"] = Content(is_new=False)
    for event in (
        ("write", "a", 0, b"old"),
        ("sync", "a"),
        ("write", "a", 0, b"NEW"),
        ("truncate", "a", 5),
        ("create", "b"),
        ("write", "b", 0, b"B"),
    ):
        disk.take(event)
    chance: object = Script(mode, keep=keep)
    assert disk.cut(chance) == left  # type: ignore[arg-type]


def test_names_are_remembered_with_the_first_sync_of_a_new_file() -> None:
    """A deleted file may come back until another that was created is synced."""
    disk = Disk()
    disk.remembered["a"] = disk.directory["a"] = Content(is_new=False)
    disk.take(("delete", "a"))
    chance: object = Script("none", keep=False)
    assert disk.cut(chance) == {"a": b""}  # type: ignore[arg-type]
    disk.take(("create", "b"))
    disk.take(("sync", "b"))
    assert disk.cut(chance) == {"b": b""}  # type: ignore[arg-type]
