"""Golden vectors: every recorded answer is repeated, and a changed leaf is found by them."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from router.exceptions import BundleError
from router.models.bundle import MANIFEST, Bundle, _identify, _write
from router.models.golden import TOLERANCES, record_golden, verify_golden
from tests.contracts.gains import planted_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_recorded_answers_are_repeated() -> None:
    """What was recorded passes, and each kind of answer is refused when it is a little off."""
    bundle = planted_bundle()
    golden = record_golden(bundle.predictor, bundle.menu, ["Who?", "compute old 5"], ["east", None])
    assert {"quality", "low", "high", "features", "familiarity"} <= golden.keys()
    verify_golden(bundle.predictor, bundle.menu, golden, "b")
    for name in TOLERANCES.keys() & golden.keys():
        for off in (1.5 * TOLERANCES[name], np.nan):
            values = np.array(golden[name])
            values.ravel()[-1] += off
            changed = golden | {name: values.tolist()}
            with pytest.raises(BundleError, match=rf"does not reproduce .* \({name}\)"):
                verify_golden(bundle.predictor, bundle.menu, changed, "b")


def test_consumption_is_repeated_where_it_was_recorded() -> None:
    """A bundle that no longer predicts what was recorded does not pass."""
    bundle = planted_bundle()
    golden = record_golden(bundle.predictor, bundle.menu, ["Who?"], [None])
    assert "consumption" not in golden
    with pytest.raises(BundleError, match=r"\(consumption\)"):
        verify_golden(bundle.predictor, bundle.menu, golden | {"consumption": [[[1.0]]]}, "b")


def test_bundles_with_qualities_only_load_and_are_renewed(tmp_path: Path) -> None:
    """A bundle of before records more once it is renewed; its files stay as they are."""
    planted_bundle().save(tmp_path / "old")
    manifest = json.loads((tmp_path / "old" / MANIFEST).read_bytes())
    golden = manifest["golden"]
    manifest["golden"] = {name: golden[name] for name in ("texts", "groups", "quality")}
    manifest["bundle_id"] = _identify(manifest)
    (tmp_path / "old" / MANIFEST).write_bytes(_write(manifest))
    old = Bundle.load(tmp_path / "old")
    new = old.renew_golden()
    assert new.files == old.files
    assert new.bundle_id != old.bundle_id
    assert new.manifest["golden"] == golden
    new.save(tmp_path / "new")
    Bundle.load(tmp_path / "new")


def change_leaf(content: bytes, place: int) -> bytes | None:
    """Change one leaf of a graph's trees; None where there are not so many."""
    graph = onnx.load_from_string(content)
    (node,) = (node for node in graph.graph.node if "Tree" in node.op_type)
    (weights,) = (entry for entry in node.attribute if entry.name == "target_weights")
    if place >= len(weights.floats):
        return None
    weights.floats[place] += 0.5
    return bytes(graph.SerializeToString())


def plant(folder: Path, name: str, content: bytes) -> None:
    """Write a file and the digests that fit it, as someone would who means it."""
    (folder / name).write_bytes(content)
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][name] = sha256(content).hexdigest()
    manifest["bundle_id"] = _identify(manifest)
    (folder / MANIFEST).write_bytes(_write(manifest))


def test_changed_leaf_is_found_whatever_the_digests_say(tmp_path: Path) -> None:
    """A leaf that a golden question ends in cannot be changed, digests recomputed or not."""
    planted_bundle().save(tmp_path)
    content = planted_bundle().files["named.onnx"]
    refused = 0
    for place in range(0, 60, 3):
        changed = change_leaf(content, place)
        assert changed is not None
        plant(tmp_path, "named.onnx", changed)
        try:
            Bundle.load(tmp_path)
        except BundleError as error:
            assert "does not reproduce its golden vectors" in str(error)  # noqa: PT017
            refused += 1
    # Eight questions do not end in every leaf of every tree.
    assert refused >= 3
    plant(tmp_path, "named.onnx", content)
    Bundle.load(tmp_path)
