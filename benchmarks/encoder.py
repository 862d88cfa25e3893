"""What embeddings are worth beside the text's own features, and what useless ones cost.

Run it as ``python benchmarks/encoder.py --encoder DIR`` with a directory that holds ``model.onnx``
and ``tokenizer.json`` (``--quick`` takes one log; without ``--encoder`` only the harm is measured).
Held-out questions are planned under the protocol's five budgets; every k-th question of a log
counts, 1,500 at most.

without      text and task alone
random       64 random numbers a text beside them: the harm of an encoder that says nothing
told         a noisy hint of how much a question gains, taken from the outcomes themselves: whether
             what an encoder knows is used
with         the encoder that was given

It exits with 1 when random numbers make plans clearly worse (95 % interval below -.003).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router import read_log
from router.evaluation import build_view, cross_fit, score_plans
from router.features.encoders.cache import CachedEncoder, EmbeddingCache
from router.features.encoders.opening import open_encoder
from router.features.encoders.sentences import CallableEncoder
from router.models.training import fit_gain_model
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.encoders.sentences import SentenceEncoder
    from router.outcomes import OutcomeLog

LOGS = ("bbh_thinking", "qa_search_depth", "gsm8k_verifier", "medical_rag", "nine_models")
N_QUESTIONS = 1500
N_RANDOM = 64
# The hint's noise, in deviations of what it hints at.
HINT_NOISE = 2.0
TOLERANCE = 0.003


def draw(text: str) -> NDArray[np.float64]:
    """Draw numbers that depend on a text and say nothing of it."""
    seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=N_RANDOM)


class Hints:
    """An encoder that knows, among noise, the first two directions in which a log's gains vary."""

    def __init__(self, log: OutcomeLog) -> None:
        """Measure what is hinted at."""
        quality = log.to_matrix(log.quality)
        centred = np.nan_to_num(quality - np.nanmean(quality, axis=1, keepdims=True))
        centred -= centred.mean(axis=0)
        values = np.linalg.svd(centred, full_matrices=False)[0][:, :2]
        self.known = dict(zip(log.texts, values / values.std(axis=0), strict=True))

    def __call__(self, texts: list[str]) -> NDArray[np.float64]:
        """Give two hints and fourteen random numbers a text."""
        noise = np.array([draw(text)[:16] for text in texts])
        hints = np.array([self.known.get(text, np.zeros(2)) for text in texts])
        return np.hstack((hints + HINT_NOISE * noise[:, :2], noise[:, 2:]))


class Known:
    """Embeddings of known texts, looked up: what a cached encoder gives, ready for any process."""

    def __init__(self, encoder: SentenceEncoder, texts: tuple[str, ...]) -> None:
        """Embed every text once."""
        self.vectors = dict(zip(texts, encoder.embed(texts), strict=True))

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """Look texts up; the probes, which are no questions, count as nothing."""
        nothing = np.zeros_like(next(iter(self.vectors.values())))
        return np.array([self.vectors.get(text, nothing) for text in texts])


def draw_all(texts: list[str]) -> NDArray[np.float64]:
    """Draw for each text."""
    return np.array([draw(text) for text in texts])


def take_questions(log: OutcomeLog) -> OutcomeLog:
    """Keep every k-th question, 1,500 at most."""
    step = max(1, -(-log.n_questions // N_QUESTIONS))
    return log.select(np.arange(log.n_questions) % step == 0)


def measure(log: OutcomeLog, encoder: SentenceEncoder | None, n_jobs: int) -> dict[str, Any]:
    """Plan held-out questions with and without each encoder."""
    view = build_view(log)
    encoders: dict[str, SentenceEncoder | None] = {
        "without": None,
        "random": CallableEncoder("random", N_RANDOM, draw_all),
        "told": CallableEncoder("hints", 16, Hints(log)),
    }
    if encoder is not None:
        known = Known(encoder, tuple(log.texts))
        encoders["with"] = CallableEncoder("given", encoder.dimension, known)
    surfaces = {
        name: cross_fit(log, partial(fit_gain_model, encoder=given), view, n_jobs=n_jobs)
        for name, given in encoders.items()
    }
    scored = score_plans(view, surfaces).quality
    figures: dict[str, Any] = {name: float(values.mean()) for name, values in scored.items()}
    for name in list(encoders)[1:]:
        gain = bootstrap_interval(scored[name].mean(0), scored["without"].mean(0), seed=0)
        figures[f"{name} - without"] = list(gain)
    return figures


def main() -> int:
    """Measure the logs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, help="directory of an ONNX sentence encoder")
    parser.add_argument("--cache", type=Path, help="file that keeps embeddings between runs")
    parser.add_argument("--logs", nargs="+", default=LOGS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="the first log only")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    encoder: CachedEncoder | None = None
    if arguments.encoder is not None:
        encoder = open_encoder(arguments.encoder, cache=EmbeddingCache(path=arguments.cache))
    names = ["without", "random", "told", *(["with"] if encoder else [])]
    gains = " | ".join(f"{name} - without [95 %]" for name in names[1:])
    print(f"| log | questions | {' | '.join(names)} | {gains} |")
    print("|---" * (2 * len(names) + 1) + "|", flush=True)
    figures, met = {}, True
    for name in arguments.logs[:1] if arguments.quick else arguments.logs:
        log = take_questions(read_log(folder / f"{name}.parquet"))
        found = measure(log, encoder, arguments.jobs)
        figures[name] = found
        shown = [f"{found[column]:.4f}" for column in names]
        shown += [
            "{:+.4f} [{:+.4f}, {:+.4f}]".format(*found[f"{column} - without"])
            for column in names[1:]
        ]
        print(f"| {name} | {log.n_questions} | {' | '.join(shown)} |", flush=True)
        met &= found["random - without"][2] > -TOLERANCE
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
