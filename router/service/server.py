"""The server: a socket, the edge in front of the application, and a loop that ends when told to."""

from __future__ import annotations

import ipaddress
import logging
import resource
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from router.allocation import warm_up as warm_allocation
from router.exceptions import InputError
from router.features.engines import warm_up as warm_features
from router.ledger import Ledger
from router.service.edge import LOOPBACK_HOSTS, Edge
from router.service.keys import load_keys
from router.service.process import settle_process
from router.service.protocol import make_protocol
from router.service.rates import RateLimit
from router.service.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from router.service.desk_room import Room
    from router.service.keys import Keys
    from router.service.metrics import Metrics
    from router.service.settings import Settings

__all__ = [
    "choose_keys",
    "guard",
    "is_loopback",
    "make_server",
    "open_ledger",
    "open_socket",
    "open_traces",
    "run_server",
]

logger = logging.getLogger(__name__)

BACKLOG = 512
# While no more plans are taken on, reports, pools and metrics still are.
ROOM_PER_PLAN = 4
# What the process itself holds open beside its connections.
OWN_FILES = 128


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address.

    Parameters
    ----------
    host : str
        An address, or ``localhost``; no name is looked up.

    Returns
    -------
    bool

    Examples
    --------
    >>> [is_loopback(host) for host in ("localhost", "::1", "0.0.0.0", "example.org")]
    [True, True, False, False]
    """
    address = _parse_address(host)
    return address is not None and address.is_loopback


def choose_keys(settings: Settings) -> Keys | None:
    """Read the keys, and refuse to serve everybody to everybody.

    Parameters
    ----------
    settings : Settings
        Where to listen, and where the keys are.

    Returns
    -------
    Keys or None
        Nothing where the machine itself is the only caller, or the operator wanted it so.

    Raises
    ------
    InputError
        If the address can be reached from elsewhere and there are no keys, or they cannot be read.

    Examples
    --------
    >>> from router.service.settings import Settings
    >>> choose_keys(Settings(host="0.0.0.0"))
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: host '0.0.0.0' is refused: without keys only loopback ...
    """
    if settings.keys_file is not None:
        return load_keys(settings.keys_file)
    if not is_loopback(settings.host) and not settings.insecure:
        raise InputError(
            f"host {settings.host!r} is refused: without keys only loopback addresses "
            "(127.0.0.1, ::1, localhost) are served; `router key new` makes keys"
        )
    return None


@contextmanager
def open_traces(settings: Settings) -> Iterator[Traces]:
    """Open what traces requests; with no address in the settings, what traces nothing.

    Parameters
    ----------
    settings : Settings
        Where spans are sent.

    Yields
    ------
    Traces
        At the end what is still waiting is sent.

    Raises
    ------
    InputError
        If the address is none.
    MissingExtraError
        If the extra ``[traces]`` is not installed.
    """
    traces = Traces() if settings.traces is None else Traces.open(settings.traces)
    try:
        yield traces
    finally:
        traces.close()


@contextmanager
def open_ledger(settings: Settings) -> Iterator[Ledger | None]:
    """Open the ledger, if one is kept.

    Parameters
    ----------
    settings : Settings
        Where, and for how long things are kept.

    Yields
    ------
    Ledger or None

    Raises
    ------
    LedgerError
        If the directory is in use or cannot be used.
    """
    if settings.data is None:
        yield None
        return
    with Ledger(Path(settings.data), retention_seconds=settings.to_retention()) as ledger:
        yield ledger


def open_socket(host: str, port: int) -> socket.socket:
    """Open a socket to listen on.

    Parameters
    ----------
    host : str
        An address or ``localhost``; no other name is looked up.
    port : int
        From 0 to 65535; 0 is any free one.

    Returns
    -------
    socket.socket

    Raises
    ------
    InputError
        If it is not an address, or the port cannot be had.

    Examples
    --------
    >>> open_socket("example.org", 0)
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: host 'example.org' is not an address; allowed are ...
    """
    address = _parse_address(host)
    if address is None:
        raise InputError(
            f"host {host!r} is not an address; allowed are localhost and addresses such as "
            "127.0.0.1, ::1 and 0.0.0.0"
        )
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        return socket.create_server((str(address), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(
            f"port {port} on {host} cannot be opened ({error.strerror}): choose another, or 0"
        ) from None


def guard(
    app: ASGIApp,
    settings: Settings,
    keys: Keys | None = None,
    metrics: Metrics | None = None,
    room: Room | None = None,
) -> Edge:
    """Put the edge in front of an application.

    Parameters
    ----------
    app : ASGI application
        What answers.
    settings : Settings
        Hosts, lengths and room.
    keys : Keys, optional
        Whose requests are answered; without, everybody's.
    metrics : Metrics, optional
        Where what is not let through is counted.
    room : Room, optional
        At the planning desk, without which no plan is asked for in vain.

    Returns
    -------
    Edge
    """
    address = _parse_address(settings.host)
    rate = settings.requests_per_second_max
    own = f"[{address}]" if address is not None and address.version == 6 else str(address)
    hosts = {*LOOPBACK_HOSTS, own, *settings.allowed_hosts}
    # A page in a browser has no key, so there it does not matter what name led here.
    if keys is not None and not settings.allowed_hosts and not is_loopback(settings.host):
        hosts.add("*")
    return Edge(
        app,
        keys,
        allowed_hosts=hosts,
        body_bytes_max=settings.body_bytes_max,
        in_flight_max=ROOM_PER_PLAN * settings.in_flight_max,
        room=room,
        rate=None if rate is None else RateLimit(rate),
        metrics=metrics,
    )


def make_server(app: ASGIApp, settings: Settings, metrics: Metrics | None = None) -> uvicorn.Server:
    """Make a server with the limits of the settings.

    Parameters
    ----------
    app : ASGI application
        What answers.
    settings : Settings
        How long clients may take, and how much they may send.
    metrics : Metrics, optional
        Where clients that were too slow are counted.

    Returns
    -------
    uvicorn.Server
    """
    config = uvicorn.Config(
        app,
        http=make_protocol(settings.to_limits(), metrics),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        # Whole seconds are declared, any are waited for.
        timeout_graceful_shutdown=settings.drain_seconds,  # type: ignore[arg-type]
    )
    return uvicorn.Server(config)


def run_server(
    app: ASGIApp,
    listening: socket.socket,
    settings: Settings,
    metrics: Metrics | None = None,
    announce: Callable[[], None] | None = None,
) -> None:
    """Serve until the process is told to stop, then let running requests finish.

    Where there are keys, the signal SIGHUP has their file read anew.

    Where the extra ``[fast]`` is installed compiled code is loaded first, so that no request
    waits for it.

    Parameters
    ----------
    app : ASGI application
        What answers, behind its edge.
    listening : socket.socket
        Where.
    settings : Settings
        Limits.
    metrics : Metrics, optional
        Where clients that were too slow are counted.
    announce : callable, optional
        Tells whoever waits for it that the service may be asked, and may be told to stop.
    """
    warm_allocation()
    warm_features()
    _harden_process(settings.connections_max + OWN_FILES)
    settle_process()
    server = make_server(app, settings, metrics)

    def stop(_signal: int, _frame: object) -> None:
        """Ask the server to end."""
        server.should_exit = True

    keys = app.keys if isinstance(app, Edge) else None
    if keys is not None:
        signal.signal(signal.SIGHUP, lambda *_: _reload_keys(keys))
    # The server raises the signal again when it is done; being told to stop is no failure, so the
    # handler that it finds then asks for what has already happened.
    before = signal.signal(signal.SIGTERM, stop)
    try:
        if announce is not None:
            announce()
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)


def _reload_keys(keys: Keys) -> None:
    """Read the keys anew; where that cannot be done, say so and go on with those that were read."""
    try:
        keys.reload()
    except InputError as error:
        logger.error("keys stay as they were: %s", error)  # noqa: TRY400 -- All is said.


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address, without asking anybody for names."""
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None


def _harden_process(n_files: int) -> None:
    """Leave no image of the memory behind, which holds questions, and allow enough connections."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n_files if hard == resource.RLIM_INFINITY else min(n_files, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
