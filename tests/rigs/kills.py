"""Kills the process that keeps the ledger, again and again, while 64 clients draw on one pool.

The process is asked over a pipe. What it answered before it was killed is what clients hold. After
each kill the store is opened, added up and compared with that, and the next process goes on from
it. A client whose request was not answered asks again with the same key.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tests.rigs.ledger_process import serve
from tests.rigs.places import open_place
from tests.rigs.planted import PLANTED
from tests.rigs.processes import scale
from tests.rigs.work import Fact, inspect_store

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

__all__ = ["Tally", "kill_often"]

N_CLIENTS = 64
# Grants are spent slowly, so that a pool lasts for so many.
POOL_SETTLEMENTS = 800
SECONDS_MIN = 0.02
MISSING = "failed: UnknownError"
START_SECONDS_MAX = 60.0
KILLS_A_STORE = 50


@dataclass
class Tally:
    """What clients hold, and what was found to be wrong with it.

    Parameters
    ----------
    n_kills, n_granted, n_refused, n_settled, n_repeated : int
        How often what happened; repeated is what had been done before and was asked for again.
    faults : list of str
        What was wrong.
    """

    n_kills: int = 0
    n_granted: int = 0
    n_refused: int = 0
    n_settled: int = 0
    n_repeated: int = 0
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        """Add two up."""
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.n_kills} kills, {self.n_granted} grants, {self.n_refused} refused, "
            f"{self.n_settled} settled, {self.n_repeated} repeated, {len(self.faults)} faults"
        )


class Clients:
    """The 64 clients: each asks, waits for the answer, and asks for the next."""

    def __init__(self, seed: int, tally: Tally) -> None:
        """Start with nothing held."""
        self.tally = tally
        self._random = random.Random(seed)  # noqa: S311 - chance that comes again
        self.told: set[Fact] = set()
        self.waiting: dict[int, list[Any]] = {}
        self._held: dict[int, str | None] = dict.fromkeys(range(N_CLIENTS))
        self._n_keys = 0
        self._n_pools = 0
        self._n_left = 0

    def make_request(self, client: int) -> list[Any]:
        """Decide what a client asks for next."""
        held = self._held[client]
        if held is not None:
            amount = int(held.rpartition("-")[2])
            spent = amount + 3 if self._random.random() < 0.01 else self._random.randint(0, 4)
            return ["settle", held, spent]
        if self._n_left <= 0:
            self._n_pools, self._n_left = self._n_pools + 1, POOL_SETTLEMENTS
            return ["pool", f"pool{self._n_pools}"]
        self._n_keys += 1
        amount, key = self._random.randint(50, 150), f"k{self._n_keys}"
        return ["reserve", f"pool{self._n_pools}", key, f"{key}-0-{amount}", amount]

    def repeat_request(self, client: int) -> list[Any]:
        """Ask again for what was not answered; the service would make another plan of it."""
        request = self.waiting[client]
        if request[0] == "reserve":
            key, attempt, amount = request[3].split("-")
            request[3] = f"{key}-{int(attempt) + 1}-{amount}"
        return request

    def take(self, client: int, word: str) -> None:
        """Take in an answer."""
        kind, *details = self.waiting.pop(client)
        if word == "exhausted":
            self.tally.n_refused += 1
        elif kind == "reserve" and word == MISSING and ("pool", details[0]) not in self.told:
            # A kill came before the pool; who drew on it asked again before who had wanted it.
            self._held[client] = None
        elif word.startswith("failed"):
            self.tally.faults.append(f"{kind} {details[:2]} {word}")
            self._held[client] = None
        elif kind == "pool":
            self.told.add(("pool", details[0]))
        elif kind == "settle":
            self.told.add(("outcome", details[0], 0, details[1]))
            self._held[client] = None
            self._n_left -= 1
            self.tally.n_settled += 1
        else:
            plan_id = details[2] if word == "done" else word
            self.tally.n_repeated += word != "done"
            self.tally.n_granted += 1
            self.told.add(("plan", plan_id, details[3]))
            self.told.add(("answer", details[1], plan_id.encode()))
            self._held[client] = plan_id

    def list_unanswered(self) -> set[Fact]:
        """List what may have been done without anybody having been told."""
        facts: set[Fact] = set()
        for kind, *details in self.waiting.values():
            if kind == "pool":
                facts.add(("pool", details[0]))
            elif kind == "settle":
                facts.add(("outcome", details[0], 0, details[1]))
            else:
                key, attempts, amount = details[2].split("-")
                for attempt in range(int(attempts) + 1):
                    plan_id = f"{key}-{attempt}-{amount}"
                    facts.add(("plan", plan_id, details[3]))
                    facts.add(("answer", key, plan_id.encode()))
        return facts


def kill_often(
    n_kills: int, seed: int, *, seconds_max: float = 0.5, planted: str | None = None
) -> Tally:
    """Kill the process that keeps one store so many times.

    Parameters
    ----------
    n_kills : int
        How many times.
    seed : int
        Decides what is asked for and when each process is killed.
    seconds_max : float, default=0.5
        How long after its first answer a process lives at most.
    planted : str, optional
        A fault to plant.

    Returns
    -------
    Tally
    """
    tally = Tally()
    clients = Clients(seed, tally)
    chance = random.Random(seed)  # noqa: S311 - chance that comes again
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([serve.__module__])
    with open_place() as place:
        for _ in range(n_kills):
            ours, theirs = context.Pipe()
            child = context.Process(target=serve, args=(place / "data", theirs, planted))
            child.start()
            theirs.close()
            _talk(clients, ours, child.pid or 0, chance.uniform(SECONDS_MIN, seconds_max))
            child.join()
            tally.n_kills += 1
            _check(clients, place / "data")
    return tally


def _talk(clients: Clients, pipe: Connection, process: int, seconds: float) -> None:
    """Let clients ask, kill the process some time after its first answer, hear the rest."""
    for client in range(N_CLIENTS):
        again = client in clients.waiting
        request = clients.repeat_request(client) if again else clients.make_request(client)
        clients.waiting[client] = request
        pipe.send((client, *request))
    killed, end = False, time.monotonic() + START_SECONDS_MAX
    heard = False
    while True:
        if not killed and (time.monotonic() >= end or not pipe.poll(end - time.monotonic())):
            os.kill(process, signal.SIGKILL)
            killed = True
        try:
            client, word = pipe.recv()
        except (EOFError, ConnectionResetError):
            break
        if not heard:
            heard, end = True, time.monotonic() + seconds
        if word != "busy":
            clients.take(client, word)
        if not killed:
            if word != "busy":
                clients.waiting[client] = clients.make_request(client)
            pipe.send((client, *clients.waiting[client]))
    if not heard:
        clients.tally.faults.append("the process never answered")


def _check(clients: Clients, path: Path) -> None:
    """Open the store as the next process will, and compare it with what clients hold."""
    inspection = inspect_store(path)
    asked = clients.told | clients.list_unanswered()
    found = inspection.compare(asked, clients.told)
    keys = [fact[1].partition("-")[0] for fact in inspection.facts if fact[0] == "plan"]
    found += [f"granted {n} times: {key}" for key, n in Counter(keys).items() if n > 1]
    clients.tally.faults += found


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=scale(1000), help="at least (1000)")
    parser.add_argument("--grants", type=int, default=scale(1_000_000), help="at least (1000000)")
    parser.add_argument("--seconds", type=float, default=0.5, help="longest life (0.5)")
    parser.add_argument("--planted", choices=sorted(PLANTED), help="a fault that is to be found")
    parser.add_argument("--seed", type=int, default=None, help="of the first store")
    options = parser.parse_args()
    first = secrets.randbelow(2**32) if options.seed is None else options.seed
    started, total = time.monotonic(), Tally()
    while total.n_kills < options.kills or total.n_granted < options.grants:
        left, seed = options.kills - total.n_kills, first + total.n_kills
        count = min(KILLS_A_STORE, left) if left > 0 else KILLS_A_STORE
        some = kill_often(count, seed, seconds_max=options.seconds, planted=options.planted)
        total += some
        took = time.monotonic() - started
        sys.stdout.write(f"{total} in {took:.0f} s (seed {seed})\n")
        sys.stdout.writelines(f"  {line}\n" for line in some.faults[:20])
        sys.stdout.flush()
    return int(bool(total.faults))


if __name__ == "__main__":
    sys.exit(main())
