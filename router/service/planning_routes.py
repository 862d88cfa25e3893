"""Routes that plan: what each question gets, and what each option would bring."""

# No postponed annotations here: FastAPI reads those of the routes.
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from router.ledger.records import Answer
from router.planner import Router
from router.questions import Question
from router.service.allocating import Allocating
from router.service.answers import answer_json
from router.service.bodies import decode_body, read_body
from router.service.description import describe_body
from router.service.repetitions import read_key
from router.service.schemas import (
    AllocateBody,
    PredictBody,
    make_menu,
    make_questions,
)
from router.service.sidecar import Sidecar, find_tenant

__all__ = ["BODIES", "add_planning_routes"]

BODIES = (AllocateBody, PredictBody)


def add_planning_routes(app: FastAPI, sidecar: Sidecar) -> None:
    """Add ``POST /v1/allocate`` and ``/v1/predict``.

    Parameters
    ----------
    app : FastAPI
        Where.
    sidecar : Sidecar
        Answers them.
    """
    allocating = Allocating(sidecar)

    @app.post("/v1/allocate", openapi_extra=describe_body(AllocateBody))
    async def allocate(request: Request) -> Response:
        """Plan an option for every question, together within the budget."""
        content = await read_body(request)
        body = decode_body(content, AllocateBody)
        tenant = find_tenant(request)
        key = read_key(request, tenant, content)

        async def work() -> Answer:
            """Plan and keep the plan."""
            return await allocating.answer(body, tenant, key)

        return await sidecar.repetitions.answer(key, work)

    @app.post("/v1/predict", openapi_extra=describe_body(PredictBody))
    async def predict(request: Request) -> Response:
        """Predict the quality of every question under every option."""
        content = await read_body(request)
        return await run_in_threadpool(_predict, sidecar.router, content)


def _predict(router: Router, content: bytes) -> Response:
    """Answer a request for predictions."""
    body = decode_body(content, PredictBody)
    questions = make_questions(body.questions)
    surface = router.predict(questions, menu=make_menu(body.menu))
    return answer_json(
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
