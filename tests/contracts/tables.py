"""Outcome logs as tables, for the tests of whatever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

BASE: dict[str, list[Any]] = {
    "query_id": ["1", "1", "2"],
    "query": ["a", "a", "b"],
    "option": ["x", "y", "x"],
    "quality": [0.0, 0.5, 1.0],
    "cost": [1.0, 2.0, 1.0],
}


def make_frame() -> pd.DataFrame:
    """Make a log with gaps, texts that are hard to store, repeats and extra columns."""
    texts = {"1": 'say "hi",\u2028twice', "2": "two\nlines, \x85 and é", "x": "\U0001f600?"}
    rows = [
        {
            "dataset": "toy",
            "query_id": query_id,
            "query": text,
            "group": {"1": "g", "2": None, "x": "h"}[query_id],
            "option": option,
            "model": "m" if option != "c" else None,
            "strategy": "direct",
            "search_steps": float(steps),
            "reasoning_effort": "none",
            "reasoning_tokens": None if option == "a" else 100.5,
            "samples": 1 + steps,
            "quality": quality,
            "cost": 0.25 + steps,
            "cost_unit": "calls",
            "cost_usd": None if option == "b" else 0.125,
            "trials": trials,
            "context_hops": 1.5 if query_id == "1" else None,
            "colour": 0.5,
        }
        for query_id, text in texts.items()
        for steps, option in enumerate("abc")
        for quality, trials in [(0.25, 1), (1.0, 3)][: 1 + (query_id == "2")]
    ]
    return pd.DataFrame(rows)


def write_frame(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table with pandas, as its users do."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    return path
