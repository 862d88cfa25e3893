"""From a bundle and a few outcomes to one that knows a new model, and nothing else changed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router import Budget, Router
from router.exceptions import BundleError, LogError
from router.models.bundle import Bundle, make_bundle
from router.models.joiner import join
from router.models.trainer import train
from router.options import Menu
from router.questions import Question
from tests.contracts.newcomers import MODELS, NEWCOMER, known_bundle, make_model_log, make_option

if TYPE_CHECKING:
    from pathlib import Path

QUESTIONS = [
    Question("a", "who red old near far number 9?", "easy"),
    Question("b", "compute new blue long short number 8?", "hard"),
    Question("c", "which town green cold number 7?"),
]


@cache
def joined_bundle(n: int = 60) -> Bundle:
    """Let the new model join by outcomes of both its options on n questions."""
    return join(known_bundle(), make_model_log(NEWCOMER, n, first=200))


def describe(bundle: Bundle) -> dict[str, Any]:
    """Return what the manifest says of the only model that joined."""
    (entry,) = bundle.manifest["joined"]["models"]
    return dict(entry)


def test_old_options_are_predicted_as_before() -> None:
    """A model that joins changes no prediction and no interval of the others."""
    before, after = known_bundle(), joined_bundle()
    old = before.predictor.predict(QUESTIONS, before.menu)
    new = after.predictor.predict(QUESTIONS, before.menu)
    for part in ("quality", "low", "high", "familiarity"):
        np.testing.assert_array_equal(getattr(new, part), getattr(old, part))
    assert after.menu.names == (*before.menu.names, "davinci|high", "davinci|none")


def test_joined_bundle_is_an_ordinary_one(tmp_path: Path) -> None:
    """It is saved, verified, loaded and planned with like any other."""
    joined = joined_bundle()
    joined.save(tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle")
    assert loaded.bundle_id == joined.bundle_id
    surface = loaded.predictor.predict(QUESTIONS, loaded.menu)
    expected = joined.predictor.predict(QUESTIONS, joined.menu)
    np.testing.assert_array_equal(surface.quality, expected.quality)
    assert set(surface.evidence) == {"outcomes"}
    plan = Router(loaded).allocate(QUESTIONS, Budget(nominal=9.0))
    assert {choice.option for choice in plan} <= set(loaded.menu.names)
    neutral = loaded.predictor.predict_neutral(loaded.menu)
    assert neutral[loaded.menu.names.index("davinci|high")] == pytest.approx(0.75, abs=0.15)


def test_evidence_overrules_a_small_gain() -> None:
    """A model that gains .4 among models that gain .05 is believed, the more it shows."""
    gains = [describe(joined_bundle(n))["gains"]["reasoning"] for n in (5, 60, 400)]
    assert gains[0]["error"] > gains[1]["error"] > gains[2]["error"]
    assert gains[2]["gain"] == pytest.approx(0.4, abs=0.1)
    assert abs(gains[2]["gain"] - 0.4) < 4.0 * gains[2]["error"]


def test_ability_is_found() -> None:
    """With many outcomes the ability is that of the model, with an error that fits."""
    entry = describe(joined_bundle(400))
    assert entry["ability"] == pytest.approx(0.4, abs=0.08)
    assert 0.005 < entry["ability_error"] < 0.05
    assert (entry["n_outcomes"], entry["n_questions"]) == (800, 400)
    assert "| davinci | ." in joined_bundle(400).card


def test_intervals_are_wider_for_want_of_outcomes() -> None:
    """Five questions leave more open than four hundred, and the interval shows it."""
    widths, totals = [], []
    for n in (5, 400):
        bundle = joined_bundle(n)
        surface = bundle.predictor.predict(QUESTIONS, bundle.menu)
        widths.append((surface.high - surface.low)[:, -1].mean())
        assert surface.doubt is not None
        totals.append(float(surface.doubt[-1]))
    assert widths[0] > widths[1]
    assert totals[0] > totals[1] > 0.0
    assert known_bundle().predictor.predict(QUESTIONS, known_bundle().menu).doubt is None


def test_known_outcomes_tell_how_hard_questions_were() -> None:
    """With the known models' outcomes on the same questions, the ability is surer."""
    alone = make_model_log(NEWCOMER, 40, first=200)
    beside = make_model_log(MODELS | NEWCOMER, 40, first=200)
    errors = [describe(join(known_bundle(), log))["ability_error"] for log in (beside, alone)]
    assert errors[0] < errors[1]


def test_questions_may_lack_labels() -> None:
    """Outcomes without task labels join by what the text says of the task."""
    log = make_model_log(NEWCOMER, 60, first=200, labelled=False)
    entry = describe(join(known_bundle(), log))
    assert entry["ability"] == pytest.approx(describe(joined_bundle())["ability"], abs=0.05)


