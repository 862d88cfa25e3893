"""The description of the service: true of every answer, also of those to what nobody would send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from router.ledger import Ledger
from router.planner import Router
from router.service.application import create_app
from router.service.description import describe_errors
from router.service.server import guard
from router.service.settings import Settings
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.service.edge import Edge

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
N_CASES = 20
OPERATIONS = [
    f"{method.upper()} {path}"
    for path, methods in create_app(Router(tiny_bundle())).openapi()["paths"].items()
    for method in methods
]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Make the whole sidecar, with a ledger."""
    with Ledger(tmp_path_factory.mktemp("ledger")) as ledger:
        app = create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger))
        yield guard(app, Settings(allowed_hosts=["*"]))


def find_operation(edge: Edge, name: str) -> Any:
    """Read the description over HTTP and find a route in it."""
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", edge)
    operations = [result.ok() for result in schema.get_all_operations()]
    return next(operation for operation in operations if operation.label == name)


def send_cases(operation: Any, mode: Any, n_cases: int = N_CASES) -> list[int]:
    """Send what the description allows, or what it does not, and check every answer."""
    statuses = []

    @settings(
        max_examples=n_cases,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        """Send one and check what comes back."""
        answer = case.call()
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    send()
    return statuses


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_are_as_described(edge: Edge, name: str) -> None:
    """Whatever the description allows is answered in the shapes that it has."""
    statuses = send_cases(find_operation(edge, name), MODES[0])
    assert len(statuses) > 0
    assert max(statuses) < 500


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("POST")])
def test_what_the_description_forbids_is_refused(edge: Edge, name: str) -> None:
    """What breaks the description is 4xx, in the shape of errors."""
    statuses = send_cases(find_operation(edge, name), MODES[1])
    assert len(statuses) > 1
    assert max(statuses) < 500


def test_fault_that_is_planted_is_found(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route that fails for some of what the description allows does not pass."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Router, "predict", fail)
    operation = find_operation(edge, "POST /v1/predict")
    with pytest.raises(BaseException, match="Server error"):
        send_cases(operation, MODES[0])


def test_every_route_describes_its_errors(edge: Edge) -> None:
    """An error has one of two shapes, and each route says which."""
    with TestClient(edge) as client:
        paths = client.get("/openapi.json").json()["paths"]
    shapes = {
        path: {
            operation["responses"][status]["content"]["application/json"]["schema"]["$ref"]
            for operation in methods.values()
            for status in ("4XX", "5XX")
        }
        for path, methods in paths.items()
    }
    assert shapes["/v1/allocate"] == {"#/components/schemas/Problem"}
    assert (
        shapes["/v2"] == shapes["/v2/models/{model}"] == {"#/components/schemas/InferenceProblem"}
    )
    assert all(len(names) == 1 for names in shapes.values())


def test_errors_are_described_once() -> None:
    """Describing errors again changes nothing."""
    document: dict[str, Any] = {"paths": {"/v1/x": {"post": {"responses": {"200": {}}}}}}
    describe_errors(document)
    once = str(document)
    describe_errors(document)
    assert str(document) == once
