"""Settings: whom a client asks, for how long, and as whom; checked before the first call."""

from __future__ import annotations

import ipaddress
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.exceptions import InputError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["KEY_VARIABLE", "URL", "Settings"]

URL = "http://127.0.0.1:8088"
KEY_VARIABLE = "ROUTER_SERVICE_KEY"
ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Whom a client asks, for how long, and as whom.

    Parameters
    ----------
    url : str
        ``http`` or ``https``, host and port; a path in front of ``/v1`` may follow.
    key : str, optional
        What the service knows the caller by; from the environment by default. Never shown.
    timeout_s : float, default=2.0
        Seconds that a call may take, all its attempts and pauses together.
    n_attempts : int, default=3
        Attempts a call, at most.
    socket_path : str, optional
        A Unix domain socket to connect to instead of the address.
    allow_plain_http : bool, default=False
        Whether a key may go to another machine unencrypted.

    Raises
    ------
    InputError
        If one of them cannot be used.

    Examples
    --------
    >>> Settings("https://router.example.org/", key="secret")
    Settings(url='https://router.example.org', timeout_s=2.0, n_attempts=3, socket_path=None,
             allow_plain_http=False)
    """

    url: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 2.0
    n_attempts: int = 3
    socket_path: str | None = None
    allow_plain_http: bool = False

    def __post_init__(self) -> None:
        """Check everything, and look for a key."""
        parts = _split(self.url)
        object.__setattr__(self, "url", parts.geturl().rstrip("/"))
        if not 0 < self.timeout_s < math.inf:
            raise InputError(f"timeout_s {self.timeout_s} is not a number of seconds above 0")
        if not 1 <= self.n_attempts <= ATTEMPTS_MAX:
            raise InputError(f"n_attempts {self.n_attempts} is not from 1 to {ATTEMPTS_MAX}")
        if self.key is None:
            object.__setattr__(self, "key", os.environ.get(KEY_VARIABLE) or None)
        if self.key is not None:
            self._check_key(self.key, parts)

    def _check_key(self, key: str, parts: SplitResult) -> None:
        """Refuse a key that no header may hold, or that others could read on its way."""
        if not key or not key.isascii() or not key.isprintable() or key != key.strip():
            raise InputError(
                f"the key (or {KEY_VARIABLE}) is empty or holds characters that no header may have"
            )
        is_private = (
            parts.scheme == "https" or self.socket_path is not None or _is_loopback(parts.hostname)
        )
        if not is_private and not self.allow_plain_http:
            raise InputError(
                f"{self.url}: the key would be sent unencrypted to another machine: use https, or "
                "allow_plain_http=True where the network is trusted"
            )


def _is_loopback(host: str | None) -> bool:
    """Say whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    """Take an address apart, and refuse one that cannot be used."""
    # Neither a password nor what a query holds belongs in a message.
    shown = url.rpartition("@")[2].partition("?")[0].partition("#")[0]
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
        # What a request cannot carry is told now, not as a fault of the first one.
        (parts.hostname or "").encode("idna")
        parts.path.encode("ascii")
    except ValueError:
        raise InputError(f"url {shown!r} is no address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        raise InputError(f"url {shown!r} is no address: {URL} is the form")
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(
            f"url {shown!r} holds a user name, a query or a fragment: a key comes from the "
            f"argument or from {KEY_VARIABLE}"
        )
    return parts
