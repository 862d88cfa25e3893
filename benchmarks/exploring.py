"""Whether plans that explore can be evaluated from their own log, and what exploring costs.

Run it as ``python benchmarks/exploring.py``; ``--quick`` repeats 200 times instead of 400.

Twenty-four plans of 50 questions each, variants of those in ``examples``, are made by the bundle
that ships, for four options and 0.0025 dollars a question, and explore with a probability of 0.2 or
0.5. What an option really reaches on a question is seven tenths of what is predicted and three of a
random number. Every repetition draws all choices anew and gives each an outcome of 0 or 1; the log
is then asked for policies whose worth is known.

over        draws of a plan that cost more than its budget
frequency   how far the share of repetitions in which an option was chosen is from its propensity,
            in standard errors; the worst of all pairs of question and option with ten expected
coverage    share of the 95 % intervals that hold what the policy is worth, where one was given
refused     share of the repetitions in which no estimate was given
quality     expected mean quality of 200 questions for 0.4 dollars on the menu that ships, and how
            many of its 120 options a question could have been given

It exits with 1 when a goal is missed. Coverage has one where the log is worth 100 decisions.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from router import Menu, Plan, Router, read_questions
from router.evaluation.off_policy import Decisions, estimate_off_policy
from router.exceptions import OverlapError
from router.exploration import count_reach, draw_choices, withhold
from router.menus import parse_menu
from router.plan_problem import PlanProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.exploration import Exploration

N_PLANS, N_QUESTIONS, USD_PER_QUESTION = 24, 50, 0.0025
N_REPEATS, N_REPEATS_QUICK, N_SEEDS = 400, 200, 20
RATES = (0.2, 0.5)
WORTH_MIN, ERRORS_MAX, COVERAGE_MIN = 100.0, 5.0, 90.0
GRID = {"models": ["small", "large"], "search_steps": [0], "reasoning_effort": ["none", "low"]}
QUESTIONS = Path(__file__).parent.parent / "examples" / "questions.txt"


class Case(NamedTuple):
    """A plan, with what its draws need and what its options really reach."""

    plan: Plan
    exploration: Exploration
    reach: NDArray[np.int64]
    truth: NDArray[np.float64]


def vary(n: int, first: int = 0) -> list[str]:
    """Write n variants of the example questions, none of which comes twice."""
    texts = [question.text for question in read_questions(QUESTIONS)]
    return [f"{texts[row % len(texts)]} ({row})" for row in range(first, first + n)]


def prepare(router: Router, menu: Menu, rate: float) -> list[Case]:
    """Make the plans of which choices are drawn."""
    generator, cases = np.random.default_rng(7), []
    budget = {"usd": USD_PER_QUESTION * N_QUESTIONS}
    for number in range(N_PLANS):
        texts = vary(N_QUESTIONS, number * N_QUESTIONS)
        plan = router.allocate(texts, budget, menu=menu, explore=rate)
        exploration = cast("Exploration", plan.exploration)
        problem = PlanProblem(plan.questions, plan.surface, plan.costs, plan.units)
        planned = withhold(problem, plan.budget_micro, rate)
        withheld = [amount - planned[unit] for unit, amount in plan.budget_micro.items()]
        reach = count_reach(problem, exploration.base_index, withheld)
        noise = generator.random(plan.surface.quality.shape)
        cases.append(Case(plan, exploration, reach, 0.7 * plan.surface.quality + 0.3 * noise))
    return cases


def measure_rate(router: Router, menu: Menu, rate: float, n_repeats: int) -> Iterator[Figure]:
    """Draw and estimate again and again, and compare with what is known."""
    cases = prepare(router, menu, rate)
    told = np.concatenate([case.exploration.propensities for case in cases])
    truth = np.concatenate([case.truth for case in cases])
    rows, counts, over = np.arange(len(told)), np.zeros(told.shape), 0
    policies = {
        name: np.eye(len(menu))[[column] * len(told)] for column, name in enumerate(menu.names)
    }
    policies["uniform"] = np.full(told.shape, 1 / len(menu))
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in policies}
    for repeat in range(n_repeats):
        generator = np.random.default_rng([repeat, round(100 * rate)])
        drawn = []
        for plan, exploration, reach, _ in cases:
            choices, _ = draw_choices(reach, exploration.base_index, rate, generator)
            spent = int(plan.plan_micro(np.arange(len(plan)), choices).sum())
            over += spent > plan.budget_micro["usd"]
            drawn.append(choices)
        action = np.concatenate(drawn)
        counts[rows, action] += 1
        outcome = (generator.random(len(told)) < truth[rows, action]).astype(np.float64)
        decisions = Decisions(
            action=action,
            propensity=told[rows, action],
            outcome=outcome,
            n_options=len(menu),
            logging=told,
        )
        for name, target in policies.items():
            try:
                got = estimate_off_policy(decisions, target)
            except OverlapError:
                continue
            worth = got.overlap.effective_sample_size
            found[name].append((got.value, got.low, got.high, worth))
    yield Figure(f"{rate}: over", over, "plans", 0.0)
    error = np.sqrt(told * (1 - told) / n_repeats)
    # Where few draws are expected, the standard error says too little of how far they stray.
    often = (np.minimum(told, 1 - told) * n_repeats > 10) & (error > 0)
    worst = np.abs(counts / n_repeats - told)[often] / error[often]
    yield Figure(f"{rate}: frequency", float(worst.max()), "standard errors", ERRORS_MAX)
    for name, target in policies.items():
        yield from judge(
            f"{rate}, {name}", found[name], float((target * truth).sum(1).mean()), n_repeats
        )


def judge(
    label: str, found: list[tuple[float, float, float, float]], truth: float, n_repeats: int
) -> Iterator[Figure]:
    """Compare estimates of one policy with what it is worth."""
    yield Figure(f"{label}: refused", 100 * (1 - len(found) / n_repeats), "%")
    if not found:
        return
    value, low, high, worth = np.array(found).T
    covered = 100 * float(((low <= truth) & (truth <= high)).mean())
    yield Figure(f"{label}: worth", float(worth.mean()), "decisions")
    yield Figure(f"{label}: estimate less truth", float(value.mean()) - truth, "")
    has_goal = worth.mean() >= WORTH_MIN and len(found) == n_repeats
    goal = COVERAGE_MIN if has_goal else None
    yield Figure(f"{label}: coverage", covered, "%", goal, at_most=False)


def measure_price(router: Router) -> Iterator[Figure]:
    """Say what exploring takes from quality, and how far it reaches."""
    texts, budget = vary(200), {"usd": 0.4}
    for rate in (0.0, 0.05, 0.1, 0.2):
        plans = [
            router.allocate(texts, budget, explore=rate, explore_seed=seed)
            for seed in range(N_SEEDS if rate else 1)
        ]
        quality = float(np.mean([plan.totals["mean_quality"] for plan in plans]))
        yield Figure(f"explore {rate}: quality", quality, "")
        chances = plans[0].propensities
        if chances is not None:
            yield Figure(f"explore {rate}: reach", float((chances > 0).sum(1).mean()), "options")


def main() -> int:
    """Measure and compare with the goals."""
    options = parse_options(__doc__ or "", "200 repetitions instead of 400")
    n_repeats = N_REPEATS_QUICK if options.quick else N_REPEATS
    router, menu = Router.load(), parse_menu({"grid": GRID})

    def measure() -> Iterator[Figure]:
        """Measure everything."""
        for rate in RATES:
            yield from measure_rate(router, menu, rate, n_repeats)
        yield from measure_price(router)

    return finish(show(measure(), width=48), options.json)


if __name__ == "__main__":
    sys.exit(main())
