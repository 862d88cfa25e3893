"""The sidecar as a process: started, asked over a socket, stopped."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from router.service.keys import Role, add_key, remove_key
from tests.contracts.commands import check_refused, tiny_bundle
from tests.contracts.sidecars import Sidecar, run_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[1]
SECONDS_MAX = 30


def ask(port: int, method: str, path: str, body: object = None, key: str = "") -> tuple[int, Any]:
    """Ask the process, and read status and document."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@contextmanager
def started(directory: Path, *arguments: object) -> Iterator[Sidecar]:
    """Start the sidecar with the small bundle on a free port."""
    tiny_bundle().save(directory / "bundle")
    with run_sidecar(ROOT, [*arguments, "--model", directory / "bundle"]) as sidecar:
        yield sidecar


def check_end(sidecar: Sidecar, n_lines: int = 1) -> None:
    """Check that the process ends well when it is told to stop, and says no more than it did."""
    said = sidecar.end()
    assert (sidecar.process.returncode, said.count("\n")) == (0, n_lines), said


def test_served_plan_and_clean_end(tmp_path: Path) -> None:
    """The process tells its address, answers over a socket, and ends well when told to stop."""
    with started(tmp_path) as sidecar:
        assert ask(sidecar.port, "GET", "/v2/health/ready") == (
            200,
            {"ready": True, "bundle_id": tiny_bundle().bundle_id},
        )
        body = {"questions": ["Who?", "Why?"], "budget": {"searches": 3}}
        status, plan = ask(sidecar.port, "POST", "/v1/allocate", body)
        assert (status, len(plan["choices"])) == (200, 2)
        assert ask(sidecar.port, "POST", "/v1/allocate", {})[0] == 422
        check_end(sidecar)


def test_keys_and_settings_of_files(tmp_path: Path) -> None:
    """Keys named in a file of settings are asked for; the bound address may be any."""
    key = add_key(tmp_path / "keys.toml", "team", [Role.PLAN])
    config = tmp_path / "router.toml"
    config.write_text('keys_file = "keys.toml"\nhost = "0.0.0.0"\nbody_bytes_max = 1024\n')
    with started(tmp_path, "--config", config) as sidecar:
        body = {"questions": ["Who?"], "budget": {"searches": 3}}
        assert ask(sidecar.port, "POST", "/v1/allocate", body)[0] == 401
        assert ask(sidecar.port, "POST", "/v1/allocate", body, key)[0] == 200
        long = {**body, "questions": ["Who?" * 300]}
        assert ask(sidecar.port, "POST", "/v1/allocate", long, key)[0] == 413
        assert ask(sidecar.port, "GET", "/v2/health/live")[0] == 200
        check_end(sidecar)


def test_keys_change_while_it_serves(tmp_path: Path) -> None:
    """Told so, the process reads its keys anew; if it cannot, it says so and keeps those it has."""
    path = tmp_path / "keys.toml"
    old = add_key(path, "team", [Role.PLAN])
    body = {"questions": ["Who?"]}
    with started(tmp_path, "--keys", path) as sidecar:

        def wait_for(key: str, status: int) -> None:
            """Ask until the status is that one."""
            end = time.monotonic() + SECONDS_MAX
            while ask(sidecar.port, "POST", "/v1/predict", body, key)[0] != status:
                assert time.monotonic() < end
                time.sleep(0.02)

        wait_for(old, 200)
        new = add_key(path, "team", [Role.PLAN])
        remove_key(path, old[:8])
        sidecar.process.send_signal(signal.SIGHUP)
        wait_for(new, 200)
        wait_for(old, 401)
        path.chmod(0o644)
        sidecar.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + SECONDS_MAX
        while "keys stay as they were" not in "".join(sidecar.said):
            assert time.monotonic() < end
            time.sleep(0.02)
        wait_for(new, 200)
        check_end(sidecar, 2)


def test_serving_strangers_is_said_loudly(tmp_path: Path) -> None:
    """Whoever opens an address to everybody reads what that means."""
    with started(tmp_path, "--host", "0.0.0.0", "--insecure") as sidecar:  # noqa: S104 -- Said so.
        assert sidecar.said[0].startswith("WARNING: NO KEYS")
        assert ask(sidecar.port, "GET", "/v2/health/live")[0] == 200
        check_end(sidecar, 2)


def test_end_waits_for_no_slow_client(tmp_path: Path) -> None:
    """Clients that have sent half a request, or read nothing, do not hold up the end."""
    with started(tmp_path) as sidecar:
        pieces = (b"", b"GET /v2/he", b"POST /v1/allocate HTTP/1.1\r\nHost: localhost\r\n")
        clients = [socket.create_connection(("127.0.0.1", sidecar.port)) for _ in pieces]
        for client, piece in zip(clients, pieces, strict=True):
            client.sendall(piece)
        assert ask(sidecar.port, "GET", "/v2/health/live")[0] == 200
        # The server would complain if it had to break something off.
        check_end(sidecar)
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prot = 1\n", "unknown field `prot`"),
        ("port = -1\n", "port: "),
        ("explore = 1\n", "explore: "),
    ],
)
def test_wrong_settings_are_named(
    tmp_path: Path, capsys: Capture, content: str, words: str
) -> None:
    """A file of settings that is not in order stops the sidecar before it starts."""
    config = tmp_path / "router.toml"
    config.write_text(content)
    check_refused(capsys, ["serve", "--config", config], words, str(config))


def test_other_hosts_are_refused(capsys: Capture) -> None:
    """Without keys the sidecar listens on this machine only."""
    check_refused(
        capsys, ["serve", "--host", "192.168.1.5"], "'192.168.1.5'", "loopback", "127.0.0.1"
    )


def test_serve_names_its_extra(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without FastAPI the door stays shut, with one line naming the extra."""
    for name in [name for name in sys.modules if name.startswith("router.service.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    check_refused(capsys, ["serve"], "[service]", "pip install")
