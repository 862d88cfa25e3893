"""What a few dozen outcomes of a new model are worth: join, against what else could be done.

Run it as ``python benchmarks/new_models.py`` (``--quick`` for one model of the smaller log and one
draw). Every model of a log in turn is taken out of it, a bundle is trained on the others, and the
model joins with 20, 50 or 200 outcomes: pairs of a random training question and a random option of
the model. The protocol's five folds score every question once; an option's cost is its mean in the
training folds, for new options too. It exits with 1 when joining is clearly worse than observed
means.

without      the new model's options are the worst of every question, so none is taken by choice
descriptors  the bundle's guess from strength, effort and samples, without any outcome
mean         observed mean of the model's outcomes, of each option as far as it was tried
task         the same by task, shrunk by ten outcomes towards the mean
join         ``router join``
few          with ``--few`` only, one draw: a gain model trained on these few and the others'
             outcomes in the training folds; an option that was not tried is the worst
retrain      a gain model trained on all outcomes of the training folds, the new model's included

A second table lets code-davinci-002, which was not trained to reason, join the bundle of
`exam_reasoning` with outcomes of `bbh_thinking`, half of them with thinking: how fast evidence
overrules the expectation of a small gain, and whether the stated error fits the spread of draws. A
third shows how far the cost of new options on a question is from what their kin let expect.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router import Bundle, join, read_log, train
from router.evaluation import build_view, cross_fit, score_plans
from router.evaluation.protocol import assign_folds
from router.models.joined import JoinedHead
from router.models.kinship import name_models
from router.models.training import fit_gain_model
from router.options import Menu
from router.questions import Question
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog

LOGS = ("exam_reasoning", "nine_models")
COUNTS = (20, 50, 200)
METHODS = ("mean", "task", "join")
TASK_WORTH, OPTION_WORTH = 10.0, 2.0
# Whose lower bound lies above this is clearly worse.
TOLERANCE = 0.0


@dataclass(frozen=True)
class Case:
    """One model as if it were new: its options' columns, and what is predicted for the rest."""

    log: OutcomeLog
    is_new: NDArray[np.bool_]
    folds: NDArray[np.int64]
    bundles: list[Bundle]
    known: NDArray[np.float64]
    guessed: NDArray[np.float64]


def select_rows(log: OutcomeLog, rows: NDArray[np.bool_]) -> OutcomeLog:
    """Keep some rows of a log, and the questions and options they are about."""
    questions = np.unique(log.question_index[rows])
    options = np.unique(log.option_index[rows])
    thinned = replace(
        log,
        options=tuple(log.options[column] for column in options),
        option_index=np.searchsorted(options, log.option_index[rows]),
        question_index=log.question_index[rows],
        quality=log.quality[rows],
        cost=log.cost[rows],
        trials=log.trials[rows],
        unit_costs={unit: column[rows] for unit, column in log.unit_costs.items()},
    )
    return thinned.select(np.isin(np.arange(log.n_questions), questions))


def prepare(log: OutcomeLog, model: str) -> Case:
    """Train a bundle a fold without the model's options."""
    folds = assign_folds(log.texts)
    is_new = np.array(name_models(log.options)) == model
    shape = (log.n_questions, log.n_options)
    known, guessed, bundles = np.zeros(shape), np.zeros(shape), []
    menu = Menu(log.options)
    for fold in range(5):
        test = folds == fold
        rows = ~is_new[log.option_index] & ~test[log.question_index]
        bundle = train(select_rows(log, rows))
        questions = [
            Question(str(row), log.texts[row], log.groups[row]) for row in np.flatnonzero(test)
        ]
        guessed[test] = bundle.predictor.predict(questions, menu).quality
        bundles.append(bundle)
    known = np.where(is_new, guessed.min(axis=1, keepdims=True), guessed)
    return Case(log, is_new, folds, bundles, known, guessed)


def choose(case: Case, fold: int, count: int, seed: int) -> NDArray[np.int64]:
    """Choose rows of the new model outside a fold."""
    log = case.log
    fresh = case.is_new[log.option_index] & (case.folds != fold)[log.question_index]
    rng = np.random.default_rng([seed, fold, count])
    return rng.choice(np.flatnonzero(fresh), count, replace=False)


