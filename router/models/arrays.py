"""Arrays of a bundle as bytes: stored by name, plain, never pickled."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["pack_arrays", "unpack_arrays"]

# What zipfile, zlib and NumPy raise between them for damaged bytes.
DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def pack_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Serialise arrays by name, without pickling.

    Examples
    --------
    >>> unpack_arrays(pack_arrays({"a": np.arange(3)}))["a"].tolist()
    [0, 1, 2]
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_arrays(content: bytes, name: str = "text.npz") -> dict[str, NDArray[np.generic]]:
    """Read arrays that :func:`pack_arrays` wrote.

    Parameters
    ----------
    content : bytes
        What a file holds.
    name : str, default="text.npz"
        How errors call the file.

    Returns
    -------
    dict of str to ndarray
        The arrays by name.

    Raises
    ------
    BundleError
        If the content is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            kinds = {entry.compress_type for entry in packed.infolist()}
        # Arrays are stored as they are; a compressed one could unpack to any size.
        if kinds <= {zipfile.ZIP_STORED}:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
    except DAMAGE as error:
        raise BundleError(f"{name}: not readable ({type(error).__name__})") from None
    raise BundleError(f"{name}: holds compressed arrays; only plain ones are read")
