"""What tests of the ledger share: a clock that obeys, and plans and pools in one line."""

from __future__ import annotations

from router.ledger.records import Account, PlanContent, PlanRecord, PoolState

SECOND = 1_000_000


class VirtualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.boot_id = "boot"
        self.elapsed = 5 * SECOND
        self.wall = 1_700_000_000 * SECOND

    def read_elapsed(self) -> int:
        """Microseconds since the machine was started."""
        return self.elapsed

    def read_wall(self) -> int:
        """Microseconds since 1970."""
        return self.wall

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed += int(seconds * SECOND)
        self.wall += int(seconds * SECOND)


def make_pool(
    name: str = "pool", expected_questions: int | None = None, **capacity: int
) -> PoolState:
    """Make a pool with capacities in micro-units."""
    accounts = {unit: Account(amount) for unit, amount in (capacity or {"usd": 1000}).items()}
    return PoolState(name, accounts, 0.25, expected_questions, 0)


def make_record(
    plan_id: str, amounts: list[int], *, unit: str = "usd", tenant: str = "default"
) -> PlanRecord:
    """Make a plan of questions q0, q1, ... that cost some micro-units of one unit."""
    n = len(amounts)
    content = PlanContent(
        [f"q{row}" for row in range(n)],
        [0] * n,
        {unit: amounts},
        [bytes([row]) * 16 for row in range(n)],
        [None] * n,
        [{}] * n,
    )
    return PlanRecord(plan_id, tenant, "bundle", "prices", content, b"[]")