def draw(case: Case, fold: int, count: int, seed: int) -> OutcomeLog:
    """Draw outcomes of the new model, with those of all known options on the same questions."""
    log, chosen = case.log, choose(case, fold, count, seed)
    rows = np.zeros(len(log.quality), dtype=bool)
    rows[chosen] = True
    told = np.isin(log.question_index, log.question_index[chosen])
    return select_rows(log, rows | (told & ~case.is_new[log.option_index]))


def predict(case: Case, count: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Predict every question by each method, from outcomes of the other folds."""
    surfaces = {name: case.known.copy() for name in METHODS}
    for fold, bundle in enumerate(case.bundles):
        test = np.flatnonzero(case.folds == fold)
        outcomes = draw(case, fold, count, seed)
        columns = np.flatnonzero(case.is_new)
        mean, task = average(case, outcomes, test)
        surfaces["mean"][np.ix_(test, columns)] = mean
        surfaces["task"][np.ix_(test, columns)] = task
        joined = join(bundle, outcomes, menu=Menu(case.log.options))
        surfaces["join"][np.ix_(test, columns)] = predict_joined(case, joined, test)
    return surfaces


def predict_few(case: Case, count: int, seed: int) -> NDArray[np.float64]:
    """Predict the new options by training again, with the few outcomes among all others."""
    log, surface = case.log, case.known.copy()
    for fold in range(len(case.bundles)):
        test = np.flatnonzero(case.folds == fold)
        rows = ~case.is_new[log.option_index] & (case.folds != fold)[log.question_index]
        rows[choose(case, fold, count, seed)] = True
        part = select_rows(log, rows)
        model = fit_gain_model(part)
        texts, groups = zip(*((log.texts[row], log.groups[row]) for row in test), strict=True)
        position = {option.name: column for column, option in enumerate(log.options)}
        columns = np.array([position[option.name] for option in part.options])
        is_new = case.is_new[columns]
        predicted = model.predict(texts, groups)[:, is_new]
        surface[np.ix_(test, columns[is_new])] = predicted
    return surface


def predict_joined(case: Case, bundle: Bundle, test: NDArray[np.int64]) -> NDArray[np.float64]:
    """Predict the new options by a joined bundle."""
    head, log = bundle.predictor.named, case.log
    if not isinstance(head, JoinedHead):
        raise TypeError("nothing joined")
    features = bundle.predictor.encoder.encode([log.texts[row] for row in test])
    groups = [log.groups[row] for row in test]
    position = {option.name: column for column, option in enumerate(log.options)}
    known = np.array([position[name] for name in head.trained.options])
    surface = case.known[np.ix_(test, known)]
    quality = head.joined.predict(surface, head.inferrer.assign(features, groups))
    place = {name: column for column, name in enumerate(head.joined.names)}
    names = [log.options[int(column)].name for column in np.flatnonzero(case.is_new)]
    return quality[:, [place[name] for name in names]]


def average(
    case: Case, outcomes: OutcomeLog, test: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average the drawn outcomes by option, and by task with the options' differences."""
    names = [option.name for option in outcomes.options]
    columns = [case.log.options[int(column)].name for column in np.flatnonzero(case.is_new)]
    rows = np.isin(outcomes.option_index, [names.index(c) for c in columns if c in names])
    quality, option = outcomes.quality[rows], outcomes.option_index[rows]
    overall = quality.mean()
    means = []
    for name in columns:
        own = quality[option == names.index(name)] if name in names else quality[:0]
        means.append((own.sum() + OPTION_WORTH * overall) / (len(own) + OPTION_WORTH))
    groups = np.array([outcomes.groups[row] for row in outcomes.question_index[rows]])
    by_task = []
    for row in test:
        own = quality[groups == case.log.groups[row]]
        by_task.append((own.sum() + TASK_WORTH * overall) / (len(own) + TASK_WORTH))
    mean, task = np.array(means), np.array(by_task)
    return mean, task[:, None] + (mean - overall)


def measure(
    log: OutcomeLog, name: str, draws: int, *, few: bool, n_models: int | None
) -> list[dict[str, Any]]:
    """Measure every method on every model of a log; values are kept a question."""
    view = build_view(log)
    retrained = cross_fit(log, fit_gain_model, view)
    values: dict[tuple[str, int], list[dict[str, NDArray[np.float64]]]] = {}
    for model in sorted(set(name_models(log.options)))[:n_models]:
        case = prepare(log, model)
        surfaces = {
            ("without", 0): [case.known],
            ("descriptors", 0): [case.guessed],
            ("retrain", 0): [np.where(case.is_new, retrained, case.guessed)],
        }
        for count in COUNTS:
            for seed in range(draws):
                for method, surface in predict(case, count, seed).items():
                    surfaces.setdefault((method, count), []).append(surface)
            if few:
                surfaces["few", count] = [predict_few(case, count, 0)]
        for key, some in surfaces.items():
            values.setdefault(key, []).append(score(case, view, some))
        print(f"{name}: {model} done", file=sys.stderr, flush=True)
    pooled = {
        key: {part: np.mean([entry[part] for entry in entries], axis=0) for part in entries[0]}
        for key, entries in values.items()
    }
    return [describe(name, key, pooled) for key in pooled]


def score(case: Case, view: Any, surfaces: list[NDArray[np.float64]]) -> dict[str, Any]:
    """Average the draws of one method: error of the new options and value of plans, a question."""
    clipped = [np.clip(surface, 0.0, 1.0) for surface in surfaces]
    new = case.is_new
    brier = [((one - view.quality)[:, new] ** 2).mean(axis=1) for one in clipped]
    off = [np.abs((one - view.quality)[:, new].mean(axis=0)).mean() for one in clipped]
    named = {str(position): one for position, one in enumerate(clipped)}
    plans = score_plans(view, named).quality
    worth = [np.asarray(plans[position]).mean(axis=0) for position in named]
    return {
        "brier": np.mean(brier, axis=0),
        "off": np.array(np.mean(off)),
        "worth": np.mean(worth, axis=0),
    }


def describe(name: str, key: tuple[str, int], pooled: dict[Any, Any]) -> dict[str, Any]:
    """Describe one method's figures, with intervals of the difference to joining."""
    method, count = key
    own = pooled[key]
    row = {
        "log": name,
        "method": method,
        "outcomes": count,
        "brier": float(own["brier"].mean()),
        "off": float(own["off"]),
        "worth": float(own["worth"].mean()),
    }
    for part in ("brier", "worth"):
        for joined in COUNTS if count == 0 else (count,):
            gap = bootstrap_interval(pooled["join", joined][part], own[part], seed=0)
            row[f"{part}_gap_{joined}"] = list(gap)
    return row


def write(row: dict[str, Any]) -> str:
    """Write one line of the Markdown table."""
    cells = [row["log"], row["method"], str(row["outcomes"] or "-")]
    cells += [f"{row['brier']:.4f}", f"{row['off']:.3f}", f"{row['worth']:.4f}"]
    for part in ("brier", "worth"):
        gap = row[f"{part}_gap_{row['outcomes'] or 50}"]
        text = f"{gap[0]:+.4f} [{gap[1]:+.4f}, {gap[2]:+.4f}]"
        cells.append("-" if row["method"] == "join" else text)
    return "| " + " | ".join(cells) + " |"


def overrule(folder: Path, draws: int) -> list[dict[str, float]]:
    """Let a model join that gains far more from thinking than the known ones do."""
    bundle = train(read_log(folder / "exam_reasoning.parquet"))
    # Costs play no part here, so the unit may be called like the bundle's.
    log = replace(read_log(folder / "bbh_thinking.parquet"), cost_unit="usd")
    rows = []
    for count in (*COUNTS, 1000):
        gains = []
        for seed in range(draws):
            rng = np.random.default_rng([seed, count])
            chosen = rng.choice(log.n_questions, count // 2, replace=False)
            joined = join(bundle, select_rows(log, np.isin(log.question_index, chosen)))
            gains.append(joined.manifest["joined"]["models"][0]["gains"]["reasoning"])
        found = np.array([entry["gain"] for entry in gains])
        error = float(np.mean([entry["error"] for entry in gains]))
        spread = float(found.std(ddof=1)) if draws > 1 else 0.0
        rows.append(
            {"outcomes": count, "gain": float(found.mean()), "spread": spread, "error": error}
        )
    return rows


def compare_costs(log: OutcomeLog) -> list[dict[str, Any]]:
    """Compare what new options really cost with their mean, and with what kin let expect.

    One fold; costs over the option's mean in the training folds, root mean squared difference.
    """
    rows = []
    test = assign_folds(log.texts) == 0
    questions = [
        Question(str(row), log.texts[row], log.groups[row]) for row in np.flatnonzero(test)
    ]
    cost = log.to_matrix(log.cost)
    for model in sorted(set(name_models(log.options))):
        is_new = np.array(name_models(log.options)) == model
        known = ~is_new[log.option_index] & ~test[log.question_index]
        fresh = np.flatnonzero(is_new[log.option_index] & ~test[log.question_index])
        chosen = np.zeros(len(log.quality), dtype=bool)
        chosen[np.random.default_rng(0).choice(fresh, 50, replace=False)] = True
        menu = Menu(tuple(log.options[int(column)] for column in np.flatnonzero(is_new)))
        joined = join(train(select_rows(log, known)), select_rows(log, chosen), menu=menu)
        consumption = joined.predictor.predict(questions, menu).consumption
        if consumption is None or "nominal" not in consumption.factor:
            continue
        real = cost[test][:, is_new] / cost[~test][:, is_new].mean(axis=0)
        off = [np.sqrt(((f - real) ** 2).mean()) for f in (1.0, consumption.factor["nominal"])]
        rows.append({"model": model, "mean": float(off[0]), "kin": float(off[1])})
    return rows


HEADER = (
    "| log | method | outcomes | Brier | mean off by | plans' quality "
    "| join - it: Brier [95 %] | join - it: quality [95 %] |\n" + "|---" * 8 + "|"
)

COST_HEADER = (
    "| model | cost off from its mean | cost off from what kin let expect |\n" + "|---" * 3 + "|"
)
OVERRULED_HEADER = (
    "| outcomes | gain from thinking | spread over draws | stated error |\n" + "|---" * 4 + "|"
)


def main() -> int:
    """Measure the logs that were asked for and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; two by default")
    parser.add_argument("--draws", type=int, default=5, help="draws of outcomes a fold and count")
    parser.add_argument("--few", action="store_true", help="train again on few outcomes: slow")
    parser.add_argument(
        "--quick", action="store_true", help="one model of the smaller log, one draw"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    print(HEADER, flush=True)
    rows = []
    for name in arguments.logs or (LOGS[:1] if arguments.quick else LOGS):
        found = measure(
            read_log(folder / f"{name}.parquet"),
            name,
            1 if arguments.quick else arguments.draws,
            few=arguments.few,
            n_models=1 if arguments.quick else None,
        )
        rows += found
        print("\n".join(write(row) for row in found), flush=True)
    draws = 1 if arguments.quick else 4 * arguments.draws
    overruled = overrule(folder, draws)
    print(
        "\n| outcomes | gain from thinking | spread over draws | stated error |\n"
        + "|---" * 4
        + "|"
    )
    for row in overruled:
        cells = (f"{row[part]:+.3f}" for part in ("gain", "spread", "error"))
        print("| " + " | ".join((f"{row['outcomes']:.0f}", *cells)) + " |")
    costs = [] if arguments.quick else compare_costs(read_log(folder / "exam_reasoning.parquet"))
    print(f"\n{COST_HEADER}")
    for entry in costs:
        print(f"| {entry['model']} | {entry['mean']:.3f} | {entry['kin']:.3f} |")
    if arguments.json is not None:
        figures = {"rows": rows, "overruled": overruled, "costs": costs}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    worse = [
        row
        for row in rows
        if row["method"] in ("mean", "task") and row[f"brier_gap_{row['outcomes']}"][1] > TOLERANCE
    ]
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
