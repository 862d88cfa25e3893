"""An agent that asks the sidecar before it runs and reports after, with nothing but Python itself.

Start ``router serve --data DIR``, then run ``python examples/agent.py http://127.0.0.1:8088``.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any

POOL = {"name": "examples", "capacity": {"usd": 1.0}}
QUESTIONS = [
    {"id": "a", "text": "Who ruled Zurich in 1336?"},
    {"id": "b", "text": "Compare how Norway, Chile and Alaska pay out of their resource funds."},
]
SECONDS_MAX = 5
TRIES_MAX = 3
# What is done when nobody can be asked: an agent never waits for its planner.
OPTION_WITHOUT_PLAN = "small|none|s0|n1"


def ask(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a body, again under the same key if no answer comes, so that it counts once."""
    request = urllib.request.Request(  # noqa: S310 -- The address is the user's own.
        url + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())},
    )
    for remaining in reversed(range(TRIES_MAX)):
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:  # noqa: S310
                document: dict[str, Any] = json.load(answer)
                return document
        except urllib.error.HTTPError as error:
            # What is refused stays refused; only what the server could not do now is asked again.
            if error.code < 500 or not remaining:
                raise
        except OSError:
            if not remaining:
                raise
    raise AssertionError("the last try returns or raises")


def answer_question(text: str, option: str) -> tuple[str, float | None]:
    """Answer a question by an option: here your models and searches run.

    Gives the answer and how good it is from 0 to 1, or None while nobody has judged it.
    """
    return f"{option} would answer: {text}", None


def run(url: str) -> None:
    """Plan, answer, report, and show what is left."""
    try:
        ask(url, "/v1/pools", POOL)
        plan = ask(url, "/v1/allocate", {"questions": QUESTIONS, "pool": POOL["name"]})
    except OSError as error:
        print(f"no plan ({error}): every question gets {OPTION_WITHOUT_PLAN}")
        for question in QUESTIONS:
            print(answer_question(question["text"], OPTION_WITHOUT_PLAN)[0])
        return
    text_by_id = {question["id"]: question["text"] for question in QUESTIONS}
    outcomes = []
    for choice in plan["choices"]:
        if choice["status"] == "unfunded":
            print(f"{choice['id']} stays open: the pool does not reach for it")
            continue
        text, quality = answer_question(text_by_id[choice["id"]], choice["option"])
        print(text)
        # What was really spent belongs here; this example spends what was planned.
        spent = {"usd": choice["cost"]["usd"]}
        outcomes.append({"id": choice["id"], "cost": spent, "quality": quality})
    if not outcomes:
        return
    report = ask(url, "/v1/outcomes", {"plan_id": plan["plan_id"], "outcomes": outcomes})
    print(json.dumps(report))


if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"]):
        sys.exit(__doc__)
    run(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8088")
