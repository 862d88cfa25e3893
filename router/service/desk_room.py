"""Room at the planning desk: how many requests are planned or wait for it at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from router.exceptions import OverloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Room"]


class Room:
    """So many places, of which whoever is planned or waits holds one.

    Parameters
    ----------
    n_places : int
        How many.
    on_refusal : callable
        Called each time somebody finds none.

    Examples
    --------
    >>> room = Room(1, lambda: None)
    >>> with room.take_place():
    ...     room.n_taken
    1
    >>> room.n_taken
    0
    """

    def __init__(self, n_places: int, on_refusal: Callable[[], None]) -> None:
        self.n_places = n_places
        self.n_taken = 0
        self._on_refusal = on_refusal

    @property
    def is_full(self) -> bool:
        """Whether no place is free."""
        return self.n_taken >= self.n_places

    @contextmanager
    def take_place(self) -> Iterator[None]:
        """Hold a place until the end of the block.

        Raises
        ------
        OverloadError
            If there is none.
        """
        if self.is_full:
            self._on_refusal()
            raise OverloadError(
                f"{self.n_places} requests are being planned, which is all that is allowed at "
                "once: ask again"
            )
        self.n_taken += 1
        try:
            yield
        finally:
            self.n_taken -= 1
