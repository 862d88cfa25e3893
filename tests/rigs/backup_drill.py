"""The drill of backups: copies made while agents draw and report, and servers started on them.

Whatever was answered before a copy was begun is in it. It adds up, its pools answer, a plan that
was open can be reported on, and a request that was answered is answered the same, byte by byte.
What it was copied from goes on meanwhile and adds up as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import run_sidecar
from tests.rigs.lines import Line, open_line
from tests.rigs.places import open_place
from tests.rigs.processes import ROOT, scale
from tests.rigs.work import Fact, inspect_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DrillReport", "copy_by_command", "drill"]

N_AGENTS = 8
# Before the first copy, and from one to the next.
PAUSE_SECONDS_MAX = 0.5


@dataclass
class DrillReport:
    """What came of a drill; without faults it has passed.

    Parameters
    ----------
    n_copies, n_plans, n_outcomes : int
        Copies, and what agents were told while they were made.
    copy_seconds : list of float
        How long each took, the start of its process included.
    faults : list of str
        What was wrong.
    """

    n_copies: int = 0
    n_plans: int = 0
    n_outcomes: int = 0
    copy_seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Agents:
    """Agents that draw and report, and everything that they were told, in its order."""

    def __init__(self, seed: int) -> None:
        """Start with nothing."""
        self.told: list[Fact] = []
        self.done = asyncio.Event()
        self.heard = asyncio.Event()
        self.chance = random.Random(seed)  # noqa: S311 - chance that comes again
        self._n_keys = 0

    async def work(self, port: int) -> None:
        """Draw and report until it is enough; some plans are left open."""
        async with open_line(port) as line:
            while not self.done.is_set():
                self._n_keys += 1
                key = f"k{self._n_keys}"
                answer = await line.ask("POST", "/v1/allocate", write_draw(key), name_key(key))
                if answer.status != 200:
                    continue
                plan_id = answer.document["plan_id"]
                self.told += [("plan", plan_id), ("answer", key, answer.body)]
                if self.chance.random() < 0.7:
                    await _report(line, plan_id)
                    self.told.append(("outcome", plan_id, 0))
                    self.heard.set()

    def list_open(self, n_told: int) -> set[str]:
        """List plans that had been made by then, and not been reported on until now."""
        plans = {fact[1] for fact in self.told[:n_told] if fact[0] == "plan"}
        return plans - {fact[1] for fact in self.told if fact[0] == "outcome"}


def write_draw(key: str) -> dict[str, Any]:
    """Write what comes with a key."""
    return {
        "questions": [{"id": "q0", "text": f"What is {key[1:]} plus 3 times two?"}],
        "pool": "pool",
        "budget": {"searches": 1},
        "lease_s": 3600,
    }


def name_key(key: str) -> dict[str, str]:
    """Give the header of a key."""
    return {"Idempotency-Key": key}


async def _report(line: Line, plan_id: str) -> str:
    """Report on a plan's one question, and give the word that it is answered by."""
    content = {"plan_id": plan_id, "outcomes": [{"id": "q0", "cost": {"searches": 0}}]}
    answer = await line.ask("POST", "/v1/outcomes", content)
    return str(answer.document["outcomes"][0]["status"] if answer.status == 200 else answer)


