"""The encoder in a directory, against the mean of table rows computed by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from router.exceptions import EncoderError
from router.features.encoders.directory import DirectoryEncoder
from router.features.encoders.opening import open_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

tokenizers = pytest.importorskip(
    "tokenizers", reason="no tokenizers: the extra [encoder] is not installed"
)

WORDS = ("[UNK]", "the", "lake", "sea", "is", "deep")
DIMENSION = 4


def write_encoder(
    folder: Path,
    table: NDArray[np.float32],
    *,
    inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    kind: int = onnx.TensorProto.INT64,
    pooled: bool = False,
) -> Path:
    """Write an encoder whose tokens' vectors are rows of a table, whatever stands beside them."""
    helper = onnx.helper
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["tokens"], axis=0)]
    output = "tokens"
    if pooled:
        nodes.append(helper.make_node("ReduceMax", ["tokens"], ["top"], axes=[1], keepdims=0))
        output = "top"
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info(name, kind, ["n", "t"]) for name in inputs],
        [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    # Published tokenizers often pad and cut on their own; this must not show.
    tokenizer.enable_padding(length=3)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def average(table: NDArray[np.float32], text: str) -> NDArray[np.float32]:
    """Compute an embedding by hand."""
    numbers = [WORDS.index(word) if word in WORDS else 0 for word in text.split()] or [0]
    mean: NDArray[np.float32] = table[numbers].mean(axis=0)
    return mean / np.float32(np.linalg.norm(mean))


@pytest.fixture
def table(rng: np.random.Generator) -> NDArray[np.float32]:
    """Give vectors of the words."""
    return rng.normal(size=(len(WORDS), DIMENSION)).astype(np.float32)


def test_embedding_is_the_mean_of_the_tokens(tmp_path: Path, table: NDArray[np.float32]) -> None:
    """Long and short texts in one batch, an empty one, and unknown words all get their own mean."""
    encoder = DirectoryEncoder(write_encoder(tmp_path / "tiny", table))
    texts = ["the lake is deep", "sea", "", "the ocean", "the lake is deep the sea is deep"]
    vectors = encoder.embed(texts)
    assert (encoder.name, encoder.dimension) == ("tiny", DIMENSION)
    np.testing.assert_allclose(vectors, [average(table, text) for text in texts], atol=1e-6)
    assert encoder.embed([]).shape == (0, DIMENSION)


def test_batches_do_not_show(
    tmp_path: Path, table: NDArray[np.float32], rng: np.random.Generator
) -> None:
    """A text's vector does not depend on its neighbours or its place."""
    encoder = DirectoryEncoder(write_encoder(tmp_path / "tiny", table))
    texts = [" ".join(rng.choice(WORDS[1:], size=rng.integers(1, 30))) for _ in range(100)]
    together = encoder.embed(texts)
    alone = np.vstack([encoder.embed([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(
    "inputs", [("input_ids",), ("input_ids", "attention_mask", "token_type_ids")]
)
@pytest.mark.parametrize("kind", [onnx.TensorProto.INT64, onnx.TensorProto.INT32])
def test_graph_gets_what_it_declares(
    tmp_path: Path, table: NDArray[np.float32], inputs: tuple[str, ...], kind: int
) -> None:
    """Graphs with fewer or more inputs, of either width of integers, run."""
    encoder = DirectoryEncoder(write_encoder(tmp_path / "tiny", table, inputs=inputs, kind=kind))
    np.testing.assert_allclose(encoder.embed(["sea"])[0], average(table, "sea"), atol=1e-6)


def test_pooled_output_is_taken_as_it_is(tmp_path: Path, table: NDArray[np.float32]) -> None:
    """A graph that pools on its own is only brought to length 1."""
    encoder = DirectoryEncoder(write_encoder(tmp_path / "tiny", table, pooled=True))
    top = table[[1, 2]].max(axis=0)
    np.testing.assert_allclose(encoder.embed(["the lake"])[0], top / np.linalg.norm(top), atol=1e-6)


@pytest.mark.parametrize(
    ("place", "key", "value", "length"),
    [
        ("sentence_bert_config.json", "max_seq_length", 2, 2),
        ("tokenizer_config.json", "model_max_length", 3.0, 3),
        ("tokenizer_config.json", "model_max_length", 1e30, 512),
        ("config.json", "max_position_embeddings", None, 512),
    ],
)
def test_texts_are_cut_at_the_models_length(
    tmp_path: Path, table: NDArray[np.float32], place: str, key: str, value: Any, *, length: int
) -> None:
    """What is beyond the declared number of tokens does not count."""
    folder = write_encoder(tmp_path / "tiny", table)
    (folder / place).write_text(json.dumps({key: value}), encoding="utf-8")
    encoder = DirectoryEncoder(folder)
    assert encoder.n_tokens_max == length
    words = ["the", "lake", "is", "deep", "sea"] * 200
    kept = " ".join(words[:length])
    np.testing.assert_allclose(encoder.embed([" ".join(words)])[0], average(table, kept), atol=1e-5)


def test_fingerprint_is_that_of_the_files(tmp_path: Path, table: NDArray[np.float32]) -> None:
    """A copy elsewhere is the same encoder; other weights or another length make another one."""
    first = DirectoryEncoder(write_encoder(tmp_path / "one", table))
    copy = DirectoryEncoder(write_encoder(tmp_path / "two", table))
    assert copy.fingerprint == first.fingerprint
    other = DirectoryEncoder(write_encoder(tmp_path / "three", -table))
    (tmp_path / "two" / "config.json").write_text('{"max_position_embeddings": 9}')
    shorter = DirectoryEncoder(tmp_path / "two")
    assert len({first.fingerprint, other.fingerprint, shorter.fingerprint}) == 3


def test_directory_opens_at_the_door(tmp_path: Path, table: NDArray[np.float32]) -> None:
    """The graph may lie in the folder `onnx`, as it does in published encoders."""
    folder = write_encoder(tmp_path / "tiny", table)
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    np.testing.assert_allclose(
        open_encoder(folder).embed(["sea"])[0], average(table, "sea"), atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.onnx", b"nothing", "graph does not load"),
        ("tokenizer.json", b"{}", "not a tokenizer"),
        ("tokenizer.json", b"\xff", "not a tokenizer"),
        ("tokenizer.json", None, "cannot be read"),
        ("config.json", b"[]", "not a JSON object"),
        ("config.json", b"{", "not a JSON object"),
    ],
)
def test_damage_is_named(
    tmp_path: Path, table: NDArray[np.float32], name: str, content: bytes | None, message: str
) -> None:
    """A file that is damaged or missing is named."""
    folder = write_encoder(tmp_path / "tiny", table)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(EncoderError, match=message):
        DirectoryEncoder(folder)


def test_other_graphs_are_refused(tmp_path: Path, table: NDArray[np.float32]) -> None:
    """A graph that asks for pixels, or gives what is not finite, is no encoder."""
    with pytest.raises(EncoderError, match="asks for 'pixels'"):
        DirectoryEncoder(write_encoder(tmp_path / "a", table, inputs=("pixels",)))
    broken = DirectoryEncoder(write_encoder(tmp_path / "b", np.full_like(table, np.nan)))
    with pytest.raises(EncoderError, match="not finite"):
        broken.embed(["sea"])
    small = DirectoryEncoder(write_encoder(tmp_path / "c", table[:2]))
    with pytest.raises(EncoderError, match="does not run"):
        small.embed(["deep"])
