"""Policies: a batch driven to its end, a step at a time, looking after every one.

A driver that owns its loop calls `step` with what came back and carries out what it is told; one
that does not hands an environment to `run`. Both leave a log from which every decision can be made
again.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from router.exceptions import ConflictError, InputError
from router.replan_menu import MenuKinship
from router.replanning import Replanner
from router.reports import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from router.plan import Plan
    from router.questions import Question
    from router.replan_decisions import Decision, Replan
    from router.strategies.outcome_kinship import OutcomeKinship

__all__ = ["Environment", "Policy"]

RESERVE = 0.05
VERSION = 1


class Environment(Protocol):
    """Whatever carries out a decision: an agent, a replay of a log, a simulation."""

    def run(self, question: Question, decision: Decision) -> Report:
        """Run an option on a question.

        Parameters
        ----------
        question : Question
            Of the plan.
        decision : Decision
            With the option to run.

        Returns
        -------
        Report
            What it cost, and what was seen of the answer.
        """
        ...


class Policy:
    """Carries a plan out, and re-plans what is left after every step.

    Parameters
    ----------
    plan : Plan
        As :meth:`router.Router.allocate` made it, with a budget.
    is_checked : bool, default=False
        Whether every answer will be reported with its quality: cheap first tries are then options,
        charged as everything is, and taken only where they pay for themselves.
    may_give_up : bool, default=True
        Whether a question may get nothing where nothing is worth its price.
    reserve : float, default=0.05
        Share of the budget that is kept for what costs more than planned, and used at the end.
    kinship : OutcomeKinship, optional
        How far outcomes of options go together.
    predict : callable, optional
        Given a question with its context as it is now, predicts every option, shape (m,). Without
        it context in reports changes nothing. :meth:`router.Router.begin` brings it along.

    Raises
    ------
    BudgetError
        If the plan has no budget.
    InputError
        If the reserve is not from 0 to below 1, or the plan explores.

    Examples
    --------
    >>> from router import Report, Router
    >>> plan = Router.load().allocate(["What is 2 + 2?", "Who ruled Zurich?"], {"usd": 0.01})
    >>> policy = Policy(plan)
    >>> first = policy.step()
    >>> [decision.action for decision in first]
    ['start', 'start']
    >>> reports = [Report(d.id, d.option, d.cost, quality=1.0) for d in first]
    >>> policy.step(reports), policy.is_over
    ((), True)
    """

    def __init__(
        self,
        plan: Plan,
        *,
        is_checked: bool = False,
        may_give_up: bool = True,
        reserve: float = RESERVE,
        kinship: OutcomeKinship | None = None,
        predict: Callable[[Question], NDArray[Any]] | None = None,
    ) -> None:
        if not 0.0 <= reserve < 1.0:
            raise InputError(f"reserve is {reserve}: from 0 to below 1 is needed")
        self._replanner = Replanner(
            plan, is_checked=is_checked, may_give_up=may_give_up, kinship=kinship
        )
        self._predict = predict
        self._questions = {question.id: question for question in plan.questions}
        self._menu = MenuKinship(plan.surface.menu)
        self._reserve = reserve
        self._running: dict[str, Decision] = {}
        self._state: Replan | None = None
        self._log: list[dict[str, Any]] = [
            {
                "version": VERSION,
                "plan": _digest(plan),
                "is_checked": is_checked,
                "may_give_up": may_give_up,
                "reserve": reserve,
            }
        ]

    @property
    def state(self) -> Replan | None:
        """What was decided last about every question; None before the first step."""
        return self._state

    @property
    def running(self) -> tuple[str, ...]:
        """Questions that are at work."""
        return tuple(self._running)

    @property
    def is_over(self) -> bool:
        """Whether the last step asked for nothing, and nothing is at work."""
        return self._state is not None and not self._running

    @property
    def log(self) -> tuple[str, ...]:
        """Everything that was decided and reported, as lines of JSON without any text."""
        return tuple(json.dumps(entry, sort_keys=True) for entry in self._log)

    def step(self, reports: Iterable[Report] = ()) -> tuple[Decision, ...]:
        """Take in reports and say what to run next.

        Parameters
        ----------
        reports : iterable of Report
            Of decisions that were carried out, any number of them.

        Returns
        -------
        tuple of Decision
            What to run now; empty where nothing is worth its price, or all that is is at work.

        Raises
        ------
        InputError
            If a report is of nothing that was asked for; nothing of the step counts then.
        """
        taken = tuple(reports)
        known = self._check(taken)
        anew = {} if self._predict is None else {n: self._predict(q) for n, q in known.items()}
        return self._advance(taken, known, anew)

    def _advance(
        self,
        taken: tuple[Report, ...],
        known: Mapping[str, Question],
        anew: Mapping[str, NDArray[Any]],
    ) -> tuple[Decision, ...]:
        """Take in reports that were checked, with what is known and predicted since, and decide."""
        checked = {name: self._menu.check_quality(name, row) for name, row in anew.items()}
        self._questions.update(known)
        for report in taken:
            self._replanner.report(report, quality=checked.get(report.id))
            del self._running[report.id]
        found = self._replanner.plan(self._running, reserve=self._reserve)
        if self._reserve and not found.open and not self._running:
            # Nothing else is to come that could cost more than planned.
            found = self._replanner.plan(self._running)
        self._state = found
        self._running.update({decision.id: decision for decision in found.open})
        entry: dict[str, Any] = {
            "reports": [report.to_dict() for report in taken],
            "decisions": [decision.to_list() for decision in found.open],
        }
        if checked:
            entry["predicted"] = {name: row.tolist() for name, row in checked.items()}
        self._log.append(entry)
        return found.open

    def catch_up(
        self, reports: Iterable[Report | Mapping[str, Any]], running: Collection[str] = ()
    ) -> Replan:
        """Take in all that happened to a plan that was carried out without this policy.

        Parameters
        ----------
        reports : iterable of Report or mapping
            In the order in which it happened.
        running : collection of str, optional
            Questions whose option of the plan is being carried out.

        Returns
        -------
        Replan

        Raises
        ------
        InputError
            If a report is malformed or about another plan's question or option.
        """
        for given in reports:
            report = given if isinstance(given, Report) else Report.from_mapping(given)
            self._replanner.report(report, quality=self._predict_anew(report))
        return self._replanner.plan(running, reserve=self._reserve)

    def run(self, environment: Environment) -> Replan:
        """Drive the batch to its end.

        Parameters
        ----------
        environment : Environment
            Carries decisions out, one after the other.

        Returns
        -------
        Replan
            How every question ended.
        """
        reports: list[Report] = []
        while True:
            decisions = self.step(reports)
            if self._state is not None and not decisions:
                return self._state
            reports = [environment.run(self._questions[one.id], one) for one in decisions]

    @classmethod
    def replay(
        cls,
        plan: Plan,
        log: Iterable[str],
        *,
        kinship: OutcomeKinship | None = None,
        predict: Callable[[Question], NDArray[Any]] | None = None,
    ) -> Policy:
        """Make every decision of a log again, what was predicted on the way taken from the log.

        Parameters
        ----------
        plan : Plan
            The same that the log is of.
        log : iterable of str
            Lines as :attr:`log` gave them.
        kinship : OutcomeKinship, optional
            As it was.
        predict : callable, optional
            As for the policy, for what comes after the log.

        Returns
        -------
        Policy
            Where the log ends, ready to go on.

        Raises
        ------
        InputError
            If a line is not one of a log.
        ConflictError
            If the plan is another, or a decision comes out differently; the message names the
            step.
        """
        lines = [_read_line(line) for line in log]
        if not lines or lines[0].get("version") != VERSION:
            raise InputError(f"the log does not begin with a line of version {VERSION}")
        head = lines[0]
        if head["plan"] != _digest(plan):
            raise ConflictError("the log is of another plan: questions, menu or budget differ")
        policy = cls(
            plan,
            is_checked=head["is_checked"],
            may_give_up=head["may_give_up"],
            reserve=head["reserve"],
            kinship=kinship,
            predict=predict,
        )
        for number, line in enumerate(lines[1:], start=1):
            taken = tuple(Report.from_mapping(report) for report in line["reports"])
            made = policy._advance(taken, policy._check(taken), line.get("predicted", {}))
            if [decision.to_list() for decision in made] != line["decisions"]:
                raise ConflictError(f"step {number} of the log was decided differently then")
        return policy

    def _check(self, reports: tuple[Report, ...]) -> dict[str, Question]:
        """Refuse a step with reports of what was not asked for, before any of them counts.

        Questions of which more is known now come back with it.
        """
        seen: set[str] = set()
        for report in reports:
            asked = self._running.get(report.id)
            if asked is None or report.id in seen:
                raise InputError(f"report on {report.id!r}: nothing of it is at work")
            if asked.option != report.option:
                raise InputError(
                    f"report on {report.id!r}: option {report.option!r}, asked for was "
                    f"{asked.option!r}"
                )
            seen.add(report.id)
        return {
            report.id: self._questions[report.id].with_context(report.context)
            for report in reports
            if report.context
        }

    def _predict_anew(self, report: Report) -> NDArray[Any] | None:
        """Predict a question anew where its context says more than before."""
        if not report.context or self._predict is None or report.id not in self._questions:
            return None
        known = self._questions[report.id].with_context(report.context)
        self._questions[report.id] = known
        return self._predict(known)


def _digest(plan: Plan) -> str:
    """Sum up what decisions depend on: questions by name, menu, predictions and budget."""
    digest = hashlib.sha256()
    for part in (
        [question.id for question in plan.questions],
        [question.weight for question in plan.questions],
        list(plan.surface.menu.names),
        dict(plan.budget_micro),
    ):
        digest.update(json.dumps(part, sort_keys=True).encode())
    digest.update(plan.surface.quality.tobytes())
    digest.update(plan.cost_micro.tobytes())
    return digest.hexdigest()


def _read_line(line: str) -> Mapping[str, Any]:
    """Read one line of a log."""
    try:
        entry = json.loads(line)
    except ValueError:
        raise InputError(f"a line of the log is no JSON: {line[:60]!r}") from None
    if isinstance(entry, dict) and ("version" in entry or {"reports", "decisions"} <= entry.keys()):
        return entry
    raise InputError(f"a line of the log is neither its head nor a step: {line[:60]!r}")
