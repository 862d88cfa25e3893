"""Agents that die: each takes a lease on a pool and is never heard of again, or much too late.

Half of the leases are short. Their agents hear their plans and say nothing, or are gone before they
could hear. Once those leases have ended the pool has everything back that was held by them, and
still holds what was granted for long, also where the server was killed meanwhile. Agents that turn
out to be alive are then listened to: a late report is marked as late and charged as what it is,
beyond what was granted; a long lease settles or is released as ever.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import sys
import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from router.budgets import from_micro
from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import run_sidecar
from tests.rigs.lines import open_line
from tests.rigs.places import open_place
from tests.rigs.processes import ROOT, scale
from tests.rigs.work import inspect_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contracts.sidecars import Sidecar

__all__ = ["DeathReport", "let_die"]

COMMAND = ("-m", "router")
# What the questions of this rig are planned at.
AMOUNT = 200
SHORT_S, LONG_S = 2.0, 86_000.0
N_AT_ONCE = 32
# A sweep comes once a second.
LATE_SECONDS_MAX = 2.0
# How long a busy machine may take before it is held for a leak.
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1
REFUSED = {429, 503}


@dataclass
class DeathReport:
    """What became of agents and their leases; without faults it has passed.

    Parameters
    ----------
    n_agents, n_deaf, n_late, n_kept, n_kills : int
        Agents; those gone before they were answered; those who reported late; those with long
        leases; kills of the server.
    late_seconds : float
        How long after its end the last short lease was back, at most; the machine's delays are in
        it.
    faults : list of str
        What was wrong.
    """

    n_agents: int = 0
    n_deaf: int = 0
    n_late: int = 0
    n_kept: int = 0
    n_kills: int = 0
    late_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: DeathReport) -> DeathReport:
        """Add two up; of times the longer one counts."""
        summed = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        summed["late_seconds"] = max(self.late_seconds, other.late_seconds)
        return DeathReport(**summed)


class Agents:
    """Agents on one pool, what they hold, and what they have spent."""

    def __init__(self, seed: int, n_agents: int, wait_seconds: float) -> None:
        """Start with nothing held."""
        self.report = DeathReport(n_agents)
        # A grant counts twice between disk and answer, so that a pool seems dry a little too soon.
        self.capacity = AMOUNT * (n_agents + N_AT_ONCE)
        self.short: list[str] = []
        self.long: list[str] = []
        self.overrun = self.settled = 0
        self.ended_at = 0.0
        self._chance = random.Random(seed)  # noqa: S311 - chance that comes again
        self._wait_seconds = wait_seconds
        self._places = asyncio.Semaphore(N_AT_ONCE)

    async def draw(self, port: int) -> None:
        """Let every agent take its lease; where they are deaf, nobody knows whether they have."""
        capacity = {"usd": from_micro(self.capacity)}
        async with open_line(port) as line:
            pool = {"name": "pool", "capacity": capacity}
            assert (await line.ask("POST", "/v1/pools", pool)).status == 201
        await asyncio.gather(*(self._live(number, port) for number in range(self.report.n_agents)))

    async def _live(self, number: int, port: int) -> None:
        """Take a lease, and never be heard of again."""
        is_long, is_deaf = self._chance.random() < 0.5, self._chance.random() < 0.2
        body = {
            "questions": [{"id": "q0", "text": f"What is {number} plus 3 times two?"}],
            "pool": "pool",
            "budget": {"usd": from_micro(AMOUNT)},
            "all_or_nothing": True,
            "lease_s": LONG_S if is_long else SHORT_S,
        }
        async with self._places, open_line(port) as line:
            asking = line.ask("POST", "/v1/allocate", body)
            if is_deaf and not is_long:
                self.report.n_deaf += 1
                try:
                    await asyncio.wait_for(asking, self._chance.uniform(0.0001, 0.02))
                except TimeoutError:
                    self.ended_at = time.monotonic() + SHORT_S
                return
            answer = await asking
        if answer.status != 200:
            self.report.faults.append(f"answered {answer.status} {answer.body[:100]!r}")
            return
        (self.long if is_long else self.short).append(answer.document["plan_id"])
        if not is_long:
            self.ended_at = time.monotonic() + SHORT_S

    async def wait(self, port: int) -> None:
        """Wait until all short leases are back, and see that no long one ever is."""
        held, end = AMOUNT * len(self.long), time.monotonic() + self._wait_seconds
        while (reserved := (await self.look(port))["reserved"]) > held:
            if time.monotonic() > end:
                self.report.faults.append(
                    f"{reserved} are held, {held} by leases that have not ended"
                )
                return
            await asyncio.sleep(POLL_SECONDS)
        self.report.late_seconds = time.monotonic() - self.ended_at
        await self.check(port)

    async def look(self, port: int) -> dict[str, int]:
        """Look at the pool, in micro-dollars."""
        async with open_line(port) as line:
            pool = (await line.ask("GET", "/v1/pools/pool")).document
        names = ("capacity", "reserved", "settled", "overrun", "free")
        return {name: round(1_000_000 * pool[name]["usd"]) for name in names}

    async def check(self, port: int) -> None:
        """Compare the pool with what agents hold and have spent."""
        capacity, held = self.capacity, AMOUNT * len(self.long)
        expected = {
            "capacity": capacity,
            "reserved": held,
            "settled": self.settled,
            "overrun": self.overrun,
            "free": max(0, capacity - held - self.settled - self.overrun),
        }
        found = await self.look(port)
        if found != expected:
            self.report.faults.append(f"the pool is {found}, agents know of {expected}")

    async def speak(self, port: int) -> None:
        """Let some of the dead turn out to be alive, and the others end in good order."""
        async with open_line(port) as line:
            for plan_id in self.short:
                spent = self._chance.randint(0, 2 * AMOUNT)
                content = _write_outcome(plan_id, spent)
                words = [await _tell(line, content) for _ in range(2)]
                self.overrun += spent
                self.report.n_late += 1
                if words != ["late", "repeated"]:
                    self.report.faults.append(f"a late report was answered {words}")
            await self.check(port)
            for plan_id in self.long:
                spent = self._chance.randint(-AMOUNT, AMOUNT)
                word = await _tell(line, _write_outcome(plan_id, spent))
                self.settled += max(0, spent)
                self.report.n_kept += 1
                if word != ("settled" if spent >= 0 else "released"):
                    self.report.faults.append(f"a report in time was answered {word}")
        self.long = []
        await self.check(port)


def _write_outcome(plan_id: str, spent: int) -> dict[str, Any]:
    """Write what is reported; of less than nothing the release."""
    said = {"cost": {"usd": from_micro(spent)}} if spent >= 0 else {"released": True}
    return {"plan_id": plan_id, "outcomes": [{"id": "q0", **said}]}


async def _tell(line: Any, content: dict[str, Any]) -> str:
    """Report, and give the word that it is answered by."""
    answer = await line.ask("POST", "/v1/outcomes", content)
    return str(answer.document["outcomes"][0]["status"] if answer.status == 200 else answer)


def let_die(
    n_agents: int,
    seed: int,
    *,
    n_kills: int = 1,
    wait_seconds: float = WAIT_SECONDS,
    command: Sequence[str] = COMMAND,
) -> DeathReport:
    """Let agents die on one pool, and perhaps the server as well.

    Parameters
    ----------
    n_agents : int
        How many.
    seed : int
        Of all chance.
    n_kills : int, default=1
        How often the server is killed while leases run.
    wait_seconds : float, default=60
        How long it is waited for leases to end.
    command : sequence of str
        Stands between the interpreter and the word ``serve``.

    Returns
    -------
    DeathReport
    """
    agents = Agents(seed, n_agents, wait_seconds)
    with open_place() as place:
        tiny_bundle().save(place / "bundle")
        # A busy machine would otherwise be told to plan without the model, at other costs.
        (place / "router.toml").write_text("deadline_ms = 60000\n", "utf-8")
        arguments = ["--data", place / "data", "--model", place / "bundle"]
        arguments += ["--config", place / "router.toml"]
        for life in range(n_kills + 1):
            with run_sidecar(ROOT, arguments, command) as sidecar:
                asyncio.run(_live(agents, sidecar, is_first=life == 0, is_last=life == n_kills))
        inspection = inspect_store(place / "data")
        n_outcomes = sum(fact[0] == "outcome" for fact in inspection.facts)
        agents.report.faults += inspection.faults
        if n_outcomes < agents.report.n_late:
            agents.report.faults.append(f"{n_outcomes} outcomes are kept of {agents.report.n_late}")
    return agents.report


async def _live(agents: Agents, sidecar: Sidecar, *, is_first: bool, is_last: bool) -> None:
    """Go through one life of the server."""
    if is_first:
        await agents.draw(sidecar.port)
    if not is_last:
        sidecar.process.kill()
        await asyncio.to_thread(sidecar.process.wait, 60)
        agents.report.n_kills += 1
        return
    await agents.wait(sidecar.port)
    await agents.speak(sidecar.port)


def main() -> int:
    """Run from the command line, and judge times as well.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=scale(10_000), help="how many (10000)")
    parser.add_argument("--pool", type=int, default=500, help="agents on one pool (500)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    options = parser.parse_args()
    total, number = DeathReport(), 0
    while total.n_agents < options.agents:
        n_agents = min(options.pool, options.agents - total.n_agents)
        # Without a kill, the time from a lease's end is that of the sweep and of this process.
        some = let_die(n_agents, options.seed + number, n_kills=number % 3)
        if number % 3 == 0 and some.late_seconds > LATE_SECONDS_MAX:
            some.faults.append(f"the last lease was back {some.late_seconds:.1f} s after its end")
        total, number = total + some, number + 1
        sys.stdout.write(json.dumps({"seed": options.seed + number - 1, **vars(some)}) + "\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(vars(total)) + "\n")
    return int(bool(total.faults))


if __name__ == "__main__":
    sys.exit(main())
