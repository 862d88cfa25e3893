"""The transport: one attempt over the network, whole within its seconds, or a failure in words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from router.client.replies import Failure, Reply
from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    import httpx2

    from router.client.calls import Call
    from router.client.settings import Settings

__all__ = ["Transport"]

# A surface of 512 questions and 256 options takes three megabytes.
ANSWER_SIZE_MAX_BYTES = 64 * 1024 * 1024


class Transport:
    """Sends requests to one service over connections that are kept.

    Parameters
    ----------
    settings : Settings
        Whom to ask, and as whom.
    inner : httpx2.AsyncBaseTransport, optional
        What carries the requests, for certificates and proxies of one's own.

    Raises
    ------
    MissingExtraError
        If the extra ``[client]`` is not installed.
    """

    def __init__(self, settings: Settings, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        try:
            import httpx2
        except ImportError:
            raise MissingExtraError.for_extra("client", "router.client") from None
        if inner is None and settings.socket_path is not None:
            inner = httpx2.AsyncHTTPTransport(uds=settings.socket_path)
        self._base = settings.url
        self._errors = (httpx2.HTTPError, httpx2.StreamError, OSError)
        headers = {"Accept": "application/json", "User-Agent": "compute-allocation-router"}
        if settings.key is not None:
            headers["Authorization"] = f"Bearer {settings.key}"
        # Redirections are not followed: the key would go wherever they point. Its own timeouts are
        # off, as they hold for every piece that is received anew and so bound nothing. Proxies of
        # the environment are taken only where they cannot read: what goes to this machine over
        # plain HTTP, key included, would otherwise leave it.
        self._http = httpx2.AsyncClient(
            headers=headers,
            timeout=None,
            follow_redirects=False,
            transport=inner,
            trust_env=settings.url.startswith("https://"),
        )

    async def send(self, call: Call[Any], seconds_max: float) -> Reply | Failure:
        """Make one attempt.

        Parameters
        ----------
        call : Call
            What to send.
        seconds_max : float
            How long it may take from looking up the address to the last byte of the answer.

        Returns
        -------
        Reply or Failure
        """
        try:
            async with asyncio.timeout(seconds_max):
                return await self._send(call)
        except TimeoutError:
            return Failure(f"no whole answer in {seconds_max:.3g} s")
        except self._errors as error:
            # The name of the class says enough; what else they hold may be anything.
            return Failure(f"no answer ({type(error).__name__})")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _send(self, call: Call[Any]) -> Reply | Failure:
        """Send a request and read its whole answer."""
        headers = {"Content-Type": "application/json"} if call.content else {}
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        url = self._base + call.path
        content = call.content or None
        async with self._http.stream(call.method, url, content=content, headers=headers) as answer:
            parts, n_bytes = [], 0
            async for part in answer.aiter_bytes():
                n_bytes += len(part)
                if n_bytes > ANSWER_SIZE_MAX_BYTES:
                    return Failure("an answer that is too large", is_passing=False)
                parts.append(part)
            received = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status_code, b"".join(parts), received)