def copy_by_command(data: Path, copy: Path) -> None:
    """Copy a data directory as its operator would."""
    command = [sys.executable, "-m", "router", "backup", str(data), "--out", str(copy)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def drill(
    n_copies: int, seed: int, make_copy: Callable[[Path, Path], None] = copy_by_command
) -> DrillReport:
    """Make copies of a ledger under load, and start a server on each.

    Parameters
    ----------
    n_copies : int
        How many.
    seed : int
        Of all chance.
    make_copy : callable, optional
        Takes the data directory and the one to make; the command line by default.

    Returns
    -------
    DrillReport
    """
    report, agents = DrillReport(), Agents(seed)
    with open_place() as place:
        tiny_bundle().save(place / "bundle")
        arguments: list[object] = ["--model", place / "bundle", "--data"]

        def copy_one(number: int) -> None:
            """Make one copy, and note how long that took."""
            began = time.monotonic()
            make_copy(place / "data", place / f"copy{number}")
            report.copy_seconds.append(round(time.monotonic() - began, 3))

        with run_sidecar(ROOT, [*arguments, place / "data"]) as sidecar:
            moments = asyncio.run(_copy_amid(agents, sidecar.port, n_copies, copy_one))
            sidecar.end()
        facts = inspect_store(place / "data").facts
        report.faults += _compare(place / "data", set(agents.told))
        for number, n_told in enumerate(moments):
            copy = place / f"copy{number}"
            if not _holds_secret(place / "data", copy):
                report.faults.append("the copy has another secret")
            report.faults += _compare(copy, set(agents.told[:n_told]))
            with run_sidecar(ROOT, [*arguments, copy]) as sidecar:
                asyncio.run(_restore(agents, n_told, sidecar.port, report.faults))
                sidecar.end()
            report.faults += _compare(copy, set(agents.told[:n_told]))
    report.n_copies = n_copies
    report.n_plans = sum(fact[0] == "plan" for fact in facts)
    report.n_outcomes = sum(fact[0] == "outcome" for fact in facts)
    return report


async def _copy_amid(
    agents: Agents, port: int, n_copies: int, copy_one: Callable[[int], None]
) -> list[int]:
    """Let agents work, and copy meanwhile; give how much they had been told before each copy."""
    async with open_line(port) as line:
        pool = {"name": "pool", "capacity": {"searches": 1e8}}
        assert (await line.ask("POST", "/v1/pools", pool)).status == 201
    working = [asyncio.create_task(agents.work(port)) for _ in range(N_AGENTS)]
    moments = []
    for number in range(n_copies):
        agents.heard.clear()
        await asyncio.wait_for(agents.heard.wait(), 60)
        await asyncio.sleep(agents.chance.uniform(0, PAUSE_SECONDS_MAX))
        moments.append(len(agents.told))
        await asyncio.to_thread(copy_one, number)
    agents.done.set()
    await asyncio.gather(*working)
    return moments


def _holds_secret(data: Path, copy: Path) -> bool:
    """Say whether texts are hashed alike in both."""
    file = copy / "secret"
    return file.is_file() and file.read_bytes() == (data / "secret").read_bytes()


def _compare(path: Path, told: set[Fact]) -> list[str]:
    """Add a store up, and look for what agents were told before it was copied."""
    inspection = inspect_store(path)
    # Amounts are the auditor's; here it is whether something is there at all.
    found = {
        x if x[0] == "answer" else x[: 3 if x[0] == "outcome" else 2] for x in inspection.facts
    }
    lost = sorted(told - found, key=repr)
    return inspection.faults + [f"{path.name} lost {len(lost)}: {x}"[:200] for x in lost[:3]]


async def _restore(agents: Agents, n_told: int, port: int, faults: list[str]) -> None:
    """Ask a server on a copy for its pool, for an answer from before, and to take a report."""
    told = agents.told[:n_told]
    async with open_line(port) as line:
        pool = await line.ask("GET", "/v1/pools/pool")
        if pool.status != 200 or pool.document["capacity"] != {"searches": 1e8}:
            faults.append(f"the pool is answered {pool}")
        for _, key, body in [fact for fact in told if fact[0] == "answer"][-N_AGENTS:]:
            answer = await line.ask("POST", "/v1/allocate", write_draw(key), name_key(key))
            if answer.body != body:
                faults.append(f"{key} is answered otherwise: {answer.body[:100]!r}")
        for plan_id in sorted(agents.list_open(n_told))[:N_AGENTS]:
            word = await _report(line, plan_id)
            if word != "settled":
                faults.append(f"a report on an open plan is answered {word}")
        fresh = await line.ask("POST", "/v1/allocate", write_draw("k0"), name_key("fresh"))
        if fresh.status != 200:
            faults.append(f"a new plan is answered {fresh}")


def main() -> int:
    """Run from the command line.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=scale(50), help="how many (50)")
    parser.add_argument("--ledger", type=int, default=10, help="of one ledger (10)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    options = parser.parse_args()
    has_faults, done = False, 0
    while done < options.copies:
        n_copies = min(options.ledger, options.copies - done)
        report = drill(n_copies, options.seed + done)
        sys.stdout.write(json.dumps({"seed": options.seed + done, **vars(report)}) + "\n")
        sys.stdout.flush()
        done, has_faults = done + n_copies, has_faults or bool(report.faults)
    return int(has_faults)


if __name__ == "__main__":
    sys.exit(main())
