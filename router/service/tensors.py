"""Tensors of the Open Inference Protocol: JSON or raw bytes, in and out."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType

from router.exceptions import InputError
from router.service.answers import write_json
from router.service.bodies import decode_body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "InferBody",
    "OutputBody",
    "TensorBody",
    "read_inference",
    "read_texts",
    "write_inference",
]

TENSORS_MAX = 8
# How many bytes stand before each element of raw texts.
LENGTH_BYTES = 4

Word = Annotated[str, Meta(min_length=1, max_length=200)]
# What is echoed has to be harmless wherever it is shown or logged.
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{0,128}\Z")]
Dimension = Annotated[int, Meta(ge=0, le=2**32)]
Parameters = Annotated[dict[Word, str | float | bool | None], Meta(max_length=32)]


class TensorBody(Struct):
    """One input: texts in JSON, or as raw bytes behind the JSON."""

    name: Word
    shape: Annotated[list[Dimension], Meta(min_length=1, max_length=8)]
    datatype: Word
    parameters: Parameters = {}
    data: list[Any] | UnsetType = UNSET


class OutputBody(Struct):
    """One output that is asked for."""

    name: Word
    parameters: Parameters = {}


class InferBody(Struct):
    """The body of an inference; what the protocol may have beyond this is not looked at."""

    inputs: Annotated[list[TensorBody], Meta(min_length=1, max_length=TENSORS_MAX)]
    id: Identifier = ""
    parameters: Parameters = {}
    outputs: Annotated[list[OutputBody], Meta(max_length=TENSORS_MAX)] = []


def read_inference(content: bytes, stated_bytes: str | None) -> tuple[InferBody, dict[str, bytes]]:
    """Read the body of an inference.

    Parameters
    ----------
    content : bytes
        JSON, and behind it what inputs hold as raw bytes.
    stated_bytes : str or None
        How long the JSON is, in the words of a header; None if it is all.

    Returns
    -------
    body : InferBody
        The JSON.
    raw : dict of str to bytes
        Raw bytes by name of the input.

    Raises
    ------
    InputError
        If the JSON breaks the protocol, an input is given twice, or lengths disagree.

    Examples
    --------
    >>> tensor = b'{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}'
    >>> body, raw = read_inference(b'{"inputs": [' + tensor + b"]}", None)
    >>> body.inputs[0].data, raw
    (['a'], {})
    """
    header_bytes = len(content)
    if stated_bytes is not None:
        known = stated_bytes.isascii() and stated_bytes.isdecimal() and len(stated_bytes) <= 15
        header_bytes = int(stated_bytes) if known else -1
        if not 0 <= header_bytes <= len(content):
            raise InputError("Inference-Header-Content-Length is no length within the body")
    body = decode_body(content[:header_bytes], InferBody)
    names = [tensor.name for tensor in body.inputs]
    if len(set(names)) < len(names):
        raise InputError("inputs: a name occurs twice, names are unique")
    raw, position = {}, header_bytes
    for tensor in body.inputs:
        n_bytes = tensor.parameters.get("binary_data_size")
        if n_bytes is None:
            continue
        if isinstance(n_bytes, bool | str) or n_bytes != int(n_bytes) or n_bytes < 0:
            raise InputError("inputs: binary_data_size is no number of bytes")
        raw[tensor.name] = content[position : position + int(n_bytes)]
        position += int(n_bytes)
    if position != len(content):
        raise InputError(
            f"the body has {len(content) - header_bytes} raw bytes behind its JSON, "
            f"the inputs state {position - header_bytes}"
        )
    return body, raw


def read_texts(tensor: TensorBody, raw: bytes | None) -> list[str]:
    r"""Read an input of texts.

    Parameters
    ----------
    tensor : TensorBody
        Of datatype BYTES and shape [n] or [n, 1].
    raw : bytes or None
        Each text behind its length in four bytes, little end first; None if the JSON has the data.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If datatype, shape and data do not fit each other, or a text is not UTF-8.

    Examples
    --------
    >>> read_texts(TensorBody("text", [2], "BYTES"), b"\x01\x00\x00\x00a\x00\x00\x00\x00")
    ['a', '']
    """
    where = f"input {tensor.name!r}"
    if tensor.datatype != "BYTES":
        raise InputError(f"{where}: the datatype is another than BYTES")
    if len(tensor.shape) > 2 or tensor.shape[1:] not in ([], [1]):
        raise InputError(f"{where}: the shape {tensor.shape} is neither [n] nor [n, 1]")
    given = [] if isinstance(tensor.data, UnsetType) else tensor.data
    if (raw is None) == (tensor.data is UNSET):
        raise InputError(f"{where}: needs either data or binary_data_size")
    texts = _flatten(given) if raw is None else _split(raw, where)
    if len(texts) != tensor.shape[0]:
        raise InputError(f"{where}: {len(texts)} elements, the shape says {tensor.shape[0]}")
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: an element is no text")
    return texts


def write_inference(
    head: Mapping[str, Any],
    tensors: Mapping[str, NDArray[np.float64] | Sequence[str]],
    raw_names: set[str],
) -> tuple[bytes, int | None]:
    """Write the answer to an inference.

    Parameters
    ----------
    head : mapping
        What stands before the outputs.
    tensors : mapping of str to ndarray of float64 or sequence of str
        The outputs by name.
    raw_names : set of str
        Those to be written as raw bytes behind the JSON.

    Returns
    -------
    content : bytes
        The answer.
    header_bytes : int or None
        How long its JSON is; None if it is all.

    Examples
    --------
    >>> write_inference({}, {"options": ["a", "b"]}, set())[0].decode()
    '{"outputs":[{"name":"options","datatype":"BYTES","shape":[2],"data":["a","b"]}]}'
    """
    outputs, parts = [], []
    for name, tensor in tensors.items():
        is_number = isinstance(tensor, np.ndarray)
        output: dict[str, Any] = {
            "name": name,
            "datatype": "FP64" if is_number else "BYTES",
            "shape": list(tensor.shape) if isinstance(tensor, np.ndarray) else [len(tensor)],
        }
        if name in raw_names:
            part = _join(tensor)
            output["parameters"] = {"binary_data_size": len(part)}
            parts.append(part)
        else:
            output["data"] = (
                tensor.ravel().tolist() if isinstance(tensor, np.ndarray) else list(tensor)
            )
        outputs.append(output)
    header = write_json({**head, "outputs": outputs})
    return b"".join([header, *parts]), len(header) if raw_names else None


def _flatten(data: list[Any]) -> list[Any]:
    """Lay rows of one element in a line, as the protocol allows both ways of writing them."""
    return [
        element[0] if isinstance(element, list) and len(element) == 1 else element
        for element in data
    ]


def _split(raw: bytes, where: str) -> list[Any]:
    """Cut raw bytes into texts."""
    texts, position = [], 0
    while position < len(raw):
        start = position + LENGTH_BYTES
        length = int.from_bytes(raw[position:start], "little")
        if start + length > len(raw):
            raise InputError(f"{where}: its raw bytes break off within an element")
        try:
            texts.append(raw[start : start + length].decode("utf-8"))
        except UnicodeDecodeError:
            raise InputError(f"{where}: an element is not UTF-8") from None
        position = start + length
    return texts


def _join(tensor: NDArray[np.float64] | Sequence[str]) -> bytes:
    """Write a tensor as raw bytes, little end first."""
    if isinstance(tensor, np.ndarray):
        return np.ascontiguousarray(tensor, dtype="<f8").tobytes()
    encoded = [text.encode() for text in tensor]
    return b"".join(struct.pack("<I", len(text)) + text for text in encoded)
