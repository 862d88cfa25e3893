"""What the laws of the strategies say, beside simulations of their own process and real outcomes.

Run it as ``python benchmarks/strategies.py`` (``--quick`` draws less). Each section is one part of
the catalogue; those on real outcomes need the logs in ``../shared/data`` or where ``ROUTER_DATA``
points. It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import os
import sys
from itertools import chain
from pathlib import Path

from benchmarks._figures import finish, parse_options, show
from benchmarks._strategies_effort import measure_effort
from benchmarks._strategies_exchange import measure_exchange
from benchmarks._strategies_sampling import measure_sampling
from benchmarks._strategies_steps import measure_steps

SECTIONS = (measure_sampling, measure_effort, measure_exchange, measure_steps)


def main() -> int:
    """Measure every section."""
    options = parse_options(__doc__ or "", "draw a tenth as often")
    root = Path(__file__).resolve().parents[1]
    data = Path(os.environ.get("ROUTER_DATA") or root.parent / "shared" / "data")
    figures = chain.from_iterable(section(data, quick=options.quick) for section in SECTIONS)
    return finish(show(figures, width=62), options.json)


if __name__ == "__main__":
    sys.exit(main())
