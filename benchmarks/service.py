"""The sidecar under load: latency, requests a second, and answers while the model is at fault.

Run it as ``python benchmarks/service.py`` (``--quick`` takes about a minute). It starts the real
server (``router serve``), once without and once with a ledger, and asks it over raw sockets from
another process, beside it on the same machine. Every request has other questions, of 80 to 200
characters. The echo floor is what the same server takes for a probe, and for a body of the same
length that is read, decoded and refused. Faults are planted in the model behind the planning desk.
It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._load import Load, drive, make_request
from benchmarks.serving import QUESTION_CHARACTERS, draw_batches, find_data, read_texts
from router import Question, Router
from router.menus import parse_menu
from router.service.answers import write_json
from router.service.desk import DeskLimits, PlanningDesk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.models.surface import Surface
    from router.options import Menu

BATCH = 32
MENU = {
    "grid": {
        "models": ["tiny", "small", "large", "huge"],
        "search_steps": [0, 1, 2, 4],
        "reasoning_effort": ["none", "high"],
        "model_strength": {"tiny": 0.55, "small": 0.65, "large": 0.8, "huge": 0.88},
    }
}
SEARCHES_PER_QUESTION = 1.25
CONNECTIONS = 16
P50_MS, P99_MS, PER_SECOND, PER_SECOND_STRETCH = 2.0, 6.0, 600.0, 1000.0
# An answer with a reservation waits for the disk: so many of its flushes, and some milliseconds.
FLUSHES, FLUSH_MS = 6.0, 15.0
FAULT_P99_MS, FAULT_MAX_MS = 50.0, 200.0
START_SECONDS = 120
FAULTS = {"raises": 0.0, "answers NaN": 0.0, "hangs for 10 s": 10.0}
PEERS = """\
published peers, on their own machines and tasks, one question routed to one model a request:
  RouteLLM 2.9 (similarity), 69.6 (BERT), 155 (matrix) requests/s [arXiv 2406.18665, table 7]
  vLLM semantic router 853 ms on CPU, 22 ms on GPU, at 500 tokens [its blog, v0.2]
  RADAR 7 ms added [arXiv 2509.25426]
here a request shares one budget out among 32 questions, each with 32 options."""


@dataclass(frozen=True)
class Sizes:
    """How long each part runs, and how many requests differ."""

    seconds: float
    n_requests: int
    n_faulty: int


@dataclass(frozen=True)
class Server:
    """A running sidecar and the process that asks it."""

    process: subprocess.Popen[str]
    port: int
    pool: ProcessPoolExecutor
    sizes: Sizes

    def ask(self, requests: list[bytes], concurrency: int) -> tuple[Load, float]:
        """Send requests for a while; give what came back, and the server's CPU a request in us."""
        begun = self._read_cpu()
        future = self.pool.submit(
            drive,
            ("127.0.0.1", self.port),
            requests,
            concurrency=concurrency,
            seconds=self.sizes.seconds,
        )
        load = future.result()
        unexpected = set(load.statuses) - {200, 201, 422}
        if unexpected:
            raise SystemExit(f"the server answered with {dict(load.statuses)}")
        return load, (self._read_cpu() - begun) / len(load.latencies_ms) * 1e6

    def _read_cpu(self) -> float:
        """Read how many seconds of CPU the server has taken, 0 where the system does not tell."""
        path = Path(f"/proc/{self.process.pid}/stat")
        if not path.exists():
            return 0.0
        fields = path.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serve(sizes: Sizes, *arguments: str) -> Iterator[Server]:
    """Start the sidecar on a free port, and a process to ask it from."""
    command = [sys.executable, "-m", "router", "serve", "--port", "0", *arguments]
    spawn = multiprocessing.get_context("spawn")
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        ProcessPoolExecutor(1, mp_context=spawn) as pool,
    ):
        try:
            line = next(process.stderr or iter(()), "")
            found = re.search(r":(\d+)$", line.strip())
            if found is None:
                raise SystemExit(f"the server did not start: {line}")
            yield Server(process, int(found[1]), pool, sizes)
        finally:
            process.terminate()


def write_bodies(batches: list[list[Question]], **fields: Any) -> list[dict[str, Any]]:
    """Write the bodies of requests for plans."""
    return [
        {"questions": [{"id": q.id, "text": q.text} for q in batch], **fields} for batch in batches
    ]


def make_requests(bodies: Sequence[dict[str, Any]], path: str = "/v1/allocate") -> list[bytes]:
    """Make requests of bodies."""
    return [make_request(path, json.dumps(body).encode()) for body in bodies]


