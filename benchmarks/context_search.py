"""What looking after the first step is worth: scores of a first search as context.

Run it as ``python benchmarks/context_search.py`` (``--quick`` takes one log). For every question of
the evidence logs the passages are ranked once by BM25, as each of the logged agents begins; how the
scores fall off and how much of the question the leading passages cover is known before any passage
is read. Cost is passages read, so looking at scores is free in the log's own unit; every option
that reads at all makes this search.

without      text and task alone
with         scores of the first search beside them

It exits with 1 when the context makes a log clearly worse (95 % interval below -.003).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from router import read_log
from router.evaluation import build_view, cross_fit, score_plans
from router.evaluation.baselines import predict_baselines
from router.models.training import fit_gain_model
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOGS = ("hotpotqa", "2wikimultihopqa")
PLANS = ("uniform", "blind", "task", "ridge", "without", "with", "oracle")
N_RANKED = 10
# S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
SATURATION, LENGTH_SHARE = 1.2, 0.75
TOLERANCE = 0.003


def split_words(text: str) -> list[str]:
    """Split a text into lower-case words."""
    return re.findall(r"\w+", text.lower())


class Ranker:
    """Ranks passages by BM25."""

    def __init__(self, passages: list[dict[str, str]]) -> None:
        """Index passages with a title and a text."""
        words = [split_words(f"{entry['title']} {entry['text']}") for entry in passages]
        self.words = [set(entry) for entry in words]
        self.titles = [re.sub(r"\s*\(.*\)", "", entry["title"]).lower() for entry in passages]
        seen = Counter(word for entry in self.words for word in entry)
        n = len(passages)
        self.weight = {w: float(np.log1p((n - k + 0.5) / (k + 0.5))) for w, k in seen.items()}
        self.place = {word: place for place, word in enumerate(seen)}
        length = np.array([len(entry) for entry in words]) / np.mean([len(e) for e in words])
        rows, columns, values = [], [], []
        for row, entry in enumerate(words):
            damp = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length[row])
            for word, count in Counter(entry).items():
                rows.append(row)
                columns.append(self.place[word])
                values.append(self.weight[word] * count * (SATURATION + 1) / (count + damp))
        self.table = scipy.sparse.csr_matrix((values, (rows, columns)), shape=(n, len(seen)))

    def look(self, question: str) -> dict[str, float]:
        """Search once and say what the leading scores look like."""
        known = [word for word in set(split_words(question)) if word in self.place]
        asked = np.zeros(len(self.place))
        asked[[self.place[word] for word in known]] = 1.0
        scores = self.table @ asked
        top = np.argsort(-scores, kind="stable")[:N_RANKED]
        total = sum(self.weight[word] for word in known) or 1.0
        first = float(scores[top[0]]) or 1.0

        def cover(count: int) -> float:
            """Weigh the words of the question that the leading passages hold."""
            held = set().union(*(self.words[row] for row in top[:count]))
            return sum(self.weight[word] for word in known if word in held) / total

        named = [self.titles[row] in question.lower() for row in top[:5]]
        return {
            "score": first / total,
            "score_second": float(scores[top[1]]) / first,
            "score_fifth": float(scores[top[4]]) / first,
            "score_tenth": float(scores[top[9]]) / first,
            "covered_first": cover(1),
            "covered_third": cover(3),
            "covered_fifth": cover(5),
            "title_first": float(named[0]),
            "title_second": float(named[1]),
            "titles": float(sum(named)),
        }


def read_passages(path: Path) -> list[dict[str, str]]:
    """Read the passages of one corpus."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def measure(data: Path, name: str, seed: int) -> dict[str, Any]:
    """Score one log with and without what a first search says."""
    log = read_log(data / "outcomes" / f"evidence_search_{name}.parquet")
    ranker = Ranker(read_passages(data / "corpora" / f"{name}.docs.jsonl.gz"))
    seen = [ranker.look(text) for text in log.texts]
    columns = {key: np.array([entry[key] for entry in seen]) for key in seen[0]}
    view = build_view(log)
    learner = partial(fit_gain_model, seed=seed)
    scored: dict[str, NDArray[np.float64]] = {}
    for label, told in (("without", log), ("with", replace(log, context=columns))):
        surface = cross_fit(told, learner, view, n_jobs=2)
        baselines = predict_baselines(view, n_jobs=2) if label == "without" else {}
        quality = score_plans(view, baselines, router=surface).quality
        scored = {**quality, **scored, label: quality["router"]}
    gains = {
        rival: list(bootstrap_interval(scored["with"].mean(0), scored[rival].mean(0), seed=0))
        for rival in ("without", "blind", "ridge")
    }
    return {plan: scored[plan].mean(axis=1).tolist() for plan in PLANS} | {"gains": gains}


def main() -> int:
    """Measure what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", choices=[*LOGS, []], help="both by default")
    parser.add_argument("--quick", action="store_true", help="one log only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("ROUTER_DATA", default))
    if not (data / "corpora").is_dir():
        print(f"the shared corpora are not at {data / 'corpora'}: nothing to measure")
        return 0
    print(
        f"| log | {' | '.join(PLANS)} | by budget | with - without [95 %] | with - blind [95 %] "
        "| with - ridge [95 %] |"
    )
    print("|---" * (len(PLANS) + 5) + "|", flush=True)
    figures = {}
    for name in arguments.logs or (LOGS[:1] if arguments.quick else LOGS):
        figures[name] = found = measure(data, name, arguments.seed)
        means = " | ".join(f"{np.mean(found[plan]):.4f}" for plan in PLANS)
        gaps = " ".join(f"{g:+.3f}" for g in np.array(found["with"]) - np.array(found["without"]))
        gains = " | ".join(
            "{:+.4f} [{:+.4f}, {:+.4f}]".format(*gain) for gain in found["gains"].values()
        )
        print(f"| {name} | {means} | {gaps} | {gains} |", flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    worse = [name for name, found in figures.items() if found["gains"]["without"][2] < -TOLERANCE]
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
