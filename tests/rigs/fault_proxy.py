"""A proxy that spoils answers: what stands between a client and a service on a bad day."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

__all__ = ["BEFORE", "BEHIND", "FAULTS", "FaultProxy"]

# Before the service hears of it: cut off, turned away, answered with noise. Behind its back, when
# the request has been carried out: never answered, late, cut off, cut short, one byte at a time.
BEFORE = ("reset", "turned_away", "garbage")
BEHIND = ("dropped", "delayed", "killed", "truncated", "trickled")
FAULTS = (*BEFORE, *BEHIND)
TURNED_AWAY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
GARBAGE = bytes(range(256))
DELAY_S, TRICKLE_S = 0.1, 0.05
# Longer than any test waits.
FOREVER_S = 60.0


class FaultProxy:
    """Carries requests to a service, and spoils the first of them by a list of faults.

    Parameters
    ----------
    port : int
        Where the service listens on this machine; 0 for none, which cuts everything off.
    faults : sequence of str
        What happens to each request in turn; later ones are carried faithfully. One that ends in
        ``*`` happens to all that follow.
    """

    def __init__(self, port: int, *faults: str) -> None:
        self.upstream, self.faults = port, list(faults)
        self.n_requests = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up on everybody."""
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, task: Coroutine[Any, Any, Any]) -> Any:
        """Have the loop do something and wait for it."""
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(FOREVER_S)

    async def _stop(self) -> None:
        """Close the socket and end what goes on."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, until a fault or the other side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._pass_on(reader, writer):
                pass
        self._tasks.discard(task)
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry one request and its answer; say whether the connection goes on."""
        request = await _read_message(reader)
        self.n_requests += 1
        fault = self._choose_fault()
        if fault == "reset" or not self.upstream:
            writer.transport.abort()
            return False
        if fault in {"turned_away", "garbage"}:
            writer.write(TURNED_AWAY if fault == "turned_away" else GARBAGE)
            await writer.drain()
            return fault == "turned_away"
        answer = await self._ask(request)
        return await _give(answer, writer, fault)

    def _choose_fault(self) -> str:
        """Take the next fault, or none."""
        if not self.faults:
            return ""
        return self.faults[0].rstrip("*") if self.faults[0].endswith("*") else self.faults.pop(0)

    async def _ask(self, request: bytes) -> bytes:
        """Have the service carry a request out."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(request)
        answer = await _read_message(reader)
        writer.close()
        return answer


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """Read a whole message, with a body of the length that it states."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    lengths = [int(value) for name, _, value in fields if name == b"content-length"]
    return head + await reader.readexactly(sum(lengths))


async def _give(answer: bytes, writer: asyncio.StreamWriter, fault: str) -> bool:
    """Give an answer as the fault wants it; say whether the connection goes on."""
    if fault == "dropped":
        await asyncio.sleep(FOREVER_S)
    elif fault == "trickled":
        for position in range(len(answer)):
            writer.write(answer[position : position + 1])
            await asyncio.sleep(TRICKLE_S)
    elif fault in {"killed", "truncated"}:
        writer.write(answer[: len(answer) // 2])
        await writer.drain()
        if fault == "killed":
            writer.transport.abort()
        return False
    else:
        await asyncio.sleep(DELAY_S if fault == "delayed" else 0)
        writer.write(answer)
        await writer.drain()
    return True
