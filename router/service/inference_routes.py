"""Routes of the Open Inference Protocol, by which standard clients ask for predictions."""

# No postponed annotations here: FastAPI reads those of the routes.
import json
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from router import __version__
from router.choices import DEGRADED
from router.exceptions import InputError
from router.planner import Router
from router.service.answers import answer_json, write_json
from router.service.bodies import JSON_TYPE, read_body
from router.service.description import describe_body
from router.service.health_routes import Check, find_reason
from router.service.schemas import QUESTIONS_MAX, QuestionBody, make_questions
from router.service.sidecar import Sidecar
from router.service.tensors import InferBody, read_inference, read_texts, write_inference

__all__ = ["add_inference_routes", "fit_protocol"]

MODEL = "gain"
PLATFORM = "onnxruntime_onnx"
RAW_TYPE = "application/octet-stream"
HEADER_BYTES = "inference-header-content-length"
INPUTS = ("text", "group")
OUTPUTS = ("quality", "options")
GROUP_LENGTH_MAX = 200


def fit_protocol(path: str, answer: Response) -> Response:
    """Give an error the protocol's own shape where the protocol is spoken.

    Parameters
    ----------
    path : str
        Of the request.
    answer : Response
        An error in the shape of all errors.

    Returns
    -------
    Response
        On paths of the protocol ``{"error": "..."}``, and status 400 for what is invalid; elsewhere
        the answer as it is.

    Examples
    --------
    >>> from router.service.errors import answer_error
    >>> fit_protocol("/v2/models/gain/infer", answer_error(422, "no text")).body
    b'{"error":"no text"}'
    """
    if path != "/v2" and not path.startswith("/v2/"):
        return answer
    message = json.loads(bytes(answer.body))["error"]["message"]
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"content-length", "content-type"}
    }
    status = 400 if answer.status_code == 422 else answer.status_code
    return Response(write_json({"error": message}), status, headers, media_type=JSON_TYPE)


def add_inference_routes(app: FastAPI, sidecar: Sidecar, checks: Sequence[Check] = ()) -> None:
    """Add ``GET /v2``, and below ``/v2/models/gain`` metadata, readiness and inference.

    Parameters
    ----------
    app : FastAPI
        Where.
    sidecar : Sidecar
        Answers them; its bundle is the model's one version.
    checks : sequence of callable, optional
        What has to be in order before work is sent here.
    """
    router = sidecar.router

    @app.get("/v2")
    async def describe_server() -> Response:
        """Tell what the server is and which extensions of the protocol it knows."""
        return answer_json(
            {
                "name": "compute-allocation-router",
                "version": __version__,
                "extensions": ["binary_tensor_data"],
            }
        )

    @app.get("/v2/models/{model}")
    @app.get("/v2/models/{model}/versions/{version}")
    async def describe_model(model: str, version: str | None = None) -> Response:
        """Tell the model's inputs, outputs and version."""
        _check_model(router, model, version)
        return answer_json(_describe(router))

    @app.get("/v2/models/{model}/ready")
    @app.get("/v2/models/{model}/versions/{version}/ready")
    async def ready(model: str, version: str | None = None) -> Response:
        """Say whether the model answers."""
        _check_model(router, model, version)
        reason = find_reason(checks)
        if reason is not None:
            return answer_json({"name": MODEL, "ready": False, "error": reason}, 503)
        return answer_json({"name": MODEL, "ready": True})

    @app.post("/v2/models/{model}/infer", openapi_extra=describe_body(InferBody))
    @app.post("/v2/models/{model}/versions/{version}/infer", openapi_extra=describe_body(InferBody))
    async def infer(request: Request, model: str, version: str | None = None) -> Response:
        """Predict the quality of every text under every option."""
        _check_model(router, model, version)
        # Standard clients name no media type. Only a page in a browser is asked for one: it could
        # otherwise put load on a server of this machine without asking anyone.
        unnamed = () if "origin" in request.headers else ("",)
        content = await read_body(request, media_types=(JSON_TYPE, RAW_TYPE, *unnamed))
        stated_bytes = request.headers.get(HEADER_BYTES)
        return await _infer(sidecar, content, stated_bytes)