def test_untried_options_of_the_model_join_too() -> None:
    """What is learned of a model is shared by options that only the menu holds."""
    log = make_model_log(NEWCOMER, 60, first=200)
    menu = Menu((make_option("davinci", "medium"), make_option("other", "low")))
    joined = join(known_bundle(), log, menu=menu)
    assert "other|low" not in joined.menu.names
    names = [f"davinci|{effort}" for effort in ("none", "medium", "high")]
    neutral = joined.predictor.predict_neutral(joined.menu)
    quality = dict(zip(joined.menu.names, neutral, strict=True))
    assert quality[names[0]] < quality[names[1]] < quality[names[2]]


def test_questions_cost_a_new_option_what_they_cost_its_kin() -> None:
    """A question that takes more of the known option most like it takes more of the new one."""
    joined = joined_bundle()
    assert joined.manifest["joined"]["stand_ins"] == ["middling|high", "middling|none"]
    consumption = joined.predictor.predict(QUESTIONS, joined.menu).consumption
    assert consumption is not None
    factor = consumption.factor["nominal"]
    names = list(joined.menu.names)
    new, kin = names.index("davinci|high"), names.index("middling|high")
    np.testing.assert_array_equal(factor[:, new], factor[:, kin])
    assert factor[1, new] > 1.2
    assert factor[0, new] < 0.9


def test_options_join_anew_only_when_told() -> None:
    """A second join is refused by default; with `replace` its outcomes alone count."""
    again = make_model_log(NEWCOMER, 60, first=300, seed=4)
    first = joined_bundle()
    with pytest.raises(LogError, match="joined before"):
        join(first, again, options=["davinci|none"])
    with pytest.raises(LogError, match="knows all its options"):
        join(first, again)
    second = join(first, again, replace=True)
    assert second.menu.names == first.menu.names
    fresh = join(known_bundle(), again)
    found, expected = (one.predictor.predict(QUESTIONS, second.menu) for one in (second, fresh))
    np.testing.assert_array_equal(found.quality, expected.quality)
    assert second.card.count("## Models that joined") == 1


def test_another_model_joins_behind_the_first() -> None:
    """Models join one after the other, and the card has them all."""
    both = join(joined_bundle(), make_model_log({"curie": (0.2, 0.0)}, 40, first=240))
    assert both.menu.names[:-2] == joined_bundle().menu.names
    assert [entry["model"] for entry in both.manifest["joined"]["models"]] == ["davinci", "curie"]
    np.testing.assert_array_equal(
        both.predictor.predict(QUESTIONS, joined_bundle().menu).quality,
        joined_bundle().predictor.predict(QUESTIONS, joined_bundle().menu).quality,
    )


def test_what_cannot_join_is_refused() -> None:
    """Each reason is named: known options, too few outcomes, another unit, no text, no such one."""
    bundle, log = known_bundle(), make_model_log(NEWCOMER, 40, first=200)
    with pytest.raises(LogError, match="trained on it"):
        join(bundle, make_model_log(MODELS, 40), options=["weak|none"])
    with pytest.raises(LogError, match="knows all"):
        join(bundle, make_model_log(MODELS, 40))
    with pytest.raises(LogError, match="no option 'else'"):
        join(bundle, log, options=["else"])
    with pytest.raises(LogError, match="8 outcomes of model 'davinci'"):
        join(bundle, make_model_log(NEWCOMER, 4, first=200))
    with pytest.raises(LogError, match="costs are in 'usd'"):
        join(bundle, replace(log, cost_unit="usd"))
    with pytest.raises(LogError, match="'q0200' has no text"):
        join(bundle, replace(log, texts=(" ", *log.texts[1:])))


def test_bundles_without_a_basis_are_refused() -> None:
    """A pooled bundle, and one made before models could join, say why nothing can join."""
    log = make_model_log(NEWCOMER, 40, first=200)
    with pytest.raises(BundleError, match="knows no option by name"):
        join(Bundle.load(), log)
    known = known_bundle()
    files = {name: content for name, content in known.files.items() if name != "joining.npz"}
    golden = known.manifest["golden"]
    manifest = {
        name: value
        for name, value in known.manifest.items()
        if name not in ("bundle_id", "files", "golden", "joining")
    }
    old = make_bundle(manifest | {"golden_questions": (golden["texts"], golden["groups"])}, files)
    with pytest.raises(BundleError, match="train it again"):
        join(old, log)


def test_a_bundle_with_context_is_joined_by_a_log_with_and_without_it() -> None:
    """What the known options know beforehand stays known, and the joining log may lack it."""
    log = make_model_log(MODELS, 80)
    depth = np.resize(np.arange(5, dtype=np.float64), log.n_questions)
    before = train(replace(log, context={"depth": depth}))
    newcomers = make_model_log(NEWCOMER, 40, first=200)
    asked = [replace(question, context={"depth": 3.0}) for question in QUESTIONS]
    for joining in (newcomers, replace(newcomers, context={"depth": depth[:40]})):
        after = join(before, joining)
        assert after.predictor.context == before.predictor.context
        new = after.predictor.predict(asked, before.menu).quality
        np.testing.assert_array_equal(new, before.predictor.predict(asked, before.menu).quality)
        assert np.isfinite(after.predictor.predict(asked, after.menu).quality).all()
