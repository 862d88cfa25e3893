"""Opening an encoder: from a directory, an address or a function to one door."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from router.exceptions import EncoderError
from router.features.encoders.cache import CachedEncoder, EmbeddingCache
from router.features.encoders.directory import DirectoryEncoder
from router.features.encoders.web import WebEncoder

if TYPE_CHECKING:
    from router.features.encoders.sentences import SentenceEncoder

__all__ = ["open_encoder"]


def open_encoder(
    source: str | Path | SentenceEncoder,
    model: str | None = None,
    *,
    cache: EmbeddingCache | None = None,
) -> CachedEncoder:
    """Open a sentence encoder, with a cache before it.

    Parameters
    ----------
    source : str, Path or SentenceEncoder
        A directory with ``model.onnx`` and ``tokenizer.json``, an address of ``/v1/embeddings``, or
        an encoder such as :class:`~router.features.encoders.sentences.CallableEncoder`.
    model : str, optional
        Name of the model to ask a service for; it goes with an address only.
    cache : EmbeddingCache, optional
        One in memory by default.

    Returns
    -------
    CachedEncoder

    Raises
    ------
    EncoderError
        If it is none of these, or cannot be used.
    MissingExtraError
        If a directory is given and the extra ``[encoder]`` is not installed.

    Examples
    --------
    >>> open_encoder("http://localhost:8080", "small").name
    'small at http://localhost:8080/v1/embeddings'
    """
    if isinstance(source, CachedEncoder):
        return source
    is_address = isinstance(source, str) and source.startswith(("http://", "https://"))
    if model is not None and not is_address:
        raise EncoderError(f"a model ({model!r}) is asked of an address, not of {source!r}")
    plain: SentenceEncoder
    if is_address:
        plain = WebEncoder(str(source), model or "")
    elif isinstance(source, str | Path):
        plain = DirectoryEncoder(Path(source))
    else:
        plain = source
    return CachedEncoder(plain, cache or EmbeddingCache())
