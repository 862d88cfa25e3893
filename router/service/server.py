"""The server: a socket on this machine only, and a loop that ends when it is told to."""

from __future__ import annotations

import ipaddress
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from router.allocation import warm_up as warm_allocation
from router.exceptions import InputError
from router.features.engines import warm_up as warm_features

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["open_socket", "run_server"]

SHUTDOWN_SECONDS = 10


def open_socket(host: str, port: int) -> socket.socket:
    """Open a socket to listen on.

    Parameters
    ----------
    host : str
        A loopback address or ``localhost``: without keys nobody else may ask.
    port : int
        From 0 to 65535; 0 is any free one.

    Returns
    -------
    socket.socket

    Raises
    ------
    InputError
        If the address is not a loopback one, or the port cannot be had.

    Examples
    --------
    >>> open_socket("0.0.0.0", 0)
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: host '0.0.0.0' is refused: without keys only loopback ...
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise InputError(
            f"host {host!r} is refused: without keys only loopback addresses "
            "(127.0.0.1, ::1, localhost) are served"
        )
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        return socket.create_server((str(address), port), family=family)
    except OSError as error:
        raise InputError(
            f"port {port} on {host} cannot be opened ({error.strerror}): choose another, or 0"
        ) from None


def run_server(app: FastAPI, listening: socket.socket) -> None:
    """Serve until the process is told to stop, then let running requests finish.

    Where the extra ``[fast]`` is installed compiled code is loaded first, so that no request
    waits for it.

    Parameters
    ----------
    app : FastAPI
        What answers.
    listening : socket.socket
        Where.
    """
    warm_allocation()
    warm_features()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)

    def stop(_signal: int, _frame: object) -> None:
        """Ask the server to end."""
        server.should_exit = True

    # The server raises the signal again when it is done; being told to stop is no failure, so the
    # handler that it finds then asks for what has already happened.
    before = signal.signal(signal.SIGTERM, stop)
    try:
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
