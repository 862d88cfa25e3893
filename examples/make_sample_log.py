"""Write ``sample_log.csv`` and ``new_model.csv``: outcomes by formula, until there are real ones.

Nothing in it was measured. A question's text is composed from templates. Its task gives it traits:
how hard it is (d), and how far searching (a), reasoning (b) and further samples (c) help. Words of
the text add h to the difficulty, and such questions need their task's help more (w = 0.6 + 0.5 h).
An option with s searches, t reasoning tokens, n samples and a model of strength v is right with
probability

    p = sigmoid(2.2 + 3 (v - 0.8) - d - h - e + w a log2(1 + s) + w b log2(1 + t / 400) + c log2(n))

where a may be negative, as searching can lead astray, and e is normal with deviation 0.6: what no
text tells. Quality is one draw of 0 or 1. Tokens scatter log-normally around their typical value,
and dollars are tokens and searches times the prices below.
"""

from __future__ import annotations

import csv
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEED = 20261122
N_QUESTIONS = 300
# A third model answers a few questions that are not in the log.
N_QUESTIONS_NEW = 12
TARGET = Path(__file__).with_name("sample_log.csv")

QUESTION_TOKENS, ANSWER_TOKENS, TOKENS_PER_SEARCH = 120.0, 80.0, 600.0
USD_PER_SEARCH = 0.004
SCATTER = 0.25


@dataclass(frozen=True)
class Model:
    """A model that does not exist: strength, and dollars for a million tokens in and out."""

    name: str
    strength: float
    input_usd: float
    output_usd: float


@dataclass(frozen=True)
class Setting:
    """One way to spend compute."""

    searches: int
    effort: str
    reasoning_tokens: float
    samples: int


@dataclass(frozen=True)
class Task:
    """A kind of question: templates, the words that go into them, and its traits.

    The number beside a phrase of `harder` is what it adds to the difficulty, so that words alone
    tell questions of one task apart.
    """

    group: str
    templates: tuple[str, ...]
    subjects: tuple[str, ...]
    harder: tuple[tuple[str, float], ...]
    difficulty: float
    search: float
    reasoning: float
    samples: float


MODELS = (Model("toy-small", 0.72, 0.15, 0.60), Model("toy-large", 0.88, 2.0, 8.0))
NEW_MODEL = Model("toy-new", 0.80, 0.40, 1.60)
SETTINGS = (
    Setting(0, "none", 0.0, 1),
    Setting(0, "high", 2400.0, 1),
    Setting(0, "low", 500.0, 4),
    Setting(2, "none", 0.0, 1),
    Setting(2, "high", 2400.0, 1),
    Setting(6, "none", 0.0, 1),
)
TASKS = (
    Task(
        "arithmetic",
        (
            "A {subject} sells {a} crates at {b} coins each and {extra}. How many coins remain?",
            "If a {subject} counts {a} items, loses {b} and {extra}, what is the total?",
        ),
        ("baker", "ferry pilot", "glassblower", "bookbinder", "beekeeper", "locksmith"),
        (
            ("pays a fee of 3 coins", 0.0),
            ("pays a tax of {c} percent twice", 1.0),
            ("shares the rest in the ratio {b} to {c} with two partners", 1.8),
        ),
        2.4,
        0.0,
        0.95,
        0.25,
    ),
    Task(
        "current_events",
        (
            "Who was named head of the {subject} {extra}?",
            "What did the {subject} announce {extra}?",
            "Which city will host the {subject} congress {extra}?",
        ),
        ("Harbour League", "Northern Rail Board", "Seed Archive", "Tidal Power Union", "Map Guild"),
        (("in its first year", 0.2), ("this spring", 1.2), ("last week", 2.0)),
        2.0,
        1.15,
        0.05,
        0.0,
    ),
    Task(
        "definition",
        (
            "What does the word {subject} mean{extra}?",
            "Give a short definition of {subject}{extra}.",
        ),
        ("erosion", "tariff", "photosynthesis", "sonnet", "inertia", "parliament", "enzyme"),
        (("", 0.0), (" in one sentence", 0.1), (" as used before 1700", 0.9)),
        0.2,
        0.05,
        0.0,
        0.0,
    ),
    Task(
        "riddle",
        (
            "Riddle: a {subject} {extra}. What is it?",
            "Solve this without looking it up: which {subject} {extra}?",
        ),
        ("clock", "candle", "shadow", "bridge", "mirror", "knot", "echo"),
        (
            ("grows smaller the more it works", 0.0),
            ("is always behind you and never arrives", 0.5),
            ("answers everyone and has never spoken first", 0.9),
        ),
        1.3,
        -0.55,
        0.35,
        0.3,
    ),
    Task(
        "linked_facts",
        (
            "In which year was the founder of the {subject} born, and {extra}?",
            "Compare the {subject} with its successor: {extra}?",
        ),
        ("Lantern Museum", "Cedar Observatory", "River School", "Salt Road Company", "Iron Opera"),
        (
            ("where is it today", 0.3),
            ("who led both at once", 1.1),
            ("how many years lie between their third directors", 1.9),
        ),
        2.9,
        0.75,
        0.45,
        0.1,
    ),
)


