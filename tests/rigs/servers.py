"""Servers for rigs: an application served from a thread of the test's own process."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from router.service.server import open_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serve"]

SECONDS_MAX = 30.0


@contextmanager
def serve(app: Any, *, socket_path: str | None = None) -> Iterator[int]:
    """Serve an application on a free port, or on a Unix domain socket; give the port."""
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", ws="none", uds=socket_path, access_log=False
    )
    server = uvicorn.Server(config)
    listening = [] if socket_path else [open_socket("127.0.0.1", 0)]
    port = listening[0].getsockname()[1] if listening else 0
    thread = threading.Thread(target=server.run, kwargs={"sockets": listening or None})
    thread.start()
    deadline_s = time.monotonic() + SECONDS_MAX
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline_s, "the server takes too long to start"
            time.sleep(0.01)
        yield port
    finally:
        # Connections that a client keeps open do not hold it up.
        server.should_exit = server.force_exit = True
        thread.join()
