"""Direct routes: called with the request where that is all they take, and by the framework else."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - The framework reads it from the annotation.
from starlette.responses import Response
from starlette.testclient import TestClient

from router.service.direct_route import DirectRoute


def make_app() -> FastAPI:
    """Make an application of one route of each kind."""
    app = FastAPI()
    app.router.route_class = DirectRoute

    @app.post("/direct", openapi_extra={"x-said": "so"})
    async def direct(request: Request) -> Response:
        """Answer with what came."""
        if "stop" in request.query_params:
            raise HTTPException(418, "stopped")
        return Response(await request.body())

    @app.get("/read/{name}")
    async def read(request: Request, name: str, number: int = 1) -> Response:
        """Answer with what the framework reads."""
        return Response(f"{request.method} {name} {number}")

    return app


def test_both_kinds_answer() -> None:
    """A function gets the request alone, or what the framework reads where it wants more."""
    with TestClient(make_app()) as client:
        assert client.post("/direct", content=b"body").content == b"body"
        assert client.post("/direct?stop=1").status_code == 418
        assert client.get("/direct").status_code == 405
        assert client.get("/read/a?number=7").text == "GET a 7"
        assert client.get("/read/a?number=x").status_code == 422


def test_direct_routes_are_described() -> None:
    """The description of the application holds what was said of the route."""
    operation = make_app().openapi()["paths"]["/direct"]["post"]
    assert (operation["x-said"], operation["description"]) == ("so", "Answer with what came.")
