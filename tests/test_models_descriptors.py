"""Descriptors: an option as numbers, and the option with the least compute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.models.descriptors import DESCRIPTOR_NAMES, UNKNOWN, describe_menu, find_reference
from router.models.strengths import StrengthTable
from router.options import Option

STRENGTHS = StrengthTable("2026-11-22", {"toy": 0.6}, ("thinker",))


def describe(option: Option) -> dict[str, float]:
    """Describe one option, by name of the descriptor."""
    (row,) = describe_menu([option], STRENGTHS).tolist()
    return dict(zip(DESCRIPTOR_NAMES, row, strict=True))


def test_everything_known_is_a_number() -> None:
    """Dials come as they are or on a log scale, words as flags."""
    option = Option(
        "a",
        model="toy-thinker",
        strategy="wide search",
        search_steps=3.0,
        reasoning_effort="high",
        reasoning_tokens=99.0,
        samples=8,
    )
    expected = {
        "search_steps": 3.0,
        "reasoning_effort": 3.0,
        "log_reasoning_tokens": float(np.float32(np.log(100.0))),
        "log_samples": 3.0,
        "model_strength": float(np.float32(0.6)),
        "trained_to_reason": 1.0,
        "has_verifier": 0.0,
        "reads_widely": 1.0,
    }
    assert describe(option) == expected


def test_everything_unknown_says_so() -> None:
    """What nobody gave is -1, never NaN, and one sample is the default."""
    found = describe(Option("a"))
    flags = {"trained_to_reason", "has_verifier", "reads_widely", "log_samples"}
    assert found == {name: 0.0 if name in flags else UNKNOWN for name in DESCRIPTOR_NAMES}


def test_stated_strength_overrules_the_table() -> None:
    """A menu's own strength wins over the model's name, zero included."""
    assert describe(Option("a", model="toy"))["model_strength"] == pytest.approx(0.6)
    assert describe(Option("a", model="toy", model_strength=0.0))["model_strength"] == 0.0


@pytest.mark.parametrize("strategy", ["best_of_8", "Verified", "wide_k100_rerank"])
def test_verifiers_are_known_by_their_words(strategy: str) -> None:
    """A verifier shows in the strategy, whatever the case."""
    assert describe(Option("a", strategy=strategy))["has_verifier"] == 1.0
    assert describe(Option("a", strategy="cot"))["has_verifier"] == 0.0


@pytest.mark.parametrize("word", ["best_of_8", "street", "worldwide", "treehouse-7b", "upgrade"])
def test_names_say_nothing(word: str) -> None:
    """What an option is called, or a word that only holds another, changes no descriptor."""
    plain = describe(Option("a", strategy="cot"))
    assert describe(Option(word, strategy="cot")) == plain
    if word != "best_of_8":
        assert describe(Option("a", strategy=word)) == plain


OPTIONS = st.builds(
    Option,
    st.just("a"),
    search_steps=st.none() | st.sampled_from([0.0, 1.0, 4.0]),
    reasoning_effort=st.none() | st.sampled_from(["none", "low", "high"]),
    reasoning_tokens=st.none() | st.sampled_from([0.0, 50.0]),
    samples=st.integers(1, 3),
    model_strength=st.none() | st.sampled_from([0.2, 0.8]),
)


@given(st.lists(OPTIONS, min_size=1, max_size=8))
def test_reference_is_the_least_compute(options: list[Option]) -> None:
    """Weakest model, fewest samples, least effort and tokens, fewest searches, then the first."""
    table = describe_menu(options, STRENGTHS)
    order = ["model_strength", "log_samples", "reasoning_effort", "log_reasoning_tokens"]
    columns = [DESCRIPTOR_NAMES.index(name) for name in (*order, "search_steps")]
    keys = [tuple(float(row[column]) for column in columns) for row in table]
    assert find_reference(table) == keys.index(min(keys))


def test_reference_is_found_in_any_order(rng: np.random.Generator) -> None:
    """Turning the menu over does not change which option is the reference."""
    options = [Option(f"o{i}", samples=1 + i % 3, search_steps=float(i // 3)) for i in range(9)]
    for _ in range(5):
        order = rng.permutation(9)
        table = describe_menu([options[i] for i in order], STRENGTHS)
        assert order[find_reference(table)] == 0
