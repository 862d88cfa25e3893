"""Metering: every request is counted, in the words of its route and never in the client's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from router.service.metrics import OTHER

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from router.service.metrics import Metrics

__all__ = ["Metering"]


class Metering:
    """An application around an application, which records each request and changes none.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    metrics : Metrics
        Where requests are recorded.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Take what answers and what records."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and record how that went.

        Parameters
        ----------
        scope : dict
            Of the connection; routing leaves the route in it.
        receive : callable
            Passed on.
        send : callable
            Passed on; the status is read as it comes by.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # An answer that never began, because the task was cancelled, has no status at all.
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.begin_request()
        began = time.perf_counter()
        try:
            await self._app(scope, receive, note_status)
        except Exception:
            # What answers a defect stands outside of this, and answers with this status.
            status = status or 500
            raise
        finally:
            template = getattr(scope.get("route"), "path", OTHER)
            self._metrics.end_request(template, status, time.perf_counter() - began)
