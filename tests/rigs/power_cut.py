"""Cuts the power at random moments, and looks whether what had been answered is there.

A process that is killed leaves everything it wrote with the system, so killing proves nothing about
what reaches the disk. Here a virtual file system records what is written, cut to length and synced,
and when who was answered. A cut rebuilds the disk as it may be left at one moment: what was synced
is there; of what was not, nothing, a part, or 512-byte sectors by chance. The store is then opened
as after a restart.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import apsw

from router.exceptions import LedgerError
from router.ledger.store import Synchronous
from tests.rigs.places import open_place
from tests.rigs.processes import scale
from tests.rigs.work import Fact, Work, inspect_store, open_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Disk", "Recorder", "cut_power", "record_work"]

SECTOR = 512
MODES = ("none", "first", "half", "torn")
# Folding the log into the store is where most can go wrong, so here it happens often.
CHECKPOINT_PAGES = 60
ROUNDS = 120
CUTS_A_RECORD = 500

Event = tuple[Any, ...]


class RecordedFile(apsw.VFSFile):
    """A file whose changes are noted."""

    def __init__(self, events: list[Event], name: Any, flags: list[int]) -> None:
        """Open it."""
        text = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._events, self._name = events, Path(str(text)).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write."""
        self._events.append(("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut to length."""
        self._events.append(("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Wait for the disk."""
        super().xSync(flags)
        self._events.append(("sync", self._name))


class Recorder(apsw.VFS):
    """The file system that notes changes."""

    def __init__(self, name: str) -> None:
        """Register under a name."""
        self.events: list[Event] = []
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:  # noqa: N802
        """Open a file."""
        file = RecordedFile(self.events, name, flags)
        if flags[0] & apsw.SQLITE_OPEN_CREATE:
            self.events.append(("create", file._name))
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        """Delete a file."""
        super().xDelete(filename, syncdir)
        self.events.append(("delete", Path(filename).name))


@dataclass
class Content:
    """What of a file is on the disk, and what is on its way there."""

    synced: bytearray = field(default_factory=bytearray)
    waiting: list[Event] = field(default_factory=list)
    is_new: bool = True


@dataclass
class Disk:
    """A disk that is told what happens and can say what a cut would leave.

    As on the systems that SQLite is made for, the first sync of a new file also makes the directory
    remember its name, and everything done to the directory before.
    """

    directory: dict[str, Content] = field(default_factory=dict)
    remembered: dict[str, Content] = field(default_factory=dict)
    changes: list[tuple[str, Content | None]] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Let something happen."""
        kind, name, *_ = event
        if kind == "create":
            if name not in self.directory:
                self.directory[name] = Content()
                self.changes.append((name, self.directory[name]))
        elif kind == "delete":
            del self.directory[name]
            self.changes.append((name, None))
        elif kind == "sync":
            self._sync(self.directory[name])
        else:
            self.directory[name].waiting.append(event)

    def _sync(self, content: Content) -> None:
        """Bring a file to the disk."""
        for event in content.waiting:
            _change(content.synced, event)
        content.waiting.clear()
        if content.is_new:
            content.is_new = False
            _rename(self.remembered, self.changes)
            self.changes.clear()

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """Say what may be left if the power goes now."""
        mode = chance.choice(MODES)
        names = dict(self.remembered)
        _rename(names, self.changes[: chance.randint(0, len(self.changes))])
        left = {}
        for name, content in names.items():
            data = bytearray(content.synced)
            waiting = content.waiting[: chance.randint(0, len(content.waiting))]
            for event in waiting if mode == "first" else content.waiting:
                for part in _split(event) if mode == "torn" else [event]:
                    if mode == "first" or (mode != "none" and chance.random() < 0.5):
                        _change(data, part)
            left[name] = bytes(data)
        return left


def _change(data: bytearray, event: Event) -> None:
    """Write into a file's bytes, or cut them to length."""
    if event[0] == "write":
        _, _, offset, written = event
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(written)] = written
    else:
        size = event[2]
        data.extend(bytes(max(0, size - len(data))))
        del data[size:]


def _rename(names: dict[str, Content], changes: list[tuple[str, Content | None]]) -> None:
    """Create and delete names."""
    for name, content in changes:
        if content is None:
            names.pop(name, None)
        else:
            names[name] = content


def _split(event: Event) -> Iterator[Event]:
    """Split a write at the borders of sectors."""
    if event[0] != "write":
        yield event
        return
    _, name, offset, data = event
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR - (offset + start) % SECTOR)
        yield ("write", name, offset + start, data[start:end])
        start = end


def record_work(
    place: Path, seed: int, n_rounds: int, synchronous: Synchronous
) -> tuple[list[Event], set[Fact]]:
    """Let a ledger work on a recorded disk; give what happened, answers included."""
    recorder = Recorder(f"recorder-{seed}")
    ledger = open_ledger(place / "recorded", synchronous=synchronous, vfs=f"recorder-{seed}")
    pragma = f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"
    ledger.writer.submit(lambda connection, _now: connection.execute(pragma).fetchall()).result()
    events = recorder.events
    work = Work(ledger, seed, lambda facts: events.append(("told", facts)))
    work.create_pool()
    for _ in range(n_rounds):
        work.do_round()
    ledger.close()
    recorder.unregister()
    return events, work.asked


def cut_power(
    n_cuts: int, seed: int, *, synchronous: Synchronous = "FULL", n_rounds: int = ROUNDS
) -> list[str]:
    """Record one piece of work and cut the power at so many moments of it.

    Parameters
    ----------
    n_cuts : int
        How many moments.
    seed : int
        Decides the work, the moments and what a cut leaves.
    synchronous : {"FULL", "NORMAL", "OFF"}, default="FULL"
        What commits wait for.
    n_rounds : int, default=120
        How long the work is.

    Returns
    -------
    list of str
        A line for each cut after which something was not as it has to be.
    """
    found = []
    chance = random.Random(seed)  # noqa: S311 - chance that comes again
    with open_place() as place:
        events, asked = record_work(place, seed, n_rounds, synchronous)
        moments = sorted(chance.randint(0, len(events)) for _ in range(n_cuts))
        disk, told, done = Disk(), set[Fact](), 0
        # The ledger makes this file itself before SQLite opens it.
        disk.remembered["ledger.sqlite"] = disk.directory["ledger.sqlite"] = Content(is_new=False)
        for number, moment in enumerate(moments):
            for event in events[done:moment]:
                if event[0] == "told":
                    told.update(event[1])
                else:
                    disk.take(event)
            done = moment
            left = place / f"cut{number}"
            left.mkdir()
            for name, data in disk.cut(chance).items():
                (left / name).write_bytes(data)
            faults = _inspect(left, asked, told)
            if faults:
                found.append(f"cut at {moment} of {len(events)}: {len(faults)} x {faults[0]}")
            for file in left.iterdir():
                file.unlink()
    return found


def _inspect(left: Path, asked: set[Fact], told: set[Fact]) -> list[str]:
    """Open what a cut left, and say what is wrong with it."""
    try:
        return inspect_store(left).compare(asked, told)
    except (apsw.Error, LedgerError) as error:
        return [f"cannot be opened: {error}"]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=scale(10_000), help="how many in all (10000)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of one record ({ROUNDS})")
    parser.add_argument("--synchronous", choices=get_args(Synchronous), default="FULL")
    parser.add_argument("--seed", type=int, default=None, help="of the first record")
    options = parser.parse_args()
    first = secrets.randbelow(2**32) if options.seed is None else options.seed
    started, done, n_wrong = time.monotonic(), 0, 0
    while done < options.cuts:
        count = min(CUTS_A_RECORD, options.cuts - done)
        seed = first + done
        found = cut_power(count, seed, synchronous=options.synchronous, n_rounds=options.rounds)
        done, n_wrong = done + count, n_wrong + len(found)
        took = time.monotonic() - started
        sys.stdout.write(f"{done} cuts in {took:.0f} s, {n_wrong} wrong (seed {seed})\n")
        sys.stdout.writelines(f"  {line}\n" for line in found[:5])
        sys.stdout.flush()
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
