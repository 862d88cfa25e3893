"""The Open Inference Protocol, in the shapes that standard clients send and expect."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from router.planner import Router
from router.service.application import create_app
from router.service.desk import DeskLimits
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, read_json, tiny_bundle
from tests.contracts.faulty_models import make_faulty_router

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]
INFER = "/v2/models/gain/infer"
HEADER_BYTES = "inference-header-content-length"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Talk to an application with the small bundle."""
    with TestClient(create_app(Router(tiny_bundle(), PRICES))) as client:
        yield client


def make_input(name: str, data: list[str]) -> dict[str, Any]:
    """Write an input of texts in JSON."""
    return {"name": name, "shape": [len(data)], "datatype": "BYTES", "data": data}


def check_error(answer: Any, status: int, *words: str) -> None:
    """Check status and the protocol's own shape of an error: one text."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    document = read_json(answer.text)
    assert set(document) == {"error"}
    for word in words:
        assert word in document["error"]


def test_metadata_describes_what_infer_takes(client: TestClient) -> None:
    """Server and model tell their names, versions, inputs and outputs."""
    server = read_json(client.get("/v2").text)
    assert set(server) == {"name", "version", "extensions"}
    assert server["extensions"] == ["binary_tensor_data"]
    bundle_id = tiny_bundle().bundle_id
    model = read_json(client.get("/v2/models/gain").text)
    assert model == read_json(client.get(f"/v2/models/gain/versions/{bundle_id}").text)
    assert set(model) == {"name", "versions", "platform", "inputs", "outputs"}
    assert (model["name"], model["versions"]) == ("gain", [bundle_id])
    tensors = [
        (tensor["name"], tensor["datatype"], tensor["shape"])
        for tensor in model["inputs"] + model["outputs"]
    ]
    assert tensors == [
        ("text", "BYTES", [-1]),
        ("group", "BYTES", [-1]),
        ("quality", "FP64", [-1, 3]),
        ("options", "BYTES", [3]),
    ]
    for path in ("/v2/models/gain/ready", f"/v2/models/gain/versions/{bundle_id}/ready"):
        assert read_json(client.get(path).text) == {"name": "gain", "ready": True}


def test_infer_answers_with_the_surface(client: TestClient) -> None:
    """Qualities are the library's, row by row; the identifier comes back."""
    body = {
        "id": "42",
        "inputs": [make_input("text", TEXTS), make_input("group", ["look-up", ""])],
        "outputs": [{"name": "quality"}],
        "parameters": {"priority": 3, "nothing_we_know": "x"},
    }
    answer = client.post(INFER, json=body)
    assert answer.status_code == 200
    surface = Router(tiny_bundle()).predict([{"text": TEXTS[0], "group": "look-up"}, TEXTS[1]])
    assert read_json(answer.text) == {
        "model_name": "gain",
        "model_version": tiny_bundle().bundle_id,
        "id": "42",
        "outputs": [
            {
                "name": "quality",
                "datatype": "FP64",
                "shape": [2, 3],
                "data": surface.quality.ravel().tolist(),
            }
        ],
    }


def test_all_outputs_come_where_none_is_named(client: TestClient) -> None:
    """Without a choice there are qualities and the options they belong to, and no identifier."""
    path = f"/v2/models/gain/versions/{tiny_bundle().bundle_id}/infer"
    document = read_json(client.post(path, json={"inputs": [make_input("text", TEXTS)]}).text)
    assert [output["name"] for output in document["outputs"]] == ["quality", "options"]
    assert document["outputs"][1]["data"] == list(tiny_bundle().menu.names)
    assert "id" not in document


def test_raw_tensors_as_standard_clients_send_them(client: TestClient) -> None:
    """Raw inputs without a media type and raw outputs hold what JSON holds."""
    raw = b"".join(struct.pack("<I", len(text)) + text.encode() for text in TEXTS)
    tensor: dict[str, Any] = {"name": "text", "shape": [2], "datatype": "BYTES"}
    tensor["parameters"] = {"binary_data_size": len(raw)}
    body = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    header = json.dumps(body).encode()
    answer = client.post(INFER, content=header + raw, headers={HEADER_BYTES: str(len(header))})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers[HEADER_BYTES])
    document = read_json(answer.content[:length].decode())
    size = document["outputs"][0]["parameters"]["binary_data_size"]
    quality = np.frombuffer(answer.content[length : length + size]).reshape(2, 3)
    np.testing.assert_array_equal(quality, Router(tiny_bundle()).predict(TEXTS).quality)


