"""From the ledger's outcomes to the columns of an outcome log, which training reads.

Numbers are given as they were reported. What a log cannot hold is left out and counted: a question
that no option answered, one of which neither text nor features were kept, features of an encoder
other than the log's one.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from router.budgets import from_micro
from router.exceptions import LedgerError
from router.log_columns import COST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from router.ledger.records import StoredOutcome

__all__ = ["LogExport", "collect_columns"]

MICRO = 1_000_000
OPTION_COLUMNS = {
    "option": "name",
    "model": "model",
    "strategy": "strategy",
    "search_steps": "search_steps",
    "reasoning_effort": "reasoning_effort",
    "reasoning_tokens": "reasoning_tokens",
}
NO_OPTION = "of questions that no option answered"
NO_INPUT = "of questions of which neither text nor features were kept"
OTHER_ENCODER = "of questions of which only features of another encoder were kept"


@dataclass(frozen=True)
class LogExport:
    """An outcome log as columns.

    Parameters
    ----------
    columns : dict of str to sequence
        Of r rows; ``features`` is an array of shape (r, d), rows without being NaN.
    notes : tuple of str
        What was left out or marked, with counts.
    """

    columns: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Number of rows r."""
        return len(self.columns["query_id"])


@dataclass
class _Rows:
    """Rows collected so far, before anything is known of all of them."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    features: list[NDArray[np.float32] | None] = field(default_factory=list)
    fingerprints: list[str | None] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Keep the rows at some positions."""
        kept = [position for position in range(len(self.rows)) if wanted(position)]
        self.rows = [self.rows[position] for position in kept]
        self.features = [self.features[position] for position in kept]
        self.fingerprints = [self.fingerprints[position] for position in kept]


def collect_columns(
    outcomes: Iterable[StoredOutcome], *, fingerprint: str | None = None
) -> LogExport:
    """Collect outcomes as the columns of one log.

    Outcomes of shadow plans are in it: nothing was enforced there, but what came of a question is
    as real. Where texts were not kept, all features are of one encoder.

    Parameters
    ----------
    outcomes : iterable of StoredOutcome
        In the order in which their plans were made.
    fingerprint : str, optional
        Of the encoder whose features are wanted; by default the one that made most of those that
        have no text beside them.

    Returns
    -------
    LogExport

    Raises
    ------
    LedgerError
        If no row is left; the message counts what there was.
    """
    found = _Rows()
    menus: dict[bytes, list[dict[str, Any]]] = {}
    for outcome in outcomes:
        if outcome.menu not in menus:
            menus[outcome.menu] = json.loads(outcome.menu)
        _add(found, outcome, menus[outcome.menu])
    chosen = fingerprint or _choose_fingerprint(found)
    _select_encoder(found, chosen)
    if not found.rows:
        counts = "; ".join(f"{count} {reason}" for reason, count in found.left_out.items())
        raise LedgerError(f"no outcome can be exported ({counts or 'none was reported'})")
    names = sorted({name for row in found.rows for name in row["context"]})
    columns: dict[str, Any] = {name: [row[name] for row in found.rows] for name in found.rows[0]}
    contexts = columns.pop("context")
    columns |= {f"context_{name}": [each.get(name) for each in contexts] for name in names}
    if any(cost is not None for cost in columns["cost"]):
        columns["cost_unit"] = ["nominal"] * len(found.rows)
    else:
        # Without it the log's cost is the first budget unit that is there.
        del columns["cost"]
    if all(chance is None for chance in columns["propensity"]):
        # Nothing was left to chance.
        del columns["propensity"], columns["propensities"]
    newest = found.rows[-1]["price_id"]
    columns["prices_stale"] = [row["price_id"] != newest for row in found.rows]
    if chosen is not None and any(row is not None for row in found.features):
        columns["features"] = _stack(found.features)
        columns["feature_fingerprint"] = [chosen] * len(found.rows)
    return LogExport(columns, tuple(_write_notes(found, columns, newest)))


