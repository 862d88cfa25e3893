"""Where the sidecar listens, whom it answers there, and what the process keeps to itself."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from router.exceptions import InputError
from router.planner import Router
from router.service.application import create_app
from router.service.keys import Keys, Role, add_key, make_key
from router.service.protocol import WireProtocol
from router.service.server import choose_keys, guard, is_loopback, make_server, open_socket
from router.service.settings import Settings
from tests.contracts.commands import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = ["0.0.0.0", "::", "192.168.1.5", "8.8.8.8", "fe80::1"]  # noqa: S104 -- Refused below.
NAMES = ["0", "", "example.org", "127.0.0.1.nip.io", "localhost.", "127.1"]


@pytest.mark.parametrize("host", FOREIGN + NAMES)
def test_other_hosts_need_keys(host: str, tmp_path: Path) -> None:
    """Without keys nobody but this machine is served, unless somebody says so."""
    assert not is_loopback(host)
    with pytest.raises(InputError, match="loopback"):
        choose_keys(Settings(host=host))
    assert choose_keys(Settings(host=host, insecure=True)) is None
    path = tmp_path / "keys.toml"
    add_key(path, "team", [Role.PLAN])
    keys = choose_keys(Settings(host=host, keys_file=str(path)))
    assert keys is not None
    assert len(keys) == 1


def test_keys_are_never_left_out(tmp_path: Path) -> None:
    """A file of keys that cannot be read is an error even where none would be needed."""
    with pytest.raises(InputError, match="cannot be read"):
        choose_keys(Settings(keys_file=str(tmp_path / "none.toml"), insecure=True))


@pytest.mark.parametrize("host", NAMES)
def test_no_name_is_looked_up(host: str) -> None:
    """A name could lead anywhere tomorrow."""
    with pytest.raises(InputError, match="is not an address"):
        open_socket(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_hosts_are_served(host: str) -> None:
    """Port 0 is any free port."""
    assert choose_keys(Settings(host=host)) is None
    with open_socket(host, 0) as listening:
        address, port = listening.getsockname()
    assert address.startswith("127.")
    assert port > 0


def test_taken_port_is_refused() -> None:
    """A port that another process listens on is named."""
    with open_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 cannot be opened"):
            open_socket("127.0.0.1", port)


@pytest.mark.parametrize(
    ("settings", "keyed", "served"),
    [
        ({}, False, {"localhost", "127.0.0.1"}),
        ({}, True, {"localhost", "127.0.0.1"}),
        ({"host": "127.0.0.2"}, False, {"localhost", "127.0.0.1", "127.0.0.2"}),
        ({"host": "::1"}, False, {"localhost", "127.0.0.1"}),
        ({"allowed_hosts": ["a.test"]}, False, {"localhost", "127.0.0.1", "a.test"}),
        ({"host": "192.168.1.5"}, False, {"localhost", "127.0.0.1", "192.168.1.5"}),
        (
            {"host": "192.168.1.5"},
            True,
            {"localhost", "127.0.0.1", "127.0.0.2", "192.168.1.5", "a.test", "b.test"},
        ),
        (
            {"host": "192.168.1.5", "allowed_hosts": ["a.test"]},
            True,
            {"localhost", "127.0.0.1", "192.168.1.5", "a.test"},
        ),
        (
            {"allowed_hosts": ["*"]},
            False,
            {"localhost", "127.0.0.1", "127.0.0.2", "192.168.1.5", "a.test", "b.test"},
        ),
    ],
)
def test_names_by_which_it_may_be_asked(
    settings: dict[str, Any], served: set[str], *, keyed: bool
) -> None:
    """Names of the machine, the bound address, and what is set; any where keys guard it."""
    keys = Keys([make_key("team", [Role.PLAN])[1]]) if keyed else None
    edge = guard(create_app(Router(tiny_bundle())), Settings(**settings), keys)
    hosts = {"localhost", "127.0.0.1", "127.0.0.2", "192.168.1.5", "a.test", "b.test"}
    with TestClient(edge) as client:
        statuses = {
            host: client.get("/v2/health/live", headers={"host": f"{host}:8088"}).status_code
            for host in hosts
        }
    assert statuses == {host: 200 if host in served else 400 for host in hosts}


def test_server_tells_nothing_of_itself_and_keeps_the_limits() -> None:
    """Neither name nor date is sent, and the protocol is the one with deadlines."""
    server = make_server(create_app(Router(tiny_bundle())), Settings(header_seconds=2))
    config = server.config
    assert (config.server_header, config.date_header, config.ws) == (False, False, "none")
    assert (config.backlog, config.access_log) == (512, False)
    protocol = config.http
    assert isinstance(protocol, type)
    assert issubclass(protocol, WireProtocol)
    assert protocol.limits.header_seconds == 2


HARDENED = """
import json, resource
from router.service.server import _harden_process
_harden_process({n_files})
limits = (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)
print(json.dumps([resource.getrlimit(limit) for limit in limits]))
"""


@pytest.mark.parametrize("n_files", [300, 10**9])
def test_process_leaves_no_memory_behind(n_files: int, repository_root: Path) -> None:
    """There are no core dumps, and as many files may be open as connections need."""

    def begin_small() -> None:
        """Allow fewer files than are needed."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    done = subprocess.run(
        [sys.executable, "-c", HARDENED.format(n_files=n_files)],
        cwd=repository_root,
        capture_output=True,
        check=True,
        preexec_fn=begin_small,
    )
    core, (soft, hard) = json.loads(done.stdout)
    assert core == [0, 0]
    assert soft == (min(n_files, hard) if hard > 0 else n_files)
