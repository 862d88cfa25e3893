"""Pools: made once, looked at, and drawn on only as far as they reach."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from router.budgets import MICRO
from router.exceptions import ConflictError, InputError, PoolExhaustedError, UnknownError
from router.ledger.prices import count_expected, move_price
from router.ledger.records import Account, PoolState
from router.ledger.schema import OVERRUN_MAX_MICRO
from router.ledger.store import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import apsw

__all__ = [
    "SHARE_MAX",
    "book",
    "build_pools",
    "correct_prices",
    "fetch_pools",
    "find_pool",
    "grant",
    "insert_pool",
    "read_pool",
    "require_pool",
]

SHARE_MAX = 0.25
POOLS_MAX = 10_000
# No gain is worth more a unit, so that products with amounts stay finite.
PRICE_MAX = 1e12
SELECT_ACCOUNTS = (
    "SELECT unit, capacity, reserved, settled, overrun, price, price_floor FROM accounts"
)
SELECT_POOLS = """
    SELECT name, share_max, expected_questions, n_questions,
        unit, capacity, reserved, settled, overrun, price, price_floor
    FROM pools LEFT JOIN accounts ON accounts.pool = pools.pool
    WHERE tenant = ? ORDER BY name, unit
"""
# A price this share of the first no longer moves a choice, and falling further would only take
# longer to come back from.
FLOOR_SHARE = 1e-3
# The condition is the promise: nothing is granted beyond what is free at this very moment.
GRANT = """
    UPDATE accounts SET reserved = reserved + :amount
    WHERE pool = :pool AND unit = :unit
        AND (:amount = 0 OR reserved + settled + overrun + :amount <= capacity)
"""
# What flows out of `reserved` here flows into `settled` or `overrun`, or is free again at once.
BOOK = f"""
    UPDATE accounts SET
        reserved = reserved - :returned,
        settled = settled + :settled,
        overrun = min(overrun + :overrun, {OVERRUN_MAX_MICRO})
    WHERE pool = :pool AND unit = :unit
"""


def insert_pool(
    connection: apsw.Connection, tenant: str, state: PoolState, wall_us: int
) -> tuple[PoolState, bool]:
    """Create a pool, or find the very same one there.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a transaction.
    tenant : str
        Whose.
    state : PoolState
        What is wanted.
    wall_us : int
        Time of day.

    Returns
    -------
    tuple of (PoolState, bool)
        As it is now, spend included where it was there before; and whether it was not.

    Raises
    ------
    ConflictError
        If there is one of this name with other terms.
    InputError
        If the tenant has too many.
    """
    pool = find_pool(connection, tenant, state.name)
    if pool is not None:
        found = read_pool(connection, pool)
        if _terms(found) != _terms(state):
            raise ConflictError(
                f"pool {state.name!r} is there with other terms: its capacity, share_max and "
                "expected_questions cannot be changed, take another name"
            )
        return found, False
    (count,) = fetch(connection, "SELECT count(*) FROM pools WHERE tenant = ?", (tenant,))[0]
    if count >= POOLS_MAX:
        raise InputError(f"there are {count} pools already, allowed are {POOLS_MAX}")
    connection.execute(
        "INSERT INTO pools (tenant, name, share_max, expected_questions, created_wall_us) "
        "VALUES (?, ?, ?, ?, ?)",
        (tenant, state.name, state.share_max, state.expected_questions, wall_us),
    )
    pool = connection.last_insert_rowid()
    connection.executemany(
        "INSERT INTO accounts (pool, unit, capacity) VALUES (?, ?, ?)",
        [(pool, unit, account.capacity) for unit, account in state.accounts.items()],
    )
    return state, True


def _terms(state: PoolState) -> tuple[object, ...]:
    """Give what a pool was created with."""
    capacity = {unit: account.capacity for unit, account in state.accounts.items()}
    return capacity, state.share_max, state.expected_questions


def find_pool(connection: apsw.Connection, tenant: str, name: str) -> int | None:
    """Find a pool's number by its name, None where its tenant has none of that name."""
    found = fetch(
        connection, "SELECT pool FROM pools WHERE tenant = ? AND name = ?", (tenant, name)
    )
    return int(found[0][0]) if found else None


def require_pool(connection: apsw.Connection, tenant: str, name: str) -> int:
    """Find a pool's number by its name.

    Raises
    ------
    UnknownError
        If its tenant has none of that name.
    """
    pool = find_pool(connection, tenant, name)
    if pool is None:
        raise UnknownError("there is no pool of this name: create it with POST /v1/pools")
    return pool


