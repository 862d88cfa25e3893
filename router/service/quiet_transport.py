"""A transport that lets go nowhere what is written when nobody is to be told any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

__all__ = ["QuietTransport"]


class QuietTransport:
    """Everything that a transport is, but that writing when all is said or over is no error.

    A refused request ends what is sent, and its application may ask for the rest of the body right
    then, at which the server would invite the client to send it. Or a client leaves between two
    pieces of its answer, which the loop knows before the protocol does. Either raises at the next
    write, which would then be taken for a defect of the service.

    Parameters
    ----------
    transport : asyncio.Transport
        The one underneath.
    """

    __slots__ = ("_has_ended", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._has_ended = False

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
        if not self._has_ended and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        """End what is sent; what is written from now on is dropped."""
        self._has_ended = True
        self._transport.write_eof()
