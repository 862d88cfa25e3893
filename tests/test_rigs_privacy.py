"""What leaves the process: no word of a question, and nothing to other machines or files."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.commands import tiny_bundle
from tests.contracts.servers import connect, exchange, read_answer, write_request
from tests.contracts.sidecars import Sidecar, run_sidecar
from tests.rigs.fuzz import fuzz
from tests.rigs.processes import ROOT, plant_fault
from tests.rigs.watching import FORBIDDEN, watch_process

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

# One word, so that no hash and no cutting into words makes it another.
CANARY = "zyxwhisperzyx"
QUESTION = {"id": "a", "text": f"Who is {CANARY}?"}
# Little patience with clients, and much with the model, as the machine may be busy.
SETTINGS = "header_seconds = 1\nbody_seconds = 1\ndeadline_ms = 60000\n"
# Every plan fails in words that hold the question.
LOUD_DEFECT = """
from router.planner import Router

def make_loud(work):
    def fail(self, questions, *arguments, **options):
        texts = str([getattr(question, "text", question) for question in questions])
        if "whisper" in texts:
            raise RuntimeError("cannot plan " + texts)
        return work(self, questions, *arguments, **options)
    return fail

for name in ("predict", "allocate", "curve"):
    setattr(Router, name, make_loud(getattr(Router, name)))
"""
# Each question is told on standard error.
LOUD_LOG = """
import router.service.planning_routes as routes
decode = routes.decode_body

def tell(content, kind):
    sys.stderr.write(content.decode("latin-1"))
    return decode(content, kind)

routes.decode_body = tell
"""
CALLING_HOME = """
import socket
import router.service.planning_routes as routes
decode = routes.decode_body

def call(content, kind):
    with socket.socket() as other:
        other.settimeout(0.1)
        other.connect_ex(("127.0.0.1", 9))
    return decode(content, kind)

routes.decode_body = call
"""


def start(directory: Path, command: tuple[str, ...] = ("-m", "router")) -> Any:
    """Start a sidecar with a ledger and little patience."""
    tiny_bundle().save(directory / "bundle")
    (directory / "router.toml").write_text(SETTINGS, "utf-8")
    arguments = ["--model", directory / "bundle", "--data", directory / "data"]
    return run_sidecar(ROOT, [*arguments, "--config", directory / "router.toml"], command)


def post(sidecar: Sidecar, path: str, document: Any) -> tuple[int, str]:
    """Send a document, and give status and answer."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = exchange(sidecar.port, write_request("POST", path, body))
    return answer.status, answer.raw.decode("latin-1")


def whisper(sidecar: Sidecar) -> list[tuple[int, str]]:
    """Send the canary as text by every way there is, in order and not, and list the answers."""
    plan = {"questions": [QUESTION], "budget": {"searches": 3}}
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [QUESTION["text"]]}
    documents: list[tuple[str, Any]] = [
        ("/v1/pools", {"name": "shared", "capacity": {"searches": 100}}),
        ("/v1/allocate", plan),
        ("/v1/allocate", {"questions": [QUESTION], "pool": "shared"}),
        ("/v1/allocate", {**plan, "shadow": True}),
        ("/v1/allocate", {**plan, "budget": {"searches": -1}}),
        ("/v1/allocate", {"questions": [QUESTION, QUESTION], "budget": {"searches": 3}}),
        ("/v1/allocate", {**plan, "questions": [{**QUESTION, CANARY: 1}]}),
        ("/v1/allocate", {**plan, "pool": "none"}),
        ("/v1/predict", {"questions": [QUESTION]}),
        ("/v1/predict", {"questions": [QUESTION["text"]] * 600}),
        ("/v1/curve", {"questions": [QUESTION]}),
        ("/v2/models/gain/infer", {"inputs": [tensor]}),
        ("/v2/models/gain/infer", {"inputs": [{**tensor, "shape": [2]}]}),
        ("/v1/outcomes", {"plan_id": "none", "outcomes": [{"id": "a", "cost": {}}], CANARY: 1}),
        ("/v1/allocate", f'{{"questions": ["{CANARY}'.encode()),
        ("/v1/allocate", CANARY.encode() + b"\xff"),
        ("/nowhere", plan),
    ]
    answers = [post(sidecar, path, document) for path, document in documents]
    place = exchange(sidecar.port, write_request("GET", f"/v1/{CANARY}?q={CANARY}"))
    answers.append((place.status, place.raw.decode("latin-1")))
    with connect(sidecar.port) as connection:
        content = write_request("POST", "/v1/allocate", json.dumps(plan).encode())
        connection.sendall(content[:-2])
        slow = read_answer(connection)
        answers.append((slow.status, slow.raw.decode("latin-1")))
    shown = exchange(sidecar.port, write_request("GET", "/metrics"))
    answers.append((shown.status, shown.raw.decode("latin-1")))
    return answers


