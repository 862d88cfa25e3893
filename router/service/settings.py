"""Settings: what `router.toml` may say, each with its unit, its default and its bounds."""

from __future__ import annotations

import re
import reprlib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from router.exceptions import InputError
from router.service.desk import DeskLimits
from router.service.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "load_settings"]

# Settings that name something on the disk.
PATHS = ("data", "keys_file")

Seconds = Annotated[float, Meta(ge=0.1, le=600)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about the sidecar that can be set; `examples/router.toml` shows every field.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        The address to listen on. One that others can reach needs keys.
    port : int, default=8088
        0 takes any free port.
    data : str, optional
        Directory of the ledger: pools, plans and outcomes. Without, plans are forgotten once they
        are answered. A relative path starts from the file of settings.
    keys_file : str, optional
        Written by ``router key new``; a relative path starts from the file of settings.
    insecure : bool, default=False
        Serve addresses that others can reach without keys.
    allowed_hosts : list of str, optional
        Names and addresses by which the sidecar may be asked, besides those of this machine;
        ``"*"`` is any, which is the default where keys guard an address that others can reach.
    shadow : bool, default=False
        Whether plans are made and written down while nothing is reserved.
    explore : float, default=0.0
        Probability with which a question draws its option by chance, and share of every budget
        withheld for that, from 0 to below 1, for requests that do not say.
    store_texts : bool, default=False
        Whether questions themselves are written down, and not only their keyed hashes.
    store_features : bool, default=True
        Whether what the model reads of a question is written down, to train on.
    lease_seconds : float, default=300.0
        For how long a pool holds what a plan costs when the request does not say.
    retention_days : float, optional
        For how long plans are kept whose outcomes were reported; for ever by default.
    traces : str, optional
        Where spans of requests are sent by OTLP over HTTP; nowhere by default.
    body_bytes_max : int, default=262144
        How long the body of a request may be; up to 1 MiB.
    in_flight_max : int, default=64
        Requests planned or waiting to be planned at once; more are answered by status 429. Of all
        kinds together four times as many are worked on; more are answered by status 503.
    requests_per_second_max : float, optional
        Requests of one key in a second, on average; a key that was quiet may send so many at once.
        More are answered by status 429. Any number by default. Where there are no keys, all callers
        are one.
    deadline_ms : float, default=25.0
        For how many milliseconds a request may occupy the model, beside 4 for each thousand pairs
        of question and option; then it is planned by the options' means.
    connections_max : int, default=1000
        Connections at once; the one idle longest makes room.
    header_seconds : float, default=5.0
        Time for the headers of a request to arrive.
    body_seconds : float, default=10.0
        Time for its body to arrive after that.
    idle_seconds : float, default=15.0
        Time that a connection may be without a request.
    answer_seconds : float, default=30.0
        Time for an answer to be read.
    drain_seconds : float, default=4.0
        Time for running requests to finish when the sidecar is told to stop.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8088
    data: Name | None = None
    keys_file: Name | None = None
    insecure: bool = False
    allowed_hosts: list[Name] = []
    shadow: bool = False
    explore: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    store_texts: bool = False
    store_features: bool = True
    lease_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 300.0
    retention_days: Annotated[float, Meta(gt=0, le=36_500)] | None = None
    traces: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    body_bytes_max: Annotated[int, Meta(ge=1024, le=1024 * 1024)] = 256 * 1024
    in_flight_max: Annotated[int, Meta(ge=1, le=10_000)] = 64
    requests_per_second_max: Annotated[float, Meta(ge=0.01, le=100_000)] | None = None
    deadline_ms: Annotated[float, Meta(ge=1, le=60_000)] = 25.0
    connections_max: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    header_seconds: Seconds = 5.0
    body_seconds: Seconds = 10.0
    idle_seconds: Seconds = 15.0
    answer_seconds: Seconds = 30.0
    drain_seconds: Seconds = 4.0

    def to_limits(self) -> WireLimits:
        """Give the part that concerns a connection.

        Returns
        -------
        WireLimits

        Examples
        --------
        >>> Settings(header_seconds=2.0).to_limits().header_seconds
        2.0
        """
        return WireLimits(
            header_seconds=self.header_seconds,
            body_seconds=self.body_seconds,
            answer_seconds=self.answer_seconds,
            idle_seconds=self.idle_seconds,
            body_bytes_max=self.body_bytes_max,
            connections_max=self.connections_max,
        )

    def to_retention(self) -> float | None:
        """Give the part that concerns how long things are kept.

        Returns
        -------
        float or None
            Seconds, the ledger's unit; None for ever.

        Examples
        --------
        >>> Settings(retention_days=2.0).to_retention()
        172800.0
        """
        return None if self.retention_days is None else 86_400 * self.retention_days

    def to_sidecar(self) -> dict[str, Any]:
        """Give the part that concerns plans and what is kept of them.

        Returns
        -------
        dict
            Of a :class:`router.service.sidecar.Sidecar`, by the names of its parameters.

        Examples
        --------
        >>> Settings(shadow=True).to_sidecar()["shadow"]
        True
        """
        names = ("shadow", "explore", "store_texts", "store_features", "lease_seconds")
        limits = DeskLimits(deadline_ms=self.deadline_ms, in_flight_max=self.in_flight_max)
        return {name: getattr(self, name) for name in names} | {"limits": limits}


def load_settings(
    path: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read a file of settings, over which what was said elsewhere has precedence.

    Parameters
    ----------
    path : str or Path, optional
        TOML; without, everything is as by default.
    overrides : mapping of str to object, optional
        Settings of the command line; None leaves one as it is.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        If the file cannot be read, or a setting is unknown, of another type or out of bounds.

    Examples
    --------
    >>> load_settings(overrides={"port": 9000, "host": None}).port
    9000
    >>> load_settings(overrides={"prot": 9000})
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: settings: unknown field `prot`; there are host, port, ...
    """
    content = {} if path is None else _read_toml(Path(path))
    for name in PATHS:
        if path is not None and isinstance(content.get(name), str):
            content[name] = str(Path(path).parent / content[name])
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    place = "settings" if path is None else str(path)
    known = Settings.__struct_fields__
    for name in (*content, *given):
        if name not in known:
            raise InputError(f"{place}: unknown field `{name}`; there are {', '.join(known)}")
    settings = {**content, **given}
    try:
        return msgspec.convert(settings, Settings)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        value = reprlib.repr(settings.get(re.split(r"\W", where)[0]))
        raise InputError(f"{place}: {where.rstrip('`')}: {what}, not {value}") from None


def _read_toml(path: Path) -> dict[str, Any]:
    """Read a file of TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML ({error})") from None
