"""What the next query and looking after each search are worth, each figure beside its goal.

Run it as ``python benchmarks/searching.py`` (``--quick`` takes one corpus, fewer prices and no
widths). It exits with 1 when a goal is missed. Two corpora of Wikipedia passages, 1,000 questions
each, searched live by BM25; a search reads three passages unless said otherwise, and quality is the
share of the needed passages that was read. Five folds: a policy is learned on the questions of the
others. Policies are compared at the same mean cost, along their own curve of prices; intervals are
paired bootstraps over questions, without the noise of folds and fits. Where titles of the corpus
were looked up, the figure says so: these corpora were pooled from what belongs to their questions,
so that a name with a page in them is a far stronger hint than it would be in all of Wikipedia.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._curves import DATA, N_FOLDS, Curve, Floats, state, weigh_questions
from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._searching_chains import measure_chains
from router.evaluation import build_view
from router.evaluation.searching import (
    SearchAction,
    SearchCorpus,
    SearchEnvironment,
    TitleDictionary,
    explore,
    follow_search_policy,
)
from router.logs import read_log
from router.strategies import SearchLaw, SearchPolicy, StopPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOGS = ("hotpotqa", "2wikimultihopqa")
KNOWN = {
    "hotpotqa": (0.654, 0.756, 0.7915, 0.826),
    "2wikimultihopqa": (0.605, 0.7365, 0.7565, 0.7685),
}
KNOWN_OFF = 0.002
AT, AT_PASSAGES = (2, 3, 4), (9, 12, 15)
STEPS_MAX = 8
# They span a little more than the mean costs at which policies are compared.
PRICES, STOP_PRICES = np.geomspace(0.02, 0.2, 7), np.geomspace(0.003, 0.1, 9)
WIDTH_PRICES = np.geomspace(0.004, 0.035, 5)
QUERY_GOALS = {"hotpotqa": (0.08, 0.10, 0.08), "2wikimultihopqa": (0.02, 0.03, 0.03)}
TITLE_GOALS = {"hotpotqa": (0.11, 0.125, 0.11), "2wikimultihopqa": (0.13, 0.165, 0.17)}
STOP_GOALS = {"hotpotqa": (0.012, 0.025, 0.006), "2wikimultihopqa": (0.0, 0.009, 0.003)}
WIDTH_GOALS = {"hotpotqa": (0.03, 0.013, 0.009), "2wikimultihopqa": (0.0, 0.0, 0.0)}


@dataclass(frozen=True)
class Field:
    """A corpus with and without its titles, and whose turn it is to be held out."""

    name: str
    plain: SearchEnvironment
    titled: SearchEnvironment
    fold: np.ndarray
    weights: Floats

    @classmethod
    def read(cls, name: str) -> Field:
        """Read one corpus."""
        files = [DATA / "corpora" / f"{name}.{kind}.jsonl.gz" for kind in ("docs", "queries")]
        corpus = SearchCorpus.read(*files)
        n = len(corpus.questions)
        titled = SearchEnvironment(corpus, TitleDictionary(corpus.index))
        fold = np.random.default_rng(0).permutation(n) % N_FOLDS
        return cls(name, SearchEnvironment(corpus), titled, fold, weigh_questions(n))

    def follow(self, query: str, width: int, n_steps: int) -> tuple[Floats, Floats]:
        """Follow one query for every question; give signals and recall after each search."""
        environment = self.titled if query == "link" else self.plain
        actions = [SearchAction(query, width)] * (n_steps - 1)
        return environment.follow(range(len(self.fold)), actions)


def draw_stops(field: Field, states: Floats, recall: Floats, prices: Floats) -> Curve:
    """Draw the curve of stopping along one query."""
    signals = (
        field.titled if states.shape[2] == len(field.titled.signals) else field.plain
    ).signals
    quality, cost = np.zeros((2, len(prices), len(recall)))
    for fold in range(N_FOLDS):
        known, held = field.fold != fold, np.flatnonzero(field.fold == fold)
        for setting, price in enumerate(prices.tolist()):
            policy = StopPolicy.fit(states[known], recall[known], price, signals=signals)
            steps = policy.stop_all(states[held])
            cost[setting, held], quality[setting, held] = steps, recall[held, steps - 1]
    return Curve(quality, cost)


def draw_choices(
    field: Field,
    environment: SearchEnvironment,
    actions: Sequence[SearchAction],
    prices: Floats,
    *,
    by_passages: bool = False,
) -> Curve:
    """Draw the curve of choosing the next query, and how wide it is where passages are counted."""
    n = len(field.fold)
    depth = STEPS_MAX if by_passages else 6
    experience = explore(environment, range(n), actions, n_searches_max=depth)
    quality, cost = np.zeros((2, len(prices), n))
    for fold in range(N_FOLDS):
        policies = SearchPolicy.fit(
            experience.select(field.fold[experience.group] != fold),
            prices,
            actions=[f"{action.query}|{action.width}" for action in actions],
            cost=[float(action.width) if by_passages else 1.0 for action in actions],
            signals=environment.signals,
        )
        held = np.flatnonzero(field.fold == fold)
        for setting, policy in enumerate(policies):
            most = depth + 2 if by_passages else depth
            found = follow_search_policy(
                environment, held.tolist(), policy, actions, n_searches_max=most
            )
            quality[setting, held] = found.recall
            cost[setting, held] = found.passages if by_passages else found.searches
    return Curve(quality, cost)


def compare(
    field: Field,
    label: str,
    curve: Curve,
    baseline: Floats,
    *,
    goals: Sequence[float] | None,
    at: Sequence[int] = AT,
) -> Iterator[Figure]:
    """State a curve's lead over a baseline, which is recall by question at each cost."""
    for column, cost in enumerate(at):
        values = curve.read_quality(field.weights, np.full(len(field.weights), float(cost)))
        lead = values - field.weights @ baseline[:, column]
        goal = goals[column] if goals else None
        yield state(f"{field.name}: {label}, mean {cost}: {values[0]:.3f}", lead, goal)


