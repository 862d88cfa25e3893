"""What a budget would have done on a log: every plan at every budget, and where it would lose."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from router.evaluation.baselines import choose_uniform, predict_baselines
from router.evaluation.cascades import find_cascades
from router.evaluation.crossfit import cross_fit
from router.evaluation.plans import plan_in_integers, score_plans
from router.evaluation.protocol import bound_budgets, build_view, iterate_folds
from router.evaluation.strata import split_by_difficulty, split_by_task, stratify
from router.exceptions import BudgetError, InputError
from router.scoring import bootstrap_means, build_reliability, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.evaluation.crossfit import Learner
    from router.evaluation.plans import Scores
    from router.evaluation.protocol import DenseView
    from router.evaluation.strata import Stratum
    from router.outcomes import OutcomeLog
    from router.scoring import Interval, ReliabilityBin

__all__ = ["POLICIES", "BudgetForecast", "Forecast", "PlanForecast", "Policy", "forecast"]

Policy = Literal["upfront", "staged", "uniform"]
POLICIES: tuple[Policy, ...] = ("upfront", "staged", "uniform")
# What the policy's plan is called among the plans.
PLANS = {"upfront": "router", "staged": "staged", "uniform": "uniform"}
SHOWN = ("uniform", "blind", "task", "ridge", "router", "staged", "oracle")
FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0)
ALONE = (
    "intervals are for each budget, task and difficulty by itself: of twenty such, one misses by "
    "chance"
)
CHECKED = (
    "staged plans assume a check that sees whether an answer is right, and for means of several "
    "runs that runs are independent; votes that share samples are not"
)


@dataclass(frozen=True, slots=True)
class PlanForecast:
    """What one plan reaches under one budget.

    Parameters
    ----------
    plan : str
        ``uniform`` (best single option within the budget), ``blind`` (best fixed mix), ``task``,
        ``ridge``, ``router``, ``staged`` or ``oracle``.
    quality : float
        Mean quality of held-out questions.
    spend : float
        Real mean cost.
    gain_over_blind : Interval
        With its paired bootstrap 95 % interval.
    """

    plan: str
    quality: float
    spend: float
    gain_over_blind: Interval


@dataclass(frozen=True, slots=True)
class BudgetForecast:
    """All plans under one budget, and what the policy does with it.

    Parameters
    ----------
    budget : float
        Mean cost a question.
    plans : tuple of PlanForecast
        Baselines, the policy and the oracle.
    shares : dict of str to float
        Share of questions by what the policy's plan gives them; "a > b" is b where a failed.
    batches_over : float
        Share of the folds, each planned as one batch, whose real cost exceeds the budget.
    excess_max : float
        By what share of the budget the worst does.
    """

    budget: float
    plans: tuple[PlanForecast, ...]
    shares: dict[str, float]
    batches_over: float
    excess_max: float

    def find(self, plan: str) -> PlanForecast:
        """Find a plan by name."""
        return next(found for found in self.plans if found.plan == plan)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a policy would have done on a log.

    Parameters
    ----------
    dataset : str
        Name of the log.
    policy : {"upfront", "staged", "uniform"}
        What was tried.
    plan : str
        Its name among the plans.
    cost_unit : str
        Unit of costs and budgets.
    n_questions : int
        Questions that are scored.
    options : dict of str to tuple of (float, float)
        Mean cost and mean quality of every option.
    budgets : tuple of BudgetForecast
        From the lowest.
    by_task, by_difficulty : tuple of Stratum
        The policy and the best fixed mix on parts of the questions, mean over the budgets.
    reliability : tuple of ReliabilityBin
        Predicted and observed quality of cross-fitted predictions.
    notes : tuple of str
        What a reader must know.
    seed, n_resamples : int
        Of learner and bootstrap.
    """

    dataset: str
    policy: Policy
    plan: str
    cost_unit: str
    n_questions: int
    options: dict[str, tuple[float, float]]
    budgets: tuple[BudgetForecast, ...]
    by_task: tuple[Stratum, ...]
    by_difficulty: tuple[Stratum, ...]
    reliability: tuple[ReliabilityBin, ...]
    notes: tuple[str, ...]
    seed: int
    n_resamples: int

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain dictionaries and lists, ready for JSON."""
        document = asdict(self)
        for name in ("options", "budgets"):
            document[name] = getattr(self, f"_list_{name}")()
        return document

    def _list_options(self) -> list[dict[str, Any]]:
        """List the options as objects."""
        return [{"option": name, "cost": c, "quality": q} for name, (c, q) in self.options.items()]

    def _list_budgets(self) -> list[dict[str, Any]]:
        """List the budgets as objects, intervals by name."""
        return [
            {
                **asdict(row),
                "plans": [
                    {**asdict(plan), "gain_over_blind": plan.gain_over_blind._asdict()}
                    for plan in row.plans
                ],
            }
            for row in self.budgets
        ]


def forecast(
    log: OutcomeLog,
    *,
    policy: Policy = "upfront",
    budgets: Sequence[float] | None = None,
    learner: Learner | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    n_bootstrap: int = 2000,
    progress: Callable[[str], None] | None = None,
) -> Forecast:
    """Try a policy on a log, every question planned by a model that has not seen it.

    Parameters
    ----------
    log : OutcomeLog
        At least 20 questions that saw two options, and a cost for every option.
    policy : {"upfront", "staged", "uniform"}, default="upfront"
        One plan before anything runs; the same with cascades among the options, for answers that
        can be checked; or the best single option for all, for which nothing is learned beyond it.
    budgets : sequence of float, optional
        Mean cost a question, in the log's unit; by default ten from the cheapest option to the
        best.
    learner : Learner, optional
        Trains a model on a log; default is this library's own gain model with `seed`.
    seed : int, default=0
        Seed of the default learner and of the bootstrap.
    n_jobs : int, default=1
        Processes to train folds in; -1 is one a core.
    n_bootstrap : int, default=2000
        Resamples of questions behind every interval.
    progress : callable, optional
        Called with a line of text before every fold.

    Returns
    -------
    Forecast

    Raises
    ------
    LogError
        If the log has too few questions or options, or an option without any cost.
    InputError
        If the policy is unknown, or staged plans are asked for where not every question saw every
        option.
    BudgetError
        If a budget is not finite, or below the cheapest option.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    if policy not in POLICIES:
        raise InputError(f"policy {policy!r} is unknown: allowed are {', '.join(POLICIES)}")
    view = build_view(log)
    if policy == "staged" and not view.is_complete:
        raise InputError(f"{log.dataset}: staged plans need questions that saw every option")
    amounts = _choose_budgets(view, budgets)
    surfaces = predict_baselines(view, n_jobs=n_jobs, progress=progress)
    train = learner or partial(_train_gain_model, seed)
    surface = cross_fit(log, train, view, n_jobs=n_jobs, progress=progress)
    scores = score_plans(view, surfaces, router=surface, budgets=amounts)
    names = [option.name for option in log.options]
    labels: list[list[str]] = [[names[place] for place in row] for row in _choose(view, scores)]
    if policy == "staged":
        labels = _add_staged(view, surface, amounts, scores, names)
    elif policy == "uniform":
        labels = _label_uniform(view, amounts, names)
    plan = PLANS[policy]
    mean_quality, mean_blind = scores.quality[plan].mean(0), scores.quality["blind"].mean(0)
    cheapest = int(view.mean_by_option(view.cost).argmin())
    compare = partial(stratify, seed=seed, n_resamples=n_bootstrap)
    cost, quality = view.mean_by_option(view.cost), view.mean_by_option(view.quality)
    return Forecast(
        dataset=log.dataset,
        policy=policy,
        plan=plan,
        cost_unit=log.cost_unit,
        n_questions=len(view.rows),
        options={n: (float(c), float(q)) for n, c, q in zip(names, cost, quality, strict=True)},
        budgets=_report_budgets(view, scores, plan, labels, seed=seed, n_resamples=n_bootstrap),
        by_task=compare(split_by_task(list(view.groups)), mean_quality, mean_blind),
        by_difficulty=compare(split_by_difficulty(surface[:, cheapest]), mean_quality, mean_blind),
        reliability=build_reliability(surface[view.allowed], view.quality[view.allowed]),
        notes=(*log.notes, *_collect_notes(view, log, policy)),
        seed=seed,
        n_resamples=n_bootstrap,
    )


