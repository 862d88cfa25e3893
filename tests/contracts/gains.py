"""What tests of features and models share: awkward texts, logs of known truth, small models."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from router.features.encoder import TextEncoder
from router.features.shape import SHAPE_NAMES
from router.features.vocabulary import fit_vocabulary
from router.logs import build_log
from router.models.ensembles import Boosters, Ensemble, fit_forest
from router.models.gain import GainHead, GainModel, TextStandard
from router.models.learners import Linear
from router.models.trainer import train
from router.models.training import FittedGain, fit_gain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.bundle import Bundle
    from router.outcomes import OutcomeLog

AWKWARD_TEXTS = (
    "",
    " ",
    "\n\n",
    "\0",
    "a\0b",
    "\ud800",
    "x\udfff\ud83dy",
    "\u202eabc\u202c",
    "\u200b\ufeff",
    "😀👩‍👩‍👧",
    "東京の人口は何人ですか。",
    "ประเทศไทย",
    "한국어 문장",
    "ΣΊΣΥΦΟΣ ΣΣ",
    "İstanbul'da",
    "e\u0301" * 40,
    "A) one\nB) two\nC. three",
    "In 1999, 2,048 people were not there.",
    "x" * 5000,
    "x" * 5001,
    "word " * 3000,
)
# Openings of the two kinds of questions; only the first gains by searching.
OPENINGS = (("who", "which town", "what year"), ("compute", "add up", "what is twice"))
FILLERS = ("red", "blue", "green", "old", "new", "long", "short", "near", "far", "cold")
OPTIONS = (
    {"option": "small|s0", "model": "small", "search_steps": 0, "samples": 1},
    {"option": "small|s2", "model": "small", "search_steps": 2, "samples": 1},
    {"option": "small|n4", "model": "small", "search_steps": 0, "samples": 4},
)
# What an option adds to a question of each kind.
GAINS = np.array([[0.0, 0.5, 0.1], [0.0, -0.1, 0.2]])
COSTS = (1.0, 3.0, 4.0)


def make_texts(n: int, seed: int = 0) -> tuple[list[str], NDArray[np.int64]]:
    """Make n distinct questions and say of which kind each one is."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n)
    texts = []
    for number, kind in enumerate(kinds):
        opening = OPENINGS[kind][rng.integers(3)]
        words = " ".join(FILLERS[i] for i in rng.integers(0, len(FILLERS), 4))
        texts.append(f"{opening} {words} number {number + 1000 * seed}?")
    return texts, kinds


def make_log(
    n: int = 150,
    *,
    seed: int = 0,
    coverage: float = 1.0,
    shuffle: bool = False,
    groups: tuple[str | None, ...] = ("east", "west"),
    name: str = "planted",
) -> OutcomeLog:
    """Make a log in which the kind of question, seen from its text, decides what helps."""
    rng = np.random.default_rng(seed + 77)
    texts, kinds = make_texts(n, seed)
    told = rng.permutation(kinds) if shuffle else kinds
    rows: list[dict[str, Any]] = []
    for number in range(n):
        level = 0.35 + 0.1 * rng.random()
        seen = rng.random(len(OPTIONS)) < coverage
        seen[rng.integers(len(OPTIONS))] = True
        for position in np.flatnonzero(seen):
            quality = level + GAINS[told[number], position] + 0.05 * rng.normal()
            rows.append(
                {
                    **OPTIONS[position],
                    "query_id": f"{name}{number:04d}",
                    "query": texts[number],
                    "group": groups[number % len(groups)],
                    "quality": float(np.clip(quality, 0.0, 1.0)),
                    "cost": COSTS[position],
                }
            )
    return build_log({key: [row[key] for row in rows] for key in rows[0]}, name=name)


def forget_texts(log: OutcomeLog, encoder: TextEncoder) -> OutcomeLog:
    """Keep what an encoder makes of a log's questions in place of their texts."""
    return replace(
        log,
        texts=("",) * log.n_questions,
        features=encoder.encode(log.texts),
        feature_fingerprint=encoder.fingerprint,
    )


@cache
def planted_fit() -> FittedGain:
    """Fit the gain model on the planted log, once a run."""
    return fit_gain(make_log())


@cache
def planted_bundle() -> Bundle:
    """Train a bundle on the planted log, once a run."""
    return train(make_log())


