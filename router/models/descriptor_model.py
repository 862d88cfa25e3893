"""The descriptor model: quality of options that were never tried, from what they are.

What carries over from one log to another is not how good an option is but how much better it is
than another one, so the trees learn the uplift over the option with the least compute that the same
question saw. The level of that reference is fitted apart: what the text says of difficulty within
each log, and across logs how it rises with the reference's strength.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import ExportError, LogError, MissingExtraError
from router.models.descriptors import DESCRIPTOR_NAMES, describe_menu, find_reference
from router.models.export import PARITY_TOLERANCE, prove_parity, spread_rows
from router.models.factored_trees import FactoredTrees
from router.models.graph import GraphBuilder
from router.models.graph_reading import read_graph
from router.models.heads import stack_pairs, stack_reference
from router.models.learners import Linear, fit_ridge
from router.models.trees import convert_booster, merge_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.strengths import StrengthTable
    from router.outcomes import OutcomeLog

__all__ = ["DescriptorModel", "export_descriptors", "fit_descriptors"]

N_TREES, N_LEAVES, RATE, LEAF_SIZE_MIN = 200, 15, 0.05, 40
ALPHA_LEVEL = 300.0
# Penalty on the slope of level against strength, in units of squared strength: about that of two
# logs that lie a tenth from the mean.
STRENGTH_PENALTY = 0.02
# Rows a log at most: a log of many options would otherwise outvote all others.
ROWS_MAX = 40_000
PARITY_ROWS = 1000
# The prior for a reader who has no evidence: a stronger model and more samples do not hurt.
RISING = ("model_strength", "log_samples")


@dataclass(frozen=True, slots=True)
class DescriptorModel:
    """Level and uplift in native form.

    Parameters
    ----------
    level : Linear
        Quality of the reference option from all f features and its p descriptors.
    booster : lightgbm.Booster
        Uplift from f' features and two rows of descriptors.
    n_features : int
        f'.
    strength_mean : float
        What stands for the strength of a reference whose strength is not known.
    """

    level: Linear
    booster: Any
    n_features: int
    strength_mean: float

    def predict(
        self, features: NDArray[np.float32], table: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Predict every option, as the exported graphs do.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            Questions.
        table : ndarray of float32, shape (m, p)
            Descriptors.

        Returns
        -------
        ndarray of float64, shape (n, m)
            Not yet clipped to [0, 1].
        """
        reference = find_reference(table)
        pairs = stack_pairs(features[:, : self.n_features], table, reference)
        uplift = np.asarray(self.booster.predict(pairs, num_threads=1))
        uplift = uplift.reshape(len(features), len(table))
        level = self.level.predict(
            stack_reference(features, table[reference], self.strength_mean).astype(np.float64)
        )
        surface: NDArray[np.float64] = level + uplift - uplift[:, reference, None]
        return surface