def find_canary(directory: Path) -> list[str]:
    """Name the files below a directory that hold the canary."""
    word = CANARY.encode()
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if word in path.read_bytes().lower()]


def test_no_word_of_a_question_is_left_anywhere(tmp_path: Path) -> None:
    """A text is in no answer, no log and no file, whatever became of its request."""
    with start(tmp_path) as sidecar:
        answers = whisper(sidecar)
        while_running = find_canary(tmp_path / "data")
        said = sidecar.end()
    statuses = {status for status, _ in answers}
    assert {200, 404, 408, 422} <= statuses
    assert max(statuses) < 500
    assert [answer for _, answer in answers if CANARY in answer] == []
    assert CANARY not in said
    assert while_running == find_canary(tmp_path / "data") == []


def test_no_word_of_a_question_is_left_by_a_defect(tmp_path: Path) -> None:
    """A failure whose message holds the question is told without it."""
    with start(tmp_path, plant_fault(LOUD_DEFECT)) as sidecar:
        answers = whisper(sidecar)
        said = sidecar.end()
    assert [answer for _, answer in answers if CANARY in answer] == []
    assert CANARY not in said
    assert "RuntimeError" in said
    assert find_canary(tmp_path / "data") == []


def test_words_that_are_told_are_found(tmp_path: Path) -> None:
    """A process that writes questions to its log does not pass."""
    with start(tmp_path, plant_fault(LOUD_LOG)) as sidecar:
        whisper(sidecar)
        said = sidecar.end()
    assert CANARY in said


def test_words_that_are_kept_on_demand_are_found(tmp_path: Path) -> None:
    """With texts switched on they are on the disk, where the search above looks."""
    tiny_bundle().save(tmp_path / "bundle")
    (tmp_path / "router.toml").write_text(SETTINGS + "store_texts = true\n", "utf-8")
    arguments = ["--model", tmp_path / "bundle", "--data", tmp_path / "data"]
    with run_sidecar(ROOT, [*arguments, "--config", tmp_path / "router.toml"]) as sidecar:
        whisper(sidecar)
        sidecar.end()
    assert find_canary(tmp_path / "data") != []


def test_process_does_nothing_but_answer(tmp_path: Path, rng: np.random.Generator) -> None:
    """No other program, no other machine, no code from data, no file outside its directory."""
    with start(tmp_path, watch_process(str(tmp_path / "data"))) as sidecar:
        report = fuzz(sidecar.port, 400, int(rng.integers(2**32)))
        whisper(sidecar)
        said = sidecar.end()
    assert report.faults == []
    assert [line for line in said.splitlines() if line.startswith("WATCHED")] == []


def test_watcher_sees_a_call_to_another_machine(tmp_path: Path) -> None:
    """A process that connects elsewhere does not pass."""
    command = watch_process(str(tmp_path / "data"), CALLING_HOME)
    with start(tmp_path, command) as sidecar:
        post(sidecar, "/v1/predict", {"questions": [QUESTION]})
        said = sidecar.end()
    assert "WATCHED socket.connect" in said
    assert "socket.connect" in FORBIDDEN


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_what_is_kept_is_for_its_owner_only(tmp_path: Path, mask: int) -> None:
    """Whatever the process may leave to others by default, nobody else can read the ledger."""
    before = os.umask(mask)
    try:
        with start(tmp_path) as sidecar:
            whisper(sidecar)
            data = tmp_path / "data"
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.rglob("*")}
            modes["."] = stat.S_IMODE(data.stat().st_mode)
    finally:
        os.umask(before)
    assert len(modes) > 1
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
