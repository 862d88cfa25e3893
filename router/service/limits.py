"""Limits: what one connection may take of bytes and time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WireLimits"]


@dataclass(frozen=True)
class WireLimits:
    """What one connection may take, and how many there may be.

    Parameters
    ----------
    header_seconds : float, default=5.0
        From the first byte of a message to the end of its headers.
    body_seconds : float, default=10.0
        From there to the end of its body.
    answer_seconds : float, default=30.0
        Until what is sent has been read.
    idle_seconds : float, default=15.0
        Between messages, and before the first.
    header_bytes_max : int, default=16384
        Request line and header fields together.
    url_bytes_max : int, default=4096
        What is asked for.
    body_bytes_max : int, default=262144
        A body, of which the wire may carry eight times as much in small pieces.
    connections_max : int, default=1000
        At once; the one that has been idle longest makes room for another.
    """

    header_seconds: float = 5.0
    body_seconds: float = 10.0
    answer_seconds: float = 30.0
    idle_seconds: float = 15.0
    header_bytes_max: int = 16 * 1024
    url_bytes_max: int = 4 * 1024
    body_bytes_max: int = 256 * 1024
    connections_max: int = 1000
