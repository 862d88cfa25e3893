"""The cache: nothing is embedded twice, nothing damaged is believed, nothing grows for ever."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import EncoderError
from router.features.encoders import cache as cache_module
from router.features.encoders.cache import CachedEncoder, EmbeddingCache
from router.features.encoders.sentences import PROBE_TEXTS, CallableEncoder, compare_probes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class Asked:
    """An encoder of lengths that remembers what it was asked."""

    def __init__(self, name: str = "lengths") -> None:
        """Start with nothing asked."""
        self.texts: list[str] = []
        self.encoder = CallableEncoder(name, 2, self._embed)

    def _embed(self, texts: list[str]) -> list[list[float]]:
        self.texts += texts
        return [[len(text), -len(text)] for text in texts]


def expected(texts: Sequence[str]) -> NDArray[np.float32]:
    """Give what the encoder of lengths says."""
    return np.array([[len(text), -len(text)] for text in texts], np.float32)


def test_each_text_is_embedded_once() -> None:
    """Texts seen before, and twins within a batch, are not asked for again."""
    asked = Asked()
    encoder = CachedEncoder(asked.encoder)
    for texts in (["a", "bb", "a"], ["bb", "ccc"], [], ["ccc", "a"]):
        np.testing.assert_array_equal(
            encoder.embed(texts), expected(texts).reshape(len(texts), 2), strict=True
        )
    assert asked.texts == ["a", "bb", "ccc"]
    assert encoder.counts == {"found": 4, "embedded": 3}


def test_changed_model_is_noticed_behind_a_cache(tmp_path: Path) -> None:
    """Probes are asked for anew, so that vectors on disk do not vouch for another model."""
    path, scale = tmp_path / "vectors", [1.0]
    plain = CallableEncoder("changing", 1, lambda texts: [[scale[0] * len(t)] for t in texts])
    recorded = CachedEncoder(plain, EmbeddingCache(path=path)).embed(PROBE_TEXTS)
    encoder = CachedEncoder(plain, EmbeddingCache(path=path))
    compare_probes(encoder, recorded)
    scale[0] = 2.0
    with pytest.raises(EncoderError, match="not the one of training"):
        compare_probes(encoder, recorded)


def test_encoders_share_a_cache_and_no_vector() -> None:
    """The encoder is part of the key, and names cannot be glued to texts."""
    shared = EmbeddingCache()
    first, second = Asked("one"), Asked("two")
    CachedEncoder(first.encoder, shared).embed(["a"])
    CachedEncoder(second.encoder, shared).embed(["a"])
    assert first.texts == second.texts == ["a"]


def test_least_recently_used_is_given_up() -> None:
    """Memory holds so many vectors; looking one up keeps it."""
    asked = Asked()
    encoder = CachedEncoder(asked.encoder, EmbeddingCache(size_max=2))
    for text in ("a", "b", "a", "c", "a", "b"):
        encoder.embed([text])
    assert asked.texts == ["a", "b", "c", "b"]


def test_batch_larger_than_the_cache_comes_out_whole() -> None:
    """What does not fit into the cache is still answered."""
    texts = ["x" * length for length in range(50)]
    encoder = CachedEncoder(Asked().encoder, EmbeddingCache(size_max=3))
    np.testing.assert_array_equal(encoder.embed(texts), expected(texts))


def test_file_outlives_the_process(tmp_path: Path) -> None:
    """A second cache on the same file finds what the first has stored, and no text stands in it."""
    path = tmp_path / "vectors.sqlite"
    texts = [f"a secret question {number}" for number in range(1200)]
    CachedEncoder(Asked().encoder, EmbeddingCache(path=path)).embed(texts)
    asked = Asked()
    again = CachedEncoder(asked.encoder, EmbeddingCache(path=path, size_max=10))
    np.testing.assert_array_equal(again.embed(texts), expected(texts))
    assert asked.texts == []
    assert b"secret" not in path.read_bytes()


@pytest.mark.parametrize(
    "content", [b"no database at all " * 99, b"SQLite format 3\0" + b"\7" * 5000]
)
def test_damaged_file_is_put_aside(tmp_path: Path, content: bytes) -> None:
    """A file that is no cache costs an embedding, is kept under another name, and is replaced."""
    path = tmp_path / "vectors.sqlite"
    path.write_bytes(content)
    asked = Asked()
    for _ in range(2):
        encoder = CachedEncoder(asked.encoder, EmbeddingCache(path=path))
        np.testing.assert_array_equal(encoder.embed(["a"]), expected(["a"]))
    assert asked.texts == ["a"]
    assert (tmp_path / "vectors.sqlite.damaged").read_bytes() == content


@pytest.mark.parametrize("vector", [b"\0" * 8, b"\0" * 4, b"", 7, "text", None])
def test_damaged_entry_is_a_miss(tmp_path: Path, vector: object) -> None:
    """A vector whose sum, width or kind is another than written is embedded again."""
    path = tmp_path / "vectors.sqlite"
    CachedEncoder(Asked().encoder, EmbeddingCache(path=path)).embed(["a"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update vectors set vector = ?", (vector,))
    asked = Asked()
    encoder = CachedEncoder(asked.encoder, EmbeddingCache(path=path))
    np.testing.assert_array_equal(encoder.embed(["a"]), expected(["a"]))
    assert asked.texts == ["a"]


def test_file_stays_within_its_size(tmp_path: Path) -> None:
    """Old vectors give way, new ones are there."""
    path = tmp_path / "vectors.sqlite"
    for first in range(0, 3000, 100):
        cache = EmbeddingCache(path=path, file_size_max_bytes=75_000)
        CachedEncoder(Asked().encoder, cache).embed(
            [f"{number}" for number in range(first, first + 100)]
        )
    assert path.stat().st_size < 110_000
    asked = Asked()
    encoder = CachedEncoder(asked.encoder, EmbeddingCache(path=path))
    encoder.embed(["2999", "0"])
    assert asked.texts == ["0"]


def test_writers_at_once_do_not_hurt(tmp_path: Path) -> None:
    """Many threads with caches of their own on one file all get what is right."""
    path = tmp_path / "vectors.sqlite"
    texts = ["x" * length for length in range(40)]
    wrong: list[int] = []

    def work(seed: int) -> None:
        chance = np.random.default_rng(seed)
        encoder = CachedEncoder(Asked().encoder, EmbeddingCache(path=path, size_max=5))
        for _ in range(5):
            some = [texts[row] for row in chance.integers(0, len(texts), 8)]
            if not np.array_equal(encoder.embed(some), expected(some)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_locked_file_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the file, answers come without it, and it stays where it is."""
    monkeypatch.setattr(cache_module, "WAIT_S", 0.01)
    path = tmp_path / "vectors.sqlite"
    CachedEncoder(Asked().encoder, EmbeddingCache(path=path)).embed(["a"])
    with closing(sqlite3.connect(path)) as other:
        other.execute("begin exclusive")
        asked = Asked()
        encoder = CachedEncoder(asked.encoder, EmbeddingCache(path=path))
        np.testing.assert_array_equal(encoder.embed(["a"]), expected(["a"]))
        assert asked.texts == ["a"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["vectors.sqlite"]


def test_place_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """A folder that is not there costs speed, not answers."""
    cache = EmbeddingCache(path=tmp_path / "none" / "vectors.sqlite")
    encoder = CachedEncoder(Asked().encoder, cache)
    np.testing.assert_array_equal(encoder.embed(["a"]), expected(["a"]))


def test_failure_is_not_cached() -> None:
    """An encoder that failed is asked again."""
    answers = iter([[[np.nan]], [[1.0]]])
    encoder = CachedEncoder(CallableEncoder("weak", 1, lambda _: next(answers)))
    with pytest.raises(EncoderError):
        encoder.embed(["a"])
    assert encoder.embed(["a"]).tolist() == [[1.0]]
    assert encoder.counts == {"found": 0, "embedded": 1}