def measure_queries(field: Field, n_skip: int) -> Iterator[Figure]:
    """Measure queries, choosing among them, and stopping."""
    _, known = field.follow("chain", 3, STEPS_MAX)
    for step, logged in enumerate(KNOWN[field.name]):
        off = abs(float(known[:, step].mean()) - logged)
        yield Figure(f"{field.name}: known chain at {step + 1}, off the log", off, "", KNOWN_OFF)
    baseline = known[:, 1:4]
    for query in ("uncovered", "name", "question", "link"):
        _, recall = field.follow(query, 3, 4)
        for column, cost in enumerate(AT):
            lead = field.weights @ (recall[:, cost - 1] - baseline[:, column])
            value = recall[:, cost - 1].mean()
            yield state(f"{field.name}: {query} minus chain, uniform {cost}: {value:.3f}", lead)
    for environment, queries, label, goals in (
        (field.plain, ("uncovered", "name", "question"), "no titles", QUERY_GOALS),
        (field.titled, ("uncovered", "link", "name"), "titles", TITLE_GOALS),
    ):
        actions = [SearchAction(query) for query in queries]
        curve = draw_choices(field, environment, actions, PRICES[::n_skip])
        name = f"query and stop ({label}) minus chain"
        yield from compare(field, name, curve, baseline, goals=goals[field.name])


def measure_stops(field: Field, n_skip: int) -> Iterator[Figure]:
    """Measure stopping along the known chain and along what is not covered."""
    for environment, label in ((field.plain, "no titles"), (field.titled, "titles")):
        for query in ("chain", "uncovered"):
            actions = [SearchAction(query)] * (STEPS_MAX - 1)
            states, recall = environment.follow(range(len(field.fold)), actions)
            curve = draw_stops(field, states, recall, STOP_PRICES[::n_skip])
            goals = STOP_GOALS[field.name] if query == "chain" else None
            name = f"stop ({label}) minus uniform {query}"
            yield from compare(field, name, curve, recall[:, 1:4], goals=goals)


