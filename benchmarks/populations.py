"""Simulated populations: how far from the logs they are, which axes interact, what a batch costs.

Run it as ``python benchmarks/populations.py``; ``--quick`` leaves out the batch of 10 million.

mean, pairs     differences between a log and the population fitted to it: largest of an option's
                mean, root mean square of how often two options succeed together
oracle          mean quality of each question's best observed option, in the log and in a draw of
                the population observed as the log was: whether options complement each other alike
interaction     difference of differences of log-odds between two axes, with 95 % interval
batch           1 million (10 million on two Dask workers) questions x 32 options, drawn, predicted
                with strength .4, planned and scored: seconds and memory, of all processes

It exits with 1 when a goal is missed. Everything but the logs is synthetic.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import numpy as np
import psutil
from distributed import Client, LocalCluster

from benchmarks._figures import Figure, finish, parse_options, show
from router import read_log
from router.evaluation.simulation import (
    SimulatedPredictor,
    fit_population,
    measure_interaction,
    simulate_batch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.evaluation.simulation import Population

# Mean recall of gold passages is no share of successes of equal runs, so that the two evidence logs
# and the F1 scores of nine_models are fitted less well; they have no goal.
LOGS = {
    "exam_reasoning": 0.01,
    "exam_sampling": 0.01,
    "qa_search_depth": 0.01,
    "bbh_thinking": 0.01,
    "medical_rag": 0.01,
    "gsm8k_verifier": 0.01,
    "mmlu_gsm8k_two_models": 0.01,
    "agent_selfchosen_search": 0.02,
    "rag_architectures": 0.03,
    "search_x_reasoning_attempts": None,
    "nine_models": None,
    "evidence_search_hotpotqa": None,
    "evidence_search_2wikimultihopqa": None,
}
EFFORTS = ("baseline", "concise", "chain_of_thought", "composite")
DEAR, CHEAP = "gpt-4", "gpt-35-turbo"
SQUARES = {
    "search x attempts": (
        "search_x_reasoning_attempts",
        [
            (
                "CoT/no_context/reflexion@trial1",
                "ReAct/reflexion@trial1",
                "CoT/no_context/reflexion@trial5",
                "ReAct/reflexion@trial5",
            )
        ],
    ),
    "search x model": (
        "medical_rag",
        [
            (
                "gpt-35-turbo-16k|cot",
                "gpt-35-turbo-16k|rag_32",
                "gpt-4-32k|cot",
                "gpt-4-32k|rag_32",
            )
        ],
    ),
    "thinking x model": (
        "exam_reasoning",
        [
            (
                f"{CHEAP}|baseline|maj@{n}",
                f"{CHEAP}|chain_of_thought|maj@{n}",
                f"{DEAR}|baseline|maj@{n}",
                f"{DEAR}|chain_of_thought|maj@{n}",
            )
            for n in (1, 5, 10)
        ],
    ),
    "thinking x samples": (
        "exam_reasoning",
        [
            (
                f"{model}|baseline|maj@1",
                f"{model}|chain_of_thought|maj@1",
                f"{model}|baseline|maj@10",
                f"{model}|chain_of_thought|maj@10",
            )
            for model in (CHEAP, DEAR)
        ],
    ),
    "samples x model": (
        "exam_reasoning",
        [
            (
                f"{CHEAP}|{effort}|maj@1",
                f"{CHEAP}|{effort}|maj@10",
                f"{DEAR}|{effort}|maj@1",
                f"{DEAR}|{effort}|maj@10",
            )
            for effort in EFFORTS
        ],
    ),
}
N_OPTIONS, STRENGTH, FRACTION = 32, 0.4, 0.1


def compare_fits(folder: Path) -> Iterator[Figure]:
    """Fit a population to every log and compare."""
    for name, goal in LOGS.items():
        fit = fit_population(read_log(folder / f"{name}.parquet"))
        yield Figure(f"{name}: mean", fit.mean_error, "", 0.001)
        yield Figure(f"{name}: pairs", fit.joint_error, "", 0.01)
        difference = abs(fit.oracle - fit.oracle_drawn)
        unit = f"({fit.oracle:.3f} log, {fit.oracle_drawn:.3f} drawn)"
        yield Figure(f"{name}: oracle differs", difference, unit, goal)


def compare_axes(folder: Path) -> Iterator[Figure]:
    """Measure where two axes do more or less together."""
    for name, (log, squares) in SQUARES.items():
        found = measure_interaction(read_log(folder / f"{log}.parquet"), squares)
        verdict = "adds up" if found.low <= 0.0 <= found.high else "interacts"
        unit = f"[{found.low:+.2f}, {found.high:+.2f}] {verdict}"
        yield Figure(f"{name} ({log})", found.mean, unit)


def choose_population(folder: Path) -> tuple[Population, NDArray[np.int64]]:
    """Take the population of 32 options of a log, and their mean cost in micro-dollars."""
    log = read_log(folder / "exam_reasoning.parquet")
    keep = list(range(N_OPTIONS))
    cost = np.nanmean(log.to_matrix(log.cost), axis=0)[keep]
    return fit_population(log).population.select(keep), np.ceil(1e6 * cost).astype(np.int64)


@contextmanager
def watch_memory() -> Iterator[list[int]]:
    """Note the largest resident memory of this process and its children, ten times a second."""
    largest, over = [0], threading.Event()

    def look() -> None:
        """Add up what all processes hold, those that end meanwhile left out."""
        while not over.wait(0.1):
            total = 0
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
            largest[0] = max(largest[0], total)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield largest
    finally:
        over.set()
        thread.join()


def run_batch(
    folder: Path, n_questions: int, where: str, goals: tuple[float, float] | None
) -> Iterator[Figure]:
    """Draw, plan and score one batch."""
    population, cost = choose_population(folder)
    low, high = int(cost.min()), int(cost[np.argmax(population.mean)])
    budget = int(n_questions * (low + FRACTION * (high - low)))
    predictor = SimulatedPredictor(STRENGTH)
    begin = time.perf_counter()
    with watch_memory() as largest:
        batch = simulate_batch(population, cost, budget, predictor, n_questions=n_questions)
    seconds = time.perf_counter() - begin
    size = f"{n_questions / 1e6:g}M x {N_OPTIONS}, {where}"
    yield Figure(f"{size}: seconds", seconds, "s", goals[0] if goals else None)
    yield Figure(f"{size}: memory", largest[0] / 2**30, "GiB", goals[1] if goals else None)
    for plan in batch.plans:
        unit = f"(fixed mix {plan.gain:+.4f} +- {1.96 * plan.gain_deviation:.4f})"
        yield Figure(f"{size}: quality of {plan.name}", plan.quality, unit)


def all_parts(*, quick: bool) -> Iterator[Figure]:
    """Run everything."""
    folder = Path(os.environ.get("ROUTER_DATA", "../shared/data")) / "outcomes"
    yield from compare_fits(folder)
    yield from compare_axes(folder)
    with joblib.parallel_config("loky", n_jobs=2):
        yield from run_batch(folder, 1_000_000, "two processes", (30.0, 4.0))
    if quick:
        return
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, Client(cluster), joblib.parallel_config("dask"):
        yield from run_batch(folder, 10_000_000, "two Dask workers", None)


def main() -> int:
    """Print the figures and say whether every goal was met."""
    options = parse_options("Simulated populations.", "without the batch of ten million")
    return finish(show(all_parts(quick=options.quick), width=52, measured=48), options.json)


if __name__ == "__main__":
    sys.exit(main())
