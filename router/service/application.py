"""The application: all routes, one shape of error, and a description of everything."""

# No postponed annotations here: FastAPI reads those of the routes.
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from router import __version__
from router.exceptions import RouterError
from router.planner import Router
from router.service.description import describe_components
from router.service.errors import answer_error, answer_router_error, answer_status
from router.service.health_routes import add_health_routes
from router.service.planning_routes import BODIES, add_planning_routes

__all__ = ["create_app"]


def create_app(router: Router) -> FastAPI:
    """Make the sidecar's application.

    Parameters
    ----------
    router : Router
        Answers all requests.

    Returns
    -------
    FastAPI
        With ``POST /v1/allocate`` and ``/v1/predict``, ``GET /v2/health/live`` and ``/ready``.
    """
    app = FastAPI(
        title="compute-allocation-router",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    _add_error_handlers(app)
    add_health_routes(app, router)
    add_planning_routes(app, router)
    make_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        """Describe the bodies as well, which the framework does not see."""
        document = make_openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(describe_components(BODIES))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # The framework's own way to extend it.
    return app


def _add_error_handlers(app: FastAPI) -> None:
    """Give every error the one shape, wherever it comes from."""

    @app.exception_handler(RouterError)
    async def answer_library(_: Request, error: RouterError) -> Response:
        return answer_router_error(error)

    @app.exception_handler(HTTPException)
    async def answer_http(_: Request, error: HTTPException) -> Response:
        return answer_error(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def answer_unexpected(_: Request, __: Exception) -> Response:
        return answer_status(500)
