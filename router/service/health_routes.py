"""Routes by which an orchestrator sees how the service does."""

# No postponed annotations here: FastAPI reads those of the routes.
from fastapi import FastAPI
from starlette.responses import Response

from router.planner import Router
from router.service.answers import answer_json

__all__ = ["add_health_routes"]


def add_health_routes(app: FastAPI, router: Router) -> None:
    """Add ``GET /v2/health/live`` and ``/v2/health/ready``.

    Parameters
    ----------
    app : FastAPI
        Where.
    router : Router
        Whose bundle is told.
    """

    @app.get("/v2/health/live")
    async def live() -> Response:
        """Say that the process answers."""
        return answer_json({"status": "live"})

    @app.get("/v2/health/ready")
    async def ready() -> Response:
        """Say that the bundle is loaded, and which."""
        return answer_json({"status": "ready", "bundle_id": router.bundle.bundle_id})