def describe(name: str, load: Load, goals: tuple[float, float] | None = None) -> list[Figure]:
    """Give median and 99th percentile of a run at one connection."""
    p50, p99 = np.percentile(load.latencies_ms, (50, 99))
    goal50, goal99 = (None, None) if goals is None else goals
    return [
        Figure(f"{name}, p50", float(p50), "ms", goal50),
        Figure(f"{name}, p99", float(p99), "ms", goal99),
    ]


def measure_floor(server: Server, body: dict[str, Any]) -> Iterator[Figure]:
    """Measure what the server takes for requests that plan nothing."""
    probe = [make_request("/v2/health/live")]
    refused = make_requests([{**body, "no_such_field": 1}])
    for name, requests in (("probe", probe), ("body decoded and refused", refused)):
        yield from describe(f"echo floor, {name}, 1 connection", server.ask(requests, 1)[0])
        load, cpu_us = server.ask(requests, CONNECTIONS)
        place = f"echo floor, {name}, {CONNECTIONS} connections"
        yield Figure(place, load.per_second, "requests/s")
        yield Figure(f"{place}, CPU of the server", cpu_us, "us a request")


def measure_library(bodies: list[dict[str, Any]]) -> Iterator[Figure]:
    """Measure the same plans by the library in this process: how fast the machine is right now."""
    router, menu = Router.load(), parse_menu(MENU)
    router.warm_up()
    times = []
    for body in bodies[:200]:
        begun = time.perf_counter()
        write_json(router.allocate(body["questions"], body["budget"], menu=menu).to_dict())
        times.append((time.perf_counter() - begun) * 1e3)
    yield Figure(f"yardstick: the library alone, {BATCH} x 32, p50", float(np.median(times)), "ms")


def measure_plans(server: Server, texts: list[str]) -> Iterator[Figure]:
    """Measure plans without a pool."""
    n = server.sizes.n_requests
    batches, singles = draw_batches(texts, BATCH, n, seed=1), draw_batches(texts, 1, n, seed=2)
    budget = {"searches": SEARCHES_PER_QUESTION * BATCH}
    bodies = write_bodies(batches, budget=budget, menu=MENU)
    requests = make_requests(bodies)
    server.ask(requests, 1)
    yield from measure_library(bodies)
    yield from measure_floor(server, bodies[0])
    load, cpu_us = server.ask(requests, 1)
    name = f"allocate {BATCH} x 32"
    yield from describe(f"{name}, 1 connection", load, (P50_MS, P99_MS))
    yield Figure(f"{name}, 1 connection, CPU of the server", cpu_us, "us a request")
    degraded = load.n_degraded
    load, cpu_us = server.ask(requests, CONNECTIONS)
    place = f"{name}, {CONNECTIONS} connections"
    yield Figure(place, load.per_second, "requests/s", PER_SECOND, at_most=False)
    yield Figure(f"{place}, stretch", load.per_second / PER_SECOND_STRETCH, "of 1,000 requests/s")
    yield Figure(f"{place}, CPU of the server", cpu_us, "us a request")
    yield Figure(f"{name}, planned without the model", degraded + load.n_degraded, "requests")
    shipped = make_requests(write_bodies(batches, budget={"usd": 0.002 * BATCH}))
    yield from describe(f"allocate {BATCH} x 120, 1 connection", server.ask(shipped, 1)[0])
    one = {"searches": SEARCHES_PER_QUESTION}
    alone = make_requests(write_bodies(singles, budget=one, menu=MENU))
    yield from describe("allocate 1 x 32, 1 connection", server.ask(alone, 1)[0])
    load, cpu_us = server.ask(alone, CONNECTIONS)
    yield Figure(f"allocate 1 x 32, {CONNECTIONS} connections", load.per_second, "requests/s")


def measure_two(servers: tuple[Server, Server], texts: list[str]) -> Iterator[Figure]:
    """Measure what a second process that plans, on a port of its own, would be good for."""
    batches = draw_batches(texts, BATCH, servers[0].sizes.n_requests, seed=1)
    budget = {"searches": SEARCHES_PER_QUESTION * BATCH}
    requests = make_requests(write_bodies(batches, budget=budget, menu=MENU))
    share = CONNECTIONS // len(servers)
    servers[1].ask(requests, share)
    with ThreadPoolExecutor(len(servers)) as pool:
        loads = list(pool.map(lambda server: server.ask(requests, share)[0], servers))
    name = f"allocate {BATCH} x 32, {CONNECTIONS} connections shared by two servers"
    yield Figure(name, sum(load.per_second for load in loads), "requests/s")


def measure_flush(folder: Path, count: int) -> float:
    """Measure the median time of a flush of four kilobytes to the disk, in milliseconds."""
    times = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1e3)
    return float(np.median(times))


