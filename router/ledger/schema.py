"""The tables, and what may stand in them whatever the code above them gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.budgets import AMOUNT_MAX_MICRO, BUDGET_UNITS
from router.exceptions import LedgerError

if TYPE_CHECKING:
    import apsw

__all__ = ["CAPACITY_MAX_MICRO", "OVERRUN_MAX_MICRO", "SCHEMA_VERSION", "prepare_schema"]

SCHEMA_VERSION = 1
CAPACITY_MAX_MICRO = AMOUNT_MAX_MICRO
# Far above anything that agents can report, and far below where 64-bit sums would leave integers.
OVERRUN_MAX_MICRO = 4_000 * AMOUNT_MAX_MICRO

# A column per unit: units are few and fixed, and a row is then one question.
AMOUNTS = ", ".join(f"{unit} INTEGER CHECK ({unit} >= 0)" for unit in BUDGET_UNITS)

# `reserved + settled <= capacity` is the guard behind the guard: overrun is kept apart, because an
# agent may truthfully report that it spent more than it was given.
STATEMENTS = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE pools (
        pool INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        share_max REAL NOT NULL CHECK (share_max > 0 AND share_max <= 1),
        expected_questions INTEGER CHECK (expected_questions > 0),
        n_questions INTEGER NOT NULL DEFAULT 0 CHECK (n_questions >= 0),
        created_wall_us INTEGER NOT NULL,
        UNIQUE (tenant, name)
    ) STRICT""",
    f"""CREATE TABLE accounts (
        pool INTEGER NOT NULL REFERENCES pools,
        unit TEXT NOT NULL CHECK (unit IN {BUDGET_UNITS}),
        capacity INTEGER NOT NULL CHECK (capacity BETWEEN 0 AND {CAPACITY_MAX_MICRO}),
        reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
        settled INTEGER NOT NULL DEFAULT 0 CHECK (settled >= 0),
        overrun INTEGER NOT NULL DEFAULT 0 CHECK (overrun BETWEEN 0 AND {OVERRUN_MAX_MICRO}),
        price REAL CHECK (price >= 0),
        price_floor REAL NOT NULL DEFAULT 0 CHECK (price_floor >= 0),
        CHECK (reserved + settled <= capacity),
        PRIMARY KEY (pool, unit)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE menus (
        menu INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, content BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE plans (
        plan INTEGER PRIMARY KEY,
        plan_id TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        pool INTEGER REFERENCES pools,
        menu INTEGER NOT NULL REFERENCES menus,
        bundle_id TEXT NOT NULL,
        price_id TEXT NOT NULL,
        shadow INTEGER NOT NULL CHECK (shadow IN (0, 1)),
        created_us INTEGER NOT NULL,
        created_wall_us INTEGER NOT NULL,
        expires_us INTEGER,
        n_open INTEGER NOT NULL CHECK (n_open >= 0),
        content BLOB NOT NULL,
        fingerprint TEXT,
        features BLOB,
        texts BLOB
    ) STRICT""",
    "CREATE INDEX plans_by_age ON plans (created_us) WHERE n_open = 0",
    "CREATE INDEX plans_by_expiry ON plans (expires_us) WHERE n_open > 0",
    f"""CREATE TABLE reservations (
        plan INTEGER NOT NULL REFERENCES plans,
        position INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released', 'expired')),
        {AMOUNTS},
        PRIMARY KEY (plan, position)
    ) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE outcomes (
        plan INTEGER NOT NULL REFERENCES plans,
        position INTEGER NOT NULL,
        reported_wall_us INTEGER NOT NULL,
        late INTEGER NOT NULL CHECK (late IN (0, 1)),
        quality REAL CHECK (quality BETWEEN 0 AND 1),
        {AMOUNTS},
        PRIMARY KEY (plan, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE answers (
        tenant TEXT NOT NULL,
        route TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        status INTEGER NOT NULL,
        body BLOB NOT NULL,
        expires_us INTEGER NOT NULL,
        PRIMARY KEY (tenant, route, key)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX answers_by_expiry ON answers (expires_us)",
)


def prepare_schema(connection: apsw.Connection) -> None:
    """Create the tables in an empty store, or see that those there are of this version.

    Parameters
    ----------
    connection : apsw.Connection
        Open for writing, outside a transaction.

    Raises
    ------
    LedgerError
        If the store was written by another version.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchall():
            for statement in STATEMENTS:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('version', ?)", (SCHEMA_VERSION,))
        version = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchall()
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    if version != [(SCHEMA_VERSION,)]:
        raise LedgerError(
            f"the store has tables of version {version}, this program reads {SCHEMA_VERSION}: "
            "use the program that wrote it, or another directory"
        )
