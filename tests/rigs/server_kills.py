"""Kills the whole server, or asks it to end, while 64 clients draw on one pool over HTTP.

What clients were told before is what they hold. After each end the store is added up and compared
with that, word for word, and the next server goes on from it. A client whose request was not
answered asks again with the same key and has to be told the same as if it had been asked once; now
and then one that was answered asks again as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import signal
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router.budgets import from_micro
from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import run_sidecar
from tests.rigs.kills import N_CLIENTS, Tally
from tests.rigs.places import open_place
from tests.rigs.processes import ROOT, scale
from tests.rigs.work import Fact, inspect_store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["end_often"]

COMMAND = ("-m", "router")
# What the questions of this rig are planned at, and a pool for half of the clients at a time.
AMOUNT = 200
CAPACITY = AMOUNT * N_CLIENTS // 2
POOL_SETTLEMENTS = 500
SECONDS_MIN = 0.02
EXIT_SECONDS_MAX = 5.0
PAUSE_SECONDS_MAX = 0.1
AGAIN_SHARE = 0.1
MISSING = 404
REFUSED = {422, 429}
LATER = 503
ENDS = {"kill": signal.SIGKILL, "term": signal.SIGTERM}


@dataclass
class Request:
    """A request that is sent until it is answered."""

    kind: str
    path: str
    body: bytes
    key: str

    def write(self) -> bytes:
        """Write it as it goes over the wire."""
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {self.key}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        ).encode() + self.body


class Clients:
    """The 64 clients, and what they have been told."""

    def __init__(self, seed: int) -> None:
        """Start with nothing held."""
        self.tally = Tally()
        self.told: set[Fact] = set()
        self.heard = asyncio.Event()
        self._random = random.Random(seed)  # noqa: S311 - chance that comes again
        self._waiting: dict[int, Request] = {}
        self._held: dict[int, str | None] = dict.fromkeys(range(N_CLIENTS))
        self._pools: set[str] = set()
        self._answered: deque[tuple[Request, bytes]] = deque(maxlen=1000)
        self._n_keys = self._n_pools = self._n_left = 0

    @property
    def n_unanswered(self) -> int:
        """How many grants may have been made without anybody having been told."""
        return sum(request.kind == "reserve" for request in self._waiting.values())

    async def work(self, client: int, port: int) -> None:
        """Ask and ask again until the server is gone."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        try:
            while True:
                if self._answered and self._random.random() < AGAIN_SHARE:
                    await self._ask_again(reader, writer)
                request = self._waiting.setdefault(client, self._make_request(client))
                writer.write(request.write())
                status, repeated, body = await _read_answer(reader)
                self.heard.set()
                if status == LATER:
                    await asyncio.sleep(0.05)
                    continue
                del self._waiting[client]
                self.tally.n_repeated += repeated
                if not self._take(client, request, status, body):
                    await asyncio.sleep(self._random.uniform(0, PAUSE_SECONDS_MAX))
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _ask_again(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a request that was answered, by whichever server: the answer is the same."""
        request, expected = self._random.choice(self._answered)
        writer.write(request.write())
        status, repeated, body = await _read_answer(reader)
        if status == LATER:
            return
        self.tally.n_repeated += 1
        if not repeated or body != expected:
            self.tally.faults.append(f"{request.key} was answered otherwise: {body[:200]!r}")

    def _make_request(self, client: int) -> Request:
        """Decide what a client asks for next."""
        held = self._held[client]
        self._n_keys += 1
        key, content = f"k{self._n_keys}", dict[str, Any]()
        if held is not None:
            kind, path = "settle", "/v1/outcomes"
            overrun = self._random.random() < 0.01
            cost = {"usd": from_micro(AMOUNT + 1 if overrun else self._random.randint(0, 2))}
            content = {"plan_id": held, "outcomes": [{"id": "q0", "cost": cost}]}
        elif self._n_left <= 0:
            kind, path = "pool", "/v1/pools"
            self._n_pools, self._n_left = self._n_pools + 1, POOL_SETTLEMENTS
            content = {"name": f"pool{self._n_pools}", "capacity": {"usd": from_micro(CAPACITY)}}
        else:
            kind, path = "reserve", "/v1/allocate"
            text = f"What is {self._n_keys} plus {client} times two?"
            content = {
                "questions": [{"id": "q0", "text": text}],
                "pool": f"pool{self._n_pools}",
                "budget": {"usd": from_micro(AMOUNT)},
                "all_or_nothing": True,
                "lease_s": 3600,
            }
        return Request(kind, path, json.dumps(content).encode(), key)

    def _take(self, client: int, request: Request, status: int, body: bytes) -> bool:
        """Take in an answer; say whether it was granted."""
        if request.kind == "reserve" and status in REFUSED:
            self.tally.n_refused += 1
            # A pool that overruns have emptied is of no more use.
            self._n_left -= 1
            return False
        if status not in {200, 201}:
            # The first to ask for a new pool may be overtaken by the next, who draws on it.
            pool = json.loads(request.body).get("pool")
            if status != MISSING or pool in self._pools:
                self.tally.faults.append(f"{request.kind} was answered {status}: {body[:200]!r}")
            self._held[client] = None
            return False
        self.told.add(("answer", request.key, body))
        self._answered.append((request, body))
        content = json.loads(body)
        if request.kind == "reserve":
            self.tally.n_granted += 1
            self._held[client] = content["plan_id"]
            self.told.add(("plan", content["plan_id"], AMOUNT))
        elif request.kind == "settle":
            self.tally.n_settled += 1
            self._n_left -= 1
            self._held[client] = None
            cost = json.loads(request.body)["outcomes"][0]["cost"]["usd"]
            self.told.add(("outcome", content["plan_id"], 0, round(cost * 1_000_000)))
        else:
            self._pools.add(content["name"])
        return True


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """Read an answer: its status, whether it was given before, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
    return int(head[9:12]), b"idempotent-replayed" in head, await reader.readexactly(length)


def end_often(
    ends: Sequence[str], seed: int, *, seconds_max: float = 0.5, command: Sequence[str] = COMMAND
) -> Tally:
    """Let servers on one store live one after the other, each ended in its way.

    Parameters
    ----------
    ends : sequence of {"kill", "term"}
        How.
    seed : int
        Decides what is asked for and how long each server lives.
    seconds_max : float, default=0.5
        How long after its first answer at most.
    command : sequence of str
        Stands between the interpreter and the word ``serve``.

    Returns
    -------
    Tally
    """
    chance = random.Random(seed)  # noqa: S311 - chance that comes again
    clients = Clients(seed)
    with open_place() as place:
        tiny_bundle().save(place / "bundle")
        arguments = ["--data", place / "data", "--model", place / "bundle"]
        for end in ends:
            with run_sidecar(ROOT, arguments, command) as sidecar:
                seconds = chance.uniform(SECONDS_MIN, seconds_max)
                asyncio.run(_live(clients, sidecar.port, sidecar.process, end, seconds))
            clients.tally.n_kills += 1
            _check(clients, place / "data")
    return clients.tally


async def _live(
    clients: Clients, port: int, process: subprocess.Popen[str], end: str, seconds: float
) -> None:
    """Let clients ask until the server has been ended and all have noticed."""
    clients.heard = asyncio.Event()
    tasks = [asyncio.create_task(clients.work(n, port)) for n in range(N_CLIENTS)]
    await asyncio.wait_for(clients.heard.wait(), 60)
    await asyncio.sleep(seconds)
    process.send_signal(ENDS[end])
    began = time.monotonic()
    await asyncio.to_thread(process.wait, 60)
    took = time.monotonic() - began
    await asyncio.gather(*tasks)
    if end == "term" and (process.returncode != 0 or took > EXIT_SECONDS_MAX):
        clients.tally.faults.append(f"it ended with {process.returncode} after {took:.1f} s")


def _check(clients: Clients, path: Path) -> None:
    """Compare the store with what clients hold."""
    inspection = inspect_store(path)
    faults = inspection.compare(inspection.facts, clients.told)
    planned = Counter(fact[1] for fact in inspection.facts if fact[0] == "plan")
    answers = [json.loads(fact[2]) for fact in inspection.facts if fact[0] == "answer"]
    answered = Counter(a["plan_id"] for a in answers if "choices" in a)
    if planned != answered:
        faults.append(
            f"plans without an answer, or answers without one: {planned.items() ^ answered.items()}"
        )
    n_more = planned.total() - clients.tally.n_granted
    if not 0 <= n_more <= clients.n_unanswered:
        faults.append(f"{n_more} grants more than told, {clients.n_unanswered} were not answered")
    clients.tally.faults += faults


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=scale(1000), help="ends by SIGKILL (1000)")
    parser.add_argument("--terms", type=int, default=scale(200), help="ends by SIGTERM (200)")
    parser.add_argument("--seconds", type=float, default=0.5, help="longest life (0.5)")
    parser.add_argument("--store", type=int, default=50, help="ends of one store (50)")
    parser.add_argument("--seed", type=int, default=None, help="of the first store")
    options = parser.parse_args()
    first = secrets.randbelow(2**32) if options.seed is None else options.seed
    started, total = time.monotonic(), Tally()
    ends = ["kill"] * options.kills + ["term"] * options.terms
    random.Random(first).shuffle(ends)  # noqa: S311 - chance that comes again
    for start in range(0, len(ends), options.store):
        some = ends[start : start + options.store]
        tally = end_often(some, first + start, seconds_max=options.seconds)
        total += tally
        took = time.monotonic() - started
        sys.stdout.write(f"{total} in {took:.0f} s (seed {first + start})\n")
        sys.stdout.writelines(f"  {line}\n" for line in tally.faults[:20])
        sys.stdout.flush()
    return int(bool(total.faults))


if __name__ == "__main__":
    sys.exit(main())
