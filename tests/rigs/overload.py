"""Overload: several times more requests for plans than are served, for as long as one likes.

Half of them draw on one pool. First as many clients ask at once as the server takes on, so that it
is full and refuses nobody; then many more ask at several times the rate at which those were served,
and wait for nothing that they are told to wait for. Every answer is a plan or a refusal that says
when to come again; the server counts every refusal; its memory stays; and whoever is let in waits
behind a bounded number of others. That is counted in requests served meanwhile, not in seconds,
which say more about the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import run_sidecar
from tests.rigs.lines import GONE, Line, open_line
from tests.rigs.places import open_place
from tests.rigs.processes import ROOT, read_memory, scale

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Load", "OverloadReport", "overload"]

COMMAND = ("-m", "router")
IN_FLIGHT_MAX = 64
N_CLIENTS = 400
SECONDS = 600
TIMES = 4.0
MEMORY_RATIO_MAX = 1.2
# How many of its own kind may be served while one waits, in places at the desk. Draws on a pool are
# served in their order, so that only those inside are before it, and some that are on their way; of
# the others there may be as many again that are sent and not looked at, or answered and not read.
OVERTAKEN_MAX = {"draw": 2, "plain": 4}
P99_RATIO_MAX = 2.0
SERVED_RATIO_MIN = 0.5
QUIET_RATIO_MAX = 1.5
REFUSALS = {429, 503}
SHED = re.compile(r'^router_shed_requests_total\{reason="overload"\} (\S+)$', re.MULTILINE)
QUESTIONS = [{"id": f"q{i}", "text": f"What is {i} plus 3 times two?"} for i in range(8)]
DRAW = {"questions": QUESTIONS[:1], "pool": "big", "budget": {"searches": 1}, "lease_s": 1}
BODIES = {
    "draw": json.dumps(DRAW).encode(),
    "plain": json.dumps({"questions": QUESTIONS, "budget": {"searches": 10}}).encode(),
}


@dataclass
class Load:
    """What clients were answered while they asked.

    Parameters
    ----------
    statuses : Counter of int
        How often each came.
    n_silent : int
        Refusals that did not say when to come again.
    n_degraded : int
        Plans that were made without the model.
    waits_s : list of float
        How long each plan took.
    n_plans : Counter of str
        How many of each kind.
    overtaken : dict of str to int
        How many others of a kind were answered while one waited, at most.
    seconds : float
        From the first request to the last answer.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    n_silent: int = 0
    n_degraded: int = 0
    waits_s: list[float] = field(default_factory=list)
    n_plans: Counter[str] = field(default_factory=Counter)
    overtaken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BODIES, 0))
    seconds: float = 0.0

    @property
    def served_per_s(self) -> float:
        """How many plans were given in a second."""
        return self.n_served / self.seconds if self.seconds else 0.0

    @property
    def n_served(self) -> int:
        """How many plans were given."""
        return self.statuses[200]

    @property
    def n_refused(self) -> int:
        """How many requests were told to come again."""
        return sum(self.statuses[status] for status in REFUSALS)

    def find_wait(self, share: float) -> float:
        """Give the milliseconds within which a share of the plans came."""
        waits = sorted(self.waits_s)
        return 1000 * waits[min(len(waits) - 1, int(share * len(waits)))] if waits else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Say it in few numbers."""
        return {
            "statuses": dict(self.statuses),
            "n_degraded": self.n_degraded,
            "seconds": round(self.seconds, 1),
            "served_per_s": round(self.served_per_s, 1),
            "p50_ms": round(self.find_wait(0.5), 1),
            "p99_ms": round(self.find_wait(0.99), 1),
            "overtaken": self.overtaken,
        }


@dataclass
class OverloadReport:
    """What came of an overload; without faults it has passed.

    Parameters
    ----------
    before, full, over, after : Load
        One client; as many as are taken on; many more; one client again.
    memory_ratio : float
        What the server holds in memory after the overload, of what it held when it was full.
    faults : list of str
        What was wrong.
    """

    before: Load = field(default_factory=Load)
    full: Load = field(default_factory=Load)
    over: Load = field(default_factory=Load)
    after: Load = field(default_factory=Load)
    memory_ratio: float = 0.0
    faults: list[str] = field(default_factory=list)

    def list_misses(self) -> list[str]:
        """List the goals in seconds that were missed, which a busy machine can do alone."""
        served_ratio = self.over.served_per_s / self.full.served_per_s
        p99_ratio = self.over.find_wait(0.99) / self.full.find_wait(0.99)
        quiet_ratio = self.after.find_wait(0.5) / self.before.find_wait(0.5)
        misses = []
        if served_ratio < SERVED_RATIO_MIN:
            misses.append(f"{served_ratio:.2f} times as much is served as by a full server")
        if p99_ratio > P99_RATIO_MAX:
            misses.append(f"p99 is {p99_ratio:.2f} times that of a full server")
        if quiet_ratio > QUIET_RATIO_MAX:
            misses.append(f"p50 of one client is {quiet_ratio:.2f} times that of before")
        return misses


async def _ask(line: Line, chance: random.Random, load: Load) -> None:
    """Ask for one plan and note what came of it."""
    kind = chance.choice(tuple(BODIES))
    began, n_before = time.monotonic(), load.n_plans[kind]
    answer = await line.ask("POST", "/v1/allocate", BODIES[kind])
    load.statuses[answer.status] += 1
    if answer.status == 200:
        load.waits_s.append(time.monotonic() - began)
        load.overtaken[kind] = max(load.overtaken[kind], load.n_plans[kind] - n_before)
        load.n_plans[kind] += 1
        load.n_degraded += b'"degraded":"' in answer.body
    elif answer.headers.get("retry-after", "") == "":
        load.n_silent += 1


async def _press(
    port: int, n_clients: int, seconds: float, chance: random.Random, pause_s: float = 0.0
) -> Load:
    """Let clients ask again and again, each with so much time from one request to the next."""
    load, began = Load(), time.monotonic()

    async def press() -> None:
        """Ask until the time is over, and go on by the schedule whatever is answered."""
        due = began + chance.uniform(0, pause_s)
        async with open_line(port) as line:
            while due < began + seconds:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                try:
                    await _ask(line, chance, load)
                except GONE:
                    load.statuses[0] += 1
                    return
                # A client that is late does not make up for it: it has only one connection.
                due = max(due + pause_s, time.monotonic())

    await asyncio.gather(*(press() for _ in range(n_clients)))
    load.seconds = time.monotonic() - began
    return load


async def _run(
    port: int,
    process: int,
    report: OverloadReport,
    *,
    n_places: int,
    n_clients: int,
    seconds: float,
    times: float,
    seed: int,
) -> None:
    """Do everything in its order."""
    chance = random.Random(seed)  # noqa: S311 - chance that comes again
    async with open_line(port) as line:
        pool = {"name": "big", "capacity": {"searches": 1e8}}
        assert (await line.ask("POST", "/v1/pools", pool)).status == 201
    await _press(port, n_places, seconds / 5, chance)
    report.before = await _press(port, 1, seconds / 5, chance)
    report.full = await _press(port, n_places, seconds / 5, chance)
    memory, shed = read_memory(process), await _count_shed(port)
    pause_s = n_clients / (times * report.full.served_per_s)
    report.over = await _press(port, n_clients, seconds, chance, pause_s)
    shed = await _count_shed(port) - shed
    report.memory_ratio = read_memory(process) / memory
    report.after = await _press(port, 1, seconds / 5, chance)
    if shed != report.over.n_refused:
        report.faults.append(f"{report.over.n_refused} were refused, {shed:g} are counted")


async def _count_shed(port: int) -> float:
    """Ask how many requests the server has turned away."""
    async with open_line(port) as line:
        found = SHED.search((await line.ask("GET", "/metrics")).body.decode())
    assert found is not None
    return float(found[1])


def _judge(report: OverloadReport, n_places: int) -> None:
    """Name what was wrong, without regard to time."""
    faults, over = report.faults, report.over
    for name, load in (("before", report.before), ("full", report.full), ("after", report.after)):
        if set(load.statuses) != {200}:
            faults.append(f"{name}: answered {dict(load.statuses)}")
    if not set(over.statuses) <= {200, *REFUSALS}:
        faults.append(f"answered {dict(over.statuses)}, where 0 is not at all")
    if over.n_silent:
        faults.append(f"{over.n_silent} refusals do not say when to come again")
    if not (over.n_refused and over.n_served):
        faults.append("nobody was refused, or nobody served")
    for kind, times in OVERTAKEN_MAX.items():
        if over.overtaken[kind] > times * n_places:
            faults.append(f"one {kind} waited while {over.overtaken[kind]} others were served")
    if report.memory_ratio > MEMORY_RATIO_MAX:
        faults.append(f"memory grew to {report.memory_ratio:.2f} times what it was")


def overload(
    seconds: float,
    seed: int,
    *,
    n_clients: int = N_CLIENTS,
    n_places: int = IN_FLIGHT_MAX,
    times: float = TIMES,
    command: Sequence[str] = COMMAND,
) -> OverloadReport:
    """Overload a sidecar with a ledger, in a process of its own.

    Parameters
    ----------
    seconds : float
        For how long; what comes before and after takes four fifths of it besides.
    seed : int
        Of all chance.
    n_clients : int, default=400
        Connections that ask.
    n_places : int, default=64
        The setting ``in_flight_max``.
    times : float, default=4.0
        How many times as much is asked for as a full server serves; infinite is without any pause.
    command : sequence of str
        Stands between the interpreter and the word ``serve``.

    Returns
    -------
    OverloadReport
    """
    report = OverloadReport()
    with open_place() as place:
        tiny_bundle().save(place / "bundle")
        (place / "router.toml").write_text(f"in_flight_max = {n_places}\n", "utf-8")
        arguments = ["--model", place / "bundle", "--data", place / "data"]
        with run_sidecar(ROOT, [*arguments, "--config", place / "router.toml"], command) as sidecar:
            asyncio.run(
                _run(
                    *(sidecar.port, sidecar.process.pid, report),
                    n_places=n_places,
                    n_clients=n_clients,
                    seconds=seconds,
                    times=times,
                    seed=seed,
                )
            )
            said = sidecar.end()
    if sidecar.process.returncode != 0 or said.count("\n") > 1:
        report.faults.append(f"status {sidecar.process.returncode}, and it said {said[-500:]}")
    _judge(report, n_places)
    return report


def main() -> int:
    """Run from the command line, and judge times as well.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=scale(SECONDS), help="of overload (600)")
    parser.add_argument("--clients", type=int, default=N_CLIENTS, help="that ask (400)")
    parser.add_argument("--places", type=int, default=IN_FLIGHT_MAX, help="in_flight_max (64)")
    parser.add_argument("--times", type=float, default=TIMES, help="what is served (4)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    options = parser.parse_args()
    report = overload(
        *(options.seconds, options.seed),
        n_clients=options.clients,
        n_places=options.places,
        times=options.times,
    )
    loads = {name: load.to_dict() for name, load in vars(report).items() if isinstance(load, Load)}
    told = {
        "seed": options.seed,
        **loads,
        "memory_ratio": round(report.memory_ratio, 3),
        "misses": report.list_misses(),
        "faults": report.faults,
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return int(bool(report.faults or told["misses"]))


if __name__ == "__main__":
    sys.exit(main())
