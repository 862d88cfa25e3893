"""The settled process: one thread of linear algebra, and nothing loaded is gone through again."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc
import numpy as np
from threadpoolctl import threadpool_info
from router.service.process import settle_process

np.ones((2, 2)) @ np.ones((2, 2))
settle_process()
print({pool["num_threads"] for pool in threadpool_info()}, gc.get_freeze_count() > 10_000)
print(gc.isenabled(), gc.get_threshold()[0] > 700)
"""


def test_a_settled_process_spares_requests_upkeep() -> None:
    """Linear algebra has one thread, and the collector works, but passes over what is loaded."""
    command = [sys.executable, "-c", SCRIPT]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == ["{1} True", "True True"]