def measure_reservations(server: Server, folder: Path, texts: list[str]) -> Iterator[Figure]:
    """Measure plans that are drawn on a pool, each of which waits for the disk."""
    pool = {"name": "bench", "capacity": {"searches": 1e8}}
    created = server.pool.submit(
        drive,
        ("127.0.0.1", server.port),
        make_requests([pool], "/v1/pools"),
        concurrency=1,
        seconds=0.0,
    )
    if set(created.result().statuses) != {201}:
        raise SystemExit("the pool was not made")
    batches = draw_batches(texts, BATCH, server.sizes.n_requests, seed=3)
    budget = {"searches": SEARCHES_PER_QUESTION * BATCH}
    requests = make_requests(write_bodies(batches, budget=budget, menu=MENU, pool="bench"))
    server.ask(requests, 1)
    before = measure_flush(folder, 50)
    load, _ = server.ask(requests, 1)
    many, cpu_us = server.ask(requests, CONNECTIONS)
    flush_ms = (before + measure_flush(folder, 50)) / 2
    yield Figure("fdatasync of 4 KiB in the same run, p50", flush_ms, "ms")
    name = f"allocate {BATCH} x 32 with a reservation"
    goal_ms = FLUSHES * flush_ms + FLUSH_MS
    p50, p99 = describe(f"{name}, 1 connection", load)
    yield p50
    yield replace(p99, goal=goal_ms)
    place = f"{name}, {CONNECTIONS} connections"
    yield Figure(place, many.per_second, "requests/s")
    yield Figure(f"{place}, CPU of the server", cpu_us, "us a request")


class FaultyPredictor:
    """A predictor that fails in a planted way, and has the means of a sound one."""

    def __init__(self, sound: Any, fault: str) -> None:
        """Plant a fault."""
        self._sound = sound
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        """Give everything else of the sound one."""
        return getattr(self._sound, name)

    def predict(self, questions: Sequence[Question], menu: Menu) -> Surface:
        """Do what was planted."""
        if self._fault == "raises":
            raise ValueError("planted")
        time.sleep(FAULTS[self._fault])
        surface: Surface = self._sound.predict(questions, menu)
        surface.quality[:] = np.nan
        return surface


def measure_fault(fault: str, batches: list[list[Question]]) -> Iterator[Figure]:
    """Measure how long plans take at the desk while the model is at fault."""
    sound = Router.load()
    sound.warm_up()
    bundle = replace(sound.bundle)
    bundle.__dict__["predictor"] = FaultyPredictor(sound.predictor, fault)
    desk, menu = PlanningDesk(Router(bundle, sound.prices), DeskLimits()), parse_menu(MENU)
    budget = {"searches": SEARCHES_PER_QUESTION * BATCH}
    # As the server does before it tells its address.
    sound.allocate(batches[0], budget, menu=menu)
    times: list[float] = []
    n_degraded = 0

    async def ask(mine: list[list[Question]]) -> None:
        """Plan one batch after the other."""
        nonlocal n_degraded
        for batch in mine:
            begun = time.perf_counter()
            plan = await desk.allocate(batch, budget, menu=menu)
            times.append((time.perf_counter() - begun) * 1e3)
            n_degraded += plan.degraded is not None

    async def ask_all() -> None:
        """Plan many batches at once."""
        await asyncio.gather(*(ask(batches[first::CONNECTIONS]) for first in range(CONNECTIONS)))

    asyncio.run(ask_all())
    name = f"model {fault}, {CONNECTIONS} at once"
    yield Figure(f"{name}, p99", float(np.percentile(times, 99)), "ms", FAULT_P99_MS)
    yield Figure(f"{name}, longest", max(times), "ms", FAULT_MAX_MS)
    share = n_degraded / len(batches)
    yield Figure(f"{name}, answered and marked", share, "of all", 1.0, at_most=False)


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Measure everything."""
    low, high = QUESTION_CHARACTERS
    texts = [text for text in read_texts(find_data()) if low <= len(text) <= high]
    with serve(sizes) as server:
        yield from measure_plans(server, texts)
        with serve(sizes) as second:
            yield from measure_two((server, second), texts)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(sizes, "--data", str(Path(folder) / "ledger")) as server,
    ):
        yield from measure_reservations(server, Path(folder), texts)
    for fault in FAULTS:
        batches = draw_batches(texts, BATCH, sizes.n_faulty, seed=4)
        yield from measure_fault(fault, batches)


def main() -> int:
    """Measure, print and write."""
    options = parse_options(str(__doc__), "two seconds a part")
    sizes = Sizes(2.0, 200, 3200) if options.quick else Sizes(10.0, 1000, 6400)
    figures = show(measure(sizes), width=68, measured=24)
    print(PEERS)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
