"""Where rigs keep their stores: in memory, so that they wait for the code alone."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["copy_store", "open_place"]

MEMORY = Path("/dev/shm")  # noqa: S108 - only directories of fresh names are made below it
# What is on disk; the index of the log is shared memory and goes with its process.
STORE_FILES = ("ledger.sqlite", "ledger.sqlite-wal", "secret")


@contextmanager
def open_place() -> Iterator[Path]:
    """Give a fresh directory, in memory where the system has a file system there."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as path:
        yield Path(path)


def copy_store(source: Path, target: Path) -> Path:
    """Copy what a killed process would have left behind, while nobody writes to it."""
    target.mkdir(mode=0o700)
    for name in STORE_FILES:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    return target