def test_one_output_raw_and_one_in_json(client: TestClient) -> None:
    """Each output is written as it is asked for, whatever is asked for the rest."""
    body = {
        "inputs": [make_input("text", TEXTS)],
        "outputs": [
            {"name": "options", "parameters": {"binary_data": False}},
            {"name": "quality"},
        ],
        "parameters": {"binary_data_output": True},
    }
    answer = client.post(INFER, json=body)
    document = read_json(answer.content[: int(answer.headers[HEADER_BYTES])].decode())
    options, quality = document["outputs"]
    assert options["data"] == list(tiny_bundle().menu.names)
    assert quality["parameters"] == {"binary_data_size": 48}


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"inputs": [make_input("group", ["a"])]}, "'text' is needed"),
        ({"inputs": [make_input("text", TEXTS), make_input("canary", TEXTS)]}, "no other"),
        ({"inputs": [make_input("text", TEXTS), make_input("group", ["a"])]}, "1 elements beside"),
        ({"inputs": [make_input("text", [])]}, "0 elements"),
        ({"inputs": [make_input("text", ["a"] * 513)]}, "513 elements"),
        ({"inputs": [make_input("text", ["a"]), make_input("group", ["x" * 201])]}, "longer"),
        ({"inputs": [make_input("text", [" "])]}, "empty"),
        ({"inputs": [{**make_input("text", TEXTS), "datatype": "FP32"}]}, "BYTES"),
        ({"inputs": [{**make_input("text", TEXTS), "shape": [3]}]}, "2 elements"),
        ({"inputs": "canary"}, "inputs"),
        ({"outputs": [{"name": "canary"}]}, "quality and options"),
        ({"outputs": [{"name": "quality"}, {"name": "quality"}]}, "each once"),
        ({"id": "canary canary"}, "id"),
    ],
)
def test_mismatch_is_refused(client: TestClient, fields: dict[str, Any], word: str) -> None:
    """What does not fit is status 400 in the protocol's shape, and no word of it is repeated."""
    body = {"inputs": [make_input("text", TEXTS)], **fields}
    answer = client.post(INFER, json=body)
    check_error(answer, 400, word)
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", "/v2/models/gain/versions/1", 404),
        ("POST", "/v2/models/gain/versions/1/infer", 404),
        ("GET", "/v2/nothing", 404),
        ("GET", INFER, 405),
    ],
)
def test_other_places_have_the_protocols_errors(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """Unknown models, versions, paths and methods are told in the same shape."""
    check_error(client.request(method, path), status)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data"},
        {"origin": "https://example.org"},
    ],
)
def test_pages_in_browsers_have_to_ask_first(client: TestClient, headers: dict[str, str]) -> None:
    """What a page may send without being allowed to is refused."""
    body = json.dumps({"inputs": [make_input("text", TEXTS)]}).encode()
    check_error(client.post(INFER, content=body, headers=headers), 415)


@pytest.mark.parametrize(
    ("fault", "words"), [("nan", "no number"), ("raise", "failed"), ("sleep", "too long")]
)
def test_nothing_stands_in_for_a_model_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    """Whoever asks the model itself is told that it does not answer, and is given nothing else."""
    monkeypatch.setattr("router.models.heads.is_compiled", lambda: False)
    router, session = make_faulty_router()
    session.fault = fault
    body = {"inputs": [make_input("text", TEXTS)], "parameters": {"binary_data_output": True}}
    sidecar = Sidecar(router, limits=DeskLimits(deadline_ms=500.0))
    with TestClient(create_app(sidecar), raise_server_exceptions=False) as client:
        check_error(client.post(INFER, json=body), 503, words)
        session.fault = None
        assert client.post(INFER, json=body).status_code == 200
