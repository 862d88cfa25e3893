"""Work for a ledger, and a list of what it has been told is done, to be held against the store."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router.exceptions import PoolExhaustedError, StoreError, UnknownError
from router.ledger import Ledger
from router.ledger.records import Answer, Report, RequestKey
from router.ledger.store import fetch
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from router.ledger.store import Synchronous

__all__ = ["Fact", "Inspection", "Work", "inspect_store", "open_ledger"]

CAPACITY = 60_000
AMOUNT_MAX = 400
TOGETHER_MAX = 8
QUERIES = (
    "SELECT 'pool', name FROM pools",
    "SELECT 'plan', plan_id, sum(usd) FROM plans JOIN reservations USING (plan) GROUP BY plan",
    "SELECT 'outcome', plan_id, position, outcomes.usd FROM plans JOIN outcomes USING (plan)",
    """SELECT 'released', plan_id, position FROM plans JOIN reservations USING (plan)
        WHERE state = 'released'""",
    "SELECT 'answer', key, body FROM answers",
)

Fact = tuple[Any, ...]


@dataclass
class Work:
    """Reserves, settles and releases by chance, and notes what it asked for and was told.

    Parameters
    ----------
    ledger : Ledger
        Does it; may be exchanged for another one on the same store.
    seed : int
        Decides what is asked for.
    tell : callable, optional
        Called with the facts of every answer, in the order of the answers.
    """

    ledger: Ledger
    seed: int
    tell: Callable[[list[Fact]], None] = lambda _facts: None
    asked: set[Fact] = field(default_factory=set)
    told: set[Fact] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    n_failed: int = 0
    _open: list[tuple[str, int]] = field(default_factory=list)
    _n_plans: int = 0

    def __post_init__(self) -> None:
        """Seed."""
        self._random = random.Random(self.seed)  # noqa: S311 - chance that comes again

    def create_pool(self) -> None:
        """Make the pool that everything is drawn from."""
        state = make_pool("pool", None, usd=CAPACITY)
        self._wait([(self.ledger.create_pool("default", state), [("pool", "pool")])])

    def do_round(self) -> None:
        """Hand in some operations at once and wait for all of them."""
        count = self._random.randint(1, TOGETHER_MAX)
        asks = [self._report() if self._random.random() < 0.5 else None for _ in range(count)]
        self._wait([self._reserve() if ask is None else ask for ask in asks])

    def _wait(self, asks: list[tuple[Future[Any], list[Fact]]]) -> None:
        """Wait for answers; what failed may or may not have been done."""
        for future, facts in asks:
            self.asked.update(facts)
            try:
                future.result(60)
            except StoreError:
                self.n_failed += 1
                continue
            except PoolExhaustedError:
                continue
            except UnknownError:
                self.faults.append(f"lost: the plan of {facts}")
                continue
            self.told.update(facts)
            self.tell(facts)
            for kind, name, *_ in facts:
                if kind == "plan":
                    self._open += [(name, 0), (name, 1)]

    def _reserve(self) -> tuple[Future[Any], list[Fact]]:
        """Ask for a grant."""
        self._n_plans += 1
        plan_id = f"p{self._n_plans}"
        amounts = [self._random.randint(0, AMOUNT_MAX) for _ in range(2)]
        body = plan_id.encode() * self._random.randint(1, 400)
        future = self.ledger.reserve(
            *(make_record(plan_id, amounts), "pool"),
            lease_seconds=600,
            opening_price={"usd": 1.0},
            key=RequestKey("default", "/v1/allocate", plan_id, b"body"),
            answer=Answer(200, body),
        )
        return future, [("plan", plan_id, sum(amounts)), ("answer", plan_id, body)]

    def _report(self) -> tuple[Future[Any], list[Fact]] | None:
        """Report on a question that is open."""
        if not self._open:
            return None
        self._random.shuffle(self._open)
        plan_id, place = self._open.pop()
        fact: Fact
        if self._random.random() < 0.2:
            report, fact = Report(f"q{place}", released=True), ("released", plan_id, place)
        else:
            spent = self._random.randint(0, AMOUNT_MAX)
            report, fact = Report(f"q{place}", {"usd": spent}), ("outcome", plan_id, place, spent)
        return self.ledger.settle("default", plan_id, [report]), [fact]


@dataclass(frozen=True)
class Inspection:
    """What a store holds, and what is wrong with it.

    Parameters
    ----------
    facts : set of tuple
        As :class:`Work` notes them.
    faults : list of str
        What the auditor says.
    """

    facts: set[Fact]
    faults: list[str]

    def compare(self, asked: set[Fact], told: set[Fact]) -> list[str]:
        """Name what was told and is not there, what is there and was not asked for, and faults."""
        lost = [f"lost: {fact}"[:200] for fact in sorted(told - self.facts, key=repr)]
        strange = [f"not asked for: {x}"[:200] for x in sorted(self.facts - asked, key=repr)]
        return lost + strange + self.faults


def open_ledger(path: Path, *, synchronous: Synchronous = "FULL", vfs: str | None = None) -> Ledger:
    """Open a ledger on which no time passes."""
    return Ledger(path, clock=VirtualClock(), synchronous=synchronous, vfs=vfs)


def inspect_store(path: Path) -> Inspection:
    """Open a store as the next process would, and look at everything in it."""
    with open_ledger(path, synchronous="OFF") as ledger:
        rows = ledger._read(lambda reader: [fetch(reader, query) for query in QUERIES])
        return Inspection({row for found in rows for row in found}, ledger.audit())