def fit_trees(
    inputs: NDArray[np.float32], target: NDArray[Any], n_trees: int = 15, **settings: Any
) -> Any:
    """Fit a small booster."""
    import lightgbm

    parameters = {"objective": "regression", "verbose": -1, "num_threads": 1, "num_leaves": 8}
    return lightgbm.train(
        parameters | settings, lightgbm.Dataset(inputs, np.ascontiguousarray(target)), n_trees
    )


def make_encoder(width: int, seed: int = 0) -> TextEncoder:
    """Make an encoder with random tables of so many learned features."""
    rng = np.random.default_rng(seed)
    texts, _ = make_texts(30, seed)
    vocabularies = tuple(fit_vocabulary(texts, family) for family in ("word", "character"))
    tables = tuple(
        rng.normal(size=(len(vocabulary), width)).astype(np.float16).astype(np.float32)
        for vocabulary in vocabularies
    )
    return TextEncoder(vocabularies, tables)


def make_model(
    n_groups: int = 3,
    n_options: int = 3,
    *,
    tree_factor: float = 0.5,
    task_scale: float = 0.02,
    has_linear: bool = True,
    seed: int = 0,
) -> GainModel:
    """Make a gain model with random parts and no training, for graphs to be compared with."""
    rng = np.random.default_rng(seed)
    n_directions, n_components, n_tree, n_shape = n_options - 1, 6, 4, len(SHAPE_NAMES)
    n_dense = n_components + n_shape
    base = rng.normal(scale=0.1, size=(n_groups, n_directions)).astype(np.float32)
    tree_inputs = rng.normal(size=(200, n_tree + n_shape + n_directions)).astype(np.float32)
    directions = np.linalg.qr(rng.normal(size=(n_options, n_directions)))[0]
    ensembles = _draw_ensembles(tree_inputs, n_directions, n_tree)

    def draw(*shape: int, scale: float = 0.02) -> NDArray[np.float64]:
        return rng.normal(scale=scale, size=shape)

    head = GainHead(
        option_means=rng.uniform(0.3, 0.6, n_options),
        option_table=draw(n_groups, n_options, scale=0.1),
        level_table=draw(n_groups, 1, scale=0.1),
        level=Linear(draw(n_dense, 1), draw(1)),
        base_table=base,
        direct=Linear(draw(n_dense, n_directions), draw(n_directions)),
        task=draw(n_groups, n_dense + 1, n_directions, scale=task_scale),
        trees=tuple((e, np.full(n_directions, tree_factor)) for e in ensembles),
        directions=directions,
        inferrer=None
        if n_groups < 2
        else Linear(draw(n_dense, n_groups, scale=0.3), np.zeros(n_groups)),
    )
    standard = TextStandard(
        n_components=n_components,
        n_tree_components=n_tree,
        n_directions=n_directions if has_linear else 0,
        shape_mean=rng.normal(size=n_shape).astype(np.float32),
        shape_spread=rng.uniform(0.5, 2.0, n_shape).astype(np.float32),
        shape_clip=5.0,
        shape_weight=0.7,
    )
    encoder = make_encoder(n_components + standard.n_directions, seed)
    return GainModel(encoder, standard, head, tuple(f"g{group}" for group in range(n_groups)))


def _draw_ensembles(
    tree_inputs: NDArray[np.float32], n_directions: int, first_column: int
) -> tuple[Ensemble, ...]:
    """Train an ensemble of each kind on curves."""
    boosters = Boosters(
        tuple(
            fit_trees(tree_inputs, tree_inputs[:, direction] ** 2 + tree_inputs[:, -1])
            for direction in range(n_directions)
        )
    )
    target: NDArray[np.float64] = tree_inputs[:, -n_directions:].astype(np.float64)
    return boosters, fit_forest(tree_inputs, abs(target), 0, first_column=first_column)


def change_head(model: GainModel, **parts: Any) -> GainModel:
    """Return a model with other parts in its head."""
    return replace(model, head=replace(model.head, **parts))


def draw_rows(model: GainModel, n: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw random features and memberships for a model, every fourth row without a label."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, model.encoder.n_features)).astype(np.float32)
    membership = np.eye(len(model.groups), dtype=np.float32)[rng.integers(0, len(model.groups), n)]
    membership[::4] = 0.0
    return features, membership
