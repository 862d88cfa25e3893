"""Where the sidecar listens."""

from __future__ import annotations

import pytest

from router.exceptions import InputError
from router.service.server import open_socket


@pytest.mark.parametrize(
    "host", ["0", "::", "192.168.1.5", "example.org", "", "127.0.0.1.nip.io", "8.8.8.8"]
)
def test_other_hosts_are_refused(host: str) -> None:
    """Without keys nobody but this machine is served, and no name is looked up."""
    with pytest.raises(InputError, match="loopback"):
        open_socket(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_hosts_are_served(host: str) -> None:
    """Port 0 is any free port."""
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
