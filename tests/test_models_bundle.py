"""Bundles: saved and loaded whole, refused when one byte, one name or one answer is off."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.exceptions import BundleError, InputError
from router.models import bundle as bundle_module
from router.models.arrays import pack_arrays, unpack_arrays
from router.models.bundle import (
    MANIFEST,
    Bundle,
    _identify,
    _write,
    make_bundle,
)
from router.questions import Question
from router.tables import write_bytes_atomically
from tests.contracts.gains import planted_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = (
    "card.md",
    "joining.npz",
    "level.onnx",
    MANIFEST,
    "named.onnx",
    "novelty.npz",
    "text.npz",
    "uplift.onnx",
)
Manifest = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Save the planted bundle to a directory of the test's own."""
    path = tmp_path / "bundle"
    planted_bundle().save(path)
    return path


def forge(folder: Path, change: Callable[[Manifest], object]) -> None:
    """Change a manifest and give it the identifier that fits."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    manifest["bundle_id"] = _identify(manifest)
    (folder / MANIFEST).write_bytes(_write(manifest))


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Replace a file and its digest, as someone would who means it."""
    (folder / name).write_bytes(content)
    forge(folder, lambda manifest: manifest["files"].update({name: sha256(content).hexdigest()}))


def test_loaded_bundle_predicts_the_same(folder: Path) -> None:
    """Nothing is lost on the way to the disk and back."""
    saved, loaded = planted_bundle(), Bundle.load(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert loaded.bundle_id == saved.bundle_id
    assert loaded.manifest == saved.manifest
    assert loaded.files == saved.files
    assert loaded.menu == saved.menu
    assert loaded.card == saved.card
    questions = [Question("a", "who red?"), Question("b", "compute old new 5", "east")]
    expected = saved.predictor.predict(questions, saved.menu)
    found = loaded.predictor.predict(questions, loaded.menu)
    np.testing.assert_array_equal(found.quality, expected.quality)


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_found(folder: Path, name: str, rng: np.random.Generator) -> None:
    """One bit anywhere in any file, and the bundle is refused."""
    content = (folder / name).read_bytes()
    places = {0, len(content) - 1, *rng.integers(0, len(content), 58).tolist()}
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(bytes(damaged))
        with pytest.raises(BundleError, match="|".join(FILES)):
            Bundle.load(folder)
    (folder / name).write_bytes(content)
    Bundle.load(folder)


def test_same_numbers_written_otherwise_are_found(folder: Path) -> None:
    """A manifest that means the same but is not what was saved is refused as well."""
    content = (folder / MANIFEST).read_bytes()
    assert b"\\u00bf" in content
    for damaged in (
        content.replace(b"\\u00bf", b"\\u00BF"),
        content.replace(b"\n", b"\r\n"),
        content + b"\n",
        json.dumps(json.loads(content)).encode(),
    ):
        (folder / MANIFEST).write_bytes(damaged)
        with pytest.raises(BundleError, match="differs from its bundle_id"):
            Bundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_missing_and_empty_files_are_named(folder: Path, name: str) -> None:
    """An emptied file and a file that is gone are told by name."""
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleError, match=name):
        Bundle.load(folder)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: cannot be read"):
        Bundle.load(folder)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"x"', b"{}", b'{"format": "other/9"}'])
def test_unknown_formats_are_refused(folder: Path, content: bytes) -> None:
    """JSON of another kind is no bundle, and the format that is known is told."""
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match="is not 'compute-allocation-router/bundle/1'"):
        Bundle.load(folder)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_manifests_that_are_no_json_are_refused(folder: Path, content: bytes) -> None:
    """Half a manifest, bytes that are no text, and endless nesting each give one line."""
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match="not valid JSON"):
        Bundle.load(folder)


def test_bundle_for_other_features_is_refused(folder: Path) -> None:
    """Tables that were exchanged with all digests kept still have another fingerprint."""
    arrays = unpack_arrays((folder / "text.npz").read_bytes())
    arrays["word_table"] = np.asarray(arrays["word_table"], np.float16) * np.float16(2)
    replace_file(folder, "text.npz", pack_arrays(arrays))
    with pytest.raises(BundleError, match="was made for features"):
        Bundle.load(folder)


@pytest.mark.parametrize("name", ["named.onnx", "novelty.npz", "text.npz"])
def test_garbage_with_a_right_digest_is_refused(folder: Path, name: str) -> None:
    """Bytes that are no graph or no archive give one line, whoever signed them."""
    replace_file(folder, name, b"PK\x03\x04 not really")
    with pytest.raises(BundleError, match=name):
        Bundle.load(folder)


@pytest.mark.parametrize("off", [0.01, -0.5, float("nan")])
def test_golden_vectors_are_repeated(folder: Path, off: float) -> None:
    """A recorded answer that the model does not give, or that is none, is found."""

    def change(manifest: Manifest) -> None:
        manifest["golden"]["quality"][2][1] += off

    forge(folder, change)
    with pytest.raises(BundleError, match="golden vectors"):
        Bundle.load(folder)


