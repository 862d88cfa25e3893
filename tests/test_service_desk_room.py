"""Room at the desk: so many places, each given back whatever becomes of its holder."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from router.exceptions import OverloadError
from router.service.desk_room import Room


def test_places_are_counted_and_given_back() -> None:
    """Who finds none is refused and told of; an error gives its place back as well."""
    refusals: list[str] = []
    room = Room(2, lambda: refusals.append("refused"))
    with ExitStack() as held:
        held.enter_context(room.take_place())
        assert not room.is_full
        held.enter_context(room.take_place())
        assert room.is_full
        with pytest.raises(OverloadError, match="2 requests"), room.take_place():
            pytest.fail("a third was let in")
    assert (room.n_taken, refusals) == (0, ["refused"])
    with pytest.raises(ZeroDivisionError), room.take_place():
        _ = 1 / 0
    assert room.n_taken == 0


def test_room_without_places_is_full() -> None:
    """Nobody is let in."""
    assert Room(0, lambda: None).is_full
