"""A million requests changed by chance, on sockets: no crash, no defect, no memory that grows.

``python -m tests.rigs.fuzz --requests 1000000 --seed 7``; ``ROUTER_SOAK=0.01`` makes it shorter.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.contracts.commands import tiny_bundle
from tests.contracts.servers import connect, exchange, read_answer, write_request
from tests.contracts.sidecars import run_sidecar
from tests.rigs.mutation import make_probe
from tests.rigs.processes import ROOT, read_memory, scale

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FuzzReport", "fuzz", "fuzz_sidecar", "main"]

N_REQUESTS = 1_000_000
# From here on memory is compared; before, caches fill.
WARM_SHARE = 0.1
MEMORY_RATIO_MAX = 1.2
ERROR_BYTES_MAX = 4096
FAULTS_MAX = 20
# Status 503 is no defect, as the machine may be busy, but it has to stay rare.
UNAVAILABLE_SHARE_MAX = 0.001
SERVER_ERROR = re.compile(rb"HTTP/1\.1 5(?!03)\d\d ")
ANY_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) ")
ALIVE = write_request("GET", "/v2/health/live")


@dataclass
class FuzzReport:
    """What came of a run; without faults it has passed."""

    seed: int
    n_requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    warm_bytes: int = 0
    end_bytes: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def note(self, number: int, what: str) -> None:
        """Note a fault by the number of its request, by which it can be made again."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(f"request {number} of seed {self.seed}: {what}")


def fuzz(
    port: int,
    n_requests: int,
    seed: int,
    memory: Callable[[], int] = lambda: 1,
    *,
    first: int = 0,
) -> FuzzReport:
    """Send requests changed by chance, and look at every answer.

    Parameters
    ----------
    port : int
        Of a server on this machine.
    n_requests : int
        How many.
    seed : int
        Of all chance.
    memory : callable, optional
        Tells the bytes that the server holds.
    first : int, default=0
        The number of the first request, to make one again.

    Returns
    -------
    FuzzReport
    """
    report = FuzzReport(seed)
    began = time.monotonic()
    n_warm = max(1, int(n_requests * WARM_SHARE))
    connection: socket.socket | None = None
    try:
        for number in range(first, first + n_requests):
            connection = _send(port, connection, number, report)
            report.n_requests += 1
            if report.n_requests == n_warm:
                report.warm_bytes = memory()
            if len(report.faults) >= FAULTS_MAX:
                break
        if exchange(port, ALIVE).status != 200:
            report.note(number, "a good request behind it is not answered")
    except OSError as error:
        report.note(number, f"the server does not answer: {error!r}")
    finally:
        if connection is not None:
            connection.close()
    report.end_bytes = memory()
    if report.end_bytes > MEMORY_RATIO_MAX * report.warm_bytes:
        report.faults.append(f"memory grew from {report.warm_bytes} to {report.end_bytes} bytes")
    if report.statuses[503] > max(1, UNAVAILABLE_SHARE_MAX * n_requests):
        report.faults.append(f"{report.statuses[503]} requests were answered by status 503")
    report.seconds = time.monotonic() - began
    return report


def _send(
    port: int, connection: socket.socket | None, number: int, report: FuzzReport
) -> socket.socket | None:
    """Send one request, judge the answer, and give back the connection if it can be used again."""
    probe = make_probe(report.seed, number)
    if not probe.is_whole:
        received = _send_and_end(port, probe.content)
        report.statuses.update(int(status) for status in ANY_ANSWER.findall(received))
        if SERVER_ERROR.search(received):
            report.note(number, f"answered by {received[:300]!r}")
        return connection
    if connection is None:
        connection = connect(port)
    try:
        connection.sendall(probe.content)
    except ConnectionError:
        # Refused before all of it was sent, which is fine; the answer may still be there.
        report.statuses[-1] += 1
    answer = read_answer(connection)
    report.statuses[answer.status] += 1
    if answer.status == 0 or SERVER_ERROR.match(answer.raw):
        report.note(number, f"answered by {answer.raw[:300]!r}")
    elif answer.status >= 400 and len(answer.raw) > ERROR_BYTES_MAX:
        report.note(number, f"{len(answer.raw)} bytes say that it is refused")
    if answer.headers.get("connection") == "close" or answer.status == 0:
        connection.close()
        return None
    return connection


def _send_and_end(port: int, content: bytes) -> bytes:
    """Send what may have no end, say that nothing follows, and read all that comes."""
    received = bytearray()
    with connect(port) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                received += piece
        except OSError:
            # The server has heard enough; once it is gone there is nothing to shut down either.
            return bytes(received)
    return bytes(received)


def fuzz_sidecar(
    n_requests: int, seed: int, command: tuple[str, ...] = ("-m", "router")
) -> FuzzReport:
    """Fuzz a sidecar with a ledger, in a process of its own.

    Parameters
    ----------
    n_requests : int
        How many.
    seed : int
        Of all chance.
    command : tuple of str, optional
        How to start it; with a fault, for instance.

    Returns
    -------
    FuzzReport
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        tiny_bundle().save(directory / "bundle")
        # A busy machine would otherwise be told to plan without the model, which is another test.
        (directory / "router.toml").write_text("deadline_ms = 60000\n", "utf-8")
        arguments = ["--model", directory / "bundle", "--data", directory / "data"]
        arguments += ["--config", directory / "router.toml"]
        with run_sidecar(ROOT, arguments, command) as sidecar:
            process_id = sidecar.process.pid
            report = fuzz(sidecar.port, n_requests, seed, lambda: read_memory(process_id))
            said = sidecar.end()
    if sidecar.process.returncode != 0 or said.count("\n") > 1:
        report.faults.append(f"status {sidecar.process.returncode}, and it said {said[-500:]}")
    return report


def main() -> int:
    """Run at length, print what came of it as JSON, and fail where there is a fault.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=scale(N_REQUESTS))
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    chosen = parser.parse_args()
    report = fuzz_sidecar(chosen.requests, chosen.seed)
    sys.stdout.write(json.dumps(vars(report)) + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