def measure_widths(field: Field) -> Iterator[Figure]:
    """Measure width and depth at equal numbers of passages read."""
    queries = ("uncovered", "link", "name")
    uniform: dict[str, tuple[Floats, Floats]] = {}
    for query in (*queries, "chain"):
        for width in (1, 3, 5):
            _, recall = field.follow(query, width, max(AT_PASSAGES) // width + 1)
            uniform[f"{query} w{width}"] = (width * np.arange(1.0, recall.shape[1] + 1), recall)
    best = []
    for passages in AT_PASSAGES:
        read = {
            key: np.array([np.interp(passages, at, row) for row in recall])
            for key, (at, recall) in uniform.items()
        }
        key = max(read, key=lambda name: float(read[name].mean()))
        yield Figure(
            f"{field.name}: best uniform at {passages}: {key}", float(read[key].mean()), ""
        )
        best.append(read[key])
    actions = [SearchAction(query, width) for query in queries for width in (1, 3, 5)]
    curve = draw_choices(field, field.titled, actions, WIDTH_PRICES, by_passages=True)
    label = "width and depth (titles) minus best uniform, passages"
    baseline = np.stack(best, axis=1)
    goals = WIDTH_GOALS[field.name]
    yield from compare(field, label, curve, baseline, goals=goals, at=AT_PASSAGES)


def measure_law(name: str) -> Iterator[Figure]:
    """Fit the law of search to the logged chains of all widths, and say how far off it is."""
    log = read_log(DATA / "outcomes" / f"evidence_search_{name}.parquet")
    options = [(k, w) for w in (1, 3, 5) for k in range(1, STEPS_MAX + 1)]
    view = build_view(log)
    column = {option.name: place for place, option in enumerate(log.options)}
    quality = view.quality[:, [column[f"chain_w{w}@k{k}"] for k, w in options]]
    steps, width = (np.array(values, dtype=float) for values in zip(*options, strict=True))
    amounts = {"steps": steps, "width": width}
    pairs = [("steps", "width")]
    law = SearchLaw.fit(amounts, quality, interactions=pairs, turns=[4.0, 8.0, 16.0])
    off = np.abs(law.predict(amounts) - quality.mean(axis=0))
    yield Figure(f"{name}: law of search, mean distance of 24 settings", float(off.mean()), "")
    yield Figure(f"{name}: law of search, largest distance", float(off.max()), "")
    for key in ("steps", "width", "steps x width", "fall"):
        found = law.estimates[key]
        bounds = f"[{found.low:+.3f}, {found.high:+.3f}]"
        yield Figure(f"{name}: law of search, {key} {bounds}", found.value, "")


def measure(name: str, *, quick: bool) -> Iterator[Figure]:
    """Measure one corpus."""
    field = Field.read(name)
    n_skip = 2 if quick else 1
    yield from measure_queries(field, n_skip)
    yield from measure_stops(field, n_skip)
    if not quick:
        yield from measure_widths(field)
    yield from measure_chains(field.plain, name)
    yield from measure_law(name)


def main() -> int:
    """Measure, print the figures and say whether every goal was met."""
    options = parse_options("Searching.", "one corpus, fewer prices, no widths")
    if not (DATA / "corpora").is_dir():
        print(f"the shared corpora are not at {DATA / 'corpora'}: nothing to measure")
        return 0
    logs = LOGS[1:] if options.quick else LOGS
    figures = chain.from_iterable(measure(name, quick=options.quick) for name in logs)
    return finish(show(figures, width=104, measured=9), options.json)


if __name__ == "__main__":
    sys.exit(main())
