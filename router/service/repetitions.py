"""Repeated requests: what came with the same key is done once and answered alike."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from router.exceptions import ConflictError, StoreError
from router.ledger.records import Answer, RequestKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from router.ledger import Ledger
    from router.service.metrics import Metrics

__all__ = ["HEADER", "Repetitions", "make_response", "read_key"]

HEADER = "idempotency-key"
KEY = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(request: Request, tenant: str, content: bytes) -> RequestKey | None:
    """Read the key by which a request would be known again.

    Parameters
    ----------
    request : Request
        With the header, or without.
    tenant : str
        Whose.
    content : bytes
        Its body.

    Returns
    -------
    RequestKey or None

    Raises
    ------
    HTTPException
        With status 400 if the key is longer than 255 characters, or holds others than visible ones.
    """
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not KEY.fullmatch(given[0]):
        raise HTTPException(400, "Idempotency-Key: one, of 1 to 255 visible ASCII characters")
    return RequestKey(tenant, request.url.path, given[0], hashlib.sha256(content).digest())


def make_response(answer: Answer, *, repeated: bool = False) -> Response:
    """Answer with what was kept, word for word.

    Parameters
    ----------
    answer : Answer
        Status and body.
    repeated : bool, default=False
        Whether it had been given before, which a header then says.

    Returns
    -------
    Response
    """
    headers = {"Idempotent-Replayed": "true"} if repeated else None
    return Response(answer.body, answer.status, headers, media_type="application/json")


class Repetitions:
    """Gives a repeated request the first one's answer, also while that one is at work.

    Parameters
    ----------
    ledger : Ledger or None
        Where answers are kept; without one only twins in flight are known.
    metrics : Metrics, optional
        Where answers that are given again are counted.
    """

    def __init__(self, ledger: Ledger | None, metrics: Metrics | None = None) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._at_work: dict[tuple[str, str, str], tuple[bytes, asyncio.Future[Answer]]] = {}

    async def answer(
        self, key: RequestKey | None, work: Callable[[], Awaitable[Answer]]
    ) -> Response:
        """Do the work, unless it was done.

        Parameters
        ----------
        key : RequestKey or None
            Of the request; without one it is always done.
        work : callable
            Does it, and keeps its answer in the same commit.

        Returns
        -------
        Response

        Raises
        ------
        ConflictError
            If the key came with another body.
        """
        if key is None:
            return make_response(await work())
        place = (key.tenant, key.route, key.key)
        twin = self._at_work.get(place)
        if twin is not None:
            if twin[0] != key.fingerprint:
                self._count("conflict")
                raise ConflictError("the Idempotency-Key was used before, with another body")
            return self._repeat(await asyncio.shield(twin[1]))
        kept = self._find(key)
        if kept is not None:
            return self._repeat(kept)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._at_work[place] = key.fingerprint, future
        try:
            answer = await work()
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else StoreError("cancelled"))
            # Looked at here, as it is no fault that nobody else waits for it.
            future.exception()
            raise
        else:
            future.set_result(answer)
            return make_response(answer)
        finally:
            del self._at_work[place]

    def _repeat(self, answer: Answer) -> Response:
        """Give an answer again."""
        self._count("replayed")
        return make_response(answer, repeated=True)

    def _count(self, event: str) -> None:
        """Count what became of a repeated key."""
        if self._metrics is not None:
            self._metrics.count("ledger", event)

    def _find(self, key: RequestKey) -> Answer | None:
        """Find what was kept; a store that cannot be read decides nothing here."""
        if self._ledger is None:
            return None
        try:
            return self._ledger.find_answer(key)
        except ConflictError:
            self._count("conflict")
            raise
        except StoreError:
            # Where a twin was written down all the same, its key stops this one's commit.
            return None
