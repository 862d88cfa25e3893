"""A sentence encoder in a directory: ``model.onnx`` and ``tokenizer.json``, run here on the CPU."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import EncoderError, MissingExtraError
from router.features.characters import cap_text
from router.features.encoders.sentences import check_embeddings
from router.features.runtime import RUNTIME_ERRORS, start_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DirectoryEncoder"]

MODEL_PLACES = ("model.onnx", "onnx/model.onnx")
TOKENIZER = "tokenizer.json"
# Where published encoders say how many tokens they take; the least of all counts.
LENGTH_PLACES = (
    ("sentence_bert_config.json", "max_seq_length"),
    ("tokenizer_config.json", "model_max_length"),
    ("config.json", "max_position_embeddings"),
)
# Texts are capped at 5,000 characters anyway, so few lose anything to this.
N_TOKENS_MAX = 512
BATCH_SIZE = 32
KINDS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


@dataclass(frozen=True)
class DirectoryEncoder:
    """An ONNX sentence encoder: tokens in, the mean of their vectors out, of length 1.

    The first output counts: vectors of tokens (n, t, d), which are averaged without the padding
    whatever the encoder's own pooling, or of texts (n, d).

    Parameters
    ----------
    folder : Path
        Holds ``model.onnx`` (or ``onnx/model.onnx``) in one file and ``tokenizer.json``; what
        published sentence encoders have beside them says how many tokens they take.
    n_threads : int, default=1
        Threads the runtime uses.

    Raises
    ------
    EncoderError
        If a file is missing or damaged, or the graph wants other inputs than tokens give.
    MissingExtraError
        If the extra ``[encoder]`` is not installed.

    References
    ----------
    N. Reimers, I. Gurevych: Sentence-BERT: sentence embeddings using Siamese BERT-networks. EMNLP
    2019, section 3 (mean pooling).
    """

    folder: Path
    n_threads: int = 1
    fingerprint: str = field(init=False)
    n_tokens_max: int = field(init=False)
    _tokenizer: Any = field(init=False, repr=False, compare=False)
    _session: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read and digest the files."""
        folder = Path(self.folder)
        present = [folder / place for place in MODEL_PLACES if (folder / place).is_file()]
        if not present:
            raise EncoderError(f"{folder}: holds no {' or '.join(MODEL_PLACES)}")
        graph, tokens = _read(present[0]), _read(folder / TOKENIZER)
        length = _read_length(folder)
        digest = hashlib.sha256(f"mean, length 1, {length} tokens".encode())
        for content in (graph, tokens):
            digest.update(hashlib.sha256(content).digest())
        values = {
            "folder": folder,
            "fingerprint": f"onnx:{digest.hexdigest()[:32]}",
            "n_tokens_max": length,
            "_tokenizer": _make_tokenizer(tokens, folder / TOKENIZER, length),
            "_session": _start(graph, present[0], self.n_threads),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check_inputs()

    @property
    def name(self) -> str:
        """Name of the directory; where it lies is this machine's own business."""
        return self.folder.resolve().name

    @cached_property
    def dimension(self) -> int:
        """Width of the vectors."""
        return int(self._embed_batch([""], None).shape[1])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn n texts into vectors of length 1.

        Parameters
        ----------
        texts : sequence of str, length n
            Any texts; what is beyond the encoder's length is cut.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        EncoderError
            If the graph fails or gives values that are not finite.
        """
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        # Texts of like length share a batch, so that little is padding.
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for first in range(0, len(order), BATCH_SIZE):
            rows = order[first : first + BATCH_SIZE]
            vectors[rows] = self._embed_batch([texts[row] for row in rows], self.dimension)
        return vectors

    def _embed_batch(self, texts: list[str], dimension: int | None) -> NDArray[np.float32]:
        """Run the graph on texts that are padded to the longest of them."""
        readable = [cap_text(text).encode("utf-8", "replace").decode() for text in texts]
        encoded = self._tokenizer.encode_batch(readable)
        # An empty text may have no token at all; one padding token keeps the arrays in shape.
        width = max(1, *(len(entry.ids) for entry in encoded)) if encoded else 1
        mask = np.zeros((len(texts), width), np.int64)
        ids = np.zeros_like(mask)
        for row, entry in enumerate(encoded):
            ids[row, : len(entry.ids)] = entry.ids
            mask[row, : len(entry.ids)] = entry.attention_mask
        # Those tokens of an empty row count as seen, since a mean over none is not a number.
        mask[mask.sum(axis=1) == 0, 0] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        inputs = {
            entry.name: given[entry.name].astype(KINDS[entry.type])
            for entry in self._session.get_inputs()
        }
        try:
            output = np.asarray(self._session.run(None, inputs)[0], dtype=np.float32)
        except RUNTIME_ERRORS as error:
            first_line = str(error).splitlines()[0]
            raise EncoderError(
                f"encoder {self.name!r}: the graph does not run ({first_line})"
            ) from None
        return _normalise(check_embeddings(_pool(output, mask), len(texts), dimension, self.name))

    def _check_inputs(self) -> None:
        """Refuse a graph that asks for more than a tokenizer gives."""
        for entry in self._session.get_inputs():
            known = entry.name in {"input_ids", "attention_mask", "token_type_ids"}
            if not known or entry.type not in KINDS:
                raise EncoderError(
                    f"encoder {self.name!r}: the graph asks for {entry.name!r} ({entry.type}); "
                    "input_ids, attention_mask and token_type_ids as integers are given"
                )


def _read(path: Path) -> bytes:
    """Read a file of an encoder."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EncoderError(f"{path}: cannot be read ({error.strerror})") from None


def _read_length(folder: Path) -> int:
    """Find out how many tokens the encoder takes."""
    lengths = [N_TOKENS_MAX]
    for place, key in LENGTH_PLACES:
        path = folder / place
        if path.is_file():
            try:
                value = json.loads(_read(path)).get(key)
            except (ValueError, AttributeError, RecursionError):
                raise EncoderError(f"{path}: not a JSON object") from None
            if isinstance(value, int | float) and value >= 1:
                # Some write 1e30 for no limit.
                lengths.append(int(min(value, N_TOKENS_MAX)))
    return min(lengths)


def _make_tokenizer(content: bytes, path: Path, length: int) -> Any:
    """Make the tokenizer, which cuts and does not pad."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError.for_extra("encoder", "an ONNX sentence encoder") from None
    try:
        tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        tokenizer.enable_truncation(max_length=length)
        tokenizer.no_padding()
    # The library raises bare exceptions.
    except Exception as error:
        raise EncoderError(f"{path}: not a tokenizer ({error})") from error
    return tokenizer


def _start(content: bytes, path: Path, n_threads: int) -> Any:
    """Load the graph."""
    try:
        return start_session(content, n_threads=n_threads)
    except RUNTIME_ERRORS as error:
        first_line = str(error).splitlines()[0]
        raise EncoderError(f"{path}: the graph does not load ({first_line})") from None


def _pool(output: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """Average the tokens' vectors (n, t, d) that are not padding; (n, d) is pooled already."""
    if output.ndim != 3:
        return output
    weight = mask[:, :, None].astype(np.float32)
    mean: NDArray[np.float32] = (output * weight).sum(axis=1) / weight.sum(axis=1)
    return mean


def _normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give every vector length 1; one of length 0 stays."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(length, np.float32(1e-12))
    return scaled
