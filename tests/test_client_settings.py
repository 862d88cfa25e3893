"""Settings: addresses and keys that can be used, and those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from router.client.settings import Settings
from router.exceptions import InputError

FAR = "http://router.example.org"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://127.0.0.1:8088/", "http://127.0.0.1:8088"),
        ("https://router.example.org/team/", "https://router.example.org/team"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_addresses_are_kept_without_their_last_slash(url: str, kept: str) -> None:
    """Paths are put behind the address as it is."""
    assert Settings(url).url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "router",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://a:x",
        "http://a/\u00e9",
        "http://a?k=1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Mistakes are told before the first call."""
    with pytest.raises(InputError, match="url"):
        Settings(url)


def test_password_in_an_address_is_refused_and_not_repeated() -> None:
    """A secret that stands in an address does not get into a message."""
    with pytest.raises(InputError, match="user name") as raised:
        Settings("https://me:canary@example.org")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("key", ["", "a b\n", "\u00e9", "a\x00", " a"])
def test_key_that_no_header_may_hold_is_refused(key: str) -> None:
    """Nor is it repeated."""
    with pytest.raises(InputError, match="the key") as raised:
        Settings("http://localhost", key=key)
    assert repr(key) not in str(raised.value)


def test_key_goes_unencrypted_to_this_machine_only() -> None:
    """To others it takes leave, encryption, or a socket of the file system."""
    with pytest.raises(InputError, match="allow_plain_http") as raised:
        Settings(FAR, key="canary")
    assert "canary" not in str(raised.value)
    for url, terms in (
        ("http://localhost:1", {}),
        ("http://127.0.0.2", {}),
        ("http://[::1]", {}),
        ("https://router.example.org", {}),
        (FAR, {"allow_plain_http": True}),
        (FAR, {"socket_path": "s"}),
    ):
        assert Settings(url, key="canary", **terms).key == "canary"
    assert Settings(FAR).key is None


@pytest.mark.parametrize(
    "terms",
    [{"timeout_s": 0}, {"timeout_s": float("inf")}, {"timeout_s": float("nan")}, {"n_attempts": 0}],
)
def test_numbers_out_of_range_are_refused(terms: dict[str, Any]) -> None:
    """A client that waits for ever, or never asks, is none."""
    with pytest.raises(InputError, match=next(iter(terms))):
        Settings("http://a", **terms)
