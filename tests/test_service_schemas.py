"""Bodies turned into the library's words: menus that are asked about again are the same."""

from __future__ import annotations

import pytest
from msgspec.json import decode

from router.exceptions import MenuError
from router.service.schemas import MENUS_MAX, MenuBody, make_menu


def read_menu(content: str) -> MenuBody:
    """Read a menu as a request has it."""
    return decode(content, type=MenuBody)


def test_menus_asked_about_again_are_the_same_objects() -> None:
    """Two requests with one menu share one, and any difference makes another."""
    first = make_menu(read_menu('{"grid": {"models": ["a", "b"]}, "skip": true}'))
    again = make_menu(read_menu('{"skip": true,  "grid": {"models": ["a", "b"]}}'))
    other = make_menu(read_menu('{"grid": {"models": ["b", "a"]}, "skip": true}'))
    assert first is again
    assert first is not None
    assert other is not None
    assert first.names != other.names


def test_many_menus_never_lend_each_other_an_option() -> None:
    """Of more menus than are kept, each request gets its own."""
    for _ in range(2):
        for number in range(2 * MENUS_MAX):
            menu = make_menu(read_menu(f'{{"options": [{{"name": "o{number}"}}]}}'))
            assert menu is not None
            assert menu.names == (f"o{number}",)


def test_refused_menus_are_refused_again() -> None:
    """A menu that is refused is refused every time."""
    for _ in range(2):
        with pytest.raises(MenuError, match="0 options"):
            make_menu(read_menu("{}"))