def fit_descriptors(
    logs: Sequence[OutcomeLog],
    features: Sequence[NDArray[np.float32]],
    strengths: StrengthTable,
    *,
    n_features: int,
    seed: int = 0,
) -> DescriptorModel:
    """Fit level and uplift on one log or several.

    Parameters
    ----------
    logs : sequence of OutcomeLog
        Their costs are not used, so their units may differ.
    features : sequence of ndarray of float32, shape (n, f)
        Features of each log's questions.
    strengths : StrengthTable
        Strengths of models.
    n_features : int
        How many leading columns the uplift sees.
    seed : int, default=0
        Seed of the sampling.

    Returns
    -------
    DescriptorModel

    Raises
    ------
    LogError
        If no question saw two options.
    MissingExtraError
        If LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    rng = np.random.default_rng(seed)
    parts = [
        _pair_rows(log, matrix, strengths, n_features, rng)
        for log, matrix in zip(logs, features, strict=True)
    ]
    inputs = np.vstack([part[0] for part in parts])
    if not len(inputs):
        raise LogError("no question was tried with two options: an uplift cannot be learned")
    target = np.concatenate([part[1] for part in parts])
    # The square root lets a large log speak louder than a small one, but not as loud as its size.
    weight = np.concatenate(
        [np.full(len(part[1]), 1.0 / np.sqrt(max(len(part[1]), 1))) for part in parts]
    )
    level, strength_mean = _fit_level(
        features, [part[2] for part in parts], [part[3] for part in parts]
    )
    parameters = {
        "objective": "regression",
        "num_leaves": N_LEAVES,
        "learning_rate": RATE,
        "min_data_in_leaf": min(LEAF_SIZE_MIN, max(5, len(inputs) // 20)),
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "monotone_constraints": _constrain(n_features),
        "monotone_constraints_method": "basic",
        "verbose": -1,
        "num_threads": 1,
        "deterministic": True,
        "seed": seed,
    }
    data = lightgbm.Dataset(inputs, target, weight=weight / weight.mean())
    booster = lightgbm.train(parameters, data, N_TREES)
    return DescriptorModel(level, booster, n_features, strength_mean)


def _fit_level(
    features: Sequence[NDArray[np.float32]],
    levels: Sequence[NDArray[np.float64]],
    strengths: Sequence[NDArray[np.float64]],
) -> tuple[Linear, float]:
    """Fit the reference's quality: text within logs, strength across them.

    Logs differ in level for reasons that no text shows (what their options are, how answers were
    scored), so the text's slopes come from deviations within each log; only then are the logs'
    means set against their references' mean strength, each log counting once.
    """
    inputs = np.vstack([matrix - matrix.mean(axis=0) for matrix in features]).astype(np.float64)
    target = np.concatenate([level - level.mean() for level in levels])
    slopes = fit_ridge(inputs, target[:, None], ALPHA_LEVEL).coefficient[:, 0]
    offset = np.array(
        [
            level.mean() - matrix.mean(axis=0) @ slopes
            for matrix, level in zip(features, levels, strict=True)
        ]
    )
    known = [values[values >= 0] for values in strengths]
    strength = np.array([values.mean() if len(values) else np.nan for values in known])
    strength_mean = float(np.nanmean(strength)) if np.isfinite(strength).any() else 0.5
    strength = np.where(np.isnan(strength), strength_mean, strength)
    centred = strength - strength.mean()
    slope = float(centred @ offset) / (float(centred @ centred) + STRENGTH_PENALTY)
    coefficient = np.zeros((len(slopes) + len(DESCRIPTOR_NAMES), 1))
    coefficient[: len(slopes), 0] = slopes
    # A stronger reference is not expected to answer worse, whatever a few logs say.
    slope = max(slope, 0.0)
    coefficient[len(slopes) + DESCRIPTOR_NAMES.index("model_strength"), 0] = slope
    intercept = np.array([offset.mean() - slope * strength.mean()])
    return Linear(coefficient, intercept), strength_mean


def _constrain(n_features: int) -> list[int]:
    """Let the uplift rise with the option's strength and samples, and fall with the reference's."""
    rising = [int(name in RISING) for name in DESCRIPTOR_NAMES]
    return [0] * n_features + rising + [-sign for sign in rising]


def _pair_rows(
    log: OutcomeLog,
    features: NDArray[np.float32],
    strengths: StrengthTable,
    n_features: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pair every tried option with the least that the same question saw.

    Returns
    -------
    inputs : ndarray of float32, shape (r, f' + 2 p)
    uplift : ndarray of float64, shape (r,)
    level : ndarray of float64, shape (n,)
        Quality under each question's reference.
    strength : ndarray of float64, shape (n,)
        Strength of that reference, -1 where unknown.
    """
    table = describe_menu(log.options, strengths)
    quality = log.to_matrix(log.quality)
    tried = ~np.isnan(quality)
    order = _rank_by_compute(table)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    reference = np.where(tried, rank, len(order)).argmin(axis=1)
    level = quality[np.arange(len(quality)), reference]
    rows, columns = np.nonzero(tried)
    other = columns != reference[rows]
    rows, columns = rows[other], columns[other]
    if len(rows) > ROWS_MAX:
        kept = np.sort(rng.choice(len(rows), ROWS_MAX, replace=False))
        rows, columns = rows[kept], columns[kept]
    inputs = np.hstack((features[rows, :n_features], table[columns], table[reference[rows]]))
    uplift = quality[rows, columns] - level[rows]
    strength = table[reference, DESCRIPTOR_NAMES.index("model_strength")].astype(np.float64)
    return inputs.astype(np.float32), uplift, level, strength


