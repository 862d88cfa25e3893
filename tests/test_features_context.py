"""Context: standardised and missing-safe columns, and a gain model that follows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evaluation import build_view, cross_fit
from router.exceptions import BundleError, LogError
from router.features.context import ContextTable, fit_context
from router.logs import build_log
from router.models.trainer import train
from router.models.training import fit_gain_model
from router.planner import Router
from tests.contracts.gains import make_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog

COLUMNS = {
    "depth": np.array([1.0, 3.0, np.nan, 5.0]),
    "agreement": np.array([0.5, 0.5, 0.5, 0.5]),
    "empty": np.full(4, np.nan),
}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def test_names_are_sorted_and_empty_ones_left_out() -> None:
    """What no question has is not read; a constant has spread one."""
    table = fit_context(COLUMNS)
    assert table.names == ("agreement", "depth")
    assert table.mean == (0.5, 3.0)
    assert table.spread[0] == 1.0
    assert table.spread[1] == pytest.approx(np.sqrt(8 / 3))


def test_chosen_names_alone_are_read() -> None:
    """A choice of names leaves the others out; a name the log lacks is refused."""
    assert fit_context(COLUMNS, ["depth"]).names == ("depth",)
    assert fit_context(COLUMNS, []).names == ()
    with pytest.raises(LogError, match="'hops' is not in the log: it has agreement, depth, empty"):
        fit_context(COLUMNS, ["hops"])


@pytest.mark.parametrize("largest", [1e151, -1e300])
def test_numbers_without_a_spread_are_refused(largest: float) -> None:
    """A number whose square no float holds is named, not turned into an endless spread."""
    with pytest.raises(LogError, match=r"'depth' reaches 1e\+\d+: at most 1e\+150 is allowed"):
        fit_context({"depth": np.array([1.0, largest, np.nan])})
    assert np.isfinite(fit_context({"depth": np.array([-1e150, 1e150])}).spread).all()


def test_missing_numbers_sit_at_the_mean_and_are_flagged() -> None:
    """A missing number is 0 after scaling, as the mean is, but its flag is set."""
    table = fit_context(COLUMNS)
    found = table.tabulate([{"depth": 3.0, "agreement": 0.5}, {"other": 9.0}])
    np.testing.assert_array_equal(found, [[0, 0, 0, 0], [0, 0, 1, 1]])


def test_no_names_change_nothing() -> None:
    """Without names features come back as they are, the very same array."""
    features = np.ones((2, 3), np.float32)
    assert ContextTable().append(features, [{"a": 1.0}, {}]) is features
    assert ContextTable().tabulate([{}, {}]).shape == (2, 0)


@given(st.dictionaries(st.sampled_from(["agreement", "depth", "other"]), NUMBERS))
def test_any_finite_number_makes_finite_columns(context: dict[str, float]) -> None:
    """However large a number is, its column stays finite."""
    found = fit_context(COLUMNS).tabulate([context])
    assert np.isfinite(found).all()
    assert found.dtype == np.float32


def test_storage_gives_the_same_back() -> None:
    """What goes into a manifest comes out of it."""
    table = fit_context(COLUMNS)
    assert ContextTable.from_mapping(table.to_dict()) == table


@pytest.mark.parametrize(
    "change",
    [
        {"names": ["agreement"]},
        {"mean": [0.5, "x"]},
        {"spread": [1.0, 0.0]},
        {"fingerprint": "0" * 16},
        {"mean": None},
    ],
)
def test_damage_is_noticed(change: dict[str, object]) -> None:
    """A manifest whose context was changed is refused."""
    with pytest.raises(BundleError, match="context"):
        ContextTable.from_mapping(fit_context(COLUMNS).to_dict() | change)


N = 240


def make_log(*, missing: float = 0.1) -> OutcomeLog:
    """Make a log in which the dear option helps only where first answers disagree."""
    rng = np.random.default_rng(4)
    texts, groups = make_texts(N, seed=1)[:2]
    agreement = rng.random(N)
    gain = np.where(agreement < 0.4, 0.7, 0.05)
    chance = np.stack((np.full(N, 0.3), 0.3 + gain * 0.9), axis=1)
    quality = (rng.random((N, 2)) < chance).astype(float)
    shown = np.where(rng.random(N) < missing, np.nan, agreement)
    return build_log(
        {
            "query_id": np.repeat(np.arange(N), 2).tolist(),
            "query": np.repeat(texts, 2).tolist(),
            "group": np.repeat(groups, 2).tolist(),
            "option": ["cheap", "dear"] * N,
            "quality": quality.ravel().tolist(),
            "cost": [1.0, 4.0] * N,
            "context_agreement": np.repeat(shown, 2).tolist(),
        }
    )


@pytest.fixture(scope="module")
def router() -> Router:
    """Train a bundle on the log once."""
    return Router(train(make_log()))


def ask(**contexts: dict[str, float]) -> list[dict[str, Any]]:
    """Ask one and the same text under several contexts."""
    text = make_texts(4, seed=9)[0][0]
    return [{"id": name, "text": text, "context": given} for name, given in contexts.items()]


def test_plans_follow_the_context(router: Router) -> None:
    """Of questions alike but for the context, those whose answers disagree get the dear option."""
    questions = ask(torn={"agreement": 0.1}, sure={"agreement": 0.9})
    plan = router.allocate(questions, {"nominal": 5.0})
    assert {choice.id: choice.option for choice in plan} == {"torn": "dear", "sure": "cheap"}
    quality = router.predict(questions).quality
    assert quality[0, 1] - quality[0, 0] > quality[1, 1] - quality[1, 0] + 0.2


def test_missing_context_is_noted_and_planned(router: Router) -> None:
    """Without the number a question lies between the extremes, and the plan says what it missed."""
    questions = ask(torn={"agreement": 0.1}, bare={}, sure={"agreement": 0.9, "mood": 1.0})
    quality = router.predict(questions).quality
    gains = quality[:, 1] - quality[:, 0]
    assert gains[0] > gains[1] > gains[2]
    notes = " ".join(router.allocate(questions, {"nominal": 9.0}).notes)
    assert "context 'agreement' is missing for 1 of 3 questions" in notes
    assert "context mood is not known to this bundle and was ignored: it reads agreement" in notes


def test_the_bundle_keeps_the_context(router: Router, tmp_path: Path) -> None:
    """Saved and loaded, the bundle reads the same numbers; its card names them."""
    router.bundle.save(tmp_path / "bundle")
    again = Router.load(tmp_path / "bundle")
    questions = ask(torn={"agreement": 0.1}, bare={}, sure={"agreement": 0.9})
    np.testing.assert_array_equal(
        again.predict(questions).quality, router.predict(questions).quality
    )
    assert again.bundle.manifest["features"]["context"]["names"] == ["agreement"]
    assert "known beforehand are read: agreement" in again.bundle.card


def test_graph_and_native_model_agree_on_context(router: Router) -> None:
    """The exported graph reads the context as the native model does."""
    log = make_log()
    native = fit_gain_model(log)
    texts, contexts = log.texts[:20], log.list_contexts()[:20]
    questions = [
        {"id": str(row), "text": text, "group": log.groups[row], "context": contexts[row]}
        for row, text in enumerate(texts)
    ]
    expected = native.predict(texts, log.groups[:20], contexts)
    np.testing.assert_allclose(router.predict(questions).quality, expected, atol=1e-5)


@dataclass
class Reader:
    """A model that predicts the context itself for every option."""

    n_options: int
    context_names: tuple[str, ...] = ("agreement",)

    def predict(
        self,
        texts: Sequence[str],
        groups: Sequence[str | None],
        contexts: Sequence[dict[str, float]] = (),
    ) -> NDArray[np.float64]:
        """Show what was handed over."""
        del texts, groups
        return np.array([[given.get("agreement", 0.0)] * self.n_options for given in contexts])


def test_cross_fitting_hands_the_context_on() -> None:
    """A model that names what it reads is given each question's own numbers."""
    log = make_log(missing=0.0)
    view = build_view(log)
    surface = cross_fit(log, lambda part: Reader(part.n_options), view)
    np.testing.assert_array_equal(surface[:, 0], log.context["agreement"][view.rows])


def test_useless_context_does_no_harm() -> None:
    """A random number hardly moves what is predicted of new questions."""
    log = make_log()
    noise = {"noise": np.random.default_rng(0).normal(size=N)}
    even = np.arange(N) % 2 == 0
    errors = []
    for told in (replace(log, context={}), replace(log, context=noise)):
        seen, new = told.select(even), told.select(~even)
        predicted = fit_gain_model(seen).predict(new.texts, new.groups, new.list_contexts())
        errors.append(((predicted - new.to_matrix(new.quality)) ** 2).mean())
    assert errors[1] < errors[0] + 0.01


def test_context_may_be_chosen_or_left_out() -> None:
    """Names select what is read, an empty choice reads text alone, an unknown name is refused."""
    log = make_log()
    with pytest.raises(LogError, match="hops"):
        train(log, context=["hops"])
    assert "context" not in train(log, context=()).manifest["features"]
