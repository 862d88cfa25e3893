"""Ledger: pools of budget whose reservations settle, release or expire exactly once.

Everything is in one SQLite file behind one writing thread. What a future of :class:`Ledger` has
answered is on disk; what it has not may or may not be.
"""

from router.exceptions import MissingExtraError

try:
    from router.ledger.ledger import Ledger
except ImportError as error:
    if (error.name or "").partition(".")[0] not in {"apsw", "msgspec"}:
        raise
    raise MissingExtraError.for_extra("service", "a ledger") from None

__all__ = ["Ledger"]
