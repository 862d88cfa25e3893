"""One client and the others: how long a ping waits while the worst allowed body is answered.

``python -m tests.rigs.stall --rounds 5`` prints the delay that each body adds; the goal is 50 ms at
a cap of 256 KiB, and ``benchmarks/`` holds it to that on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from typing import Any

from tests.contracts.servers import connect, read_answer, write_request
from tests.contracts.sidecars import run_sidecar
from tests.rigs.processes import ROOT

__all__ = ["list_bodies", "main", "measure_stall", "measure_stalls"]

BODY_BYTES_MAX = 256 * 1024
PING = write_request("GET", "/v2/health/live")
QUIET_SECONDS = 0.3
ALLOCATE, PREDICT, CURVE = "/v1/allocate", "/v1/predict", "/v1/curve"
INFER, OUTCOMES = "/v2/models/gain/infer", "/v1/outcomes"
BUDGET = '"budget": {"searches": 100}'


def _fill(start: str, piece: str, end: str) -> bytes:
    """Repeat a piece as often as the cap allows."""
    room = BODY_BYTES_MAX - len((start + end).encode()) - 1
    return (start + piece * (room // len(piece.encode())) + end).encode()


def _ask(questions: list[Any], **fields: Any) -> bytes:
    """Write a body for a plan."""
    return json.dumps({"questions": questions, "budget": {"searches": 100}, **fields}).encode()


def list_bodies() -> dict[str, tuple[str, bytes]]:
    """List the worst bodies that are known, legal ones and others, none longer than the cap.

    Returns
    -------
    dict of str to tuple
        Path and body by what is bad about it.
    """
    bodies = _list_heavy_bodies() | _list_conditions() | _list_illegal_bodies()
    too_long = [name for name, (_, body) in bodies.items() if len(body) > BODY_BYTES_MAX]
    assert too_long == []
    return bodies


def _make_menu() -> dict[str, Any]:
    """Make a menu of as many options as there may be."""
    grid = {"models": ["toy"], "search_steps": list(range(64)), "samples": [1, 2, 3, 4]}
    return {"grid": {**grid, "model_strength": {"toy": 0.5}}}


def _list_illegal_bodies() -> dict[str, tuple[str, bytes]]:
    """List bodies that are refused, as late as may be."""
    return {
        "one text that is too long": (ALLOCATE, _fill('{"questions": ["', "x ", '"]}')),
        "too many questions": (ALLOCATE, _fill('{"questions": ["x"', ',"x"', "], " + BUDGET + "}")),
        "too many empty objects": (ALLOCATE, _fill('{"questions": [{}', ",{}", "]}")),
        "wrong at the last byte": (ALLOCATE, _fill('{"questions": ["', "x", '"], "budget": 1}')),
        "lists in lists": (ALLOCATE, _fill('{"questions": ', "[", "")),
        "objects in objects": (ALLOCATE, _fill("", '{"questions":', "")),
        "unknown field of everything": (ALLOCATE, _fill('{"x": [', "[[],{},1.5e3],", "1]}")),
        "one number": (ALLOCATE, _fill('{"budget": {"usd": ', "9", "}}")),
        "one field again and again": (ALLOCATE, _fill("{", '"questions": ["x"],', '"x": 1}')),
        "blanks": (ALLOCATE, _fill("", " ", "")),
        "broken text": (ALLOCATE, b'{"questions": ["' + b"\xff" * 200_000),
        "too many outcomes": (
            OUTCOMES,
            _fill('{"plan_id": "p", "outcomes": [{"id": "a"}', ',{"id": "a"}', "]}"),
        ),
    }


def _list_heavy_bodies() -> dict[str, tuple[str, bytes]]:
    """List bodies that make work by their length, or by that of what is worked out of them."""
    menu, marks = _make_menu(), "a" + "\u0301\u0316" * 500
    texts = [f"{i} " + "Who heads the council of Bern? " * 12 for i in range(512)]
    return {
        "512 long questions": (ALLOCATE, _ask(texts)),
        "512 questions of 256 options": (ALLOCATE, _ask([str(i) for i in range(512)], menu=menu)),
        "512 predictions of 256 options": (
            PREDICT,
            json.dumps({"questions": [str(i) for i in range(512)], "menu": menu}).encode(),
        ),
        "curve of 512 questions": (CURVE, json.dumps({"questions": texts}).encode()),
        "one long text": (ALLOCATE, _ask(["x " * 99_000])),
        "one long word": (ALLOCATE, _ask(["x" * 199_000])),
        "marks without an end": (ALLOCATE, _ask([marks] * 43)),
        "text of escapes": (ALLOCATE, _fill('{"questions": ["', "\\u0301", '"], ' + BUDGET + "}")),
        "inference of long texts": (
            INFER,
            json.dumps(
                {"inputs": [{"name": "text", "shape": [512], "datatype": "BYTES", "data": texts}]}
            ).encode(),
        ),
    }


def _list_conditions() -> dict[str, tuple[str, bytes]]:
    """List bodies that make work by what questions ask for beside their text."""
    menu, context = _make_menu(), {f"{i:x}": 1.5 for i in range(256)}
    names = [f"toy|none|s{steps}|n{n}" for steps in range(64) for n in (1, 2, 3)]
    chain: list[Any] = [{"id": "q0", "text": "x"}]
    chain += [{"id": f"q{i}", "text": "x", "depends_on": [f"q{i - 1}"]} for i in range(1, 512)]
    return {
        "512 questions in a chain": (ALLOCATE, _ask(chain)),
        "contexts of 256 numbers": (
            ALLOCATE,
            _ask([{"text": "x", "context": context} for _ in range(90)]),
        ),
        "lists of forbidden options": (
            ALLOCATE,
            _ask([{"text": "x", "forbidden_options": names} for _ in range(60)], menu=menu),
        ),
        "512 questions under all conditions": (
            ALLOCATE,
            _ask(
                [
                    {
                        "id": f"q{i}",
                        "text": f"Who is number {i}?",
                        "group": f"g{i % 9}",
                        "weight": 1.5,
                        "min_quality": 0.1,
                        "priority": i % 3,
                        "max_cost": {"searches": 5.5},
                        "forbidden_options": names[:8],
                        "depends_on": [] if i % 4 == 0 else [f"q{i - 1}"],
                    }
                    for i in range(512)
                ],
                menu=menu,
            ),
        ),
    }


def measure_stall(port: int, path: str, body: bytes) -> tuple[int, float, float]:
    """Measure how much longer a ping takes while one request is answered.

    Parameters
    ----------
    port : int
        Of a server on this machine, in another process.
    path : str
        Where the request goes.
    body : bytes
        Its body.

    Returns
    -------
    status : int
        Of the answer to the request.
    delay_seconds : float
        The longest ping while it was answered, less the middle one before.
    answer_seconds : float
        How long the request itself took.
    """
    pings: list[tuple[float, float]] = []
    end = threading.Event()
    pinging = threading.Thread(target=_ping, args=(port, pings, end))
    pinging.start()
    try:
        time.sleep(QUIET_SECONDS)
        with connect(port) as connection:
            began = time.monotonic()
            connection.sendall(write_request("POST", path, body))
            status = read_answer(connection).status
            answered = time.monotonic()
        # One that was sent meanwhile may still be waiting.
        time.sleep(0.05)
    finally:
        end.set()
        pinging.join()
    before = [seconds for sent, seconds in pings if sent + seconds < began]
    during = [seconds for sent, seconds in pings if sent + seconds >= began and sent <= answered]
    usual = statistics.median(before)
    return status, max(0.0, max(during, default=usual) - usual), answered - began


def _ping(port: int, pings: list[tuple[float, float]], end: threading.Event) -> None:
    """Ping without a pause, and note when each was sent and how long it took."""
    with connect(port) as connection:
        while not end.is_set():
            sent = time.monotonic()
            connection.sendall(PING)
            assert read_answer(connection).status == 200
            pings.append((sent, time.monotonic() - sent))
            time.sleep(0.001)


def measure_stalls(port: int, n_rounds: int = 3) -> dict[str, dict[str, float]]:
    """Measure all bodies, each several times, of which the least counts.

    What else a machine does can only make a delay longer, so the least is nearest to the truth.

    Parameters
    ----------
    port : int
        Of a server on this machine, in another process.
    n_rounds : int, default=3
        How often each body is sent.

    Returns
    -------
    dict of str to dict
        By what is bad about a body: its ``status``, ``delay_ms`` and ``answer_ms``.
    """
    measured = {}
    for name, (path, body) in list_bodies().items():
        rounds = [measure_stall(port, path, body) for _ in range(n_rounds)]
        measured[name] = {
            "status": float(rounds[0][0]),
            "delay_ms": 1000 * min(delay for _, delay, _ in rounds),
            "answer_ms": 1000 * min(seconds for *_, seconds in rounds),
        }
    return measured


def main() -> int:
    """Measure a sidecar with the bundle that ships, and print the delays as JSON.

    Returns
    -------
    int
        Exit status: whether any body is answered by a fault of the server.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    with run_sidecar(ROOT) as sidecar:
        measured = measure_stalls(sidecar.port, parser.parse_args().rounds)
    sys.stdout.write(json.dumps(measured, indent=2) + "\n")
    return 1 if max(row["status"] for row in measured.values()) >= 500 else 0


if __name__ == "__main__":
    sys.exit(main())
