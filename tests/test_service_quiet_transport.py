"""A transport whose client may be gone."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
import uvloop

from router.service.quiet_transport import QuietTransport


class Transport:
    """Keeps what is written, and raises once it is closed, as the loop's own does."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def is_closing(self) -> bool:
        """Say whether it is closed."""
        return self.closed

    def write_eof(self) -> None:
        """End what is sent."""
        self.closed = True

    def write(self, data: bytes) -> None:
        """Keep what is written."""
        if self.closed:
            raise RuntimeError("unable to perform operation; the handler is closed")
        self.written.append(data)


def test_answers_reach_a_client_and_nobody_else() -> None:
    """What is written before it leaves arrives; what comes later is dropped without a word."""
    transport = Transport()
    quiet = QuietTransport(cast("Any", transport))
    quiet.write(b"first")
    transport.closed = True
    quiet.write(b"second")
    assert transport.written == [b"first"]
    assert quiet.is_closing()


def test_nothing_follows_the_end() -> None:
    """After the end of what is sent, an invitation to send more goes nowhere."""
    transport = Transport()
    quiet = QuietTransport(cast("Any", transport))
    quiet.write(b"refused")
    quiet.write_eof()
    transport.closed = False
    quiet.write(b"HTTP/1.1 100 Continue")
    assert transport.written == [b"refused"]


def test_the_loop_raises_without_it() -> None:
    """A real transport that was torn down refuses to be written to; the quiet one does not."""

    async def leave() -> None:
        """Serve one client, which is gone when it is answered."""
        made: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

        class Server(asyncio.Protocol):
            """Hands its transport out."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                """Take the transport."""
                made.set_result(cast("asyncio.Transport", transport))

        loop = asyncio.get_running_loop()
        server = await loop.create_server(Server, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        transport = await made
        transport.abort()
        await asyncio.sleep(0.05)
        with pytest.raises(RuntimeError, match="closed"):
            transport.write(b"answer")
        QuietTransport(transport).write(b"answer")
        writer.close()
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(leave())
