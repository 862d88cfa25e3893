"""What a sentence encoder is, a function of one's own as one, and how the same one is told again.

An encoder turns texts into vectors of one width. It is known by its fingerprint, and proven by
probes: the vectors of a few fixed texts, since what answers behind an address can change while the
address stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from router.exceptions import EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "PROBE_TEXTS",
    "CallableEncoder",
    "SentenceEncoder",
    "check_embeddings",
    "compare_probes",
]

# Short and long, words, figures, code and another script: a changed model differs on some of them.
PROBE_TEXTS = (
    "What is the capital of France?",
    "A train leaves at 9:40 and takes 2 hours 35 minutes. When does it arrive?",
    "def f(x): return x ** 2 if x else None",
    "Wer schrieb »Die Verwandlung«, und in welchem Jahr erschien sie? 变形记是谁写的?",
)
# Services sum in another order, and some in half precision; another model is off by about 1.
PROBE_TOLERANCE = 0.02


class SentenceEncoder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """How messages call it."""

    @property
    def dimension(self) -> int:
        """Width of the vectors."""

    @property
    def fingerprint(self) -> str:
        """What tells this encoder from others; equal ones may share a cache."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn n texts into vectors, shape (n, d), every value finite.

        Raises
        ------
        EncoderError
            If it cannot.
        """


@dataclass(frozen=True)
class CallableEncoder:
    """A function of one's own as an encoder. It cannot be stored, so it is given again on loading.

    Parameters
    ----------
    name : str
        Declared name; together with `dimension` and the probes it tells the function on loading.
    dimension : int
        Width of its vectors.
    function : callable
        Takes a list of n texts, gives n vectors, as anything NumPy reads as an array (n, d).

    Examples
    --------
    >>> encoder = CallableEncoder("length", 1, lambda texts: [[len(text)] for text in texts])
    >>> encoder.embed(["four", "nineteen"]).tolist()
    [[4.0], [8.0]]
    """

    name: str
    dimension: int
    function: Callable[[list[str]], Any] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Its declared name and width: what it computes shows in the probes only."""
        return f"callable:{self.name}:{self.dimension}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn n texts into vectors.

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
            If the function raises, or gives anything but n finite vectors of width d.
        """
        if not len(texts):
            return np.zeros((0, self.dimension), np.float32)
        try:
            vectors = self.function(list(texts))
        except Exception as error:
            raise EncoderError(
                f"encoder {self.name!r} raised {type(error).__name__}: {error}"
            ) from error
        return check_embeddings(vectors, len(texts), self.dimension, self.name)


def check_embeddings(
    vectors: Any, n_texts: int, dimension: int | None, name: str
) -> NDArray[np.float32]:
    """Refuse embeddings that are not finite or of another shape than asked for.

    Parameters
    ----------
    vectors : array_like
        What an encoder gave.
    n_texts : int
        How many texts it was given.
    dimension : int or None
        Width that is due; None takes any.
    name : str
        How the message calls the encoder.

    Returns
    -------
    ndarray of float32, shape (n, d)

    Raises
    ------
    EncoderError
        If the vectors will not do.

    Examples
    --------
    >>> check_embeddings([[1, 2]], 1, 2, "mine").dtype
    dtype('float32')
    """
    try:
        array = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        raise EncoderError(f"encoder {name!r} gave vectors that are no table of numbers") from None
    width = "d" if dimension is None else dimension
    if array.ndim != 2 or len(array) != n_texts or not array.shape[1]:
        raise EncoderError(
            f"encoder {name!r} gave an array of shape {array.shape} for {n_texts} texts: "
            f"({n_texts}, {width}) is due"
        )
    if dimension is not None and array.shape[1] != dimension:
        raise EncoderError(
            f"encoder {name!r} gave vectors of width {array.shape[1]}: {dimension} is due"
        )
    if not np.isfinite(array).all():
        raise EncoderError(f"encoder {name!r} gave a value that is not finite")
    return array


def compare_probes(encoder: SentenceEncoder, recorded: NDArray[np.float32]) -> None:
    """Refuse an encoder whose vectors of the probe texts are not those that were recorded.

    Parameters
    ----------
    encoder : SentenceEncoder
        The encoder at hand.
    recorded : ndarray of float32, shape (p, d)
        What ``embed(PROBE_TEXTS)`` gave in training.

    Raises
    ------
    EncoderError
        If a vector is off by more than 2 % of its length, or the encoder fails.

    Examples
    --------
    >>> encoder = CallableEncoder("length", 1, lambda texts: [[len(text)] for text in texts])
    >>> compare_probes(encoder, encoder.embed(PROBE_TEXTS))
    """
    vectors = check_embeddings(
        encoder.embed(PROBE_TEXTS), len(PROBE_TEXTS), recorded.shape[1], encoder.name
    )
    off = np.linalg.norm(vectors.astype(np.float64) - recorded, axis=1)
    length = np.maximum(np.linalg.norm(recorded.astype(np.float64), axis=1), 1e-12)
    worst = float((off / length).max())
    # A comparison that is false for NaN would let a broken recording pass.
    if not worst <= PROBE_TOLERANCE:
        raise EncoderError(
            f"encoder {encoder.name!r} is not the one of training: on known texts its vectors are "
            f"off by {worst:.0%} of their length, allowed are {PROBE_TOLERANCE:.0%}"
        )
