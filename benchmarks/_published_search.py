"""The log-linear law of retrieval on real logs: how much of the logits it explains.

Yue et al. (arXiv:2410.04343) fit the logit of quality linearly to the logarithms of documents,
shots and iterations: R^2 .903 over their settings, and the setting that it chooses for a set left
out reaches 96.6 % of the best. No log here varies shots, and only the two evidence logs vary two of
the axes together; their quality is the share of evidence found, without a language model. Labels,
as tasks and models, are axes too: of amount e where they hold and 1 elsewhere. What labels explain
alone is shown beside, because they would explain much without any law.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks._figures import Figure
from router import read_log
from router.evaluation import build_view
from router.strategies import SearchLaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from router import Option

__all__ = ["measure_search"]

Floats = NDArray[np.float64]

CORPORA = ("hotpotqa", "2wikimultihopqa")
STEPS = range(1, 9)
CAPS = (3, 5, 9, 15, 24)


@dataclass(frozen=True)
class Settings:
    """Mean quality of m settings, what varies between them, and what else tells them apart.

    Parameters
    ----------
    quality : ndarray of float64, shape (m,)
        Mean over questions.
    amounts : mapping of str to ndarray of float64, shape (m,)
        By axis, above 0.
    labels : mapping of str to sequence of str, length m
        By kind of label.
    pairs : tuple of (str, str)
        Axes that may need each other.
    turns : tuple of float
        Loads from which quality may fall.
    """

    quality: Floats
    amounts: Mapping[str, Floats]
    labels: Mapping[str, Sequence[str]]
    pairs: tuple[tuple[str, str], ...] = ()
    turns: tuple[float, ...] = ()

    def mark_labels(self) -> dict[str, Floats]:
        """Make an axis of every label but the first of its kind."""
        axes = {}
        for kind, names in self.labels.items():
            for name in sorted(set(names))[1:]:
                axes[f"{kind} {name}"] = np.exp(np.array(names) == name)
        return axes

    def fit(self, axes: Mapping[str, Floats], keep: NDArray[np.bool_], *, full: bool) -> SearchLaw:
        """Fit the law to some settings: with pairs and turns, or without."""
        return SearchLaw.fit(
            {name: values[keep] for name, values in axes.items()},
            self.quality[None, keep],
            interactions=self.pairs if full else (),
            turns=self.turns if full else (),
            n_resamples=1,
        )

    def explain(self, axes: Mapping[str, Floats], *, full: bool = False) -> tuple[float, float]:
        """Give R^2 and mean squared error on the logit scale, in the sample."""
        everything = np.ones(len(self.quality), dtype=bool)
        return compare_logits(self.fit(axes, everything, full=full).predict(axes), self.quality)

    def leave_out(self, axes: Mapping[str, Floats], *, full: bool = False) -> tuple[float, float]:
        """Give the same where every setting is predicted from the others."""
        predicted = np.empty(len(self.quality))
        for one in range(len(self.quality)):
            keep = np.arange(len(self.quality)) != one
            predicted[one] = self.fit(axes, keep, full=full).predict(axes)[one]
        return compare_logits(predicted, self.quality)


def compare_logits(predicted: Floats, quality: Floats) -> tuple[float, float]:
    """Compute R^2 and mean squared error on the logit scale."""
    told, true = np.log(predicted / (1 - predicted)), np.log(quality / (1 - quality))
    error = float(((true - told) ** 2).mean())
    return 1.0 - error / float(true.var()), error


def read_evidence(folder: Path, name: str) -> Settings:
    """Read chains of 1, 3 and 5 passages a search, and single searches of 3 to 24 passages."""
    log = read_log(folder / "outcomes" / f"evidence_search_{name}.parquet")
    mean = dict(
        zip((o.name for o in log.options), build_view(log).quality.mean(axis=0), strict=True)
    )
    found = [(mean[f"chain_w{width}@k{k}"], width, k) for width in (1, 3, 5) for k in STEPS]
    # A single search of 3 passages is the chain's first step, so that it starts at 6.
    found += [(mean[f"single_wide_x3@k{k}"], 3 * k, 1) for k in STEPS[1:]]
    quality, documents, iterations = np.array(found, dtype=float).T
    amounts = {"documents": documents, "iterations": iterations}
    pairs = (("documents", "iterations"),)
    return Settings(quality, amounts, {}, pairs, turns=(4.0, 8.0, 16.0))


def read_means(folder: Path, name: str, *, by_group: bool) -> list[tuple[Option, str, float]]:
    """Average a log by option, and by group where asked for."""
    log = read_log(folder / "outcomes" / f"{name}.parquet")
    view = build_view(log)
    groups = np.array(view.groups if by_group else [""] * len(view.quality))
    return [
        (option, group, float(view.quality[groups == group, at].mean()))
        for group in np.unique(groups).tolist()
        for at, option in enumerate(log.options)
    ]


def read_depth(folder: Path) -> Settings:
    """Read no search, one, and as many as an agent made on average, on six sets of questions."""
    means = read_means(folder, "qa_search_depth", by_group=True)
    searches = np.array([option.search_steps or 0.0 for option, _, _ in means])
    labels: dict[str, list[str]] = {"set": [group for _, group, _ in means]}
    return Settings(np.array([q for *_, q in means]), {"searches + 1": searches + 1.0}, labels)


def read_medical(folder: Path) -> Settings:
    """Read no passages or 32, by two models on five sets of questions."""
    means = read_means(folder, "medical_rag", by_group=True)
    passages = np.array([32.0 if "rag_32" in option.name else 0.0 for option, _, _ in means])
    labels = {"set": [g for _, g, _ in means], "model": [str(o.model) for o, _, _ in means]}
    return Settings(np.array([q for *_, q in means]), {"passages + 1": passages + 1.0}, labels)


def read_architectures(folder: Path) -> Settings:
    """Read the two pipelines whose number of passages is known, by model and by embedding."""
    numbers = {"naive_k20": 20.0, "wide_k100_rerank": 100.0}
    means = read_means(folder, "rag_architectures", by_group=False)
    known = [(option, q) for option, _, q in means if option.strategy in numbers]
    # One model ran one of the two only, so that it could be anything.
    both = Counter(option.model for option, _ in known)
    known = [(option, q) for option, q in known if both[option.model] > 1]
    labels = {
        "model": [str(option.model) for option, _ in known],
        "embedding": [option.name.split("|")[2] for option, _ in known],
    }
    passages = np.array([numbers[str(option.strategy)] for option, _ in known])
    return Settings(np.array([q for _, q in known]), {"passages": passages}, labels)


def read_attempts(folder: Path) -> Settings:
    """Read attempts of agents that search and of models that do not, by what they are told."""
    means = read_means(folder, "search_x_reasoning_attempts", by_group=False)
    attempts = np.array([float(option.samples) for option, _, _ in means])
    labels = {"strategy": [str(option.strategy) for option, _, _ in means]}
    return Settings(np.array([q for *_, q in means]), {"attempts": attempts}, labels)


def tell(name: str, settings: Settings) -> Iterator[Figure]:
    """Say how much the law explains of a log, and what labels explain without it."""
    labels = settings.mark_labels()
    axes = {**settings.amounts, **labels}
    number = f"{len(settings.quality)} settings, {' and '.join(settings.amounts)}"
    square, error = settings.explain(axes)
    held = settings.leave_out(axes)[0]
    yield Figure(f"{name} ({number}): R^2", square, f"MSE {error:.3f}, left out {held:.3f}")
    if labels:
        square, error = settings.explain(labels)
        held = settings.leave_out(labels)[0]
        yield Figure("  labels alone, without the law", square, f"MSE {error:.3f}, out {held:.3f}")
    if settings.pairs:
        square, error = settings.explain(axes, full=True)
        held = settings.leave_out(axes, full=True)[0]
        yield Figure("  with interaction and fall", square, f"MSE {error:.3f}, left out {held:.3f}")


def transfer(one: Settings, other: Settings, *, full: bool) -> float:
    """Choose settings of a set by the law of another; the share of the best quality, over caps."""
    everything = np.ones(len(one.quality), dtype=bool)
    law = one.fit(one.amounts, everything, full=full)
    cost = other.amounts["documents"] * other.amounts["iterations"]
    shares = []
    for cap in CAPS:
        found = law.find_best(other.amounts, cost, float(cap))
        if found is not None:
            shares.append(other.quality[found[0]] / other.quality[cost <= cap].max())
    return float(np.mean(shares))


def measure_search(folder: Path) -> Iterator[Figure]:
    """Measure on every log that has such an axis and was not confounded."""
    evidence = {name: read_evidence(folder, name) for name in CORPORA}
    for name, settings in evidence.items():
        yield from tell(f"evidence, {name}", settings)
    for name, source in (CORPORA, CORPORA[::-1]):
        for full, text in ((False, ""), (True, ", with interaction and fall")):
            share = 100 * transfer(evidence[source], evidence[name], full=full)
            unit = f"% of the best under {len(CAPS)} caps"
            yield Figure(f"{name}, chosen by the law of {source}{text}", share, unit)
    yield from tell("rag_architectures", read_architectures(folder))
    yield from tell("search_x_reasoning_attempts", read_attempts(folder))
    yield from tell("qa_search_depth", read_depth(folder))
    yield from tell("medical_rag", read_medical(folder))
