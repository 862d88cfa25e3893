"""What other policies would have brought, beside what was logged: estimates in one report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from router.evaluation.off_policy import (
    DEFAULT_ESTIMATOR,
    OffPolicyEstimate,
    estimate_off_policy,
    score_decisions,
)
from router.evaluation.off_policy_bounds import bound_scores
from router.evaluation.off_policy_intervals import (
    find_normal_interval,
    pool_scores,
    widen_for_certainty,
)
from router.evaluation.off_policy_overlap import measure_overlap
from router.evaluation.off_policy_targets import TargetMaker
from router.evaluation.sections import align
from router.exceptions import InputError, OverlapError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.evaluation.off_policy import Estimator
    from router.evaluation.off_policy_choices import LoggedChoices
    from router.evaluation.off_policy_overlap import Overlap
    from router.models.bundle import Bundle

__all__ = ["MeanInterval", "OffPolicyReport", "PolicyEstimate", "compare_policies", "render_report"]

# Options named of a policy, those taken most.
SHOWN = 3


class MeanInterval(NamedTuple):
    """A mean with both ends of its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PolicyEstimate:
    """What one policy would have brought.

    Parameters
    ----------
    policy : str
        As it was asked for.
    overlap : Overlap or None
        How far the log reaches what the policy does; None where that is not known at all.
    refused : str or None
        Why there is no estimate; all fields behind are None then.
    quality : OffPolicyEstimate or None
        Mean quality a choice.
    gain : MeanInterval or None
        Its difference from what was logged.
    cost : OffPolicyEstimate or None
        Mean cost a choice; None too where the log has no costs.
    shares : dict of str to float
        How often it takes each option, most often first.
    """

    policy: str
    overlap: Overlap | None
    refused: str | None = None
    quality: OffPolicyEstimate | None = None
    gain: MeanInterval | None = None
    cost: OffPolicyEstimate | None = None
    shares: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class OffPolicyReport:
    """What policies would have brought on logged choices.

    Parameters
    ----------
    dataset : str
        Name of the log.
    n_choices : int
        Choices with a propensity and a quality.
    estimator : str
        Of all estimates.
    confidence : float
        Of all intervals.
    cost_unit : str or None
        Unit of costs.
    logged_quality, logged_cost : MeanInterval
        What was logged; the cost is None where the log has none.
    logged_shares : dict of str to float
        How often each option was chosen, most often first.
    policies : tuple of PolicyEstimate
        In the order in which they were asked for.
    notes : tuple of str
        What a reader must know.
    """

    dataset: str
    n_choices: int
    estimator: str
    confidence: float
    cost_unit: str | None
    logged_quality: MeanInterval
    logged_cost: MeanInterval | None
    logged_shares: dict[str, float]
    policies: tuple[PolicyEstimate, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain dictionaries and lists, ready for JSON."""
        document = asdict(self)
        document["logged_quality"] = self.logged_quality._asdict()
        document["logged_cost"] = None if self.logged_cost is None else self.logged_cost._asdict()
        for row, policy in zip(document["policies"], self.policies, strict=True):
            row["gain"] = None if policy.gain is None else policy.gain._asdict()
        return document


def compare_policies(
    choices: LoggedChoices,
    policies: Sequence[str],
    *,
    estimator: Estimator = DEFAULT_ESTIMATOR,
    confidence: float = 0.95,
    bundle: Bundle | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> OffPolicyReport:
    """Estimate what policies would have brought, each beside what was logged.

    Parameters
    ----------
    choices : LoggedChoices
        n choices with known probabilities.
    policies : sequence of str
        As :meth:`TargetMaker.make` takes them.
    estimator : str, default="doubly_robust"
        See :func:`router.evaluation.off_policy.estimate_off_policy`.
    confidence : float, default=0.95
        Of the intervals, between 0 and 1.
    bundle : Bundle, optional
        Predicts for ``upfront`` plans; it has not been trained on this log.
    seed : int, default=0
        Of training, where ``upfront`` plans have no bundle.
    n_jobs : int, default=1
        Processes to train folds in.
    progress : callable, optional
        Called with a line of text before every fold.

    Returns
    -------
    OffPolicyReport
        A policy that the log cannot answer for stands in it with the reason.

    Raises
    ------
    OverlapError
        If the log can answer for none of the policies; the message is that of the first.
    InputError
        If a policy is malformed, or there is none.

    Examples
    --------
    >>> from router.evaluation.off_policy_choices import lay_out_choices
    >>> choices = lay_out_choices({
    ...     "query_id": list(range(400)), "option": ["x", "y"] * 200, "propensity": [0.5] * 400,
    ...     "quality": [0.0, 1.0, 1.0, 1.0] * 100, "cost": [1.0, 3.0] * 200})
    >>> (found,) = compare_policies(choices, ["y"]).policies
    >>> found.quality.value, round(found.cost.value, 3), found.quality.overlap.share_matched
    (1.0, 3.0, 0.5)
    """
    if not policies:
        raise InputError("no policy is given: one at least is needed")
    maker = TargetMaker(choices, bundle=bundle, seed=seed, n_jobs=n_jobs, progress=progress)
    found = []
    for policy in policies:
        try:
            target = maker.make(policy)
        except OverlapError as error:
            found.append(PolicyEstimate(policy, None, str(error)))
            continue
        found.append(_estimate(choices, policy, target, estimator, confidence))
    if all(one.refused is not None for one in found):
        raise OverlapError(f"{found[0].policy}: {found[0].refused}")
    return OffPolicyReport(
        dataset=choices.dataset,
        n_choices=len(choices.action),
        estimator=estimator,
        confidence=confidence,
        cost_unit=choices.cost_unit,
        logged_quality=_average(choices, choices.quality, confidence),
        logged_cost=None if choices.cost is None else _average(choices, choices.cost, confidence),
        logged_shares=_count_shares(choices, np.eye(len(choices.options))[choices.action]),
        policies=tuple(found),
        notes=(*choices.notes, *_collect_notes(choices)),
    )


def _estimate(
    choices: LoggedChoices,
    policy: str,
    target: NDArray[np.float64],
    estimator: Estimator,
    confidence: float,
) -> PolicyEstimate:
    """Estimate one policy, or say why not."""
    decisions = choices.decide(choices.quality)
    try:
        quality = estimate_off_policy(decisions, target, estimator=estimator, confidence=confidence)
    except OverlapError as error:
        return PolicyEstimate(policy, measure_overlap(decisions, target), str(error))
    # Choice by choice, so that what both did alike cancels.
    change = score_decisions(decisions, target, estimator=estimator) - choices.quality
    low, high = bound_scores(decisions, target, change, confidence=confidence)
    gain = MeanInterval(float(change.mean()), low, high)
    cost = None
    if choices.cost is not None:
        cost = estimate_off_policy(
            choices.decide(choices.cost), target, estimator=estimator, confidence=confidence
        )
    shares = _count_shares(choices, target)
    return PolicyEstimate(policy, quality.overlap, None, quality, gain, cost, shares)


def _average(
    choices: LoggedChoices, values: NDArray[np.float64], confidence: float
) -> MeanInterval:
    """Average what was logged, over questions as the estimates are."""
    pooled = pool_scores(values, np.unique(choices.query_ids, return_inverse=True)[1])
    mean, ends = float(values.mean()), find_normal_interval(pooled, confidence=confidence)
    if np.isin(values, (0.0, 1.0)).all():
        ends = widen_for_certainty(ends, mean, values, float(len(pooled)), confidence=confidence)
    return MeanInterval(mean, *ends)


def _count_shares(choices: LoggedChoices, target: NDArray[np.float64]) -> dict[str, float]:
    """Say how often each option is taken, most often first."""
    share = target.mean(0)
    order = np.argsort(-share, kind="stable").tolist()
    return {choices.options[place]: float(share[place]) for place in order if share[place] > 0}


def _collect_notes(choices: LoggedChoices) -> tuple[str, ...]:
    """Say what estimates rest on that the log does not."""
    notes = []
    if choices.logging is None:
        notes.append(
            "the log has no column 'propensities': options that some questions could never be "
            "given are found only where they are many"
        )
    if choices.cost is None:
        notes.append("the log has no costs: what policies would have cost is not known")
    return tuple(notes)


def render_report(report: OffPolicyReport) -> str:
    """Write a report as plain text.

    Parameters
    ----------
    report : OffPolicyReport
        What was found.

    Returns
    -------
    str
    """
    percent, unit = f"{report.confidence:.0%}", report.cost_unit or ""
    rows = [
        ["policy", "quality", percent, "over logged", percent, "cost", percent, "worth", "matched"]
    ]
    cost = _write(report.logged_cost, ".4g")
    rows.append(["logged", *_write(report.logged_quality), "", "", *cost, "", ""])
    refused = []
    for one in report.policies:
        overlap = one.overlap
        known = ["-", "-"]
        if overlap is not None:
            known = [f"{overlap.effective_sample_size:.0f}", f"{overlap.share_matched:.1%}"]
        if one.quality is None or one.gain is None:
            refused.append(f"{one.policy} is refused: {one.refused}")
            rows.append([one.policy, "refused", "", "", "", "", "", *known])
            continue
        quality, paid = _take(one.quality), None if one.cost is None else _take(one.cost)
        gain = _write(one.gain, "+.4f")
        rows.append([one.policy, *_write(quality), *gain, *_write(paid, ".4g"), *known])
    lines = [
        (
            f"{report.dataset}: {report.n_choices} logged choices, estimator {report.estimator}, "
            f"means a choice{', cost in ' * bool(unit)}{unit}"
        ),
        "",
        *align(rows),
        "",
        "worth: decisions of the policy itself that would say as much",
        "matched: choices that the policy could have made",
        *refused,
        *(
            f"{one.policy} takes {_write_shares(one.shares)}"
            for one in report.policies
            if one.shares is not None and not one.shares.get(one.policy)
        ),
        f"logged were {_write_shares(report.logged_shares)}",
        *(f"note: {note}" for note in report.notes),
    ]
    return "\n".join(lines)


def _take(estimate: OffPolicyEstimate) -> MeanInterval:
    """Take value and interval of an estimate."""
    return MeanInterval(estimate.value, estimate.low, estimate.high)


def _write(interval: MeanInterval | None, form: str = ".4f") -> list[str]:
    """Write a mean and its interval as two cells."""
    if interval is None:
        return ["-", ""]
    mean, low, high = (format(value, form) for value in interval)
    return [mean, f"[{low}, {high}]"]


def _write_shares(shares: dict[str, float]) -> str:
    """Write the options taken most."""
    shown = [f"{name} {share:.0%}" for name, share in list(shares.items())[:SHOWN]]
    hidden = len(shares) - SHOWN
    return ", ".join(shown) + (f" and {hidden} more" if hidden > 0 else "")
