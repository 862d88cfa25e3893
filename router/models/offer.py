"""An offer: what a prediction needs to know of a menu, worked out once a menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.options import Menu, Option

__all__ = ["Offer"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A menu of m options beside the names that a model knows.

    Parameters
    ----------
    menu : Menu
        The options.
    evidence : tuple of str, length m
        For each option ``outcomes``, ``descriptors`` or ``none``.
    columns, positions : ndarray of int64, shape (k,)
        Which options are known by name, and where among the model's names each stands.
    answers : ndarray of int64, shape (a,)
        Which options answer at all.
    answering : tuple of Option, length a
        The same as options.
    guessed, skip : ndarray of int64
        Which options rest on descriptors, and which answer nothing.

    Examples
    --------
    >>> from router.options import SKIP, Menu, Option
    >>> offer = Offer.build(Menu((SKIP, Option("a"), Option("b"))), ["c", "b"])
    >>> offer.evidence
    ('none', 'descriptors', 'outcomes')
    >>> offer.columns.tolist(), offer.positions.tolist()
    ([2], [1])
    """

    menu: Menu
    evidence: tuple[str, ...]
    columns: NDArray[np.int64]
    positions: NDArray[np.int64]
    answers: NDArray[np.int64]
    answering: tuple[Option, ...]
    guessed: NDArray[np.int64]
    skip: NDArray[np.int64]

    @classmethod
    def build(cls, menu: Menu, names: Sequence[str]) -> Offer:
        """Set a menu beside the names that a model knows.

        Parameters
        ----------
        menu : Menu
            m options.
        names : sequence of str
            Names, in the order of the model's output.

        Returns
        -------
        Offer
        """
        position = {name: index for index, name in enumerate(names)}
        evidence = tuple(
            "none" if option.is_skip else "outcomes" if option.name in position else "descriptors"
            for option in menu
        )
        kinds = np.array(evidence)
        answers = np.flatnonzero(kinds != "none")
        columns = np.flatnonzero(kinds == "outcomes")
        return cls(
            menu=menu,
            evidence=evidence,
            columns=columns,
            positions=np.array([position[menu.options[i].name] for i in columns], dtype=np.int64),
            answers=answers,
            answering=tuple(menu.options[i] for i in answers),
            guessed=np.flatnonzero(kinds == "descriptors"),
            skip=np.flatnonzero(kinds == "none"),
        )
