"""Assembly: from a bundle's verified manifest and files to the running model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.exceptions import BundleError
from router.features.context import ContextTable
from router.features.encoder import TextEncoder
from router.models.arrays import unpack_arrays
from router.models.calibration import Calibration
from router.models.embedding import Embedding
from router.models.factored_head import FactoredHead, factor_descriptors
from router.models.graph_reading import check_graph
from router.models.heads import DescriptorHead, NamedHead
from router.models.joined import JoinedHead, JoinedOptions
from router.models.joining_basis import JoiningBasis
from router.models.manifest import read_strengths
from router.models.novelty import Novelty
from router.models.predictor import Predictor
from router.models.quantities import Quantities
from router.models.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["assemble_predictor"]


def assemble_predictor(
    bundle_id: str, manifest: Mapping[str, Any], files: Mapping[str, bytes]
) -> Predictor:
    """Build the running model that a manifest describes.

    Parameters
    ----------
    bundle_id : str
        How messages call the bundle.
    manifest : mapping
        What ``manifest.json`` says.
    files : mapping of str to bytes
        The other files, verified.

    Returns
    -------
    Predictor

    Raises
    ------
    BundleError
        If a file is damaged, or the features are another version's.
    """
    encoder = _read_encoder(bundle_id, manifest, files)
    # Older bundles read the text alone.
    known = manifest["features"].get("context")
    context = ContextTable() if known is None else ContextTable.from_mapping(known)
    embedding = _read_embedding(manifest, files)
    n_features = embedding.n_columns + encoder.n_features + context.n_columns
    return Predictor(
        encoder=encoder,
        named=_read_named(manifest, files),
        descriptors=_read_descriptors(manifest, files),
        calibration=Calibration.from_mapping(manifest["calibration"]),
        novelty=_read_novelty(files, encoder),
        quantities=_read_quantities(manifest, files, n_features),
        context=context,
        embedding=embedding,
    )


def _open_graph(files: Mapping[str, bytes], name: str) -> Session:
    """Open a graph that does nothing but what training writes."""
    check_graph(files[name], name)
    return Session(files[name], name)


def _read_encoder(
    bundle_id: str, manifest: Mapping[str, Any], files: Mapping[str, bytes]
) -> TextEncoder:
    """Read the text tables, and refuse those of another version."""
    encoder = TextEncoder.from_arrays(unpack_arrays(files["text.npz"]))
    fingerprint = manifest["features"]["fingerprint"]
    if encoder.fingerprint != fingerprint:
        raise BundleError(
            f"bundle {bundle_id} was made for features {fingerprint}, "
            f"this version of the library makes {encoder.fingerprint}: train it again"
        )
    return encoder


def _read_named(
    manifest: Mapping[str, Any], files: Mapping[str, bytes]
) -> NamedHead | JoinedHead | None:
    """Read the model of options known by name, if there is one."""
    named = manifest.get("named")
    if named is None:
        return None
    session = _open_graph(files, "named.onnx")
    means = named.get("option_means")
    trained = NamedHead(
        session,
        tuple(named["options"]),
        tuple(named["groups"]),
        None if means is None else tuple(map(float, means)),
        files["named.onnx"],
    )
    return _read_joined(manifest, files, trained) if "joined" in manifest else trained


def _read_joined(
    manifest: Mapping[str, Any], files: Mapping[str, bytes], trained: NamedHead
) -> JoinedHead:
    """Put the options that joined behind those of training."""
    basis = JoiningBasis.from_arrays(
        unpack_arrays(files["joining.npz"], "joining.npz"),
        manifest["joining"]["options"],
        trained.groups,
    )
    entry = manifest["joined"]
    joined = JoinedOptions.from_arrays(
        unpack_arrays(files["joined.npz"], "joined.npz"), entry["options"], entry["stand_ins"]
    )
    sizes = (len(trained.options), len(trained.groups))
    if (len(joined.weights), len(joined.tasks)) != sizes:
        raise BundleError(
            f"joined.npz: weights for {len(joined.weights)} options and {len(joined.tasks)} tasks "
            f"do not fit the {sizes[0]} options and {sizes[1]} tasks of the bundle"
        )
    return JoinedHead(trained, joined, basis.inferrer, basis.surface_mean, basis.task_share)


def _read_novelty(files: Mapping[str, bytes], encoder: TextEncoder) -> Novelty | None:
    """Read what tells strange questions, which older bundles do not hold."""
    if "novelty.npz" not in files:
        return None
    arrays = unpack_arrays(files["novelty.npz"], "novelty.npz")
    return Novelty.from_arrays(arrays, encoder.n_features)


def _read_embedding(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Embedding:
    """Read how embeddings are projected, where the bundle was trained with a sentence encoder."""
    described = manifest.get("encoder")
    if described is None:
        return Embedding()
    return Embedding.from_arrays(unpack_arrays(files["embedding.npz"], "embedding.npz"), described)


def _read_quantities(
    manifest: Mapping[str, Any], files: Mapping[str, bytes], n_features: int
) -> Quantities | None:
    """Read what predicts consumption, which older bundles do not hold."""
    names = manifest.get("quantities")
    if names is None:
        return None
    arrays = unpack_arrays(files["quantities.npz"], "quantities.npz")
    return Quantities.from_arrays(arrays, names, n_features)


def _read_descriptors(
    manifest: Mapping[str, Any], files: Mapping[str, bytes]
) -> DescriptorHead | FactoredHead | None:
    """Read the model of options known by their descriptors, if there is one."""
    descriptors = manifest.get("descriptors")
    if descriptors is None:
        return None
    plain = DescriptorHead(
        _open_graph(files, "level.onnx"),
        _open_graph(files, "uplift.onnx"),
        int(descriptors["n_features"]),
        read_strengths(manifest),
        float(descriptors["strength_mean"]),
    )
    return factor_descriptors(plain, files)
