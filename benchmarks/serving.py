"""Time of predicting a gain surface, part by part, and of training, each beside its goal.

Run it as ``python benchmarks/serving.py`` (``--quick`` measures the shipped bundle only). It trains
a bundle on each of two of the shared logs, or takes those it finds under ``--bundles``. NumPy and
the compiled kernels (extra ``[fast]``) take turns, block of calls by block, and at beginning a
block. Every call gets other questions, so nothing can be answered from a cache; a goal is
compared with the median of the CPU time on one thread with kernels. It exits with 1 when a goal is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from router import Router, read_log
from router.features.engines import warm_up, without_kernels
from router.models.abstention import abstain
from router.options import Menu
from router.questions import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router.models.predictor import Predictor
    from router.models.surface import Surface

TRAINED = ("nine_models", "exam_reasoning")
TEXT_LOGS = ("nine_models", "medical_rag", "mmlu_gsm8k_two_models", "qa_search_depth")
# An agent's questions: 130 characters in the mean, as in a request of 32 that takes four kilobytes.
QUESTION_CHARACTERS = (80, 200)
BATCH, OPTIONS = 32, 32
GOAL_BATCH_US, GOAL_SINGLE_US = 1000.0, 150.0
GOAL_TRAINING_S, GOAL_TRAINING_GB = 60.0, 2.0
# The first calls of a kind fill caches and find the processor cold.
WARM_UP = 20
# Calls before the other engine has its turn.
BLOCK = 50
ENGINES = ("numpy", "compiled")


@dataclass(frozen=True)
class Row:
    """Time of one part of a prediction, in microseconds."""

    bundle: str
    case: str
    part: str
    engine: str
    cpu_us: float
    cpu_p99_us: float
    cpu_p10_us: float
    wall_us: float
    wall_p99_us: float
    goal_us: float | None = None

    @property
    def met(self) -> bool:
        """Whether the goal is reached, if there is one."""
        return self.goal_us is None or self.cpu_us <= self.goal_us


def find_data() -> Path:
    """Find the shared logs: where ROUTER_DATA points, or beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"


def read_texts(folder: Path) -> list[str]:
    """Read questions of several logs, or of the synthetic one where the logs are not there."""
    paths = [folder / f"{name}.parquet" for name in TEXT_LOGS]
    if not all(path.is_file() for path in paths):
        paths = [Path(__file__).resolve().parents[1] / "examples" / "sample_log.csv"]
    return [text for path in paths for text in read_log(path).texts]


def draw_batches(texts: list[str], size: int, count: int, seed: int) -> list[list[Question]]:
    """Draw batches of questions; within a batch, and as far as there are enough, all differ."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate(
        [rng.permutation(len(texts)) for _ in range(1 + size * count // len(texts))]
    )
    return [
        [Question(str(row), texts[row]) for row in rows[first : first + size]]
        for first in range(0, size * count, size)
    ]


def time_calls(
    work: Callable[[Any], object], arguments: Sequence[Any]
) -> dict[str, tuple[float, ...]]:
    """Time one call an argument and engine.

    Returns
    -------
    dict of str to tuple of float
        By engine, median, 99th percentile and tenth of CPU time, then the first two of wall time.
    """
    times: dict[str, list[tuple[int, int]]] = {engine: [] for engine in ENGINES}
    for number, first in enumerate(range(0, len(arguments), BLOCK)):
        for engine in ENGINES[:: 1 - 2 * (number % 2)]:
            with nullcontext() if engine == "compiled" else without_kernels():
                for argument in arguments[first : first + BLOCK]:
                    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
                    work(argument)
                    spent = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
                    times[engine].append(spent)
    figures = {}
    for engine, measured in times.items():
        cpu, wall = np.array(measured[WARM_UP:]).T / 1e3
        values = (*np.percentile(cpu, (50, 99, 10)), *np.percentile(wall, (50, 99)))
        figures[engine] = tuple(map(float, values))
    return figures


def measure_case(
    bundle: str, predictor: Predictor, menu: Menu, batches: list[list[Question]], case: str
) -> Iterator[Row]:
    """Measure features, models and the whole call for one menu and batches of one size."""
    goal = GOAL_BATCH_US if len(batches[0]) > 1 else GOAL_SINGLE_US
    texts = [[question.text for question in batch] for batch in batches]
    features = [predictor.encoder.encode(batch) for batch in texts]

    def make(part: str, work: Callable[[Any], object], arguments: Sequence[Any]) -> Iterator[Row]:
        """Make a row for each engine; the goal is for the whole, compiled."""
        place = f"{case}, {len(batches[0])} x {len(menu)}"
        for engine, figures in time_calls(work, arguments).items():
            has_goal = part == "whole" and engine == "compiled"
            row = Row(bundle, place, part, engine, *figures)
            yield replace(row, goal_us=goal) if has_goal else row

    def predict(batch: list[Question]) -> Surface:
        """Predict and abstain, as the planner does."""
        return abstain(predictor.predict(batch, menu), predictor)

    yield from make("features", predictor.encoder.encode, texts)
    named = predictor.named
    if named is not None and menu.options[0].name in named.options:
        labels = [None] * len(batches[0])
        yield from make("trees and ridges", lambda f: named.predict(f, labels), features)
    elif predictor.descriptors is not None:
        head = predictor.descriptors
        yield from make("descriptors", lambda f: head.predict(f, menu.options), features)
    if predictor.novelty is not None:
        yield from make("novelty", predictor.novelty.rank, features)
    quantities = predictor.quantities
    if quantities is not None:
        labels = [None] * len(batches[0])
        consume = partial(quantities.predict, groups=labels, names=menu.names)
        yield from make("quantities", consume, features)
    yield from make("whole", predict, batches)


def choose_menus(router: Router, shipped: Menu) -> dict[str, Menu]:
    """Choose up to 32 options known by name, and 32 known by descriptors only."""
    menus = {"descriptors": Menu(shipped.options[:OPTIONS])}
    if router.predictor.named is not None:
        menus["named"] = Menu(router.bundle.menu.options[:OPTIONS])
    return menus


def measure_bundle(
    name: str, router: Router, shipped: Menu, texts: list[str], repeats: int
) -> Iterator[Row]:
    """Measure one bundle on agents' questions and on texts of any length."""
    low, high = QUESTION_CHARACTERS
    questions = [text for text in texts if low <= len(text) <= high]
    for kind, menu in choose_menus(router, shipped).items():
        for size in (BATCH, 1):
            count = WARM_UP + repeats * (1 if size == BATCH else 4)
            batches = draw_batches(questions, size, count, seed=size)
            yield from measure_case(name, router.predictor, menu, batches, kind)
    everything = draw_batches(texts, BATCH, WARM_UP + repeats, seed=0)
    rows = measure_case(name, router.predictor, menu, everything, f"{kind}, any length")
    # No goal was set for texts of any length: an exam's question takes pages.
    yield from (Row(**{**asdict(row), "goal_us": None}) for row in rows)


