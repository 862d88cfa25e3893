"""Twins: the same request with the same key from many connections, before and after kills.

Each key is sent by two to eight connections at once, now and then by one of them with another
body. The server is killed soon after its first answer; in its stretched form it waits between
commit and answer, so that kills fall there. The next server is sent every key again, whether it was
answered or not, and keys of earlier servers as well. For each key there is one reservation and one
answer, byte by byte; who came with another body is told of a conflict.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import run_sidecar
from tests.rigs.lines import GONE, open_line
from tests.rigs.places import open_place
from tests.rigs.processes import ROOT, plant_fault, scale
from tests.rigs.work import inspect_store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from tests.rigs.lines import Answer

__all__ = ["STRETCHED", "TwinTally", "send_twins"]

# Between commit and answer, which are a moment apart, it waits. It breaks no promise by that.
STRETCHED = plant_fault("""
import asyncio
from router.service.allocating import Allocating
draw = Allocating._draw

async def draw_slowly(self, *arguments, **options):
    answer = await draw(self, *arguments, **options)
    await asyncio.sleep(0.2)
    return answer

Allocating._draw = draw_slowly
""")
KEYS_A_LIFE = 40
TWINS_MAX = 8
OTHER_SHARE = 0.2
SECONDS_MAX = 0.5
PAUSE_SECONDS = 0.05
LOOKS_MAX = 1000
# Refused for now; everybody asks again.
LATER = {429, 503}
CONFLICT = 409
POOL_KEY = "pool"


@dataclass
class TwinTally:
    """What was sent and answered, and what was wrong with it.

    Parameters
    ----------
    n_keys, n_sent, n_answered, n_repeated, n_conflicts, n_later, n_kills : int
        How often what happened; sent are requests, later those told to come again.
    n_unheard : int
        Keys that a killed server had written down without anybody having been told.
    faults : list of str
        What was wrong.
    """

    n_keys: int = 0
    n_sent: int = 0
    n_answered: int = 0
    n_repeated: int = 0
    n_conflicts: int = 0
    n_later: int = 0
    n_kills: int = 0
    n_unheard: int = 0
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: TwinTally) -> TwinTally:
        """Add two up."""
        return TwinTally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        """Say it in a line."""
        counts = [f"{getattr(self, f.name)} {f.name[2:]}" for f in fields(self)[:-1]]
        return ", ".join([*counts, f"{len(self.faults)} faults"])


class Twins:
    """All keys of one store, and what was answered to each."""

    def __init__(self, seed: int) -> None:
        """Start with none."""
        self.tally = TwinTally()
        self.answers: dict[str, bytes] = {}
        self.heard = asyncio.Event()
        self._bodies: dict[str, bytes] = {}
        # Of each key how many connections send it, and how many of them another body.
        self._forms: dict[str, tuple[int, int]] = {}
        self._chance = random.Random(seed)  # noqa: S311 - chance that comes again

    def make_keys(self, n_keys: int) -> list[str]:
        """Make so many new keys."""
        keys = [f"k{self.tally.n_keys + number}" for number in range(n_keys)]
        for key in keys:
            n_others = int(self._chance.random() < OTHER_SHARE)
            self._forms[key] = self._chance.randint(2, TWINS_MAX), n_others
        self.tally.n_keys += n_keys
        return keys

    def choose_old(self, n_keys: int) -> list[str]:
        """Choose keys that were answered before, by whichever server."""
        return self._chance.sample(sorted(self.answers), min(n_keys, len(self.answers)))

    async def send(self, keys: Sequence[str], port: int) -> None:
        """Have each key sent by several connections at once, until all are answered or cut."""
        twins = []
        for key in keys:
            # The same ones each time: where the other body came first, it alone is answered.
            n_twins, n_others = self._forms[key]
            twins += [self._ask(key, port, is_other=i < n_others) for i in range(n_twins)]
        self._chance.shuffle(twins)
        await asyncio.gather(*twins)

    async def _ask(self, key: str, port: int, *, is_other: bool) -> None:
        """Ask until there is an answer, or no server any more."""
        body = _write_body(key, is_other=is_other)
        try:
            async with open_line(port) as line:
                while True:
                    self.tally.n_sent += 1
                    headers = {"Idempotency-Key": key}
                    answer = await line.ask("POST", "/v1/allocate", body, headers)
                    if answer.status not in LATER:
                        break
                    self.tally.n_later += 1
                    await asyncio.sleep(self._chance.uniform(0, PAUSE_SECONDS))
        except GONE:
            return
        self._take(key, body, answer)

    def _take(self, key: str, body: bytes, answer: Answer) -> None:
        """Hold an answer against what was answered to this key before."""
        if answer.status == CONFLICT:
            self.tally.n_conflicts += 1
            if self._bodies.get(key, b"") == body:
                self.tally.faults.append(f"{key}: a conflict with itself")
            return
        if answer.status != 200:
            self.tally.faults.append(f"{key}: answered {answer.status} {answer.body[:100]!r}")
            return
        self.heard.set()
        self.tally.n_answered += 1
        self.tally.n_repeated += answer.is_repeated
        if self._bodies.setdefault(key, body) != body:
            self.tally.faults.append(f"{key}: two bodies were answered")
        elif self.answers.setdefault(key, answer.body) != answer.body:
            self.tally.faults.append(f"{key}: two answers were given")

    def check(self, path: Path) -> None:
        """Add the store up, and look for keys of two plans, or plans of no key."""
        inspection = inspect_store(path)
        stored = {fact[1]: fact[2] for fact in inspection.facts if fact[0] == "answer"}
        found = list(inspection.faults)
        found += [
            f"{key}: the answer is not kept"
            for key, x in self.answers.items()
            if stored.get(key) != x
        ]
        planned = Counter(fact[1] for fact in inspection.facts if fact[0] == "plan")
        told = Counter(json.loads(x)["plan_id"] for key, x in stored.items() if key != POOL_KEY)
        if planned != told:
            found.append(f"{planned.total()} plans were made of {told.total()} keys")
        self.tally.n_unheard += len(stored.keys() - self.answers.keys() - {POOL_KEY})
        self.tally.faults += found


def _write_body(key: str, *, is_other: bool) -> bytes:
    """Write what comes with a key, or what does not."""
    number = int(key[1:]) + 1_000_000 * is_other
    content = {
        "questions": [{"id": "q0", "text": f"What is {number} plus 3 times two?"}],
        "pool": "pool",
        "budget": {"searches": 1},
        "lease_s": 3600,
    }
    return json.dumps(content).encode()


def send_twins(
    n_lives: int,
    seed: int,
    *,
    n_keys: int = KEYS_A_LIFE,
    seconds_max: float = SECONDS_MAX,
    commands: Sequence[Sequence[str]] = (),
) -> TwinTally:
    """Let servers on one store live one after the other, all killed but the last.

    Parameters
    ----------
    n_lives : int
        How many servers.
    seed : int
        Of all chance.
    n_keys : int, default=40
        New keys for each server.
    seconds_max : float, default=0.5
        How long after its first answer a server lives at most.
    commands : sequence of sequence of str, optional
        Stand between the interpreter and the word ``serve``, in turn; every other server is
        stretched by default.

    Returns
    -------
    TwinTally
    """
    commands = commands or (STRETCHED, ("-m", "router"))
    chance = random.Random(seed)  # noqa: S311 - chance that comes again
    twins, keys = Twins(seed), list[str]()
    with open_place() as place:
        tiny_bundle().save(place / "bundle")
        arguments = ["--data", place / "data", "--model", place / "bundle"]
        for life in range(n_lives):
            with run_sidecar(ROOT, arguments, commands[life % len(commands)]) as sidecar:
                asyncio.run(_ask_again(twins, keys, sidecar.port))
                keys = twins.make_keys(n_keys)
                if life < n_lives - 1:
                    kill_s = chance.uniform(0, seconds_max)
                    asyncio.run(_kill_amid(twins, keys, sidecar.port, sidecar.process, kill_s))
                else:
                    asyncio.run(_send_all(twins, keys, sidecar.port))
                    sidecar.end()
            twins.check(place / "data")
    return twins.tally


async def _ask_again(twins: Twins, keys: list[str], port: int) -> None:
    """Make the pool, and send again what the last server was sent, and some from before it."""
    pool = {"name": "pool", "capacity": {"searches": 1e8}}
    async with open_line(port) as line:
        answer = await line.ask("POST", "/v1/pools", pool, {"Idempotency-Key": POOL_KEY})
        assert answer.status == 201, answer
        # A server that answers before its commit has no pool yet, which is not what is looked for.
        for _ in range(LOOKS_MAX):
            if (await line.ask("GET", "/v1/pools/pool")).status == 200:
                break
            await asyncio.sleep(PAUSE_SECONDS)
    await _send_all(twins, keys + twins.choose_old(len(keys)), port)


async def _send_all(twins: Twins, keys: Sequence[str], port: int) -> None:
    """Send keys to a server that nobody kills, and see that each is answered."""
    await twins.send(keys, port)
    missing = [key for key in keys if key not in twins.answers]
    twins.tally.faults += [f"{key}: never answered" for key in missing]


async def _kill_amid(
    twins: Twins, keys: list[str], port: int, process: subprocess.Popen[str], seconds: float
) -> None:
    """Send new keys, and kill the server so long after its first answer."""
    twins.heard = asyncio.Event()
    sending = asyncio.create_task(twins.send(keys, port))
    hearing = asyncio.create_task(twins.heard.wait())
    # Where all is refused nobody is heard, and there is nothing to wait for.
    await asyncio.wait({hearing, sending}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    hearing.cancel()
    await asyncio.sleep(seconds)
    process.kill()
    await sending
    await asyncio.to_thread(process.wait, 60)
    twins.tally.n_kills += 1


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=scale(10_000), help="how many (10000)")
    parser.add_argument("--store", type=int, default=25, help="servers on one store (25)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    options = parser.parse_args()
    started, total, number = time.monotonic(), TwinTally(), 0
    while total.n_keys < options.keys:
        left = -(-(options.keys - total.n_keys) // KEYS_A_LIFE)
        some = send_twins(min(options.store, left), options.seed + number)
        total, number = total + some, number + 1
        took = time.monotonic() - started
        sys.stdout.write(f"{total} in {took:.0f} s (seed {options.seed + number - 1})\n")
        sys.stdout.writelines(f"  {line}\n" for line in some.faults[:20])
        sys.stdout.flush()
    return int(bool(total.faults))


if __name__ == "__main__":
    sys.exit(main())
