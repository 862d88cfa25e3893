"""Decision quality of the gain model on the shared logs, each figure beside its goal.

Run it as ``python benchmarks/gain_model.py`` (``--quick`` for the two quickest logs). Every log is
evaluated by the protocol of ``router evaluate`` in a process of its own, so that time and peak
memory are the log's. It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What the best of blind, task and ridge reaches by the protocol's own script, to its last digit.
GOALS = {
    "exam_reasoning": 0.7548,
    "bbh_thinking": 0.6479,
    "nine_models": 0.6408,
    "qa_search_depth": 0.3949,
    "medical_rag": 0.6525,
    "mmlu_gsm8k_two_models": 0.7409,
    "gsm8k_verifier": 0.4361,
}
# Logs without a goal of their own: the learner may not fall behind the ridge by more than .003.
OTHERS = (
    "evidence_search_hotpotqa",
    "evidence_search_2wikimultihopqa",
    "rag_architectures",
    "search_x_reasoning_attempts",
    "agent_selfchosen_search",
)
QUICK = ("gsm8k_verifier", "qa_search_depth")
BEHIND_RIDGE_MAX = 0.003
SECONDS_MAX, MEMORY_MAX_GB = 300.0, 4.0


@dataclass(frozen=True)
class Row:
    """One log's figures and whether they reach their goals."""

    name: str
    quality: dict[str, float]
    goal: float
    gain_over_blind: dict[str, float]
    gain_over_ridge: dict[str, float]
    headroom: float | None
    seconds: float
    memory_gb: float

    @property
    def met(self) -> bool:
        """Whether quality, time and memory reach their goals."""
        return (
            self.quality["router"] >= self.goal
            and self.seconds <= SECONDS_MAX
            and self.memory_gb <= MEMORY_MAX_GB
        )


def find_data() -> Path:
    """Find the shared logs: where ROUTER_DATA points, or beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"


def evaluate_one(path: Path, seed: int) -> dict[str, Any]:
    """Evaluate one log in this process, measuring time and peak memory with its children's."""
    from router import evaluate, read_log

    start = time.perf_counter()
    content = evaluate(read_log(path), seed=seed, n_jobs=2).to_dict()
    content["wall_s"] = time.perf_counter() - start
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    # The system counts kibibytes; the two worker processes peak alike, so children count twice.
    own, child = (resource.getrusage(kind).ru_maxrss / 2**20 for kind in kinds)
    content["memory_gb"] = own + 2 * child
    return content


def measure(path: Path, seed: int) -> Row:
    """Evaluate one log in a fresh process."""
    command = [sys.executable, __file__, "--one", str(path), "--seed", str(seed)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    content = json.loads(run.stdout)
    mean = content["mean"]
    name = path.stem
    goal = GOALS.get(name, mean["quality"]["ridge"] - BEHIND_RIDGE_MAX)
    return Row(
        name,
        mean["quality"],
        goal,
        mean["gain_over_blind"],
        mean["gain_over_ridge"],
        mean["headroom_captured"],
        content["wall_s"],
        content["memory_gb"],
    )


def format_row(row: Row) -> str:
    """Write one line of the Markdown table."""
    plans = ("uniform", "blind", "task", "ridge", "router", "oracle")
    gains = [
        f"{gain['mean']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]"
        for gain in (row.gain_over_blind, row.gain_over_ridge)
    ]
    cells = [
        row.name,
        *(f"{row.quality[plan]:.4f}" for plan in plans),
        f"{row.goal:.4f}",
        "yes" if row.met else "NO",
        *gains,
        "-" if row.headroom is None else f"{row.headroom:.0%}",
        f"{row.seconds:.0f}",
        f"{row.memory_gb:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


HEADER = (
    "| log | uniform | blind | task | ridge | **router** | oracle | goal | met "
    "| router - blind [95 %] | router - ridge [95 %] | headroom | s | GB |\n" + "|---" * 14 + "|"
)


def main() -> int:
    """Measure the logs that were asked for and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; all by default")
    parser.add_argument("--quick", action="store_true", help="the two quickest logs only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        json.dump(evaluate_one(arguments.one, arguments.seed), sys.stdout, allow_nan=False)
        return 0
    folder = find_data()
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    names = arguments.logs or (QUICK if arguments.quick else (*GOALS, *OTHERS))
    print(HEADER, flush=True)
    rows = []
    for name in names:
        rows.append(measure(folder / f"{name}.parquet", arguments.seed))
        print(format_row(rows[-1]), flush=True)
    if arguments.json is not None:
        figures = [vars(row) | {"met": row.met} for row in rows]
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
