"""What tests of the command line and the service share: a small bundle, and a run of a command."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from router.cli import main
from router.logs import build_log
from router.models.trainer import train
from router.prices import ModelPrice, Prices

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from router.models.bundle import Bundle
    from router.outcomes import OutcomeLog

N_QUESTIONS = 60
PRICES = Prices(
    "2026-11-22",
    {"toy": ModelPrice(0.2, 0.8)},
    search_usd_per_call=0.004,
)
KINDS = {"look-up": "Who heads the council of {} today?", "sum": "What is {} plus {} times two?"}


def make_columns(n_questions: int = N_QUESTIONS) -> dict[str, list[Any]]:
    """Make the columns of an outcome log in which searching helps one task and not the other."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(n_questions):
        kind = ("look-up", "sum")[number % 2]
        for steps in (0, 1, 4):
            p = 0.3 + 0.15 * steps if kind == "look-up" else 0.7 - 0.05 * steps
            rows.append(
                {
                    "query_id": f"t{number:03d}",
                    "query": KINDS[kind].format(f"town {number}", number),
                    "group": kind,
                    "option": f"toy|s{steps}",
                    "model": "toy",
                    "search_steps": steps,
                    "reasoning_effort": "none",
                    "samples": 1,
                    "quality": float(rng.random() < p),
                    "cost": round(0.0002 + 0.0041 * steps, 6),
                    "cost_unit": "usd",
                    "cost_searches": steps,
                }
            )
    return {name: [row[name] for row in rows] for name in rows[0]}


@cache
def tiny_log() -> OutcomeLog:
    """Make the log of :func:`make_columns`."""
    return build_log(make_columns(), name="tiny")


@cache
def tiny_bundle() -> Bundle:
    """Train a bundle of three options, once a run."""
    return train(tiny_log())


def write_csv(path: Path, columns: dict[str, list[Any]]) -> Path:
    """Write columns as comma-separated values without quotes."""
    lines = [
        ",".join(columns),
        *(",".join(map(str, r)) for r in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refuse_constant(word: str) -> None:
    """Refuse NaN and Infinity, which Python's reader would let through."""
    raise AssertionError(f"{word} is no JSON")


def read_json(text: str) -> Any:
    """Read one JSON document, and nothing that is none."""
    return json.loads(text, parse_constant=refuse_constant)


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Run a command with --json that goes well, and read what it prints."""
    status = main([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return read_json(printed.out)


def check_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[object], *words: str, status: int = 2
) -> None:
    """Check that a command refuses: one line on standard error with these words, nothing else."""
    assert main(list(map(str, arguments))) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert printed.err.endswith("\n")
    for word in words:
        assert word in printed.err
