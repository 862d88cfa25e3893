"""A cache of embeddings: bounded in memory, and in a file where one is named.

What is stored is a digest of encoder and text, and the vector: never a text. A damaged entry is a
miss; a damaged file is put aside and begun anew; one that another process is writing is waited for
briefly, then done without.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import zlib
from collections import OrderedDict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from router.features.encoders.sentences import PROBE_TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from router.features.encoders.sentences import SentenceEncoder

__all__ = ["CachedEncoder", "EmbeddingCache"]

WAIT_S = 2.0
# Share of the entries, oldest first, that makes room in a full file.
DROPPED_SHARE = 4
TABLE = "create table if not exists vectors (key blob primary key, sum integer, vector blob)"
QUERY = "select sum, vector from vectors where key = ?"


@dataclass(frozen=True)
class EmbeddingCache:
    """Vectors by digest, the least recently used given up first.

    Parameters
    ----------
    size_max : int, default=4096
        Vectors kept in memory.
    path : Path, optional
        File kept beside that, which many processes may share; none by default. To be removed when
        a service puts another model behind the same address and name.
    file_size_max_bytes : int, default=268435456
        Beyond this size the file's oldest quarter gives way; its space is used again.

    Examples
    --------
    >>> cache = EmbeddingCache(size_max=1)
    >>> cache.put({b"a": np.ones(2, np.float32)})
    >>> sorted(cache.get([b"a", b"b"], 2))
    [b'a']
    """

    size_max: int = 4096
    path: Path | None = None
    file_size_max_bytes: int = 256 * 1024 * 1024
    _memory: OrderedDict[bytes, NDArray[np.float32]] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    _lock: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def get(self, keys: Iterable[bytes], dimension: int) -> dict[bytes, NDArray[np.float32]]:
        """Look vectors up.

        Parameters
        ----------
        keys : iterable of bytes
            Digests.
        dimension : int
            Width d that is due; a vector of another one is a miss.

        Returns
        -------
        dict of bytes to ndarray of float32, shape (d,)
            Those that are known.
        """
        found, missing = {}, []
        with self._lock:
            for key in keys:
                vector = self._memory.get(key)
                if vector is not None and len(vector) == dimension:
                    self._memory.move_to_end(key)
                    found[key] = vector
                else:
                    missing.append(key)
        if self.path is not None and missing:
            stored = self._read_file(missing, dimension)
            self._remember(stored)
            found |= stored
        return found

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors.

        Parameters
        ----------
        vectors : mapping of bytes to ndarray of float32, shape (d,)
            By digest.
        """
        self._remember(vectors)
        if self.path is not None and vectors:
            self._write_file(vectors)

    def _remember(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors in memory."""
        with self._lock:
            for key, vector in vectors.items():
                self._memory[key] = vector
                self._memory.move_to_end(key)
            while len(self._memory) > self.size_max:
                self._memory.popitem(last=False)

    def _open(self) -> sqlite3.Connection:
        """Open the file for one operation, so that neither threads nor forks share a connection."""
        connection = sqlite3.connect(str(self.path), timeout=WAIT_S)
        try:
            connection.execute(TABLE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _read_file(self, keys: Sequence[bytes], dimension: int) -> dict[bytes, NDArray[np.float32]]:
        """Look vectors up in the file; whatever does not fit its sum is a miss."""
        found: dict[bytes, NDArray[np.float32]] = {}
        try:
            with closing(self._open()) as connection:
                for key in keys:
                    row = connection.execute(QUERY, (key,)).fetchone()
                    if row is None:
                        continue
                    checksum, content = row
                    if len(content) == 4 * dimension and zlib.crc32(key + content) == checksum:
                        found[key] = np.frombuffer(content, "<f4").astype(np.float32)
        except sqlite3.Error as error:
            self._give_up(error)
        except (TypeError, ValueError):
            # A cell of another kind than written: the rest of the file may do.
            return found
        return found

    def _write_file(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors in the file, and make room where it has become too large."""
        contents = {key: vector.astype("<f4").tobytes() for key, vector in vectors.items()}
        rows = [(key, zlib.crc32(key + content), content) for key, content in contents.items()]
        try:
            with closing(self._open()) as connection, connection:
                if self._measure(connection) > self.file_size_max_bytes:
                    connection.execute(
                        "delete from vectors where rowid in (select rowid from vectors order by "
                        "rowid limit (select count(*) from vectors) / ?)",
                        (DROPPED_SHARE,),
                    )
                connection.executemany("insert or replace into vectors values (?, ?, ?)", rows)
        except sqlite3.Error as error:
            self._give_up(error)

    @staticmethod
    def _measure(connection: sqlite3.Connection) -> int:
        """Measure the bytes of the file that are in use."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (
            int(connection.execute(f"pragma {name}").fetchone()[0]) for name in names
        )
        return (pages - free) * size

    def _give_up(self, error: sqlite3.Error) -> None:
        """Put a damaged file aside; one that is only locked or out of reach stays."""
        if self.path is not None and not isinstance(error, sqlite3.OperationalError):
            # Not removed: a wrong name may have pointed at something else that matters.
            with suppress(OSError):
                Path(self.path).replace(f"{self.path}.damaged")


@dataclass(frozen=True)
class CachedEncoder:
    """An encoder that embeds no text twice, probes aside: they are to show what answers now.

    Parameters
    ----------
    encoder : SentenceEncoder
        Asked for what the cache does not hold.
    cache : EmbeddingCache
        May serve several encoders.
    counts : dict of str to int
        Texts that were ``found`` and ``embedded`` so far.

    Examples
    --------
    >>> from router.features.encoders.sentences import CallableEncoder
    >>> plain = CallableEncoder("length", 1, lambda texts: [[len(text)] for text in texts])
    >>> encoder = CachedEncoder(plain)
    >>> encoder.embed(["a", "a", "bb"]).tolist(), encoder.embed(["bb"]).tolist()
    ([[1.0], [1.0], [2.0]], [[2.0]])
    >>> encoder.counts
    {'found': 2, 'embedded': 2}
    """

    encoder: SentenceEncoder
    cache: EmbeddingCache = field(default_factory=EmbeddingCache)
    counts: dict[str, int] = field(
        default_factory=lambda: {"found": 0, "embedded": 0}, compare=False
    )

    @property
    def name(self) -> str:
        """That of the encoder."""
        return self.encoder.name

    @property
    def dimension(self) -> int:
        """That of the encoder."""
        return self.encoder.dimension

    @property
    def fingerprint(self) -> str:
        """That of the encoder."""
        return self.encoder.fingerprint

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn n texts into vectors, each different text once.

        Parameters
        ----------
        texts : sequence of str, length n
            Any texts.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        EncoderError
            If the encoder cannot.
        """
        keys = [self._digest(text) for text in texts]
        unique = dict(zip(keys, texts, strict=True))
        # Probes of yesterday would hide that another model answers at the address today.
        lasting = [key for key, text in unique.items() if text not in PROBE_TEXTS]
        known = self.cache.get(lasting, self.dimension)
        missing = [key for key in unique if key not in known]
        if missing:
            fresh = dict(
                zip(missing, self.encoder.embed([unique[key] for key in missing]), strict=True)
            )
            self.cache.put(fresh)
            known |= fresh
        self.counts["embedded"] += len(missing)
        self.counts["found"] += len(keys) - len(missing)
        vectors = np.zeros((len(keys), self.dimension), np.float32)
        for row, key in enumerate(keys):
            vectors[row] = known[key]
        return vectors

    def _digest(self, text: str) -> bytes:
        """Digest encoder and text."""
        content = f"{self.fingerprint}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(content).digest()
