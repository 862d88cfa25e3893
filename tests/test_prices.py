"""Prices: a round trip through TOML, a stable identifier, and every malformed entry."""

from __future__ import annotations

import datetime
import math
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import PriceError
from router.options import SKIP, Option
from router.prices import ModelPrice, Prices

if TYPE_CHECKING:
    from pathlib import Path

DATE = "2026-11-22"
ENTRY = {"input_usd_per_mtok": 0.2, "output_usd_per_mtok": 0.8}
TABLE = {"date": DATE, "models": {"small": ENTRY}}

dollars = st.floats(0, 1e12) | st.integers(0, 10**9)
# Any text but lone surrogates, which no file holds.
names = st.text(st.characters(exclude_categories=["Cs"]))
tables = st.builds(
    Prices,
    st.dates().map(str),
    st.dictionaries(names, st.builds(ModelPrice, dollars, dollars), min_size=1, max_size=4),
    st.none() | dollars,
    dollars,
)


@given(tables)
def test_tables_round_trip(prices: Prices) -> None:
    """What is written as TOML reads back equal and under the same identifier, for any name."""
    again = Prices.from_mapping(tomllib.loads(prices.to_toml()))
    assert again == prices
    assert again.price_id == prices.price_id


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\tb", "a\x7fb", "a.b", "\U0001f600", ""])
def test_names_are_quoted(name: str) -> None:
    """Quotes, backslashes, control characters and characters beyond 16 bits survive."""
    prices = Prices(DATE, {name: ModelPrice(1, 2)})
    assert list(Prices.from_mapping(tomllib.loads(prices.to_toml())).models) == [name]


def test_files_load_with_mark_and_windows_line_ends(tmp_path: Path) -> None:
    """A byte order mark and CRLF do not matter, nor whether the date has quotation marks."""
    prices = Prices(DATE, {"small": ModelPrice(0.2, 0.8)}, 0.005)
    path = tmp_path / "prices.toml"
    text = prices.to_toml().replace(f'"{DATE}"', DATE).replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert Prices.load(path) == prices


def test_identifier_depends_on_prices_alone() -> None:
    """Order of models and integers for floats change nothing; any price and the date do."""
    a, b = ModelPrice(1, 2), ModelPrice(3.0, 4.0)
    prices = Prices(DATE, {"a": a, "b": b})
    assert prices.price_id == Prices(DATE, {"b": b, "a": ModelPrice(1.0, 2.0)}).price_id
    others = [
        Prices("2026-11-23", {"a": a, "b": b}),
        Prices(DATE, {"a": b, "b": a}),
        Prices(DATE, {"a": a}),
        Prices(DATE, {"a": a, "b": b}, 0.0),
        Prices(DATE, {"a": a, "b": b}, None, 1e-9),
    ]
    identifiers = {prices.price_id, *(other.price_id for other in others)}
    assert len(identifiers) == 6
    assert prices.price_id.startswith(DATE + "-")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {}}, r"entry 'model' is unknown: allowed are date, models, tools, time"),
        ({"date": None}, r"date None is not a day: write it as 2026-11-22"),
        ({"date": ""}, r"date '' is not a day"),
        ({"date": "22.11.2026"}, r"date '22.11.2026' is not a day"),
        ({"date": 2026}, r"date 2026 is not a day"),
        ({"date": datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)}, r"is not a day"),
        ({"models": 5}, r"models is not a table"),
        ({"models": {}}, r"there is no model"),
        ({"models": {"a": 5}}, r"\[models.'a'\] is not a table"),
        ({"models": {"a": {}}}, r"\[models.'a'\] lacks input_usd_per_mtok"),
        ({"models": {"a": {"input_usd_per_mtok": 1}}}, r"lacks output_usd_per_mtok"),
        (
            {"models": {"a": {**ENTRY, "cached": 1}}},
            r"\[models.'a'\] has an unknown field 'cached'",
        ),
        ({"tools": []}, r"tools is not a table"),
        ({"tools": {"serch": {}}}, r"\[tools\] has an unknown field 'serch': allowed are search"),
        ({"tools": {"search": 0.1}}, r"\[tools.search\] is not a table"),
        ({"tools": {"search": {"price": 1}}}, r"\[tools.search\] has an unknown field 'price'"),
        ({"tools": {"search": {"usd_per_call": "1"}}}, r"usd_per_call is '1', not a finite number"),
        ({"time": 5}, r"\[time\] is not a table"),
        ({"time": {"usd": 5}}, r"\[time\] has an unknown field 'usd'"),
        ({"time": {"usd_per_second": None}}, r"usd_per_second is None, not a finite number"),
    ],
)
def test_malformed_tables_are_refused(change: dict[str, Any], message: str) -> None:
    """Every entry that is missing, unknown or of another type is named with its place."""
    with pytest.raises(PriceError, match=r"here: " + ".*" + message):
        Prices.from_mapping({**TABLE, **change}, place="here")


