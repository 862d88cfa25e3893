"""Access: no route of the application is without a role, and none opens to the wrong one."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from router.ledger import Ledger
from router.planner import Router
from router.service.access import OPEN_PATHS, ROLES_BY_ROUTE, find_methods
from router.service.application import create_app
from router.service.keys import Keys, Role, make_key
from router.service.server import guard
from router.service.settings import Settings
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

KEYS = {role: make_key(f"tenant-of-{role}", [role]) for role in Role}


def make_app() -> FastAPI:
    """Make the application with all of its routes."""
    return create_app(Router(tiny_bundle()))


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """List the methods and templates that an application answers."""
    return [
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def without_a_role(app: FastAPI) -> list[tuple[str, str]]:
    """Name the routes that the table does not know."""
    return [(m, path) for m, path in routes_of(app) if m not in ROLES_BY_ROUTE.get(path, {})]


def test_every_route_has_a_role() -> None:
    """A route that was added without a line in the table is found."""
    app = make_app()
    assert len(routes_of(app)) >= 5
    assert all(isinstance(route, Route) for route in app.routes)
    assert without_a_role(app) == []


def test_planted_route_is_found_and_unreachable() -> None:
    """Without a line in the table a route does not exist for anybody."""
    app = make_app()

    @app.get("/v1/secrets")
    async def secrets() -> dict[str, str]:
        """Tell what nobody should hear."""
        return {"secret": "WHISPER"}

    assert without_a_role(app) == [("GET", "/v1/secrets")]
    with TestClient(guard(app, Settings()), base_url="http://localhost") as client:
        assert client.get("/v1/secrets").status_code == 404


@pytest.mark.parametrize(("method", "path"), routes_of(make_app()))
def test_route_answers_its_roles_only(method: str, path: str) -> None:
    """Without a key a route is shut, with one of the wrong role too."""
    place = path.replace("{", "").replace("}", "")
    keys = Keys([key for _, key in KEYS.values()])
    edge = guard(make_app(), Settings(), keys)
    with TestClient(edge, base_url="http://localhost", raise_server_exceptions=False) as client:
        stranger = client.request(method, place, headers={"content-type": "application/json"})
        assert (stranger.status_code != 401) == (path in OPEN_PATHS)
        for role, (text, _) in KEYS.items():
            headers = {"content-type": "application/json", "authorization": f"Bearer {text}"}
            status = client.request(method, place, headers=headers).status_code
            assert (status == 403) == (role not in ROLES_BY_ROUTE[path][method])


def test_templates_fit_one_part_each() -> None:
    """A part in braces is one part that is not empty."""
    assert find_methods("/v1/pools/a") == ROLES_BY_ROUTE["/v1/pools/{name}"]
    assert find_methods("/v1/pools") == ROLES_BY_ROUTE["/v1/pools"]
    for path in ("/v1/pools/", "/v1/pools/a/b", "/v1//a", "v1/pools/a", ""):
        assert find_methods(path) is None


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TestClient]]:
    """Let two tenants talk to one sidecar, each with a key that may do everything."""
    made = [make_key(tenant, list(Role)) for tenant in ("anna", "bert")]
    with Ledger(tmp_path_factory.mktemp("ledger")) as ledger:
        sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger)
        edge = guard(create_app(sidecar), Settings(), Keys([key for _, key in made]))
        with ExitStack() as held:
            yield [
                held.enter_context(
                    TestClient(
                        edge,
                        base_url="http://localhost",
                        headers={"authorization": f"Bearer {text}"},
                    )
                )
                for text, _ in made
            ]


def test_a_tenant_sees_only_what_is_its_own(tenants: list[TestClient]) -> None:
    """Pools, plans and answers under a key of one tenant are not there for another."""
    first, second = tenants
    pool = {"name": "purse", "capacity": {"searches": 100}}
    assert first.post("/v1/pools", json=pool).status_code == 201
    body = {"questions": [{"id": "a", "text": "Who?"}], "pool": "purse"}
    repeated = {"idempotency-key": "k-4711"}
    plan = first.post("/v1/allocate", json=body, headers=repeated)
    assert plan.status_code == 200
    report = {
        "plan_id": plan.json()["plan_id"],
        "outcomes": [{"id": "a", "cost": {"searches": 1}, "quality": 1.0}],
    }
    assert second.get("/v1/pools/purse").status_code == 404
    assert second.get("/v1/pools").json()["pools"] == []
    assert second.post("/v1/outcomes", json=report).status_code == 404
    # The very same request, key and all, is another one when another tenant sends it.
    assert second.post("/v1/allocate", json=body, headers=repeated).status_code == 404
    assert second.post("/v1/pools", json={**pool, "capacity": {"usd": 1}}).status_code == 201
    assert first.get("/v1/pools/purse").json()["capacity"] == {"searches": 100}
    assert first.post("/v1/outcomes", json=report).status_code == 200
    assert first.post("/v1/allocate", json=body, headers=repeated).content == plan.content
    told = second.get("/metrics").text
    assert not any(word in told for word in ("anna", "bert", "purse", "k-4711"))


def test_page_says_what_each_role_opens(repository_root: Path) -> None:
    """The table of roles names every route that asks for one role alone."""
    page = (repository_root / "docs" / "api.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*/.*) \|$", page, flags=re.MULTILINE))
    assert {role.value for role in Role} <= set(rows)
    for path, methods in ROLES_BY_ROUTE.items():
        for roles in methods.values():
            if len(roles) == 1:
                (role,) = roles
                assert path in rows[role] or path.startswith("/v2/models/")
