"""Whether a floor under quality is kept as often as promised, and what it costs.

Run it as ``python benchmarks/guarantees.py``; ``--quick`` draws 200 splits instead of 1,000.

A split draws 1,000 calibration questions with replacement, so that the whole log is the population
and the truth of every setting is known. The floor is a share of what the option with the best mean
quality reaches. Settings: a price on every option's cost, so that each question takes the option of
best predicted quality minus price times cost (``prices``); and an upper and a give-up threshold on
the cheapest option's predicted quality, between it and the best (``thresholds``). Predictions are a
ridge on the text, cross-fitted. The Hoeffding-Bentkus test is shown beside the default, on a tenth
of the splits.

violations  share of the splits whose setting misses the floor in truth; at most delta, plus two
            binomial standard errors of the splits
spend       mean cost of what was chosen, as a share of the full budget's
oracle      the same of the cheapest setting that keeps the floor in truth

It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from router import read_log
from router.evaluation import build_view
from router.evaluation.baselines import predict_baselines
from router.evaluation.risk_control import choose_with_floor
from router.evaluation.risk_control_thresholds import list_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.evaluation.risk_control import TestMethod

LOGS = ("bbh_thinking", "mmlu_gsm8k_two_models", "nine_models")
SHARES, DELTAS = (0.9, 0.95), (0.05, 0.1)
METHODS: tuple[TestMethod, ...] = ("betting", "hoeffding_bentkus")
N_PRICES, N_CALIBRATION = 40, 1_000


class Family(NamedTuple):
    """Settings of one kind: what each brings and costs on every question."""

    quality: NDArray[np.float64]
    cost: NDArray[np.float64]
    sequences: list[NDArray[np.int64]] | None


def prepare(
    folder: Path, name: str
) -> tuple[dict[str, Family], NDArray[np.float64], NDArray[np.float64]]:
    """Lay out both families for a log, and the full budget."""
    view = build_view(read_log(folder / f"{name}.parquet"))
    predicted = predict_baselines(view)["ridge"]
    mean_cost = view.mean_by_option(view.cost)
    best = int(view.mean_by_option(view.quality).argmax())
    cheapest = int(mean_cost.argmin())
    rows = np.arange(len(view.quality))
    # A price at which the whole of quality buys the whole range of costs, and less.
    prices = np.concatenate([[0.0], np.geomspace(0.001, 1.0, N_PRICES - 1)]) / np.ptp(mean_cost)
    picks = [(predicted - price * mean_cost).argmax(1) for price in prices]
    by_price = Family(
        np.stack([view.quality[rows, pick] for pick in picks], axis=1),
        np.stack([view.cost[rows, pick] for pick in picks], axis=1),
        None,
    )
    score = predicted[:, cheapest]
    thresholds, sequences = list_thresholds(score)
    taken = np.stack([pair.choose_dear(score) for pair in thresholds], axis=1)
    by_score = Family(
        np.where(taken, view.quality[:, [best]], view.quality[:, [cheapest]]),
        np.where(taken, view.cost[:, [best]], view.cost[:, [cheapest]]),
        sequences,
    )
    families = {"prices": by_price, "thresholds": by_score}
    return families, view.quality[:, best], view.cost[:, best]


def measure(
    label: str,
    family: Family,
    full: tuple[NDArray[np.float64], NDArray[np.float64]],
    share: float,
    *,
    n_splits: int,
) -> Iterator[Figure]:
    """Draw splits, choose and compare with the truth."""
    full_quality, full_cost = full
    n, whole = len(full_quality), float(full_cost.mean())
    kept = family.quality.mean(0) >= share * full_quality.mean()
    spend = family.cost.mean(0)
    oracle = min(float(spend[kept].min()), whole) if kept.any() else whole
    yield Figure(f"{label}: oracle", oracle / whole, "of full")
    for method in METHODS:
        n_drawn = n_splits if method == METHODS[0] else n_splits // 10
        for delta in DELTAS:
            n_missed, spent, n_full = 0, 0.0, 0
            for split in range(n_drawn):
                drawn = np.random.default_rng([7, split]).integers(n, size=N_CALIBRATION)
                found = choose_with_floor(
                    family.quality[drawn],
                    family.cost[drawn],
                    full_quality[drawn],
                    full_cost[drawn],
                    share=share,
                    delta=delta,
                    sequences=family.sequences,
                    method=method,
                    seed=split,
                )
                n_full += found.setting is None
                n_missed += found.setting is not None and not kept[found.setting]
                spent += whole if found.setting is None else float(spend[found.setting])
            name = f"{label}, {method}, delta {delta}"
            allowed = delta + 2 * (delta * (1 - delta) / n_drawn) ** 0.5
            yield Figure(f"{name}: violations", n_missed / n_drawn, "", allowed)
            unit = f"of full ({n_full / n_drawn:.0%} kept full)"
            yield Figure(f"{name}: spend", spent / n_drawn / whole, unit)


def all_parts(n_splits: int) -> Iterator[Figure]:
    """Run everything."""
    folder = Path(os.environ.get("ROUTER_DATA", "../shared/data")) / "outcomes"
    prepared = {name: prepare(folder, name) for name in LOGS}
    for share in SHARES:
        for name, (families, *full) in prepared.items():
            for kind, family in families.items():
                label = f"{name}, {kind}, floor {share}"
                yield from measure(label, family, (full[0], full[1]), share, n_splits=n_splits)


def main() -> int:
    """Print the figures and say whether every goal was met."""
    options = parse_options("Floors under quality.", "200 splits instead of 1,000")
    figures = show(all_parts(200 if options.quick else 1000), width=76, measured=30)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