def _add(found: _Rows, outcome: StoredOutcome, menu: list[dict[str, Any]]) -> None:
    """Add one outcome, or count why not."""
    position, content = outcome.position, outcome.content
    choice = content.options[position]
    if choice < 0 or menu[choice].get("is_skip"):
        found.left_out[NO_OPTION] += 1
        return
    features = None
    if outcome.features is not None and outcome.fingerprint is not None:
        matrix = np.frombuffer(outcome.features, "<f4").reshape(len(content.ids), -1)
        features = matrix[position].astype(np.float32)
    if features is None and outcome.text is None:
        found.left_out[NO_INPUT] += 1
        return
    found.features.append(features)
    found.fingerprints.append(None if features is None else outcome.fingerprint)
    found.rows.append(_describe(outcome, menu[choice]) | _describe_chances(outcome, menu))


def _describe(outcome: StoredOutcome, option: Mapping[str, Any]) -> dict[str, Any]:
    """Write one outcome as a row."""
    position, content = outcome.position, outcome.content
    costs = {unit: from_micro(amount) for unit, amount in outcome.cost_micro.items()}
    reported = datetime.fromtimestamp(outcome.reported_wall_us / MICRO, tz=UTC)
    return {
        "query_id": content.hashes[position].hex(),
        "query": outcome.text,
        "group": content.groups[position],
        **{column: option.get(name) for column, name in OPTION_COLUMNS.items()},
        "samples": option.get("samples", 1),
        "quality": outcome.quality,
        **{column: costs.get(unit) for unit, column in COST_COLUMNS.items()},
        "cost": costs.get("nominal"),
        "trials": 1,
        "dataset": "sidecar",
        "plan_id": outcome.plan_id,
        "bundle_id": outcome.bundle_id,
        "price_id": outcome.price_id,
        "shadow": outcome.shadow,
        "late": outcome.late,
        "reported": reported.isoformat(),
        "context": content.contexts[position],
    }


def _describe_chances(
    outcome: StoredOutcome, menu: list[dict[str, Any]]
) -> dict[str, float | str | None]:
    """Write how likely the choice was, and every other one, where the plan explored."""
    position, content = outcome.position, outcome.content
    if content.propensities is None:
        return {"propensity": None, "propensities": None}
    chances = content.propensities[position]
    by_name = {menu[place]["name"]: chance for place, chance in chances.items()}
    # As text: a column of objects would give every row all options of all menus.
    written = json.dumps(by_name, ensure_ascii=False)
    return {"propensity": chances[content.options[position]], "propensities": written}


def _choose_fingerprint(found: _Rows) -> str | None:
    """Choose the encoder that most rows without a text need, the newest of equals."""
    needed = Counter(
        fingerprint
        for row, fingerprint in zip(found.rows, found.fingerprints, strict=True)
        if row["query"] is None
    )
    if needed:
        most = max(needed.values())
        return next(each for each in reversed(list(needed)) if needed[each] == most)
    known = [fingerprint for fingerprint in found.fingerprints if fingerprint is not None]
    return known[-1] if known else None


def _select_encoder(found: _Rows, chosen: str | None) -> None:
    """Forget features of other encoders, and rows that have nothing else."""
    for position, fingerprint in enumerate(found.fingerprints):
        if fingerprint != chosen:
            found.features[position] = None
    lost = [
        row["query"] is None and features is None
        for row, features in zip(found.rows, found.features, strict=True)
    ]
    if any(lost):
        found.left_out[OTHER_ENCODER] += sum(lost)
        found.keep(lambda position: not lost[position])


def _stack(features: list[NDArray[np.float32] | None]) -> NDArray[np.float32]:
    """Lay rows of features one below the other, NaN where there are none."""
    width = next(len(row) for row in features if row is not None)
    nothing = np.full(width, np.nan, dtype=np.float32)
    return np.stack([nothing if row is None else row for row in features])


def _write_notes(found: _Rows, columns: Mapping[str, Any], newest: str) -> list[str]:
    """Say what was left out, what is marked and what has not come yet."""
    notes = [f"left out {count} outcomes {reason}" for reason, count in found.left_out.items()]
    n_stale, n_shadow = sum(columns["prices_stale"]), sum(columns["shadow"])
    if n_stale:
        notes.append(f"{n_stale} outcomes were planned at other prices than the newest, {newest}")
    if n_shadow:
        notes.append(f"{n_shadow} outcomes are of shadow plans")
    n_drawn = sum(chance is not None for chance in columns.get("propensity", ()))
    if n_drawn:
        notes.append(f"{n_drawn} outcomes have a propensity, as their plans explored")
    n_waiting = columns["quality"].count(None)
    if n_waiting:
        notes.append(f"{n_waiting} outcomes have no quality yet: training leaves them out")
    return notes