def _train_gain_model(seed: int, log: OutcomeLog) -> Any:
    """Train the gain model of this library."""
    from router.models.training import fit_gain_model

    return fit_gain_model(log, seed=seed)


def _choose_budgets(view: DenseView, budgets: Sequence[float] | None) -> NDArray[np.float64]:
    """Sort the budgets asked for, or spread some from the cheapest option to the best."""
    cheapest, best = bound_budgets(view)
    if budgets is None:
        return np.array([cheapest + part * (best - cheapest) for part in FRACTIONS])
    amounts = np.sort(np.asarray(budgets, dtype=np.float64))
    if not len(amounts) or not np.isfinite(amounts).all() or amounts[0] < cheapest * (1 - 1e-9):
        raise BudgetError(
            f"budgets {list(budgets)}: finite numbers from {cheapest:g} up are needed, which the "
            "cheapest option costs a question"
        )
    return amounts


def _choose(view: DenseView, scores: Scores) -> NDArray[np.int64]:
    """Take what the router's plans chose."""
    if scores.choices is None:
        return np.zeros((len(scores.budget), len(view.quality)), dtype=np.int64)
    return scores.choices


def _label_uniform(
    view: DenseView, budgets: NDArray[np.float64], names: list[str]
) -> list[list[str]]:
    """Name the option that the uniform plan gives every question."""
    labels = [[""] * len(view.quality) for _ in budgets]
    for fold in iterate_folds(view):
        for place, budget in enumerate(budgets):
            picks = choose_uniform(view, fold, max(float(budget), fold.floor))
            for row, pick in zip(fold.test.tolist(), picks.tolist(), strict=True):
                labels[place][row] = names[pick]
    return labels