def test_exchanged_graph_is_found_by_its_answers(folder: Path) -> None:
    """A sound graph in another's place, with its digest, does not give the recorded answers."""
    import onnx

    graph = onnx.load_from_string((folder / "named.onnx").read_bytes())
    for tensor in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 20:
            tensor.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(1.5), tensor.name))
    replace_file(folder, "named.onnx", graph.SerializeToString())
    with pytest.raises(BundleError, match="golden vectors"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("menu"),
        lambda manifest: manifest.pop("golden"),
        lambda manifest: manifest.pop("files"),
        lambda manifest: manifest.pop("features"),
        lambda manifest: manifest.pop("calibration"),
        lambda manifest: manifest.update(files=["text.npz"]),
        lambda manifest: manifest.update(menu=None),
        lambda manifest: manifest.update(menu=5),
        lambda manifest: manifest["named"].pop("groups"),
        lambda manifest: manifest["golden"]["quality"].append([1.0]),
        lambda manifest: manifest["golden"]["texts"].pop(),
        lambda manifest: manifest["descriptors"].update(n_features="many"),
        lambda manifest: manifest["named"].update(options=["small|s0"]),
        lambda manifest: manifest["files"].pop("text.npz"),
    ],
)
def test_manifests_without_sense_are_refused(
    folder: Path, change: Callable[[Manifest], object]
) -> None:
    """An entry that is missing or of another kind is a bundle's error, never a bare KeyError."""
    forge(folder, change)
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../secret", "sub/secret", "..", ".", "", "/etc/hosts", "a\0b", "x/../secret"]
)
def test_names_cannot_leave_the_folder(folder: Path, name: str) -> None:
    """A manifest that asks for files elsewhere gets none of them."""
    for place in (folder / "secret", folder.parent / "secret"):
        place.write_bytes(b"secret")
    digest = sha256(b"secret").hexdigest()
    forge(folder, lambda manifest: manifest["files"].update({name: digest}))
    with pytest.raises(BundleError):
        Bundle.load(folder)


def test_huge_files_are_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is refused before it is read."""
    monkeypatch.setattr(bundle_module, "FILE_SIZE_MAX_BYTES", 1000)
    with pytest.raises(BundleError, match="larger than 1000 bytes"):
        Bundle.load(folder)


def test_bundles_are_replaced_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that stops half-way leaves the old bundle whole, and nothing beside it."""
    written: list[str] = []

    def stop_at_second(path: Path, content: bytes) -> None:
        written.append(path.name)
        if len(written) == 2:
            raise InputError("disk full")
        write_bytes_atomically(path, content)

    planted = planted_bundle()
    manifest = {k: v for k, v in planted.manifest.items() if k not in {"bundle_id", "golden"}}
    manifest["golden_questions"] = (["who?"], [None])
    other = make_bundle(
        manifest,
        {
            name: planted.files[name] + b"\n" if name == "card.md" else content
            for name, content in planted.files.items()
        },
    )
    assert other.bundle_id != planted.bundle_id
    names = [*(name for name in other.files if name == "card.md"), *other.files]
    assert names[0] == "card.md"
    reordered = Bundle(other.bundle_id, other.manifest, {n: other.files[n] for n in names})
    monkeypatch.setattr(bundle_module, "write_bytes_atomically", stop_at_second)
    with pytest.raises(InputError, match="disk full"):
        reordered.save(folder)
    assert Bundle.load(folder).bundle_id == planted.bundle_id
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    written.clear()

    def write(path: Path, content: bytes) -> None:
        written.append(path.name)
        write_bytes_atomically(path, content)

    monkeypatch.setattr(bundle_module, "write_bytes_atomically", write)
    reordered.save(folder)
    assert written[-1] == MANIFEST
    assert Bundle.load(folder).bundle_id == other.bundle_id


def test_only_bundles_are_overwritten(tmp_path: Path, folder: Path) -> None:
    """A file, a directory of other things, and another tool's manifest are left alone."""
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    extension = tmp_path / "extension"
    extension.mkdir()
    (extension / MANIFEST).write_text('{"name": "my browser extension"}', encoding="utf-8")
    for place in (file, photos, extension, file / "below"):
        with pytest.raises(InputError, match=str(place)):
            planted_bundle().save(place)
    assert file.read_text("utf-8") == "mine"
    assert [path.name for path in photos.iterdir()] == ["cat.jpg"]
    assert [path.name for path in extension.iterdir()] == [MANIFEST]
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:-200])
    empty = tmp_path / "new" / "empty"
    empty.mkdir(parents=True)
    for place in (folder, empty, tmp_path / "deep" / "er"):
        planted_bundle().save(place)
        Bundle.load(place)
