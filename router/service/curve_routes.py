"""The route of the curve: what budget do these questions need."""

# No postponed annotations here: FastAPI reads those of the routes.
from dataclasses import asdict

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.budgets import BUDGET_UNITS
from router.service.answers import answer_json
from router.service.bodies import decode_body, read_body
from router.service.description import describe_body
from router.service.schemas import CurveBody, make_menu, make_questions
from router.service.sidecar import Sidecar

__all__ = ["add_curve_routes"]


def add_curve_routes(app: FastAPI, sidecar: Sidecar) -> None:
    """Add ``POST /v1/curve``.

    Parameters
    ----------
    app : FastAPI
        Where.
    sidecar : Sidecar
        Answers it.
    """
    router = sidecar.router

    @app.post("/v1/curve", openapi_extra=describe_body(CurveBody))
    async def curve(request: Request) -> Response:
        """Draw expected quality against budget."""
        body = decode_body(await read_body(request), CurveBody)
        questions = make_questions(body.questions)
        menu = router.resolve_menu(make_menu(body.menu))
        costs = router.cost(menu)
        units = (name for name in BUDGET_UNITS if name in costs.amounts)
        unit: str = body.unit or next(units, "usd")
        with sidecar.traces.span("curve") as spot:
            spot.note("n_questions", len(questions))
            outcome = await sidecar.desk.curve(
                questions,
                menu=menu,
                unit=unit,
                n_points=body.n_points,
                cost_margin=body.cost_margin,
            )
        document = {
            "bundle_id": router.bundle.bundle_id,
            "price_id": costs.price_id,
            "unit": unit,
            "points": [asdict(point) for point in outcome.value],
        }
        return answer_json(outcome.mark(document))
