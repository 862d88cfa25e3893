"""A transport that lets an answer go nowhere where its client has left already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

__all__ = ["QuietTransport"]


class QuietTransport:
    """Everything that a transport is, but that writing to a connection that is gone is no error.

    A client may leave between two pieces of its answer. The loop knows before the protocol does,
    and raises at the next write; the answer would then be taken for a defect of the service.

    Parameters
    ----------
    transport : asyncio.Transport
        The one underneath.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        """Give everything else as it is underneath."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, unless there is nobody any more.

        Parameters
        ----------
        data : bytes
            What the client would have read.
        """
        if not self._transport.is_closing():
            self._transport.write(data)
