"""The application: all routes, one shape of error, and a description of everything."""

# No postponed annotations here: FastAPI reads those of the routes.
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from router import __version__
from router.exceptions import RouterError
from router.planner import Router
from router.service.answer_schemas import describe_answers
from router.service.curve_routes import add_curve_routes
from router.service.description import describe_components, describe_errors
from router.service.direct_route import DirectRoute
from router.service.errors import answer_error, answer_router_error, answer_status
from router.service.health_routes import Check, add_health_routes
from router.service.inference_routes import add_inference_routes, fit_protocol
from router.service.ledger_schemas import OutcomesBody, PoolBody
from router.service.metering import Metering
from router.service.metrics import Metrics
from router.service.outcome_routes import add_outcome_routes
from router.service.planning_routes import BODIES, add_planning_routes
from router.service.pool_routes import add_pool_routes
from router.service.replan_routes import ReplanBody, add_replan_routes
from router.service.schemas import CurveBody
from router.service.sidecar import Sidecar
from router.service.tensors import InferBody
from router.service.traces import Traces, Tracing

__all__ = ["create_app"]


def create_app(
    served: Router | Sidecar,
    *,
    metrics: Metrics | None = None,
    traces: Traces | None = None,
    checks: Sequence[Check] = (),
) -> FastAPI:
    """Make the sidecar's application.

    Parameters
    ----------
    served : Router or Sidecar
        Answers all requests; a bare router without ledger, as if by a sidecar of all defaults.
    metrics : Metrics, optional
        Where requests are recorded; by default the sidecar's own.
    traces : Traces, optional
        Where requests are traced; by default where the sidecar's are, if anywhere.
    checks : sequence of callable, optional
        What has to be in order before the service says that it is ready.

    Returns
    -------
    FastAPI
        With ``POST /v1/allocate``, ``/v1/predict``, ``/v1/curve`` and ``/v1/outcomes``, pools below
        ``/v1/pools``, the Open Inference Protocol below ``/v2``, and ``GET /metrics``.
    """
    if isinstance(served, Router):
        served = Sidecar(
            served,
            metrics=Metrics() if metrics is None else metrics,
            traces=Traces() if traces is None else traces,
        )
    router, metrics = served.router, served.metrics
    checks = (*checks, served.desk.check_model, served.check_store)
    app = FastAPI(
        title="compute-allocation-router",
        version=__version__,
        lifespan=_make_lifespan(served),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = DirectRoute
    _add_error_handlers(app)
    add_health_routes(app, router, metrics, checks)
    add_planning_routes(app, served)
    add_outcome_routes(app, served)
    add_pool_routes(app, served)
    add_curve_routes(app, served)
    add_replan_routes(app, served)
    add_inference_routes(app, served, checks)
    # The routes are those that the application has now; no other ever becomes a series.
    metrics.add_routes(sorted({r.path for r in app.routes if isinstance(r, Route)}))
    if served.traces.is_on:
        app.add_middleware(Tracing, traces=served.traces)
    app.add_middleware(Metering, metrics=metrics)
    _describe_all(app)
    return app


def _make_lifespan(sidecar: Sidecar) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Make what surrounds the application's life: with it end its threads."""

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        yield
        sidecar.desk.close()
        sidecar.replanners.close()

    return live


def _describe_all(app: FastAPI) -> None:
    """Describe bodies and errors as well, which the framework does not see."""
    make_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        """Describe what the framework sees, and add the rest."""
        document = make_openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(
            describe_components((*BODIES, CurveBody, InferBody, OutcomesBody, PoolBody, ReplanBody))
        )
        describe_answers(document)
        describe_errors(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # The framework's own way to extend it.


def _add_error_handlers(app: FastAPI) -> None:
    """Give every error the one shape, wherever it comes from."""

    @app.exception_handler(RouterError)
    async def answer_library(request: Request, error: RouterError) -> Response:
        return fit_protocol(request.url.path, answer_router_error(error))

    @app.exception_handler(HTTPException)
    async def answer_http(request: Request, error: HTTPException) -> Response:
        answer = answer_error(error.status_code, str(error.detail), error.headers)
        return fit_protocol(request.url.path, answer)

    @app.exception_handler(Exception)
    async def answer_unexpected(request: Request, _: Exception) -> Response:
        return fit_protocol(request.url.path, answer_status(500))
