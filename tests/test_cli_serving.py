"""The sidecar as a process: started, asked over a socket, stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.commands import check_refused, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
SECONDS_MAX = 30


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Ask the process, and read status and document."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        headers = {"content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_served_plan_and_clean_end(tmp_path: Path, repository_root: Path) -> None:
    """The process tells its address, answers over a socket, and ends well when told to stop."""
    tiny_bundle().save(tmp_path / "bundle")
    command = [sys.executable, "-m", "router", "serve", "--port", "0"]
    command += ["--model", str(tmp_path / "bundle")]
    with subprocess.Popen(
        command, cwd=repository_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            first_line = process.stderr.readline()
            address = re.search(r"http://127\.0\.0\.1:(\d+)$", first_line.strip())
            assert address is not None, first_line
            port = int(address[1])
            assert ask(port, "GET", "/v2/health/ready") == (
                200,
                {"ready": True, "bundle_id": tiny_bundle().bundle_id},
            )
            body = {"questions": ["Who?", "Why?"], "budget": {"searches": 3}}
            status, plan = ask(port, "POST", "/v1/allocate", body)
            assert (status, len(plan["choices"])) == (200, 2)
            assert ask(port, "POST", "/v1/allocate", {})[0] == 422
            process.send_signal(signal.SIGTERM)
            out, complaint = process.communicate(timeout=SECONDS_MAX)
        finally:
            process.kill()
    assert (process.returncode, out, complaint) == (0, "", "")


def test_other_hosts_are_refused(capsys: Capture) -> None:
    """The sidecar has no keys yet, so it listens on this machine only."""
    check_refused(
        capsys, ["serve", "--host", "192.168.1.5"], "'192.168.1.5'", "loopback", "127.0.0.1"
    )


def test_serve_names_its_extra(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without FastAPI the door stays shut, with one line naming the extra."""
    for name in [name for name in sys.modules if name.startswith("router.service.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    check_refused(capsys, ["serve"], "[service]", "pip install")
