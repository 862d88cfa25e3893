"""Clients that send slowly or not at all: each is cut in its time, and others notice nothing.

``python -m tests.rigs.slow_clients --clients 500``; ``ROUTER_SOAK=0.1`` makes it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from router.service.settings import Settings
from tests.contracts.commands import tiny_bundle
from tests.contracts.servers import PLAN_BODY, write_request
from tests.contracts.sidecars import run_sidecar
from tests.rigs.processes import ROOT, scale

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SlowReport", "attack", "attack_sidecar", "main"]

N_CLIENTS = 500
N_NORMAL = 8
# What a slow client may get beyond its time, on a machine that does other things as well.
SLACK_SECONDS = 3.0
# A wait between two bytes of one that sends bit by bit.
TRICKLE_SECONDS = 0.2
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n"
HEAD = write_request("POST", "/v1/allocate", b"x" * 100_000)[:-100_000]
PLAN = write_request("POST", "/v1/allocate", PLAN_BODY)
# What a client begins with, what it sends bit by bit behind that, and the setting that ends it.
KINDS: Sequence[tuple[str, bytes, bytes, str]] = (
    ("nothing", b"", b"", "idle_seconds"),
    ("half a header", LIVE + b"X: ", b"", "header_seconds"),
    ("a header bit by bit", LIVE + b"X: ", b"y", "header_seconds"),
    ("headers bit by bit", LIVE, b"X: y\r\n", "header_seconds"),
    ("half a body", HEAD + b'{"questions": ["', b"", "body_seconds"),
    ("a body bit by bit", HEAD + b'{"questions": ["', b"y", "body_seconds"),
)


@dataclass
class SlowReport:
    """What came of an attack; without faults it has passed."""

    n_slow: int = 0
    n_answered: int = 0
    longest_seconds: dict[str, float] = field(default_factory=dict)
    normal_seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def attack(port: int, settings: Settings, n_slow: int) -> SlowReport:
    """Connect many slow clients, serve eight others meanwhile, and time both.

    Parameters
    ----------
    port : int
        Of a server on this machine.
    settings : Settings
        What it was started with.
    n_slow : int
        How many connections are held.

    Returns
    -------
    SlowReport
    """
    report = SlowReport(n_slow)
    done = asyncio.Event()
    normal = [asyncio.create_task(_ask(port, done, report)) for _ in range(N_NORMAL)]
    slow = [_hold(port, settings, KINDS[i % len(KINDS)], report) for i in range(n_slow)]
    await asyncio.gather(*slow)
    done.set()
    await asyncio.gather(*normal)
    return report


async def _hold(
    port: int, settings: Settings, kind: tuple[str, bytes, bytes, str], report: SlowReport
) -> None:
    """Hold one connection until the server ends it, or for longer than it may."""
    name, content, trickle, setting = kind
    limit_seconds = getattr(settings, setting) + SLACK_SECONDS
    # The server's time cannot begin earlier, however late this process looks at its connections.
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    try:
        await asyncio.wait_for(_wait_for_end(reader, writer, trickle), limit_seconds)
    except TimeoutError:
        report.faults.append(f"{name}: still open after {limit_seconds} s")
    finally:
        writer.transport.abort()
    taken_seconds = time.monotonic() - began
    report.longest_seconds[name] = max(report.longest_seconds.get(name, 0.0), taken_seconds)
    if taken_seconds < getattr(settings, setting) - 0.1:
        report.faults.append(f"{name}: cut after {taken_seconds} s already")


async def _wait_for_end(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trickle: bytes
) -> None:
    """Send bit by bit, if anything, until there is nothing more to read."""
    while True:
        try:
            if trickle and not writer.is_closing():
                writer.write(trickle)
            if not await asyncio.wait_for(reader.read(65_536), TRICKLE_SECONDS):
                return
        except TimeoutError:
            continue
        except ConnectionError:
            return


async def _ask(port: int, done: asyncio.Event, report: SlowReport) -> None:
    """Ask for plans, each on a new connection, until the slow ones are gone."""
    while not done.is_set():
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(PLAN)
            head = await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            report.faults.append(f"a normal client was not answered: {error!r}")
            continue
        if not head.startswith(b"HTTP/1.1 200 "):
            report.faults.append(f"a normal client was answered {head[:100]!r}")
        report.normal_seconds.append(time.monotonic() - began)
        report.n_answered += 1
        await asyncio.sleep(0.05)


def attack_sidecar(
    settings: Settings, n_slow: int, command: tuple[str, ...] = ("-m", "router")
) -> SlowReport:
    """Attack a sidecar in a process of its own.

    Parameters
    ----------
    settings : Settings
        Of the time that clients have.
    n_slow : int
        How many connections are held.
    command : tuple of str, optional
        How to start it; with a fault, for instance.

    Returns
    -------
    SlowReport
    """
    names = ("header_seconds", "body_seconds", "idle_seconds")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        tiny_bundle().save(directory / "bundle")
        lines = [f"{setting} = {getattr(settings, setting)}\n" for setting in names]
        (directory / "router.toml").write_text("".join(lines), "utf-8")
        arguments = ["--model", directory / "bundle", "--config", directory / "router.toml"]
        with run_sidecar(ROOT, arguments, command) as sidecar:
            return asyncio.run(attack(sidecar.port, settings, n_slow))


def main() -> int:
    """Attack with the settings that are the default, print what came of it, and judge it.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=scale(N_CLIENTS))
    report = attack_sidecar(Settings(), parser.parse_args().clients)
    normal = sorted(report.normal_seconds)
    told = {
        "n_slow": report.n_slow,
        "longest_seconds": report.longest_seconds,
        "n_answered": report.n_answered,
        "normal_p50_seconds": normal[len(normal) // 2] if normal else None,
        "normal_worst_seconds": normal[-1] if normal else None,
        "faults": report.faults[:20],
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if report.faults or not normal else 0


if __name__ == "__main__":
    sys.exit(main())
