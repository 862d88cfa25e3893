"""Strengths: the longest listed part of a name wins, and the shipped table is sane."""

from __future__ import annotations

import re

import pytest

from router.models.strengths import NAMES_MAX, StrengthTable, load_strengths

TABLE = StrengthTable(
    "2026-11-22", {"gpt-4": 0.8, "gpt-4o": 0.9, "gpt-4o-mini": 0.7, "llama": 0.5}, ("o1", "r1-zero")
)


@pytest.mark.parametrize(
    ("model", "strength"),
    [
        ("gpt-4", 0.8),
        ("openai/GPT-4-turbo", 0.8),
        ("gpt-4o", 0.9),
        ("gpt-4o-2024-05-13", 0.9),
        ("GPT-4o-Mini", 0.7),
        ("my-llama", 0.5),
        ("gpt-3", None),
        ("", None),
        (None, None),
    ],
)
def test_longest_part_wins(model: str | None, strength: float | None) -> None:
    """However the table is ordered, the most specific entry decides, whatever the case."""
    assert TABLE.look_up(model) == strength
    turned = StrengthTable("2026-11-22", dict(list(TABLE.strength.items())[::-1]), ())
    assert turned.look_up(model) == strength


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("o1", True),
        ("O1-mini", True),
        ("openai/o1-preview", True),
        ("deepseek_r1-zero", True),
        ("gpt-35-turbo16k", False),
        ("solo1", False),
        ("o16", False),
        ("gpt-4", False),
        (None, False),
    ],
)
def test_trained_to_reason_is_read_in_whole_parts(model: str | None, *, reasons: bool) -> None:
    """A part counts where it stands by itself, not inside another word or number."""
    assert TABLE.is_trained_to_reason(model) == reasons


def test_shipped_table_is_sane() -> None:
    """Entries are lower case, dated, between chance and perfection, and in plausible order."""
    table = load_strengths()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", table.date)
    assert len(table.strength) >= 30
    assert all(0.25 <= value <= 0.95 for value in table.strength.values())
    assert all(name == name.lower() for name in (*table.strength, *table.reasoning))
    for weak, strong in (
        ("llama-2-7b", "llama-2-70b"),
        ("llama-2-70b", "llama-3-70b"),
        ("gpt-3.5-turbo", "gpt-4"),
        ("gpt-4o-mini", "gpt-4o"),
        ("claude-3-haiku", "claude-3-opus"),
    ):
        low, high = table.look_up(weak), table.look_up(strong)
        assert low is not None
        assert high is not None
        assert low < high


def test_shipped_table_finds_each_of_its_entries() -> None:
    """No entry is shadowed by another: each is found by its own name."""
    table = load_strengths()
    assert {name: table.look_up(name) for name in table.strength} == dict(table.strength)
    assert all(table.is_trained_to_reason(name) for name in table.reasoning)


def test_many_names_are_not_remembered_for_ever() -> None:
    """However many names are asked about, a bounded number is kept and each is answered right."""
    table = StrengthTable("2026-11-22", {"llama": 0.5}, ())
    for number in range(2 * NAMES_MAX + 3):
        assert table.look_up(f"llama-{number}") == 0.5
        assert table.look_up(f"other-{number}") is None
    assert len(table._found) <= NAMES_MAX
