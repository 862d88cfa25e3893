"""The route by which agents ask, in the middle of a plan, what to do next."""

# No postponed annotations here: FastAPI reads those of the routes.
from typing import Annotated

from fastapi import FastAPI
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from router.reports import Report
from router.service.answers import answer_json
from router.service.bodies import decode_body, read_body
from router.service.description import describe_body
from router.service.replanning import Replanning
from router.service.schemas import QUESTIONS_MAX, Amount, Context, Name, Share, Unit
from router.service.sidecar import Sidecar, find_tenant

__all__ = ["ReplanBody", "ReportBody", "add_replan_routes"]

REPORTS_MAX = 4 * QUESTIONS_MAX


class ReportBody(Struct, forbid_unknown_fields=True):
    """What came of one option on one question, so far."""

    id: Name
    option: Name
    cost: dict[Unit, Amount] = {}
    quality: Share | None = None
    is_done: bool = False
    context: Context | None = None

    def to_report(self) -> Report:
        """Give the same as the library has it."""
        cost = {str(unit): amount for unit, amount in self.cost.items()}
        context = dict(self.context or {})
        return Report(self.id, self.option, cost, self.quality, self.is_done, context)


class ReplanBody(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/replan``."""

    plan_id: Name
    reports: Annotated[list[ReportBody], Meta(max_length=REPORTS_MAX)] = []
    running: Annotated[list[Name], Meta(max_length=QUESTIONS_MAX)] = []
    is_checked: bool = False
    may_give_up: bool = True


def add_replan_routes(app: FastAPI, sidecar: Sidecar) -> None:
    """Add ``POST /v1/replan``.

    Parameters
    ----------
    app : FastAPI
        Where.
    sidecar : Sidecar
        Answers it.
    """
    replanning = Replanning(sidecar)

    @app.post("/v1/replan", openapi_extra=describe_body(ReplanBody))
    async def replan(request: Request) -> Response:
        """Allocate what is left of a plan, given all that has been reported so far."""
        body = decode_body(await read_body(request), ReplanBody)
        with sidecar.traces.span("replan") as spot:
            spot.note("n_reports", len(body.reports))
            document = await replanning.answer(body, find_tenant(request))
        return answer_json(document)
