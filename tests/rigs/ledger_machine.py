"""Drives the ledger and a small model of it side by side through random histories.

Any difference between the two, or between the pools and the rows that they are the sum of, stops
the run; the history is then made as short as it gets and printed. After every step both are
compared, and the auditor adds everything up again.
"""

from __future__ import annotations

import argparse
import copy
import secrets
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from router.exceptions import (
    ConflictError,
    PoolExhaustedError,
    StoreBusyError,
    StoreError,
    UnknownError,
)
from router.ledger import Ledger
from router.ledger.records import Answer, Report, RequestKey
from tests.contracts.ledgers import SECOND, VirtualClock, make_pool, make_record
from tests.rigs.ledger_model import Model, Refused
from tests.rigs.ledger_operations import (
    CAPACITY,
    JUMPS,
    MOVING,
    NAMES,
    REPORTING,
    RESERVING,
    WAITS,
)
from tests.rigs.places import copy_store, open_place
from tests.rigs.processes import scale

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["LedgerMachine", "run_histories"]

WORDS = {
    PoolExhaustedError: "exhausted",
    ConflictError: "conflict",
    UnknownError: "unknown",
    # The model never says so: what the tables do not take is a difference.
    StoreError: "failed",
}


class LedgerMachine(RuleBasedStateMachine):
    """The ledger beside its model."""

    def __init__(self) -> None:
        """Open an empty store."""
        super().__init__()
        self._stack = ExitStack()
        self._place = self._stack.enter_context(open_place())
        self._n_copies = 0
        self._n_plans = 0
        self.clock = VirtualClock()
        self.model = Model(CAPACITY)
        self.path = self._place / "0"
        self.ledger = self._open()

    def _open(self) -> Ledger:
        """Open the store as it is."""
        return Ledger(self.path, clock=self.clock, synchronous="OFF")

    @initialize()
    def create_pool(self) -> None:
        """Make the pool."""
        self.ledger.create_pool("default", make_pool("pool", None, **CAPACITY)).result()

    @rule(wanted=RESERVING)
    def reserve(self, wanted: tuple[Any, ...]) -> None:
        """Ask for a grant."""
        self._perform([wanted])

    @rule(excess=st.sampled_from([0, 1]))
    def reserve_the_rest(self, excess: int) -> None:
        """Ask for all that is free, or for a little more."""
        self.model.sweep()
        usd, searches = (max(0, CAPACITY[u] - sum(self.model.sum_up(u))) for u in CAPACITY)
        self._perform([("reserve", [{"usd": usd + excess, "searches": searches}], 60, None)])

    @rule(told=REPORTING)
    def report(self, told: tuple[Any, ...]) -> None:
        """Report on a plan."""
        self._perform([told])

    @rule(moved=MOVING)
    def move(self, moved: tuple[Any, ...]) -> None:
        """Move what is held between the questions of a plan."""
        self._perform([moved])

    @rule(which=st.integers(0, 5), to=st.integers(0, 2), excess=st.sampled_from([-1, 0, 1]))
    def move_everything(self, which: int, to: int, excess: int) -> None:
        """Move all that a plan holds to one of its questions, or a little less or more."""
        self.model.sweep()
        open_plans = [plan_id for plan_id in self.model.plans if self.model.list_held(plan_id)]
        if not open_plans:
            return
        plan_id = open_plans[which % len(open_plans)]
        held = self.model.list_held(plan_id)
        totals = {unit: sum(row[unit] for row in held.values()) for unit in CAPACITY}
        needs = {place: dict.fromkeys(CAPACITY, 0) for place in held}
        needs[list(held)[to % len(held)]] = {
            unit: max(0, total + excess) for unit, total in totals.items()
        }
        self._perform([("move", self._n_plans - int(plan_id[1:]), needs)])

    @rule(operations=st.lists(RESERVING | REPORTING | MOVING, min_size=2, max_size=6))
    def do_together(self, operations: list[tuple[Any, ...]]) -> None:
        """Hand in several operations before the first is on disk."""
        self._perform(operations)

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.pass_seconds(seconds)
        self.model.now += seconds
        self._settle_time()

    @rule(seconds=JUMPS)
    def change_date(self, seconds: int) -> None:
        """Set the date, which is none of the ledger's business."""
        self.clock.wall += seconds * SECOND
        self._settle_time()

    @rule(seconds=WAITS)
    def reopen(self, seconds: int) -> None:
        """Stop, and start again some time later."""
        self.ledger.close()
        self.clock.pass_seconds(seconds)
        self.model.now += seconds
        self.ledger = self._open()
        self._settle_time()

    @rule()
    def crash(self) -> None:
        """Go on from the files that a kill would have left."""
        self._kill()
        self.ledger = self._open()
        self._settle_time()

    @rule(elapsed=st.integers(0, 1000), seconds=JUMPS)
    def reboot(self, elapsed: int, seconds: int) -> None:
        """Start the machine anew, with another date: leases have stood still meanwhile."""
        self._kill()
        self.clock.boot_id += "x"
        self.clock.elapsed = elapsed * SECOND
        self.clock.wall += seconds * SECOND
        self.ledger = self._open()
        self._settle_time()

    @rule(key=st.sampled_from(NAMES))
    def change_body(self, key: str) -> None:
        """Use a key again with another body."""
        other = RequestKey("default", "/v1/allocate", key, b"another body")
        expected = "conflict" if key in self.model.answers else "done"
        assert _hear(lambda: self.ledger.find_answer(other)) == expected

    @invariant()
    def agree(self) -> None:
        """Compare the ledger with its model and with its own rows."""
        for state in self.ledger.list_pools("default"):
            for unit, account in state.accounts.items():
                stated = account.reserved, account.settled, account.overrun
                assert stated == self.model.sum_up(unit), unit
                assert account.free == max(0, CAPACITY[unit] - sum(stated))
                assert account.price is None or account.price >= account.price_floor
        for plan_id in self.model.plans:
            held = self.model.list_held(plan_id)
            if held:
                assert self._read_held(plan_id) == held, plan_id
        for key in NAMES:
            body = self.model.answers.get(key, (None,))[0]
            found = self.ledger.find_answer(_make_key(key))
            assert found == (None if body is None else Answer(200, body.encode())), key
        assert self.ledger.audit() == []

    def teardown(self) -> None:
        """Close the store and remove it."""
        self.ledger.close()
        self._stack.close()

    def _read_held(self, plan_id: str) -> dict[int, dict[str, int]] | None:
        """Read what the ledger holds for a plan, in the model's words."""
        try:
            held = self.ledger.read_open("default", plan_id)
        except UnknownError:
            return None
        return None if held is None else {int(name[1:]): row for name, row in held.items()}

    def _kill(self) -> None:
        """Leave the files of a kill, and nobody who has them open."""
        self._n_copies += 1
        left = copy_store(self.path, self._place / str(self._n_copies))
        self.ledger.close()
        self.path = left

    def _settle_time(self) -> None:
        """Let what is due happen in both."""
        _hand_in(self.ledger.probe).result()
        self.model.sweep()

    def _perform(self, operations: list[tuple[Any, ...]]) -> None:
        """Hand in operations, and compare what each is told with what the model says."""
        self.model.sweep()
        expected, futures = [], []
        asks: dict[str, Any] = {
            "reserve": self._reserve,
            "report": self._report,
            "move": self._move,
        }
        for kind, *details in operations:
            future, word = asks[kind](*details)
            futures.append(future)
            expected.append(word)
        assert [_hear(future.result) for future in futures] == expected

    def _reserve(
        self, amounts: list[dict[str, int]], lease: int, key: str | None
    ) -> tuple[Future[Any], Any]:
        """Ask both for a grant."""
        self._n_plans += 1
        plan_id = f"p{self._n_plans}"
        record = make_record(plan_id, [question["usd"] for question in amounts])
        record.content.planned["searches"] = [question["searches"] for question in amounts]
        future = _hand_in(
            self.ledger.reserve,
            *(record, "pool"),
            lease_seconds=lease,
            opening_price={"usd": 2.0},
            key=None if key is None else _make_key(key),
            answer=Answer(200, plan_id.encode()),
        )
        try:
            return future, self.model.reserve(plan_id, amounts, lease, key, plan_id)
        except Refused as refused:
            return future, str(refused)

    def _name_recent(self, back: int) -> str:
        """Name one of the plans made last; before the first there is none."""
        return f"p{max(0, self._n_plans - back)}"

    def _move(self, back: int, needs: dict[int, dict[str, int]]) -> tuple[Future[Any], Any]:
        """Ask both to move what is held."""
        plan_id = self._name_recent(back)
        amounts_micro = {f"q{place}": amounts for place, amounts in needs.items()}
        future = _hand_in(self.ledger.move_reserved, "default", plan_id, amounts_micro)
        try:
            return future, self.model.move(plan_id, needs)
        except Refused as refused:
            return future, str(refused)

    def _report(
        self,
        number: int,
        reports: list[tuple[int, dict[str, int], float | None, bool]],
    ) -> tuple[Future[Any], Any]:
        """Report to both."""
        plan_id = f"p{number % (self._n_plans + 1)}"
        told = [
            Report(f"q{place}", released=True) if released else Report(f"q{place}", cost, quality)
            for place, cost, quality, released in reports
        ]
        future = _hand_in(self.ledger.settle, "default", plan_id, told)
        plan = self.model.plans.get(plan_id)
        if plan is None:
            return future, "unknown"
        tried, words = copy.deepcopy(plan), []
        for place, cost, quality, released in reports:
            if place >= len(tried.questions):
                return future, "unknown"
            question = tried.questions[place]
            try:
                words.append(question.report(cost, quality, released=released))
            except Refused as refused:
                return future, str(refused)
        self.model.plans[plan_id] = tried
        return future, (words, {unit: self.model.sum_up(unit) for unit in CAPACITY})


