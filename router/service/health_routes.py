"""Routes by which an orchestrator and a monitor see how the service does."""

# No postponed annotations here: FastAPI reads those of the routes.
from collections.abc import Callable, Sequence

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from router.planner import Router
from router.service.answers import answer_json
from router.service.metrics import CONTENT_TYPE, Metrics

__all__ = ["Check", "add_health_routes", "find_reason"]

# Says in fixed words why the service cannot work yet, or None; called often, so it has to be quick.
Check = Callable[[], str | None]
# How long an orchestrator may wait before it asks again.
RETRY_SECONDS = 1


def find_reason(checks: Sequence[Check]) -> str | None:
    """Find the first reason for which the service is not ready.

    Parameters
    ----------
    checks : sequence of callable
        In the order in which they matter.

    Returns
    -------
    str or None

    Examples
    --------
    >>> find_reason([lambda: None, lambda: "the store cannot be written"])
    'the store cannot be written'
    """
    return next((reason for reason in (check() for check in checks) if reason is not None), None)


def add_health_routes(
    app: FastAPI, router: Router, metrics: Metrics, checks: Sequence[Check] = ()
) -> None:
    """Add ``GET /v2/health/live``, ``/v2/health/ready`` and ``/metrics``.

    Parameters
    ----------
    app : FastAPI
        Where.
    router : Router
        Whose bundle is told.
    metrics : Metrics
        What is shown.
    checks : sequence of callable, optional
        What has to be in order before work is sent here.
    """

    @app.get("/v2/health/live")
    async def live() -> Response:
        """Say that the process answers; neither model nor store is touched."""
        return answer_json({"live": True})

    @app.get("/v2/health/ready")
    async def ready() -> Response:
        """Say whether work may be sent here, and why not."""
        reason = find_reason(checks)
        if reason is not None:
            answer = answer_json({"ready": False, "error": reason}, 503)
            answer.headers["retry-after"] = str(RETRY_SECONDS)
            return answer
        return answer_json({"ready": True, "bundle_id": router.bundle.bundle_id})

    @app.get("/metrics", response_class=PlainTextResponse)
    async def show_metrics() -> Response:
        """Show all series in Prometheus' text format."""
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE})
