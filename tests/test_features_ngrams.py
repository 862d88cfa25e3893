"""N-gram hashes: equal for equal n-grams wherever they stand, different for all others."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.features.characters import tabulate_characters
from router.features.hashing import BASE, MASK
from router.features.ngrams import hash_character_ngrams, hash_stretches, hash_words
from tests.contracts.slow_text import list_character_ngrams, list_word_ngrams, lower_text

TEXTS = st.lists(st.text("ab C.\n東é", max_size=14), max_size=6)


def check_one_to_one(names: list[object], keys: list[int]) -> None:
    """Check that equal names have equal keys and different names different ones."""
    assert len(names) == len(keys)
    pairs = set(zip(names, keys, strict=True))
    assert len(pairs) == len(set(names)) == len(set(keys))


def count_by_row(rows: list[int], n: int) -> list[int]:
    """Count how often each row occurs."""
    counted = Counter(rows)
    return [counted[row] for row in range(n)]


@given(TEXTS)
def test_words_and_pairs_are_told_apart(texts: list[str]) -> None:
    """Words and pairs hash alike exactly where a slow reading finds the same ones."""
    row, key = hash_words(tabulate_characters(texts))
    single = [(r, gram) for r, text in enumerate(texts) for gram in list_word_ngrams(text)]
    # The table lists all words first and all pairs behind them.
    single.sort(key=lambda entry: len(entry[1]))
    check_one_to_one([gram for _, gram in single], key.tolist())
    assert row.tolist() == [r for r, _ in single]


@given(TEXTS)
def test_character_ngrams_are_told_apart(texts: list[str]) -> None:
    """Stretches hash alike exactly where they are spelled alike and as long."""
    row, key = hash_character_ngrams(tabulate_characters(texts), (3, 4))
    expected = [
        (r, gram)
        for length in (3, 4)
        for r, text in enumerate(texts)
        for gram in list_character_ngrams(text, (length,))
    ]
    check_one_to_one([gram for _, gram in expected], key.tolist())
    assert row.tolist() == [r for r, _ in expected]


@given(st.text("abé東", min_size=1, max_size=12), st.data())
def test_stretch_hash_is_the_polynomial(text: str, data: st.DataObject) -> None:
    """The hash is the polynomial in whole-number arithmetic, from the stretch's own start."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    table = tabulate_characters(["padding", text])
    offset = len("padding") + 1
    found = hash_stretches(table, np.array([offset + start]), np.array([offset + end]))
    codes = [ord(letter) for letter in lower_text(text)[start:end]]
    expected = sum((code + 1) * BASE**power for power, code in enumerate(codes)) & MASK
    assert int(found[0]) == expected


def test_no_collisions_among_many_words() -> None:
    """Two hundred thousand words and as many pairs all have hashes of their own."""
    texts = [" ".join(f"w{n}" for n in range(a, a + 1000)) for a in range(0, 200_000, 1000)]
    _, key = hash_words(tabulate_characters(texts))
    assert len(key) == 200_000 + 200 * 999
    assert len(np.unique(key)) == len(key)


def test_no_collisions_among_many_character_ngrams() -> None:
    """As many distinct stretches of three and four characters keep apart as there are."""
    rng = np.random.default_rng(5)
    letters = rng.integers(0x4E00, 0x5000, 150_000)
    text = "".join(map(chr, letters))
    _, key = hash_character_ngrams(tabulate_characters([text]), (3, 4))
    assert len(np.unique(key)) == len(set(list_ngrams(text)))
    assert len(np.unique(key)) > 200_000


def list_ngrams(text: str) -> list[str]:
    """List stretches of three and four characters, without the cap."""
    return [text[i : i + n] for n in (3, 4) for i in range(len(text) - n + 1)]


def test_families_do_not_share_hashes() -> None:
    """A word, a stretch of the same letters, and a pair of words are three things."""
    table = tabulate_characters(["abc abc"])
    word, pair = hash_words(table)[1][[0, 2]]
    stretch = hash_character_ngrams(table, (3,))[1][0]
    assert len({int(word), int(pair), int(stretch)}) == 3


def test_order_of_a_pair_matters() -> None:
    """The pair `to be` is not the pair `be to`, and a word twice is not nothing."""
    keys = [int(hash_words(tabulate_characters([t]))[1][2]) for t in ("to be", "be to", "to to")]
    assert len(set(keys)) == 3


def test_ngrams_never_cross_texts() -> None:
    """Cutting a text in two loses what lay across the cut and adds nothing."""
    whole = tabulate_characters(["one two"])
    cut = tabulate_characters(["one", "two"])
    assert set(hash_words(cut)[1].tolist()) < set(hash_words(whole)[1].tolist())
    assert len(hash_words(cut)[1]) == 2
    inside = hash_character_ngrams(cut, (3, 4))
    assert count_by_row(inside[0].tolist(), 2) == [1, 1]
    assert set(inside[1].tolist()) < set(hash_character_ngrams(whole, (3, 4))[1].tolist())


def test_number_of_ngrams_is_linear() -> None:
    """There are at most two n-grams a word and one a character and length."""
    table = tabulate_characters(["東 a." * 700, "b" * 900])
    assert len(hash_words(table)[1]) <= 2 * len(table.word_start)
    assert len(hash_character_ngrams(table, (3, 4))[1]) <= 2 * len(table.codes)


def test_empty_batches_have_no_ngrams() -> None:
    """No texts, and texts too short for any n-gram, give empty arrays."""
    for texts in ([], [""], ["", ""], ["a", "."]):
        table = tabulate_characters(texts)
        row, key = hash_character_ngrams(table, (3, 4))
        assert len(row) == len(key) == 0
        assert len(hash_words(table)[1]) == len(table.word_start)