def _make_key(key: str) -> RequestKey:
    """Make the key of a request."""
    return RequestKey("default", "/v1/allocate", key, b"body")


def _hand_in(ask: Any, *details: Any, **more: Any) -> Any:
    """Hand in an operation, and again where a machine busy with other work lags behind."""
    while True:
        try:
            return ask(*details, **more)
        except StoreBusyError:
            time.sleep(0.01)


def _hear(ask: Any) -> Any:
    """Hear what an operation is answered, in the model's words."""
    try:
        answer = ask()
    except tuple(WORDS) as error:
        return WORDS[type(error)]
    if answer is None:
        return "done"
    accounts = answer.pool.accounts.items()
    return answer.words, {unit: (a.reserved, a.settled, a.overrun) for unit, a in accounts}


def run_histories(n_histories: int, n_steps: int, seed_number: int, *, shrink: bool = True) -> None:
    """Run histories, each of its own chance; raise at the first in which something is wrong.

    Parameters
    ----------
    n_histories, n_steps : int
        How many, and how long each is.
    seed_number : int
        By which all of them come again.
    shrink : bool, default=True
        Whether a history that fails is made as short as it gets.
    """
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    run_state_machine_as_test(
        seed(seed_number)(type("SeededLedgerMachine", (LedgerMachine,), {})),
        settings=settings(
            max_examples=n_histories,
            stateful_step_count=n_steps,
            deadline=None,
            database=None,
            phases=phases,
            # The first is enough, and what looks for others asks a faulty ledger for longer.
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=scale(100_000), help="how many (100000)")
    parser.add_argument("--steps", type=int, default=100, help="steps of each (100)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--seed", type=int, default=None, help="of the first round")
    parser.add_argument("--round", type=int, default=100, help="histories of one seed (100)")
    options = parser.parse_args()
    first = secrets.randbelow(2**32) if options.seed is None else options.seed
    started, done = time.monotonic(), 0
    while done < options.histories and time.monotonic() - started < options.seconds:
        number = first + done
        sys.stdout.write(f"{done} histories in {time.monotonic() - started:.0f} s, seed {number}\n")
        sys.stdout.flush()
        run_histories(min(options.round, options.histories - done), options.steps, number)
        done += min(options.round, options.histories - done)
    took = time.monotonic() - started
    sys.stdout.write(f"{done} histories of {options.steps} steps in {took:.0f} s: no difference\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
