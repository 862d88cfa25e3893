"""Policies that a log of choices is asked about, each laid out as probabilities of options.

What a policy takes from the log, means of options or a model, it takes for every question from the
other folds only: no choice is made by what came of the same question.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation.crossfit import cross_fit
from router.evaluation.plans import plan_in_integers
from router.evaluation.protocol import N_FOLDS, DenseView
from router.exceptions import BudgetError, InputError, LogError, OverlapError
from router.logs import build_log
from router.options import Menu
from router.questions import Question
from router.scoring import best_mixture
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from router.evaluation.off_policy_choices import LoggedChoices
    from router.models.bundle import Bundle
    from router.outcomes import OutcomeLog

__all__ = ["FORMS", "TargetMaker"]

FORMS = ("uniform", "an option's name", "mix:BUDGET", "upfront:BUDGET", "plan:FILE")
# Choices' worth of evidence that an option's mean is shrunk by towards the mean of all.
SHRINK_CHOICES = 10.0
# Stands for a text that was not kept; what was made of it is read in its place.
NO_TEXT = "(not kept)"


class TargetMaker:
    """Lays policies out for the questions of a log.

    Parameters
    ----------
    choices : LoggedChoices
        n choices among m options.
    bundle : Bundle, optional
        Predicts for ``upfront`` plans, and has not been trained on this log; without one the gain
        model is trained on the log itself, fold by fold.
    seed : int, default=0
        Of training.
    n_jobs : int, default=1
        Processes to train folds in.
    progress : callable, optional
        Called with a line of text before every fold.

    Examples
    --------
    >>> from router.evaluation.off_policy_choices import lay_out_choices
    >>> choices = lay_out_choices({
    ...     "query_id": ["a", "b"], "option": ["x", "y"], "propensity": [0.5, 0.5],
    ...     "quality": [1.0, 0.0]})
    >>> TargetMaker(choices).make("y").tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    >>> TargetMaker(choices).make("uniform").tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    def __init__(
        self,
        choices: LoggedChoices,
        *,
        bundle: Bundle | None = None,
        seed: int = 0,
        n_jobs: int = 1,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.choices = choices
        self._bundle = bundle
        self._settings = {"n_jobs": n_jobs, "progress": progress}
        self._seed = seed
        self._surface: NDArray[np.float64] | None = None

    def make(self, policy: str) -> NDArray[np.float64]:
        """Lay a policy out.

        Parameters
        ----------
        policy : str
            ``uniform`` (every option equally likely), an option's name (that one for all),
            ``mix:BUDGET`` (the best fixed mix of options at a mean cost a choice),
            ``upfront:BUDGET`` (a plan of the router at that mean cost) or ``plan:FILE`` (a plan as
            ``router allocate --out`` writes it, or a table with `query_id` and `option`).

        Returns
        -------
        ndarray of float64, shape (n, m)
            Probability of every option.

        Raises
        ------
        InputError
            If the policy is none of these, or a budget or file cannot be used.
        OverlapError
            If a plan takes options that the log does not know.
        """
        names, n = self.choices.options, len(self.choices.action)
        if policy in names:
            return np.tile(np.eye(len(names))[names.index(policy)], (n, 1))
        if policy == "uniform":
            return np.full((n, len(names)), 1 / len(names))
        kind, colon, rest = policy.partition(":")
        if colon and kind == "plan":
            return self._follow(Path(rest))
        if colon and kind in ("mix", "upfront"):
            return self._spend(kind, _read_amount(policy, rest))
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        raise InputError(
            f"policy {policy!r} is unknown: allowed are {', '.join(FORMS)}; options of the log are "
            f"{shown}"
        )

    def _follow(self, path: Path) -> NDArray[np.float64]:
        """Follow a plan that was written down."""
        plan = _read_plan(path)
        target = np.zeros((len(self.choices.action), len(self.choices.options)))
        position = {name: number for number, name in enumerate(self.choices.options)}
        strange: dict[str, int] = {}
        for row, query_id in enumerate(self.choices.query_ids):
            if query_id not in plan:
                raise LogError(f"{path}: question {query_id!r} of the log is not in the plan")
            place = position.get(plan[query_id])
            if place is None:
                strange[plan[query_id]] = strange.get(plan[query_id], 0) + 1
            else:
                target[row, place] = 1.0
        if strange:
            raise OverlapError(
                f"{sum(strange.values())} of {len(target)} choices of the plan take options that "
                f"the log never tried, as {next(iter(strange))!r}"
            )
        return target

    def _spend(self, kind: str, budget: float) -> NDArray[np.float64]:
        """Spend a budget fold by fold, on what the other folds and the predictions say."""
        choices = self.choices
        if choices.cost is None:
            raise BudgetError(f"{kind}:{budget:g} needs costs: the log has none")
        surface = self._predict() if kind == "upfront" else None
        target = np.zeros((len(choices.action), len(choices.options)))
        for number in range(N_FOLDS):
            test = np.flatnonzero(choices.folds == number)
            if not len(test):
                continue
            quality, cost = _average(choices, np.flatnonzero(choices.folds != number))
            known = np.flatnonzero(~np.isnan(cost))
            least = float(cost[known].min()) if len(known) else np.inf
            # The cheapest option costs a little more in one fold than in another.
            if budget < 0.9 * least:
                raise BudgetError(
                    f"budget {budget:g} is below the {least:g} {choices.cost_unit} that the "
                    "cheapest option costs a choice"
                )
            within = max(budget, least)
            if surface is None:
                mix = best_mixture(cost[known], quality[known], within)
                part = np.tile(mix.blend(np.eye(len(known))), (len(test), 1))
            else:
                expected = surface[np.ix_(test, known)]
                allowed = np.ones(expected.shape, dtype=bool)
                part = np.eye(len(known))[plan_in_integers(expected, cost[known], within, allowed)]
            target[np.ix_(test, known)] = part
        return target

    def _predict(self) -> NDArray[np.float64]:
        """Predict every choice's question under every option, once for all budgets."""
        if self._surface is None:
            log = build_log(self.choices.columns, name=self.choices.dataset)
            predicted = self._learn(log) if self._bundle is None else _ask_bundle(self._bundle, log)
            row = {query_id: number for number, query_id in enumerate(log.query_ids)}
            rows = [row[query_id] for query_id in self.choices.query_ids]
            place = {option.name: number for number, option in enumerate(log.options)}
            surface = np.zeros((len(rows), len(self.choices.options)))
            for number, name in enumerate(self.choices.options):
                if name in place:
                    surface[:, number] = predicted[rows, place[name]]
            self._surface = surface
        return self._surface

    def _learn(self, log: OutcomeLog) -> NDArray[np.float64]:
        """Train the gain model without a question's fold, and predict the question."""
        log.require_texts("an upfront plan without a bundle")
        found = dict(zip(self.choices.query_ids, self.choices.folds.tolist(), strict=True))
        shape = (log.n_questions, log.n_options)
        view = DenseView(
            rows=np.arange(log.n_questions),
            texts=np.array(log.texts, dtype=object),
            groups=np.array(log.groups, dtype=object),
            folds=np.array([found[query_id] for query_id in log.query_ids]),
            quality=np.zeros(shape),
            cost=np.zeros(shape),
            allowed=np.ones(shape, dtype=bool),
        )
        learner = partial(_train, self._seed)
        return cross_fit(log, learner, view, **self._settings)  # type: ignore[arg-type]


def _train(seed: int, log: OutcomeLog) -> Any:
    """Train the gain model of this library."""
    from router.models.training import fit_gain_model

    return fit_gain_model(log, seed=seed)


def _ask_bundle(bundle: Bundle, log: OutcomeLog) -> NDArray[np.float64]:
    """Predict the questions of a log by a bundle, from features where texts were not kept."""
    questions = [
        Question(query_id, text or NO_TEXT, group, context)
        for query_id, text, group, context in zip(
            log.query_ids, log.texts, log.groups, log.list_contexts(), strict=True
        )
    ]
    features = None
    if not log.has_texts:
        own = bundle.predictor.encoder.fingerprint
        if log.feature_fingerprint != own:
            raise LogError(
                f"{log.dataset}: features are of the encoder {log.feature_fingerprint}, the bundle "
                f"reads those of {own}"
            )
        features = _complete(log, bundle)
    menu = Menu(log.options, log.dataset)
    return bundle.predictor.predict(questions, menu, features=features).quality


def _complete(log: OutcomeLog, bundle: Bundle) -> NDArray[np.float32]:
    """Take the features that were kept, and make those of questions with a text only."""
    if bundle.predictor.embedding.encoder is not None:
        raise LogError(f"{log.dataset}: a bundle with a sentence encoder needs the texts")
    if log.features is None:
        raise LogError(f"{log.dataset}: neither texts nor features were kept")
    features = log.features.copy()
    missing = np.flatnonzero(np.isnan(features).any(1))
    if len(missing):
        texts = [log.texts[row] for row in missing.tolist()]
        features[missing] = bundle.predictor.encoder.encode(texts)
    return features


def _average(
    choices: LoggedChoices, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average quality and cost by option, each choice weighing as much as it was unlikely.

    Quality is shrunk towards the mean of all; the cost of an option that was not chosen is NaN.
    """
    weights, m = 1 / choices.propensity[rows], len(choices.options)
    taken = choices.action[rows]
    mass = np.bincount(taken, weights=weights, minlength=m)
    squares = np.bincount(taken, weights=weights**2, minlength=m)
    held = np.maximum(mass, 1e-300)
    quality = np.bincount(taken, weights=weights * choices.quality[rows], minlength=m) / held
    effective = mass**2 / np.maximum(squares, 1e-300)
    overall = float(np.average(choices.quality[rows], weights=weights)) if len(rows) else 0.0
    quality = (effective * quality + SHRINK_CHOICES * overall) / (effective + SHRINK_CHOICES)
    if choices.cost is None:
        return quality, np.full(m, np.nan)
    cost = np.bincount(taken, weights=weights * choices.cost[rows], minlength=m)
    return quality, np.where(mass > 0, cost / held, np.nan)


def _read_amount(policy: str, text: str) -> float:
    """Read a budget, as mean cost a choice."""
    try:
        amount = float(text)
    except ValueError:
        amount = float("nan")
    if not (np.isfinite(amount) and amount >= 0):
        raise InputError(f"policy {policy!r}: a mean cost a choice is needed, as in mix:0.002")
    return amount


def _read_plan(path: Path) -> Mapping[str, str]:
    """Read which option a plan has for which question."""
    if path.suffix.lower() == ".json":
        try:
            listed = json.loads(path.read_text("utf-8"))["choices"]
            pairs = [(str(choice["id"]), str(choice["option"])) for choice in listed]
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: no plan as router allocate --out writes one") from None
        return _collect(pairs, path)
    columns = read_columns(path)
    for column in ("query_id", "option"):
        if column not in columns:
            raise InputError(f"{path}: column {column!r} is missing")
    named = zip(map(str, columns["query_id"]), map(str, columns["option"]), strict=True)
    return _collect(list(named), path)


def _collect(pairs: Sequence[tuple[str, str]], path: Path) -> dict[str, str]:
    """Collect options by question, and refuse two for one."""
    plan: dict[str, str] = {}
    for query_id, option in pairs:
        if plan.setdefault(query_id, option) != option:
            raise InputError(
                f"{path}: question {query_id!r} has the options {plan[query_id]!r} and {option!r}: "
                "one is allowed"
            )
    return plan
