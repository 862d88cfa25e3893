"""Offers: options whose quality is what a law of `router.strategies` expects of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.options import Menu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.models.surface import Surface
    from router.strategies.offers import Offer

__all__ = ["add_offers", "expect_offers"]


def add_offers(menu: Menu, offers: Sequence[Offer]) -> Menu:
    """Put the options of offers on a menu, after its own.

    Parameters
    ----------
    menu : Menu
        What is on offer otherwise; options of it that an offer names stay where they are.
    offers : sequence of Offer
        What is added.

    Returns
    -------
    Menu

    Raises
    ------
    InputError
        If two offers name the same option.

    Examples
    --------
    >>> from router.options import Option
    >>> from router.strategies import Consumption, offer_samples
    >>> offer = offer_samples("vote", [1, 4], np.array([[0.5, 0.6]]), Consumption(100, 50))
    >>> add_offers(Menu((Option("large"),)), [offer]).names
    ('large', 'vote|n1', 'vote|n4')
    """
    added = [option for offer in offers for option in offer.options]
    names = [option.name for option in added]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"option {twice[0]!r} is in more than one offer, or in one twice")
    own = set(menu.names)
    more = tuple(option for option in added if option.name not in own)
    return Menu((*menu.options, *more), menu.name) if more else menu


def expect_offers(surface: Surface, offers: Sequence[Offer]) -> Surface:
    """Take the quality of offered options from their offers.

    Parameters
    ----------
    surface : Surface
        As predicted of n questions, for a menu with the options of the offers.
    offers : sequence of Offer
        With one row of quality for each question, or one row for all of them.

    Returns
    -------
    Surface
        In which offered options have no outcomes behind them; their intervals stay as wide as
        predicted, around what is offered.

    Raises
    ------
    InputError
        If an offer is of another number of questions, or a quality is not from 0 to 1.
    """
    if not offers:
        return surface
    quality, evidence = surface.quality.copy(), list(surface.evidence)
    places = {name: place for place, name in enumerate(surface.menu.names)}
    for offer in offers:
        given = np.asarray(offer.quality, dtype=np.float64)
        shape = (len(quality), len(offer.options))
        if given.shape not in {shape, (1, shape[1])}:
            raise InputError(
                f"an offer of {offer.options[0].name!r} has quality of shape {given.shape}: "
                f"{shape} is needed, or one row for all questions"
            )
        if not ((given >= 0.0) & (given <= 1.0)).all():
            raise InputError(
                f"an offer of {offer.options[0].name!r} has a quality that is not from 0 to 1"
            )
        columns = [places[option.name] for option in offer.options]
        quality[:, columns] = given
        for column in columns:
            evidence[column] = "descriptors"
    moved = quality - surface.quality
    return replace(
        surface,
        quality=quality,
        low=np.clip(surface.low + moved, 0.0, 1.0),
        high=np.clip(surface.high + moved, 0.0, 1.0),
        evidence=tuple(evidence),
    )