def _rank_by_compute(table: NDArray[np.float32]) -> NDArray[np.int64]:
    """Order options by compute, as :func:`find_reference` would take them one after the other."""
    rest = list(range(len(table)))
    order = []
    while rest:
        order.append(rest.pop(find_reference(table[rest])))
    return np.array(order, dtype=np.int64)


def export_descriptors(
    model: DescriptorModel, features: NDArray[np.float32], table: NDArray[np.float32]
) -> tuple[dict[str, bytes], float]:
    """Export level and uplift as graphs, proving parity of each and of the trees taken apart.

    Parameters
    ----------
    model : DescriptorModel
        In native form.
    features : ndarray of float32, shape (n, f)
        Features of training questions.
    table : ndarray of float32, shape (m, p)
        Descriptors to pair them with.

    Returns
    -------
    files : dict of str to bytes
        ``level.onnx`` and ``uplift.onnx``.
    worst : float
        The largest difference found.

    Raises
    ------
    ExportError
        If a graph, or the uplift as it is served, differs from the native model by 1e-5 or more.
    """
    builder = GraphBuilder()
    level = builder.apply_linear("features", model.level.coefficient, model.level.intercept)
    width = features.shape[1] + table.shape[1]
    level_graph = builder.finish({"features": width}, level, 1)
    builder = GraphBuilder()
    width = model.n_features + 2 * table.shape[1]
    parts = [convert_booster(model.booster)]
    node = merge_trees(parts, n_targets=1, input_name="pairs", output_name="uplift")
    uplift_graph = builder.finish({"pairs": width}, builder.add_node(node), 1)
    rows = spread_rows(features[:PARITY_ROWS], PARITY_ROWS)
    reference = find_reference(table)
    pairs = stack_pairs(rows[:, : model.n_features], table, reference)
    level_rows = stack_reference(rows, table[reference], model.strength_mean)
    worst = max(
        prove_parity(
            level_graph,
            {"features": level_rows},
            lambda inputs: model.level.predict(inputs["features"].astype(np.float64)),
            "level.onnx",
        ),
        prove_parity(
            uplift_graph,
            {"pairs": pairs},
            lambda inputs: np.asarray(model.booster.predict(inputs["pairs"]))[:, None],
            "uplift.onnx",
        ),
        _prove_factored(model, uplift_graph, rows, table),
    )
    return {"level.onnx": level_graph, "uplift.onnx": uplift_graph}, worst


def _prove_factored(
    model: DescriptorModel, graph: bytes, rows: NDArray[np.float32], table: NDArray[np.float32]
) -> float:
    """Compare the trees as they are served, taken apart, with the booster on the same rows."""
    trees = FactoredTrees.from_graph(read_graph(graph, "uplift.onnx"), model.n_features)
    if trees is None:
        raise ExportError("uplift.onnx: its trees cannot be taken apart")
    reference = find_reference(table)
    pairs = stack_pairs(rows[:, : model.n_features], table, reference)
    uplift = np.asarray(model.booster.predict(pairs, num_threads=1)).reshape(len(rows), -1)
    uplift -= uplift[:, reference, None]
    beside = np.broadcast_to(table[reference], table.shape)
    found = trees.specialise(np.hstack((table, beside)), reference).predict(rows)
    worst = float(np.abs(found - uplift).max())
    if not worst < PARITY_TOLERANCE:
        raise ExportError(
            f"uplift.onnx: its trees taken apart differ from the native model by {worst:.2e}; "
            f"less than {PARITY_TOLERANCE:.0e} is allowed"
        )
    return worst