def read_pool(connection: apsw.Connection, pool: int) -> PoolState:
    """Read a pool by its number."""
    ((name, share_max, expected, n_questions),) = fetch(
        connection,
        "SELECT name, share_max, expected_questions, n_questions FROM pools WHERE pool = ?",
        (pool,),
    )
    rows = fetch(connection, f"{SELECT_ACCOUNTS} WHERE pool = ?", (pool,))
    accounts = {row[0]: Account(*row[1:]) for row in rows}
    return PoolState(name, accounts, share_max, expected, n_questions)


def fetch_pools(connection: apsw.Connection, tenant: str) -> list[tuple[Any, ...]]:
    """Fetch all pools of a tenant for :func:`build_pools`, in one statement however many."""
    return fetch(connection, SELECT_POOLS, (tenant,))


def build_pools(rows: Iterable[tuple[Any, ...]]) -> list[PoolState]:
    """Build pools, by name; of thousands, fetching the rows takes a fraction of this."""
    found = []
    for terms, group in groupby(rows, key=lambda row: row[:4]):
        name, share_max, expected, n_questions = terms
        accounts = {row[4]: Account(*row[5:]) for row in group if row[4] is not None}
        found.append(PoolState(name, accounts, share_max, expected, n_questions))
    return found


def grant(
    connection: apsw.Connection,
    pool: int,
    amounts_micro: Mapping[str, int],
    n_questions: int,
    opening_price: Mapping[str, float],
) -> None:
    """Reserve in every unit of a pool, or in none.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a savepoint, which the caller rolls back if this raises.
    pool : int
        Its number.
    amounts_micro : mapping of str to int
        For every unit of the pool, in micro-units.
    n_questions : int
        For how many questions.
    opening_price : mapping of str to float
        Quality a unit, taken as the pool's price where it has none yet.

    Raises
    ------
    PoolExhaustedError
        If a unit does not reach.
    """
    state = read_pool(connection, pool)
    for unit, account in state.accounts.items():
        amount = int(amounts_micro[unit])
        connection.execute(GRANT, {"amount": amount, "pool": pool, "unit": unit})
        if connection.changes() != 1:
            raise PoolExhaustedError(
                f"pool {state.name!r} has {account.free / MICRO:g} {unit} free, "
                f"{amount / MICRO:g} are needed"
            )
    connection.execute(
        "UPDATE pools SET n_questions = n_questions + ? WHERE pool = ?", (n_questions, pool)
    )
    expected = count_expected(state.expected_questions, state.n_questions)
    for unit, account in state.accounts.items():
        start, floor = account.price, account.price_floor
        if start is None:
            start = opening_price.get(unit, 0.0)
            floor = FLOOR_SHARE * start
        price = move_price(
            start, amounts_micro[unit], account.free / expected, n_questions, expected=expected
        )
        _write_price(connection, pool, unit, price=price, floor=floor)


def book(
    connection: apsw.Connection,
    pool: int,
    unit: str,
    *,
    returned: int = 0,
    settled: int = 0,
    overrun: int = 0,
) -> None:
    """Move an amount out of what is reserved, into what is spent or back into what is free."""
    amounts = {"returned": returned, "settled": settled, "overrun": overrun}
    connection.execute(BOOK, {"pool": pool, "unit": unit, **amounts})


def correct_prices(connection: apsw.Connection, pool: int, excess_micro: Mapping[str, int]) -> None:
    """Move prices by how far real costs were from the planned ones."""
    state = read_pool(connection, pool)
    expected = count_expected(state.expected_questions, state.n_questions)
    for unit, excess in excess_micro.items():
        account = state.accounts.get(unit)
        if account is not None and account.price is not None and excess:
            share = account.free / expected
            price = move_price(account.price, excess, share, 0, expected=expected)
            _write_price(connection, pool, unit, price=price, floor=account.price_floor)


def _write_price(
    connection: apsw.Connection, pool: int, unit: str, *, price: float, floor: float
) -> None:
    """Set a price; one that was never above nothing is none yet."""
    kept = min(max(price, floor), PRICE_MAX) if price > 0.0 else None
    connection.execute(
        "UPDATE accounts SET price = ?, price_floor = ? WHERE pool = ? AND unit = ?",
        (kept, floor, pool, unit),
    )
