"""The route of the curve: what budget do these questions need."""

# No postponed annotations here: FastAPI reads those of the routes.
from dataclasses import asdict

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from router.budgets import BUDGET_UNITS
from router.planner import Router
from router.service.answers import answer_json
from router.service.bodies import decode_body, read_body
from router.service.description import describe_body
from router.service.schemas import CurveBody, make_menu, make_questions

__all__ = ["add_curve_routes"]


def add_curve_routes(app: FastAPI, router: Router) -> None:
    """Add ``POST /v1/curve``.

    Parameters
    ----------
    app : FastAPI
        Where.
    router : Router
        Answers it.
    """

    @app.post("/v1/curve", openapi_extra=describe_body(CurveBody))
    async def curve(request: Request) -> Response:
        """Draw expected quality against budget."""
        content = await read_body(request)
        return await run_in_threadpool(_curve, router, content)


def _curve(router: Router, content: bytes) -> Response:
    """Answer a request for a curve."""
    body = decode_body(content, CurveBody)
    questions = make_questions(body.questions)
    menu = router.resolve_menu(make_menu(body.menu))
    costs = router.cost(menu)
    unit: str = body.unit or next((name for name in BUDGET_UNITS if name in costs.amounts), "usd")
    points = router.curve(
        questions, unit=unit, menu=menu, n_points=body.n_points, cost_margin=body.cost_margin
    )
    return answer_json(
        {
            "bundle_id": router.bundle.bundle_id,
            "price_id": costs.price_id,
            "unit": unit,
            "points": [asdict(point) for point in points],
        }
    )
