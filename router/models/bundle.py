"""Bundles: a directory that holds a trained gain model, checked byte by byte before it is used.

A bundle is data only: ONNX graphs, arrays, JSON and text, never a pickle. Every file's digest
stands in the manifest, the manifest's own digest is the bundle's identifier, and recorded answers
to recorded questions (golden vectors) are repeated on loading.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import tomllib
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.exceptions import BundleError, InputError, RouterError
from router.features.encoders.opening import open_encoder
from router.models.assembly import assemble_predictor
from router.models.golden import record_golden, verify_golden
from router.options import Menu, Option
from router.prices import Prices
from router.tables import write_bytes_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.features.encoders.sentences import SentenceEncoder
    from router.models.predictor import Predictor


__all__ = ["Bundle", "check_target", "make_bundle"]

FORMAT = "compute-allocation-router/bundle/1"
MANIFEST = "manifest.json"
# What reading a manifest raises whose digest is right but whose content makes no sense.
NONSENSE = (AttributeError, LookupError, TypeError, ValueError)
FILE_SIZE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Parameters
    ----------
    bundle_id : str
        Digest of the manifest, and through it of every file.
    manifest : mapping
        What ``manifest.json`` says.
    files : mapping of str to bytes
        The other files, verified.
    encoder : SentenceEncoder, optional
        Embeds questions, where the bundle was trained with such an encoder.

    Examples
    --------
    >>> bundle = Bundle.load()
    >>> len(bundle.menu) > 50
    True
    """

    bundle_id: str
    manifest: Mapping[str, Any] = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)
    encoder: SentenceEncoder | None = field(default=None, repr=False, compare=False)

    @cached_property
    def menu(self) -> Menu:
        """The default menu."""
        options = [Option.from_mapping(values, "manifest") for values in self.manifest["menu"]]
        return Menu(tuple(options), name=str(self.manifest["menu_name"]))

    @cached_property
    def prices(self) -> Prices | None:
        """The prices that came with the bundle, if any."""
        if "prices.toml" not in self.files:
            return None
        return Prices.from_mapping(tomllib.loads(self.files["prices.toml"].decode()), "prices.toml")

    @property
    def card(self) -> str:
        """The model card, in Markdown."""
        return self.files["card.md"].decode("utf-8")

    @cached_property
    def predictor(self) -> Predictor:
        """The running model."""
        predictor = assemble_predictor(self.bundle_id, self.manifest, self.files)
        if self.encoder is None:
            return predictor
        return replace(predictor, embedding=predictor.embedding.attach(self.encoder))

    def with_encoder(self, encoder: str | Path | SentenceEncoder) -> Bundle:
        """Give the sentence encoder that the bundle was trained with.

        Parameters
        ----------
        encoder : str, Path or SentenceEncoder
            As for :func:`~router.features.encoders.opening.open_encoder`.

        Returns
        -------
        Bundle

        Raises
        ------
        EncoderError
            If it cannot be used, is another one, or the bundle was trained without.
        """
        opened = open_encoder(encoder)
        # Asked here, so that another encoder shows when it is given, not when it is used.
        self.predictor.embedding.attach(opened)
        return replace(self, encoder=opened)

    @classmethod
    def load(cls, path: str | Path | None = None) -> Bundle:
        """Load and verify a bundle.

        Parameters
        ----------
        path : str or Path, optional
            Its directory; the shipped cold-start prior by default.

        Returns
        -------
        Bundle

        Raises
        ------
        BundleError
            If a file is missing or differs from its digest, the format is unknown, the manifest
            makes no sense, the features are another version's, or the golden vectors are not
            reproduced.
        """
        if path is None:
            path = Path(str(resources.files("router.models").joinpath("default")))
        folder = Path(path)
        manifest_bytes = _read_file(folder, MANIFEST)
        try:
            manifest = json.loads(manifest_bytes)
        except (ValueError, RecursionError):
            raise BundleError(f"{folder / MANIFEST}: not valid JSON") from None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            found = manifest.get("format") if isinstance(manifest, dict) else None
            raise BundleError(f"{folder / MANIFEST}: format {found!r} is not {FORMAT!r}")
        # The same numbers can be written in many ways; only the way of `save` is intact.
        if manifest.get("bundle_id") != _identify(manifest) or manifest_bytes != _write(manifest):
            raise BundleError(f"{folder / MANIFEST}: its content differs from its bundle_id")
        try:
            bundle = cls(str(manifest["bundle_id"]), manifest, _read_files(folder, manifest))
            bundle.verify()
        except RouterError:
            raise
        except NONSENSE as error:
            raise BundleError(
                f"{folder / MANIFEST}: malformed ({type(error).__name__}: {error})"
            ) from None
        return bundle

    def save(self, path: str | Path) -> None:
        """Write the bundle to a directory, replacing a bundle that is there as a whole.

        Everything is written beside it first; then the old directory gives way to the new one.

        Parameters
        ----------
        path : str or Path
            The directory.

        Raises
        ------
        InputError
            If it is a file, holds something that is not a bundle, or cannot be written.
        """
        folder = Path(path)
        check_target(folder)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        except OSError as error:
            raise InputError(f"{folder}: cannot be made ({error.strerror})") from None
        try:
            fresh.chmod(0o755)
            for name, content in self.files.items():
                write_bytes_atomically(fresh / name, content)
            write_bytes_atomically(fresh / MANIFEST, _write(self.manifest))
            retired = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            if folder.exists():
                # A rename onto an empty directory replaces it, so nothing is ever half there.
                folder.replace(retired)
            fresh.replace(folder)
            shutil.rmtree(retired, ignore_errors=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def verify(self) -> None:
        """Repeat the golden vectors.

        Raises
        ------
        BundleError
            If an answer differs from the recorded one by more than its tolerance.
        """
        # They were recorded without the encoder, which may not be at hand.
        bare = self if self.encoder is None else replace(self, encoder=None)
        verify_golden(bare.predictor, self.menu, self.manifest["golden"], self.bundle_id)

    def renew_golden(self) -> Bundle:
        """Record the golden vectors anew, for a bundle made when fewer answers were recorded.

        Returns
        -------
        Bundle
            The same files under another identifier, as its manifest says more.

        Examples
        --------
        >>> bundle = Bundle.load()
        >>> bundle.renew_golden().files == bundle.files
        True
        """
        golden = self.manifest["golden"]
        manifest = {
            name: value
            for name, value in self.manifest.items()
            if name not in {"bundle_id", "files", "format", "golden"}
        }
        manifest["golden_questions"] = (golden["texts"], golden["groups"])
        return replace(make_bundle(manifest, self.files), encoder=self.encoder)


def _read_file(folder: Path, name: str) -> bytes:
    """Read a file of a bundle, within its folder and the size allowed."""
    if Path(name).name != name:
        raise BundleError(f"{folder}: file name {name!r} leaves the bundle's folder")
    path = folder / name
    try:
        if path.stat().st_size > FILE_SIZE_MAX_BYTES:
            raise BundleError(f"{path}: larger than {FILE_SIZE_MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        # Whoever names a place without a manifest mostly takes something else for a bundle.
        hint = ": a bundle is a directory that `router train` writes" if name == MANIFEST else ""
        raise BundleError(f"{path}: cannot be read ({error.strerror}){hint}") from None


def _read_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Read the files that a manifest names, each checked against its digest."""
    files = {}
    for name, digest in manifest["files"].items():
        content = _read_file(folder, name)
        if hashlib.sha256(content).hexdigest() != digest:
            raise BundleError(f"{folder / name}: its content differs from the manifest's digest")
        files[name] = content
    return files


def check_target(folder: Path) -> None:
    """Refuse a place where no bundle may be written.

    Parameters
    ----------
    folder : Path
        A directory that may exist.

    Raises
    ------
    InputError
        If it is a file, or a directory that holds something else than a bundle.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; a bundle is a directory")
    if folder.is_dir() and any(folder.iterdir()) and not _holds_bundle(folder):
        raise InputError(f"{folder}: holds files that are not a bundle's; choose another")


def _holds_bundle(folder: Path) -> bool:
    """Tell whether a directory holds a bundle, whole or damaged, of this format."""
    try:
        return f'"{FORMAT}"'.encode() in _read_file(folder, MANIFEST)
    except BundleError:
        return False


def _write(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest in the one way in which it is stored."""
    return (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()


def _identify(manifest: Mapping[str, Any]) -> str:
    """Digest everything a manifest says but its own identifier."""
    content = {name: value for name, value in manifest.items() if name != "bundle_id"}
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True).encode()
    return hashlib.sha256(canonical).hexdigest()[:16]


def make_bundle(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Make a bundle in memory, recording its golden vectors from the model as it will be stored.

    Parameters
    ----------
    manifest : mapping
        Everything but ``format``, ``files``, ``golden`` and ``bundle_id``, with
        ``golden_questions`` (texts and groups) in place of ``golden``.
    files : mapping of str to bytes
        The other files.

    Returns
    -------
    Bundle
    """
    full = {name: value for name, value in manifest.items() if name != "golden_questions"}
    full["format"] = FORMAT
    full["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())
    }
    texts, groups = manifest["golden_questions"]
    draft = Bundle("draft", full, files)
    full["golden"] = record_golden(draft.predictor, draft.menu, texts, groups)
    # Reading the manifest back makes its identifier that of the file, not of Python objects.
    full = json.loads(json.dumps(full))
    full["bundle_id"] = _identify(full)
    return Bundle(full["bundle_id"], full, dict(files))