def _check_model(router: Router, model: str, version: str | None) -> None:
    """Refuse any model but the one, and any version but the bundle that serves."""
    if model != MODEL:
        raise HTTPException(404, f"there is one model, {MODEL!r}")
    if version not in {None, router.bundle.bundle_id}:
        raise HTTPException(404, f"the one version is {router.bundle.bundle_id}")


def _describe(router: Router) -> dict[str, Any]:
    """Describe the model in the words of the protocol."""
    n_options = len(router.bundle.menu.names)
    shapes = {"text": [-1], "group": [-1], "quality": [-1, n_options], "options": [n_options]}
    tensors = {
        name: {
            "name": name,
            "datatype": "FP64" if name == "quality" else "BYTES",
            "shape": shape,
        }
        for name, shape in shapes.items()
    }
    return {
        "name": MODEL,
        "versions": [router.bundle.bundle_id],
        "platform": PLATFORM,
        "inputs": [tensors[name] for name in INPUTS],
        "outputs": [tensors[name] for name in OUTPUTS],
    }


async def _infer(sidecar: Sidecar, content: bytes, stated_bytes: str | None) -> Response:
    """Answer a request for an inference; where the model does not answer, nothing stands in."""
    body, raw = read_inference(content, stated_bytes)
    questions = make_questions(_read_questions(body, raw))
    wanted = _choose_outputs(body)
    with sidecar.traces.span("predict") as spot:
        spot.note("n_questions", len(questions))
        outcome = await sidecar.desk.predict(questions)
    if outcome.degraded is not None:
        raise HTTPException(503, DEGRADED[outcome.degraded])
    surface = outcome.value
    tensors: dict[str, Any] = {
        "quality": surface.quality,
        "options": surface.menu.names,
    }
    head = {"model_name": MODEL, "model_version": sidecar.router.bundle.bundle_id}
    answer, header_bytes = write_inference(
        {**head, "id": body.id} if body.id else head,
        {name: tensors[name] for name in wanted},
        {name for name, is_raw in wanted.items() if is_raw},
    )
    if header_bytes is None:
        return Response(answer, media_type=JSON_TYPE)
    return Response(answer, headers={HEADER_BYTES: str(header_bytes)}, media_type=RAW_TYPE)


def _read_questions(body: InferBody, raw: dict[str, bytes]) -> list[str | QuestionBody]:
    """Make questions of the inputs."""
    tensors = {tensor.name: tensor for tensor in body.inputs}
    if not set(tensors) <= set(INPUTS) or "text" not in tensors:
        raise InputError("inputs: 'text' is needed and 'group' allowed, no other")
    texts = read_texts(tensors["text"], raw.get("text"))
    if not 1 <= len(texts) <= QUESTIONS_MAX:
        raise InputError(f"input 'text': {len(texts)} elements, allowed are 1 to {QUESTIONS_MAX}")
    groups = [""] * len(texts)
    if "group" in tensors:
        groups = read_texts(tensors["group"], raw.get("group"))
    if len(groups) != len(texts):
        raise InputError(f"input 'group': {len(groups)} elements beside {len(texts)} texts")
    if max(map(len, groups)) > GROUP_LENGTH_MAX:
        raise InputError(f"input 'group': an element is longer than {GROUP_LENGTH_MAX} characters")
    return [
        QuestionBody(text, group=group or None) for text, group in zip(texts, groups, strict=True)
    ]


def _choose_outputs(body: InferBody) -> dict[str, bool]:
    """Choose the outputs that are asked for, and say which of them as raw bytes."""
    is_raw = body.parameters.get("binary_data_output") is True
    if not body.outputs:
        return dict.fromkeys(OUTPUTS, is_raw)
    wanted = {
        output.name: output.parameters.get("binary_data", is_raw) is True for output in body.outputs
    }
    if not set(wanted) <= set(OUTPUTS) or len(wanted) < len(body.outputs):
        raise InputError(f"outputs: allowed are {' and '.join(OUTPUTS)}, each once")
    return wanted
