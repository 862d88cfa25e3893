"""Client: plans from the sidecar within a time that is kept, and a plan of one's own without it.

Nothing heavier is loaded than `import router` loads; a client needs the extra ``[client]`` when it
is made.
"""

from __future__ import annotations

from router.client.asynchronous import AsyncClient
from router.client.blocking import Client
from router.client.results import (
    ClientChoice,
    ClientPlan,
    Curve,
    Delivery,
    Pool,
    Prediction,
    Receipt,
)

__all__ = [
    "AsyncClient",
    "Client",
    "ClientChoice",
    "ClientPlan",
    "Curve",
    "Delivery",
    "Pool",
    "Prediction",
    "Receipt",
]
