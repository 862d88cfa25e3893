"""The outbox: reports that could not be delivered yet, each with the key it keeps."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from router.exceptions import InputError

__all__ = ["Outbox", "Report"]

LOGGER = logging.getLogger(__name__)
# Written under this ending and renamed when whole, so that a reader never sees half of one.
UNFINISHED = ".unfinished"


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it is sent.

    Parameters
    ----------
    key : str
        Idempotency-Key.
    content : bytes
        The body.
    """

    key: str
    content: bytes


class Outbox:
    """Keeps reports until they are delivered, in memory or also in a directory.

    Safe to use from threads and tasks at once, and from several processes in one directory: one
    that two of them deliver has the same key both times.

    Parameters
    ----------
    n_reports_max : int, default=1000
        How many are kept; the oldest gives way to a new one.
    directory : str or Path, optional
        Where they also lie as files, from before the first attempt until they are delivered.

    Raises
    ------
    InputError
        If the directory cannot be used, or the number is below 1.

    Examples
    --------
    >>> outbox = Outbox()
    >>> outbox.add(Report("k1", b"{}"))
    >>> report = outbox.take()
    >>> outbox.take() is None
    True
    >>> outbox.give_back(report)
    >>> outbox.take().key, len(outbox)
    ('k1', 1)
    >>> outbox.settle(report)
    >>> len(outbox)
    0
    """

    def __init__(self, n_reports_max: int = 1000, directory: str | Path | None = None) -> None:
        if n_reports_max < 1:
            raise InputError(f"n_reports_max {n_reports_max} is not from 1 up")
        self._n_reports_max = n_reports_max
        self._directory = None if directory is None else Path(directory)
        self._lock = threading.Lock()
        # In the order of their age.
        self._reports: dict[str, Report] = {}
        self._taken: set[str] = set()
        self._files: dict[str, Path] = {}
        self._n_dropped = 0
        if self._directory is not None:
            self._load(self._directory)

    @property
    def has_directory(self) -> bool:
        """Whether reports can be saved to disk."""
        return self._directory is not None

    @property
    def n_dropped(self) -> int:
        """How many gave way to newer ones and are lost."""
        return self._n_dropped

    def __len__(self) -> int:
        """Count the reports that are not delivered, those on their way included."""
        with self._lock:
            return len(self._reports)

    def save(self, report: Report) -> Path | None:
        """Write a report to disk, before it is added; may take as long as the disk does.

        Parameters
        ----------
        report : Report
            Of a key that no other has.

        Returns
        -------
        Path or None
            None where there is no directory or it fails: the report is then in memory alone.
        """
        return None if self._directory is None else _write(self._directory, report)

    def add(self, report: Report, path: Path | None = None, *, is_taken: bool = False) -> None:
        """Keep a report.

        Parameters
        ----------
        report : Report
            Of a key that no other has.
        path : Path, optional
            Where it was saved.
        is_taken : bool, default=False
            Whether the caller delivers it right away.
        """
        dropped: list[Path | None] = []
        with self._lock:
            if path is not None:
                self._files[report.key] = path
            self._reports[report.key] = report
            if is_taken:
                self._taken.add(report.key)
            while len(self._reports) > self._n_reports_max and (oldest := self._find()) is not None:
                del self._reports[oldest.key]
                dropped.append(self._files.pop(oldest.key, None))
                self._n_dropped += 1
        for file in dropped:
            LOGGER.warning("a report that could not be delivered is dropped for a newer one")
            _remove(file)

    def take(self) -> Report | None:
        """Take the oldest report that nobody delivers at the moment; None where there is none."""
        with self._lock:
            report = self._find()
            if report is not None:
                self._taken.add(report.key)
            return report

    def give_back(self, report: Report) -> None:
        """Put a report that was taken back to its place."""
        with self._lock:
            self._taken.discard(report.key)

    def settle(self, report: Report) -> None:
        """Forget a report that was delivered, or that never will be."""
        with self._lock:
            self._reports.pop(report.key, None)
            self._taken.discard(report.key)
            path = self._files.pop(report.key, None)
        _remove(path)

    def _find(self) -> Report | None:
        """Find the oldest report that nobody delivers at the moment; the lock is held."""
        free = (report for key, report in self._reports.items() if key not in self._taken)
        return next(free, None)

    def _load(self, directory: Path) -> None:
        """Take in what lies in the directory, oldest first."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            paths = sorted(directory.glob("*.json"))
        except OSError as error:
            raise InputError(
                f"spool {str(directory)!r} cannot be used ({error.strerror}): give a directory "
                "that can be written"
            ) from None
        for path in paths[-self._n_reports_max :]:
            report = _read(path)
            if report is not None:
                self._reports[report.key] = report
                self._files[report.key] = path


def _write(directory: Path, report: Report) -> Path | None:
    """Write a report to disk, or nothing where that fails."""
    # Names sort by age, and hold a hash because a caller's key may be no name.
    digest = hashlib.sha256(report.key.encode()).hexdigest()[:32]
    path = directory / f"{time.time_ns():020d}-{digest}.json"
    unfinished = path.with_suffix(UNFINISHED)
    document = {"key": report.key, "body": report.content.decode()}
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_directory(directory)
    except OSError as error:
        _remove(unfinished)
        LOGGER.warning("a report is kept in memory only, the spool fails: %s", error.strerror)
        return None
    return path


def _read(path: Path) -> Report | None:
    """Read a report from disk, or nothing where another process was faster or it is damaged."""
    try:
        document = json.loads(path.read_text("utf-8"))
        return Report(str(document["key"]), str(document["body"]).encode())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError):
        LOGGER.warning("%s holds no report and is left where it is", path)
        return None


def _remove(path: Path | None) -> None:
    """Remove a file, if there is one."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Have the directory remember a new name over a loss of power, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