def write_question(task: Task, number: int, rng: np.random.Generator) -> tuple[str, float]:
    """Compose a question that no other has, and tell how much harder than average it is."""
    phrase, harder = task.harder[rng.integers(len(task.harder))]
    a, b, c = (int(value) for value in rng.integers(3, 60, size=3))
    text = task.templates[rng.integers(len(task.templates))].format(
        subject=task.subjects[rng.integers(len(task.subjects))],
        extra=phrase.format(a=a, b=b, c=c),
        a=a,
        b=b,
    )
    return f"{text} (item {number})", harder


def compute_probability(
    task: Task, harder: float, luck: float, model: Model, setting: Setting
) -> float:
    """Apply the formula at the top; `luck` is what a question's words do not tell."""
    # Harder questions of a task need its help more, which is what makes routing within it pay.
    weight = 0.6 + 0.5 * harder
    logit = (
        2.2
        + 3.0 * (model.strength - 0.8)
        - (task.difficulty + harder + luck)
        + weight * task.search * np.log2(1 + setting.searches)
        + weight * task.reasoning * np.log2(1 + setting.reasoning_tokens / 400)
        + task.samples * np.log2(setting.samples)
    )
    return float(1 / (1 + np.exp(-logit)))


def spend(model: Model, setting: Setting, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the reasoning tokens of one sample, and give all tokens and dollars."""
    reasoning = setting.reasoning_tokens * float(rng.lognormal(0.0, SCATTER))
    steps = setting.searches
    read = (steps + 1) * QUESTION_TOKENS + TOKENS_PER_SEARCH * steps * (steps + 1) / 2
    written = setting.samples * (reasoning + ANSWER_TOKENS * float(rng.lognormal(0.0, SCATTER)))
    usd = (read * model.input_usd + written * model.output_usd) / 1e6 + steps * USD_PER_SEARCH
    return reasoning, read + written, usd


def make_rows(
    n_questions: int = N_QUESTIONS,
    seed: int = SEED,
    *,
    models: tuple[Model, ...] = MODELS,
    first: int = 1,
) -> list[dict[str, object]]:
    """Make the log, one row a question and option, the same for the same seed."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for number in range(first, first + n_questions):
        task = TASKS[number % len(TASKS)]
        text, harder = write_question(task, number, rng)
        luck = float(rng.normal(0.0, 0.6))
        for model, setting in itertools.product(models, SETTINGS):
            reasoning, tokens, usd = spend(model, setting, rng)
            p = compute_probability(task, harder, luck, model, setting)
            rows.append(
                {
                    "dataset": "synthetic_sample",
                    "query_id": f"s{number:03d}",
                    "group": task.group,
                    "query": text,
                    "option": f"{model.name}|{setting.effort}"
                    f"|s{setting.searches}|n{setting.samples}",
                    "model": model.name,
                    "search_steps": setting.searches,
                    "reasoning_effort": setting.effort,
                    "reasoning_tokens": round(reasoning),
                    "samples": setting.samples,
                    "quality": int(rng.random() < p),
                    "cost": f"{usd:.6f}",
                    "cost_unit": "usd",
                    "cost_tokens": round(tokens),
                    "cost_searches": setting.searches,
                }
            )
    return rows


def make_new_rows() -> list[dict[str, object]]:
    """Make the new model's outcomes on questions that come after those of the log."""
    return make_rows(N_QUESTIONS_NEW, SEED + 1, models=(NEW_MODEL,), first=N_QUESTIONS + 1)


def write_log(path: Path, rows: list[dict[str, object]]) -> None:
    """Write rows as comma-separated values."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    write_log(target, make_rows())
    write_log(target.with_name("new_model.csv"), make_new_rows())
    print(f"wrote {target} and new_model.csv beside it")
