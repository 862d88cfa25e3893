"""Prices: dated, per model and tool, replaceable by the user.

Models predict quality and quantities; dollars appear only where these prices meet quantities, and
every plan records under which prices it was made.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from datetime import date as calendar_date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from router.exceptions import PriceError
from router.tables import quote_toml, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.options import Option

__all__ = ["ModelPrice", "Prices"]

MODEL_FIELDS = ("input_usd_per_mtok", "output_usd_per_mtok")
SECTIONS = ("date", "models", "tools", "time")
TOKENS_PER_MTOK = 1_000_000.0


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model's tokens cost.

    Parameters
    ----------
    input_usd_per_mtok : float
        Dollars for a million tokens read.
    output_usd_per_mtok : float
        Dollars for a million tokens written, reasoning included.

    Raises
    ------
    PriceError
        If a price is not a finite number from 0 up.
    """

    input_usd_per_mtok: float
    output_usd_per_mtok: float

    def __post_init__(self) -> None:
        """Refuse what is no price, and keep floats only, so that 1 and 1.0 are one price."""
        for field in MODEL_FIELDS:
            price = _require_price(getattr(self, field), "model price", field)
            object.__setattr__(self, field, price)


@dataclass(frozen=True)
class Prices:
    """A dated price table.

    Parameters
    ----------
    date : str
        The day the prices were taken, as ``2026-11-22``.
    models : mapping of str to ModelPrice
        By the model's name.
    search_usd_per_call : float, optional
        Dollars for one search; None is not stated.
    usd_per_second : float, default=0.0
        Dollars for one second of work.

    Raises
    ------
    PriceError
        If the date is none, there is no model, or a price is not a finite number from 0 up.

    Examples
    --------
    >>> prices = Prices("2026-11-22", {"small": ModelPrice(0.2, 0.8)}, search_usd_per_call=0.005)
    >>> from router.options import Option
    >>> option = Option("a", model="small", input_tokens=1000, output_tokens=500, searches=2)
    >>> round(prices.compute_usd(option), 6)
    0.0106
    """

    date: str
    models: Mapping[str, ModelPrice]
    search_usd_per_call: float | None = None
    usd_per_second: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no price table, and keep floats only."""
        object.__setattr__(self, "date", _require_date(self.date, "prices"))
        if not self.models:
            raise PriceError("prices: there is no model: at least one is needed")
        if self.search_usd_per_call is not None:
            per_call = _require_price(self.search_usd_per_call, "prices", "search_usd_per_call")
            object.__setattr__(self, "search_usd_per_call", per_call)
        per_second = _require_price(self.usd_per_second, "prices", "usd_per_second")
        object.__setattr__(self, "usd_per_second", per_second)

    @cached_property
    def price_id(self) -> str:
        """Date and digest of the table, as plans record it."""
        content = json.dumps(
            {
                "models": {
                    name: [price.input_usd_per_mtok, price.output_usd_per_mtok]
                    for name, price in sorted(self.models.items())
                },
                "search": self.search_usd_per_call,
                "second": self.usd_per_second,
            }
        )
        return f"{self.date}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    def compute_usd(self, option: Option) -> float:
        """Price what an option typically consumes on one question.

        Parameters
        ----------
        option : Option
            With its quantities.

        Returns
        -------
        float
            Dollars.

        Raises
        ------
        PriceError
            If a quantity of the option or the price of its model or of searches is missing.
        """
        if option.is_skip:
            return 0.0
        tokens_usd = self.compute_token_usd(option)
        searches = option.searches if option.searches is not None else option.search_steps or 0.0
        if searches > 0 and self.search_usd_per_call is None:
            raise PriceError(
                f"option {option.name!r} searches, but prices {self.price_id} lack "
                "[tools.search] usd_per_call"
            )
        return (
            tokens_usd
            + searches * (self.search_usd_per_call or 0.0)
            + (option.seconds or 0.0) * self.usd_per_second
        )

    def compute_token_usd(self, option: Option) -> float:
        """Price the tokens alone that an option typically reads and writes on one question.

        Parameters
        ----------
        option : Option
            With its quantities.

        Returns
        -------
        float
            Dollars.

        Raises
        ------
        PriceError
            If a quantity of the option or the price of its model is missing.

        Examples
        --------
        >>> from router.options import Option
        >>> prices = Prices("2026-11-22", {"small": ModelPrice(1.0, 2.0)}, usd_per_second=1.0)
        >>> option = Option("a", model="small", input_tokens=1e6, output_tokens=5e5, seconds=3.0)
        >>> prices.compute_token_usd(option), prices.compute_usd(option)
        (2.0, 5.0)
        """
        if option.is_skip:
            return 0.0
        if option.model is None or option.model not in self.models:
            raise PriceError(
                f"option {option.name!r}: prices {self.price_id} have no model {option.model!r}: "
                f"they have {', '.join(sorted(self.models))}"
            )
        if option.input_tokens is None or option.output_tokens is None:
            raise PriceError(
                f"option {option.name!r}: input_tokens and output_tokens are needed for its price"
            )
        price = self.models[option.model]
        return (
            option.input_tokens * price.input_usd_per_mtok / TOKENS_PER_MTOK
            + option.output_tokens * price.output_usd_per_mtok / TOKENS_PER_MTOK
        )

    def to_toml(self) -> str:
        """Write the table as TOML that :meth:`load` reads back.

        Examples
        --------
        >>> import tomllib
        >>> prices = Prices("2026-11-22", {"small": ModelPrice(0.2, 0.8)})
        >>> Prices.from_mapping(tomllib.loads(prices.to_toml())) == prices
        True
        """
        lines = [f"date = {quote_toml(self.date)}", ""]
        for name, price in self.models.items():
            lines += [
                f"[models.{quote_toml(name)}]",
                f"input_usd_per_mtok = {price.input_usd_per_mtok!r}",
                f"output_usd_per_mtok = {price.output_usd_per_mtok!r}",
                "",
            ]
        if self.search_usd_per_call is not None:
            lines += ["[tools.search]", f"usd_per_call = {self.search_usd_per_call!r}", ""]
        lines += ["[time]", f"usd_per_second = {self.usd_per_second!r}", ""]
        return "\n".join(lines)

    @classmethod
    def load(cls, path: str | Path) -> Prices:
        """Read a price table from a TOML file.

        Raises
        ------
        PriceError
            If the file is missing or malformed; the message names the entry.
        """
        return cls.from_mapping(read_toml(path, error=PriceError), place=str(path))

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any], place: str = "prices") -> Prices:
        """Build a price table from the content of a TOML file.

        Raises
        ------
        PriceError
            If an entry is missing, unknown or not a price.

        Examples
        --------
        >>> table = {"date": "2026-11-22", "models": {"small": {"input_usd_per_mtok": 0.2}}}
        >>> Prices.from_mapping(table)
        Traceback (most recent call last):
        ...
        router.exceptions.PriceError: prices: [models.'small'] lacks output_usd_per_mtok
        """
        for name in content:
            if name not in SECTIONS:
                raise PriceError(
                    f"{place}: entry {name!r} is unknown: allowed are {', '.join(SECTIONS)}"
                )
        if "date" not in content:
            raise PriceError(f"{place}: 'date' is missing: prices are dated, as 2026-11-22")
        models = {}
        for name, entry in _require_table(content.get("models", {}), place, "models").items():
            where = f"[models.{name!r}]"
            fields = _require_table(entry, place, where)
            for field in MODEL_FIELDS:
                if field not in fields:
                    raise PriceError(f"{place}: {where} lacks {field}")
            _refuse_unknown(fields, MODEL_FIELDS, place, where)
            models[name] = ModelPrice(
                *(
                    _require_price(fields[field], place, f"{where} {field}")
                    for field in MODEL_FIELDS
                )
            )
        if not models:
            raise PriceError(f"{place}: there is no model: at least one [models.NAME] is needed")
        tools = _require_table(content.get("tools", {}), place, "tools")
        _refuse_unknown(tools, ("search",), place, "[tools]")
        search = _require_table(tools.get("search", {}), place, "[tools.search]")
        _refuse_unknown(search, ("usd_per_call",), place, "[tools.search]")
        time = _require_table(content.get("time", {}), place, "[time]")
        _refuse_unknown(time, ("usd_per_second",), place, "[time]")
        per_call = search.get("usd_per_call")
        return cls(
            date=_require_date(content["date"], place),
            models=models,
            search_usd_per_call=None
            if per_call is None
            else _require_price(per_call, place, "[tools.search] usd_per_call"),
            usd_per_second=_require_price(
                time.get("usd_per_second", 0.0), place, "[time] usd_per_second"
            ),
        )


def _require_date(value: Any, place: str) -> str:
    """Take a day, as text or as the date that TOML has."""
    try:
        return calendar_date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise PriceError(f"{place}: date {value!r} is not a day: write it as 2026-11-22") from None


def _require_table(value: Any, place: str, where: str) -> Mapping[str, Any]:
    """Take a table, refusing anything else."""
    if not isinstance(value, dict):
        raise PriceError(f"{place}: {where} is not a table")
    return value


def _refuse_unknown(
    fields: Mapping[str, Any], allowed: tuple[str, ...], place: str, where: str
) -> None:
    """Refuse a field that is not known: a misspelt price would otherwise count as none."""
    for field in fields:
        if field not in allowed:
            raise PriceError(
                f"{place}: {where} has an unknown field {field!r}: allowed are {', '.join(allowed)}"
            )


def _require_price(value: Any, place: str, where: str) -> float:
    """Take a price, refusing anything but a finite number from 0 up."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= sys.float_info.max:
        raise PriceError(f"{place}: {where} is {value!r}, not a finite number from 0 up")
    return float(value)
