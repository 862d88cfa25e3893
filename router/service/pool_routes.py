"""Routes about pools: create one, list them, look at one."""

# No postponed annotations here: FastAPI reads those of the routes.
import asyncio

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.ledger import Ledger
from router.ledger.records import Answer, PoolState
from router.service.answers import answer_json, write_json
from router.service.bodies import JSON_TYPE, decode_body, read_body
from router.service.description import describe_body
from router.service.ledger_schemas import PoolBody, check_pool_name, make_pool, show_pool
from router.service.repetitions import read_key
from router.service.sidecar import Sidecar, find_tenant

__all__ = ["add_pool_routes"]


def add_pool_routes(app: FastAPI, sidecar: Sidecar) -> None:
    """Add ``POST`` and ``GET /v1/pools`` and ``GET /v1/pools/{name}``.

    Parameters
    ----------
    app : FastAPI
        Where.
    sidecar : Sidecar
        Whose ledger keeps them.
    """

    @app.post("/v1/pools", openapi_extra=describe_body(PoolBody))
    async def create_pool(request: Request) -> Response:
        """Create a pool; the same one again is found as it stands."""
        content = await read_body(request)
        tenant = find_tenant(request)
        state = make_pool(decode_body(content, PoolBody))
        ledger = sidecar.require_ledger()
        key = read_key(request, tenant, content)

        async def work() -> Answer:
            """Create it."""
            future = ledger.create_pool(tenant, state, key=key, write_answer=_write_created)
            return _write_created(*await asyncio.wrap_future(future))

        return await sidecar.repetitions.answer(key, work)

    @app.get("/v1/pools")
    async def list_pools(request: Request) -> Response:
        """List the pools, by name."""
        ledger, tenant = sidecar.require_ledger(), find_tenant(request)
        # There may be thousands, which others should not wait for.
        content = await asyncio.to_thread(_write_pools, ledger, tenant)
        return Response(content, media_type=JSON_TYPE)

    @app.get("/v1/pools/{name}")
    async def show_one(request: Request, name: str) -> Response:
        """Show a pool as it stands."""
        ledger = sidecar.require_ledger()
        state = ledger.read_pool(find_tenant(request), check_pool_name(name))
        return answer_json(show_pool(state))


def _write_pools(ledger: Ledger, tenant: str) -> bytes:
    """Write all pools of a tenant."""
    return write_json({"pools": [show_pool(pool) for pool in ledger.list_pools(tenant)]})


def _write_created(state: PoolState, is_new: bool) -> Answer:  # noqa: FBT001 - as the ledger gives
    """Write the answer to a request for a pool."""
    return Answer(201 if is_new else 200, write_json(show_pool(state)))
