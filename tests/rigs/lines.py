"""Lines to a server: connections on which one request after another is asked and answered."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["GONE", "Answer", "Line", "open_line"]

# What a line raises when its server has gone, or has cut it.
GONE = (OSError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Parameters
    ----------
    status : int
        Of HTTP.
    headers : dict of str to str
        By their names in lower case.
    body : bytes
        As it was sent.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def document(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def is_repeated(self) -> bool:
        """Whether the server says that it had given this answer before."""
        return self.headers.get("idempotent-replayed") == "true"


class Line:
    """One connection; requests on it wait for each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take what :func:`asyncio.open_connection` gives."""
        self._reader = reader
        self._writer = writer

    async def ask(
        self,
        method: str,
        path: str,
        content: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask and wait for the answer.

        Parameters
        ----------
        method, path : str
            Of the request.
        content : object, optional
            Its body: bytes as they are, anything else as JSON.
        headers : mapping of str to str, optional
            Besides those that every request has.

        Returns
        -------
        Answer
        """
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        fields = {"Host": "localhost", **(headers or {})}
        if content is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        self._writer.write(head + (b"" if content is None else body))
        return await self._read()

    async def _read(self) -> Answer:
        """Read an answer whose length is stated."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(first[9:12]), headers, body)


@asynccontextmanager
async def open_line(port: int) -> AsyncIterator[Line]:
    """Connect to a server on this machine until the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()
