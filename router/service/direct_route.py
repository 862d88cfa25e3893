"""Direct routes: nothing is read from a request for functions that take it as it is."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["DirectRoute"]


class DirectRoute(APIRoute):
    """A route that hands the request to a function that takes nothing else.

    The framework reads path, query, headers and body for its functions, which takes longer than
    some of them do. A function with any other parameter is called by the framework as ever.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what answers a request."""
        takes_request_only = list(inspect.signature(self.endpoint).parameters) == ["request"]
        if takes_request_only and inspect.iscoroutinefunction(self.endpoint):
            return self.endpoint
        return super().get_route_handler()
