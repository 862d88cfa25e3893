"""Tensors on the wire: JSON and raw bytes hold the same, and what disagrees is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.service.tensors import read_inference, read_texts, write_inference

Texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=8)


def pack(texts: list[str]) -> bytes:
    """Write texts as raw bytes, as standard clients do."""
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


def ask(raw: bytes | None = None, **fields: Any) -> tuple[bytes, str | None]:
    """Write a body of one input and the length of its JSON."""
    tensor = {"name": "text", "shape": [2], "datatype": "BYTES", **fields}
    if raw is None:
        return json.dumps({"inputs": [{"data": ["a", "b"], **tensor}]}).encode(), None
    tensor.setdefault("parameters", {"binary_data_size": len(raw)})
    header = json.dumps({"inputs": [tensor]}).encode()
    return header + raw, str(len(header))


def read(content: bytes, stated_bytes: str | None) -> list[str]:
    """Read the one input of a body."""
    body, raw = read_inference(content, stated_bytes)
    return read_texts(body.inputs[0], raw.get("text"))


@given(Texts)
def test_raw_texts_are_those_of_json(texts: list[str]) -> None:
    """Texts come through alike, written in a line, in rows of one or as raw bytes."""
    shape = [len(texts)]
    assert read(*ask(shape=shape, data=texts)) == texts
    assert read(*ask(shape=[*shape, 1], data=[[text] for text in texts])) == texts
    assert read(*ask(pack(texts), shape=shape)) == texts


@pytest.mark.parametrize(
    ("content", "stated_bytes"),
    [
        ask(datatype="FP32"),
        ask(datatype="bytes"),
        ask(shape=[3]),
        ask(shape=[1, 2]),
        ask(shape=[2, 1, 1]),
        ask(shape=[-2]),
        ask(shape=[]),
        ask(shape=[2.5]),
        ask(pack(["a"])),
        ask(pack(["a", "b"])[:-1]),
        ask(pack(["a", "b"]) + b"\0"),
        ask(b"\xff\xff\xff\xff" + b"a" * 20, shape=[1]),
        ask(b"\x01\x00\x00\x00\xff", shape=[1]),
        ask(pack(["a", "b"]), parameters={"binary_data_size": 9}),
        ask(pack(["a", "b"]), parameters={"binary_data_size": 11}),
        ask(pack(["a", "b"]), parameters={"binary_data_size": -10}),
        ask(pack(["a", "b"]), parameters={"binary_data_size": 9.5}),
        ask(pack(["a", "b"]), parameters={"binary_data_size": True}),
        ask(pack(["a", "b"]), parameters={"binary_data_size": "10"}),
        ask(pack(["a", "b"]), parameters={}),
        (ask()[0], "-1"),
        (ask()[0], "999999"),
        (ask()[0], "1e3"),
        (ask()[0], ""),
        (ask()[0], "9" * 50),
        (b'{"inputs": []}', None),
        (b'{"inputs": [' + b",".join([ask()[0][12:-2]] * 2) + b"]}", None),
        (b'{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES"}]}', None),
        (b'{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [5]}]}', None),
        (ask()[0][:-1] + b', "id": "a b"}', None),
        (ask()[0][:-1] + b', "id": "a\\n"}', None),
        (ask()[0][:-1] + b', "id": "' + b"x" * 129 + b'"}', None),
    ],
)
def test_disagreement_is_refused(content: bytes, stated_bytes: str | None) -> None:
    """Names, types, shapes, lengths and identifiers that break the protocol are refused."""
    with pytest.raises(InputError):
        read(content, stated_bytes)


def test_both_data_and_raw_bytes_are_refused() -> None:
    """An input has its elements in one place only."""
    raw = pack(["a", "b"])
    tensor: dict[str, Any] = {"name": "text", "shape": [2], "datatype": "BYTES"}
    tensor |= {"data": ["a", "b"], "parameters": {"binary_data_size": len(raw)}}
    header = json.dumps({"inputs": [tensor]}).encode()
    with pytest.raises(InputError, match="either data or binary_data_size"):
        read(header + raw, str(len(header)))


def test_answers_are_row_major_in_json_and_raw() -> None:
    """Numbers stand row by row; raw ones have eight bytes each, little end first."""
    quality = np.asfortranarray([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    tensors: dict[str, Any] = {"quality": quality, "options": ["a", "b", "\u00e9"]}
    content, header_bytes = write_inference({"id": "7"}, tensors, set())
    assert header_bytes is None
    document = json.loads(content)
    assert document["id"] == "7"
    assert document["outputs"][0] == {
        "name": "quality",
        "datatype": "FP64",
        "shape": [2, 3],
        "data": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    }
    content, header_bytes = write_inference({"id": "7"}, tensors, {"quality", "options"})
    assert header_bytes is not None
    document = json.loads(content[:header_bytes])
    sizes = [output["parameters"]["binary_data_size"] for output in document["outputs"]]
    assert "data" not in document["outputs"][0]
    numbers = np.frombuffer(content[header_bytes : header_bytes + sizes[0]], dtype="<f8")
    np.testing.assert_array_equal(numbers.reshape(2, 3), quality)
    assert content[header_bytes + sizes[0] :] == pack(["a", "b", "\u00e9"])
    assert sizes == [48, len(pack(["a", "b", "\u00e9"]))]
