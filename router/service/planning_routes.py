"""Routes that plan: what each question gets, and what each option would bring."""

# No postponed annotations here: FastAPI reads those of the routes.
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from router.ledger.records import Answer
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
        body = decode_body(await read_body(request), PredictBody)
        questions = make_questions(body.questions)
        with sidecar.traces.span("predict") as spot:
            spot.note("n_questions", len(questions))
            outcome = await sidecar.desk.predict(questions, menu=make_menu(body.menu))
        surface = outcome.value
        document = {
            "bundle_id": sidecar.router.bundle.bundle_id,
            "options": list(surface.menu.names),
            "evidence": list(surface.evidence),
            "familiarity": _name_rows(questions, surface.familiarity),
            "abstained": _name_rows(questions, surface.abstained),
            "quality": _name_rows(questions, surface.quality),
        }
        return answer_json(outcome.mark(document))


def _name_rows(questions: Sequence[Question], values: NDArray[Any] | None) -> dict[str, Any] | None:
    """Give values their questions' identifiers."""
    if values is None:
        return None
    return dict(zip([question.id for question in questions], values.tolist(), strict=True))