def train_bundle(log: Path, out: Path) -> tuple[float, float]:
    """Train a bundle in a process of its own: seconds and peak memory in gigabytes."""
    command = [
        sys.executable,
        "-c",
        "import router.cli; router.cli.main()",
        "train",
        str(log),
        "--out",
        str(out),
    ]
    before = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - before
    # The system counts kibibytes, and children's peaks are the largest of them all.
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def format_row(row: Row) -> str:
    """Write one line of the Markdown table."""
    goal = "-" if row.goal_us is None else f"{row.goal_us:.0f}"
    met = "-" if row.goal_us is None else "yes" if row.met else "NO"
    times = (row.cpu_us, row.cpu_p99_us, row.cpu_p10_us, row.wall_us, row.wall_p99_us)
    cells = [
        row.bundle,
        row.case,
        row.part,
        row.engine,
        *(f"{value:.0f}" for value in times),
        goal,
        met,
    ]
    return "| " + " | ".join(cells) + " |"


HEADER = (
    "| bundle | case | part | engine | CPU p50 us | CPU p99 us | CPU p10 us | wall p50 us "
    "| wall p99 us | goal | met |\n" + "|---" * 11 + "|"
)


def main() -> int:
    """Train or find the bundles, measure them, and say whether every goal was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the shipped bundle only")
    parser.add_argument("--bundles", type=Path, help="where trained bundles are kept for next time")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    folder, repeats = find_data(), 100 if arguments.quick else 400
    texts = read_texts(folder)
    shipped = Router.load()
    routers = {"shipped": shipped}
    rows, met = [], True
    with tempfile.TemporaryDirectory() as temporary:
        kept = arguments.bundles or Path(temporary)
        for name in () if arguments.quick or not folder.is_dir() else TRAINED:
            if not (kept / name).is_dir():
                seconds, memory = train_bundle(folder / f"{name}.parquet", kept / name)
                met &= seconds <= GOAL_TRAINING_S and memory <= GOAL_TRAINING_GB
                print(f"training on {name}: {seconds:.0f} s, {memory:.2f} GB", flush=True)
            routers[name] = Router.load(kept / name)
    if not warm_up():
        parser.error("the extra [fast] is not installed: there is nothing to compare")
    print(HEADER, flush=True)
    # Threads of the linear algebra wait by spinning, which would count as CPU time.
    with threadpool_limits(limits=1):
        for name, router in routers.items():
            for row in measure_bundle(name, router, shipped.bundle.menu, texts, repeats):
                rows.append(row)
                print(format_row(row), flush=True)
    if arguments.json is not None:
        figures = [asdict(row) | {"met": row.met} for row in rows]
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if met and all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
