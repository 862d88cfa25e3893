"""The page about the interface keeps its promises: its examples run and answer what it shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from router.planner import Router
from router.service.application import create_app
from router.service.errors import CODE_BY_ERROR, CODE_BY_STATUS, STATUS_BY_ERROR
from tests.contracts.sidecars import run_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contracts.sidecars import Sidecar

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHOWN_ADDRESS = "localhost:8088"
# What the page tells a reader to take out of one answer and to use in the next request.
CARRIED = {"PLAN_ID": "plan_id"}


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> str:
    """Read the page."""
    root: Path = request.config.rootpath
    return (root / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sidecar(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sidecar]:
    """Run the sidecar that the page talks about."""
    data = tmp_path_factory.mktemp("page") / "data"
    with run_sidecar(request.config.rootpath, ["--data", data]) as sidecar:
        yield sidecar


def find_examples(page: str) -> list[tuple[str, Any]]:
    """Give each command of the page, and the document that stands behind it, if any."""
    blocks = [(found.group(1), found.group(2)) for found in FENCE.finditer(page)]
    examples = []
    for position, (language, block) in enumerate(blocks):
        if language == "sh" and block.startswith("curl "):
            following = blocks[position + 1] if position + 1 < len(blocks) else ("", "")
            shown = json.loads(following[1]) if following[0] == "json" else None
            examples.append((block, shown))
    return examples


def run_curl(command: str, variables: dict[str, str]) -> str:
    """Run an example as it stands, and give what is printed."""
    run = subprocess.run(
        ["/bin/sh", "-c", command],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def send_parsed(command: str, variables: dict[str, str]) -> str:
    """Send the request that an example describes, where there is no curl."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curl", "-s"]
    method, body, headers, url = None, None, {}, ""
    rest = iter(words[2:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest)
        else:
            assert not word.startswith("-"), f"the page uses {word}, which is not read here"
            url = word if "://" in word else f"http://{word}"
    kind = method or ("GET" if body is None else "POST")
    return httpx2.request(kind, url, content=body, headers=headers, timeout=60).text


def check_shape(shown: Any, told: Any, place: str = "answer") -> None:
    """Check that everything shown is told, and is of that kind."""
    numbers = (int, float)
    same = type(shown) is type(told) or (isinstance(shown, numbers) and isinstance(told, numbers))
    assert same, f"{place}: {shown!r} is shown, {told!r} told"
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert name in told, f"{place}: {name} is shown, told are {', '.join(told)}"
            check_shape(value, told[name], f"{place}.{name}")
    elif isinstance(shown, list):
        assert len(told) >= len(shown), f"{place}: {len(told)} elements are told"
        for position, value in enumerate(shown):
            check_shape(value, told[position], f"{place}[{position}]")


def test_examples_answer_what_is_shown(page: str, sidecar: Sidecar) -> None:
    """Every example of the page, in its order, answers with the fields that the page shows."""
    run = run_curl if shutil.which("curl") else send_parsed
    variables = dict.fromkeys(CARRIED, "")
    for command, shown in find_examples(page):
        told = run(command.replace(SHOWN_ADDRESS, f"127.0.0.1:{sidecar.port}"), variables)
        if shown is None:
            assert told
            continue
        document = json.loads(told)
        check_shape(shown, document)
        for name, key in CARRIED.items():
            variables[name] = document.get(key, variables[name])


def test_parsed_examples_answer_alike(page: str, sidecar: Sidecar) -> None:
    """Where there is no curl, the request that an example describes is sent all the same."""
    examples = [
        (command, shown)
        for command, shown in find_examples(page)
        if shown is not None and "/v1/pools" not in command and "$" not in command
    ]
    assert len(examples) > 5
    for command, shown in examples:
        here = command.replace(SHOWN_ADDRESS, f"127.0.0.1:{sidecar.port}")
        check_shape(shown, json.loads(send_parsed(here, {})))


def test_example_agent_asks_and_reports(sidecar: Sidecar, repository_root: Path) -> None:
    """The agent of the examples plans on its pool, and nothing stays reserved."""
    script = repository_root / "examples" / "agent.py"
    run = subprocess.run(
        [sys.executable, script, sidecar.address],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    report = json.loads(run.stdout.splitlines()[-1])
    assert [outcome["status"] for outcome in report["outcomes"]] == ["settled", "settled"]
    pool = httpx2.get(f"{sidecar.address}/v1/pools/examples").json()
    assert pool["reserved"] == {"usd": 0.0}
    assert 0 < pool["settled"]["usd"] < pool["capacity"]["usd"]


def test_example_agent_works_without_a_sidecar(repository_root: Path) -> None:
    """Where nobody answers, the agent says so and gives every question its usual option."""
    script = repository_root / "examples" / "agent.py"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    run = subprocess.run(
        [sys.executable, script, f"http://127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    first, *answers = run.stdout.splitlines()
    assert first.startswith("no plan (")
    assert len(answers) == 2


def test_wrong_shapes_are_seen() -> None:
    """A field that is not told, or is of another kind, does not pass as shown."""
    told = {"a": [1.5, {"b": None}], "c": "x"}
    check_shape({"a": [1, {"b": None}]}, told)
    wrong: list[Any] = [{"d": 1}, {"c": 1}, {"a": [1, {"e": 1}]}, {"a": [1, {}, 2]}, {"a": {}}]
    for shown in wrong:
        with pytest.raises(AssertionError):
            check_shape(shown, told)


def test_every_route_is_on_the_page(page: str) -> None:
    """Each route has an example or a line of its own, and none is shown that is not there."""
    app = create_app(Router.load())
    routes = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    listed = set(re.findall(r"^\| `((?:GET|POST) /[^`]*)`", page, re.MULTILINE))
    assert listed == routes | {"GET /openapi.json"}
    assert page.count(SHOWN_ADDRESS) > 5


def test_every_status_is_on_the_page(page: str) -> None:
    """The table of statuses has every code that an error can carry."""
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.MULTILINE)
    codes = [(status, code) for status, code in CODE_BY_STATUS.items()]
    codes += [(dict(STATUS_BY_ERROR)[kind], code) for kind, code in CODE_BY_ERROR.items()]
    assert sorted((int(status), code) for status, code in rows) == sorted(codes)
