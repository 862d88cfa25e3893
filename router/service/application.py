"""The application: routes that decode, ask the router, and encode."""

# No postponed annotations here: FastAPI reads those of the routes.
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from router import __version__
from router.exceptions import RouterError
from router.planner import Router
from router.questions import Question
from router.service.bodies import decode_body, read_body
from router.service.description import describe_body, describe_components
from router.service.errors import answer_error, answer_router_error, answer_status, write_json
from router.service.schemas import (
    AllocateBody,
    PredictBody,
    make_budget,
    make_menu,
    make_questions,
)

__all__ = ["create_app"]

BODIES = (AllocateBody, PredictBody)


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
    _add_health(app, router)

    @app.post("/v1/allocate", openapi_extra=describe_body(AllocateBody))
    async def allocate(request: Request) -> Response:
        """Plan an option for every question, together within the budget."""
        content = await read_body(request)
        return await run_in_threadpool(_allocate, router, content)

    @app.post("/v1/predict", openapi_extra=describe_body(PredictBody))
    async def predict(request: Request) -> Response:
        """Predict the quality of every question under every option."""
        content = await read_body(request)
        return await run_in_threadpool(_predict, router, content)

    make_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        """Describe the bodies as well, which the framework does not see."""
        document = make_openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(describe_components(BODIES))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # The framework's own way to extend it.
    return app


def _allocate(router: Router, content: bytes) -> Response:
    """Answer a request for a plan."""
    body = decode_body(content, AllocateBody)
    plan = router.allocate(
        make_questions(body.questions),
        make_budget(body.budget),
        menu=make_menu(body.menu),
        allow_skip=body.allow_skip,
        cost_margin=body.cost_margin,
        target_quality=body.target_quality,
        allow_unfunded=body.allow_unfunded,
    )
    return _answer(plan.to_dict())


def _predict(router: Router, content: bytes) -> Response:
    """Answer a request for predictions."""
    body = decode_body(content, PredictBody)
    questions = make_questions(body.questions)
    surface = router.predict(questions, menu=make_menu(body.menu))
    return _answer(
        {
            "bundle_id": router.bundle.bundle_id,
            "options": list(surface.menu.names),
            "evidence": list(surface.evidence),
            "familiarity": _name_rows(questions, surface.familiarity),
            "abstained": _name_rows(questions, surface.abstained),
            "quality": {
                question.id: row
                for question, row in zip(questions, surface.quality.tolist(), strict=True)
            },
        }
    )


def _name_rows(questions: Sequence[Question], values: NDArray[Any] | None) -> dict[str, Any] | None:
    """Give values their questions' identifiers."""
    if values is None:
        return None
    return dict(zip([question.id for question in questions], values.tolist(), strict=True))


def _answer(document: Mapping[str, Any]) -> Response:
    """Answer with a document."""
    return Response(write_json(document), media_type="application/json")


def _add_health(app: FastAPI, router: Router) -> None:
    """Add the routes by which an orchestrator sees how the service does."""

    @app.get("/v2/health/live")
    async def live() -> Response:
        """Say that the process answers."""
        return _answer({"status": "live"})

    @app.get("/v2/health/ready")
    async def ready() -> Response:
        """Say that the bundle is loaded, and which."""
        return _answer({"status": "ready", "bundle_id": router.bundle.bundle_id})


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