def test_tables_without_a_date_are_refused() -> None:
    """Prices are dated."""
    with pytest.raises(PriceError, match=r"'date' is missing: prices are dated"):
        Prices.from_mapping({"models": {"small": ENTRY}})


@pytest.mark.parametrize("price", [-0.1, math.nan, math.inf, True, "1", [], None, 10**400])
def test_impossible_prices_are_refused(price: Any) -> None:
    """What is no finite number from 0 up is refused from a file and from Python alike."""
    table = {**TABLE, "models": {"a": {**ENTRY, "output_usd_per_mtok": price}}}
    message = "output_usd_per_mtok is .*, not a finite number from 0 up"
    with pytest.raises(PriceError, match=r"\[models.'a'\] " + message):
        Prices.from_mapping(table)
    with pytest.raises(PriceError, match=message):
        ModelPrice(0.1, price)
    with pytest.raises(PriceError, match=r"usd_per_second is .*, not a finite number"):
        Prices(DATE, {"a": ModelPrice(1, 1)}, usd_per_second=price)


@pytest.mark.parametrize(("date", "models"), [("soon", {"a": ModelPrice(1, 1)}), (DATE, {})])
def test_empty_and_undated_tables_are_refused(date: str, models: dict[str, ModelPrice]) -> None:
    """A table made in Python needs a day and a model as well."""
    with pytest.raises(PriceError, match=r"is not a day|there is no model"):
        Prices(date, models)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"date = ", "not valid TOML"),
        (b"\xff\xfe", "not valid UTF-8"),
        (b"date = " + b"[" * 5000, "not valid TOML"),
        (b"date = " + b"9" * 5000, "not valid TOML"),
        (b"", "'date' is missing"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A file that is missing or no TOML is named."""
    path = tmp_path / "prices.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PriceError, match=rf"prices\.toml: .*{message}"):
        Prices.load(path)


def test_directories_are_refused(tmp_path: Path) -> None:
    """A directory in the place of a file is an error of the input too."""
    with pytest.raises(PriceError, match=r"cannot be read"):
        Prices.load(tmp_path)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (Option("a", model="new", input_tokens=1.0, output_tokens=1.0), "no model 'new': .*small"),
        (Option("a", input_tokens=1.0, output_tokens=1.0), "no model None"),
        (Option("a", model="small", input_tokens=1.0), "input_tokens and output_tokens are needed"),
        (
            Option("a", model="small", input_tokens=1.0, output_tokens=1.0, search_steps=1.0),
            r"searches, but prices .* lack \[tools.search\]",
        ),
    ],
)
def test_missing_prices_are_named(option: Option, message: str) -> None:
    """Where a price or a quantity is missing, the option and what it lacks are named."""
    with pytest.raises(PriceError, match=r"option 'a'.*" + message):
        Prices.from_mapping(TABLE).compute_usd(option)


def test_skip_and_searchless_options_need_no_search_price() -> None:
    """Without a price for searches, options that make none can be priced."""
    prices = Prices.from_mapping(TABLE)
    option = Option("a", model="small", input_tokens=1e6, output_tokens=1e6, searches=0.0)
    assert prices.compute_usd(option) == pytest.approx(1.0)
    assert prices.compute_usd(SKIP) == 0.0


def test_numpy_prices_are_written_as_numbers() -> None:
    """A NumPy scalar is a price and is written as a plain number."""
    prices = Prices(DATE, {"a": ModelPrice(np.float64(0.5), 1)})
    assert "input_usd_per_mtok = 0.5\n" in prices.to_toml()