def _add_staged(
    view: DenseView,
    surface: NDArray[np.float64],
    budgets: NDArray[np.float64],
    scores: Scores,
    names: list[str],
) -> list[list[str]]:
    """Plan with cascades among the options, enter the scores and name the choices."""
    shape = (len(budgets), len(view.quality))
    quality, spend = np.zeros(shape), np.zeros(shape)
    labels = [[""] * shape[1] for _ in budgets]
    for fold in iterate_folds(view):
        pairs = find_cascades(view.quality[fold.train], view.cost[fold.train])
        ways = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
        known = [*names, *(f"{names[one]} > {names[other]}" for one, other in ways)]
        expected = pairs.predict(surface[fold.test], fold.mean_cost)
        single = np.broadcast_to(fold.mean_cost, surface[fold.test].shape)
        predicted = np.hstack([surface[fold.test], expected[0]])
        cost = np.hstack([single, expected[1]])
        real = pairs.observe(view.quality[fold.test], view.cost[fold.test])
        reached = np.hstack([view.quality[fold.test], real[0]])
        paid = np.hstack([view.cost[fold.test], real[1]])
        for place, budget in enumerate(budgets):
            within = max(float(budget), fold.floor)
            picks = plan_in_integers(predicted, cost, within, np.ones(cost.shape, dtype=bool))
            rows = np.arange(len(picks))
            quality[place, fold.test] = reached[rows, picks]
            spend[place, fold.test] = paid[rows, picks]
            for row, pick in zip(fold.test.tolist(), picks.tolist(), strict=True):
                labels[place][row] = known[pick]
    scores.quality["staged"], scores.spend["staged"] = quality, spend
    return labels


def _report_budgets(
    view: DenseView,
    scores: Scores,
    plan: str,
    labels: list[list[str]],
    *,
    seed: int,
    n_resamples: int,
) -> tuple[BudgetForecast, ...]:
    """Put together what every plan reaches, with intervals from shared resamples."""
    plans = [name for name in SHOWN if name in scores.quality]
    gains = np.stack([scores.quality[name] - scores.quality["blind"] for name in plans])
    draws = bootstrap_means(
        gains.reshape(-1, gains.shape[-1]), seed=seed, n_resamples=n_resamples
    ).reshape(n_resamples, len(plans), -1)
    reports = []
    for place, budget in enumerate(scores.budget.mean(1)):
        excess = []
        for fold in np.unique(view.folds):
            rows = view.folds == fold
            within = float(scores.budget[place, rows].mean())
            over = float(scores.spend[plan][place, rows].mean()) / max(within, 1e-300) - 1.0
            excess.append(max(0.0, over - 1e-9))
        found, counts = np.unique(labels[place], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        reports.append(
            BudgetForecast(
                float(budget),
                tuple(
                    PlanForecast(
                        name,
                        float(scores.quality[name][place].mean()),
                        float(scores.spend[name][place].mean()),
                        percentile_interval(
                            draws[:, number, place], float(gains[number, place].mean())
                        ),
                    )
                    for number, name in enumerate(plans)
                ),
                {str(found[o]): float(counts[o] / counts.sum()) for o in order},
                float(np.mean(np.array(excess) > 0.0)),
                float(max(excess)),
            )
        )
    return tuple(reports)


def _collect_notes(view: DenseView, log: OutcomeLog, policy: Policy) -> tuple[str, ...]:
    """Say what has to be known to read the figures."""
    notes = [ALONE]
    if not view.is_complete:
        notes.append(
            "too few questions saw every option: each plan chooses among what its question saw"
        )
    if np.median(log.trials) == 1:
        notes.append(
            "rows are single runs: the oracle picks lucky ones and overstates what is left"
        )
    if policy == "staged":
        notes.append(CHECKED)
    return tuple(notes)
