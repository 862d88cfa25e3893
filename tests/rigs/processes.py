"""Processes under test: what they hold, how they are asked, and how a fault is put into one."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["ROOT", "plant_fault", "read_memory", "scale"]

ROOT = Path(__file__).resolve().parents[2]
# Faults are planted by running these lines before the command line does what it would do anyway.
PLANTED = "import sys\n{fault}\nfrom router.cli import main\nsys.exit(main(sys.argv[1:]))\n"


def plant_fault(fault: str) -> tuple[str, str]:
    """Write the start of a command whose process has a fault.

    Parameters
    ----------
    fault : str
        Lines of Python that put it there.

    Returns
    -------
    tuple of str
        For ``tests.contracts.sidecars.run_sidecar``.
    """
    return ("-c", PLANTED.format(fault=fault))


def read_memory(process_id: int) -> int:
    """Read how much memory a process holds.

    Parameters
    ----------
    process_id : int
        Of a process of this machine.

    Returns
    -------
    int
        Bytes that are in memory.
    """
    pages = int(Path(f"/proc/{process_id}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def scale(size: int) -> int:
    """Scale a size of a long run by ``ROUTER_SOAK``, which is 1 by default.

    Parameters
    ----------
    size : int
        As it is promised.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> scale(1000) >= 1
    True
    """
    return max(1, int(size * float(os.environ.get("ROUTER_SOAK", "1"))))
