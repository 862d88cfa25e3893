"""Facts of menus: what a plan needs to know of a menu alone, worked out once and remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.plan_axes import MenuAxes

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.costs import MenuCosts
    from router.options import Menu

__all__ = ["MenuFacts", "MenuMemory"]

# Menus remembered: a service answers for one or two of its own, and for those of requests.
MENUS_MAX = 32


@dataclass(frozen=True, slots=True)
class MenuFacts:
    """What a plan needs to know of a menu, whatever the questions.

    Parameters
    ----------
    menu : Menu
        The options; kept, so that no other menu can take its identity.
    costs : MenuCosts
        What they cost under the prices of whoever asked.
    axes : MenuAxes
        How they compare along searches and reasoning.
    """

    menu: Menu
    costs: MenuCosts
    axes: MenuAxes


@dataclass(frozen=True, slots=True)
class MenuMemory:
    """Facts of the menus asked about last, found by the menus' identity.

    Threads may share one: two that miss at once work out the same, and one of the two is kept.

    Parameters
    ----------
    cost : callable
        Costs a menu.

    Examples
    --------
    >>> from router.costs import cost_menu
    >>> from router.options import Menu, Option
    >>> memory, menu = MenuMemory(cost_menu), Menu((Option("a", searches=2.0),))
    >>> memory.recall(menu) is memory.recall(menu)
    True
    """

    cost: Callable[[Menu], MenuCosts]
    _facts: dict[int, MenuFacts] = field(default_factory=dict, init=False, repr=False)

    def recall(self, menu: Menu) -> MenuFacts:
        """Give the facts of a menu.

        Parameters
        ----------
        menu : Menu
            Never changed, as menus are.

        Returns
        -------
        MenuFacts
        """
        facts = self._facts.get(id(menu))
        if facts is None or facts.menu is not menu:
            facts = MenuFacts(menu, self.cost(menu), MenuAxes.build(menu))
            if len(self._facts) >= MENUS_MAX:
                self._facts.clear()
            self._facts[id(menu)] = facts
        return facts
