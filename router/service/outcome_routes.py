"""The route by which agents report what their questions really cost and gained."""

# No postponed annotations here: FastAPI reads those of the routes.
import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.budgets import from_micro
from router.ledger.records import Answer, Settled
from router.service.answers import write_json
from router.service.bodies import decode_body, read_body
from router.service.description import describe_body
from router.service.ledger_schemas import OutcomesBody, make_reports
from router.service.repetitions import read_key
from router.service.sidecar import Sidecar, find_tenant

__all__ = ["add_outcome_routes"]


def add_outcome_routes(app: FastAPI, sidecar: Sidecar) -> None:
    """Add ``POST /v1/outcomes``.

    Parameters
    ----------
    app : FastAPI
        Where.
    sidecar : Sidecar
        Whose ledger is told.
    """

    @app.post("/v1/outcomes", openapi_extra=describe_body(OutcomesBody))
    async def report(request: Request) -> Response:
        """Settle what was reserved, return what is left of it, and keep what was learned."""
        content = await read_body(request)
        tenant = find_tenant(request)
        body = decode_body(content, OutcomesBody)
        reports = make_reports(body.outcomes)
        ledger = sidecar.require_ledger()
        key = read_key(request, tenant, content)

        def write(settled: Settled) -> Answer:
            """Write the answer."""
            words = zip(reports, settled.words, strict=True)
            document: dict[str, Any] = {
                "plan_id": body.plan_id,
                "outcomes": [{"id": report.id, "status": word} for report, word in words],
            }
            if settled.pool is not None:
                accounts = settled.pool.accounts.items()
                free = {unit: from_micro(account.free) for unit, account in accounts}
                document["pool"] = {"name": settled.pool.name, "free": free}
            return Answer(200, write_json(document))

        async def work() -> Answer:
            """Settle."""
            future = ledger.settle(tenant, body.plan_id, reports, key=key, write_answer=write)
            with sidecar.traces.span("ledger") as spot:
                spot.note("n_changes", len(reports))
                settled = await asyncio.wrap_future(future)
            for word in settled.words:
                sidecar.metrics.count("ledger", word)
            if settled.n_overruns:
                sidecar.metrics.count("ledger", "overrun", settled.n_overruns)
            return write(settled)

        return await sidecar.repetitions.answer(key, work)
