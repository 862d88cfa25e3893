"""Facts of menus: worked out once, never another menu's, and no more of them than allowed."""

from __future__ import annotations

from router.costs import MenuCosts, cost_menu
from router.menu_facts import MENUS_MAX, MenuMemory
from router.options import Menu, Option
from router.planner import Router
from tests.contracts.commands import PRICES, tiny_bundle


def test_a_menu_is_costed_once() -> None:
    """Asking again about the same menu works nothing out again."""
    asked: list[Menu] = []

    def cost(menu: Menu) -> MenuCosts:
        """Cost a menu and keep count."""
        asked.append(menu)
        return cost_menu(menu)

    memory, menu = MenuMemory(cost), Menu((Option("a", searches=2.0),))
    twin = Menu((Option("a", searches=3.0),))
    for _ in range(3):
        assert memory.recall(menu).costs.amounts["searches"].tolist() == [2.0]
        assert memory.recall(twin).costs.amounts["searches"].tolist() == [3.0]
    assert asked == [menu, twin]


def test_menus_that_are_gone_lend_nobody_their_facts() -> None:
    """Of many menus that live shortly, each gets its own costs, and few are remembered."""
    memory = MenuMemory(cost_menu)
    for number in range(5 * MENUS_MAX):
        facts = memory.recall(Menu((Option("a", searches=float(number)),)))
        assert facts.costs.amounts["searches"].tolist() == [number]
        assert len(memory._facts) <= MENUS_MAX


def test_routers_with_other_prices_share_no_costs() -> None:
    """The costs that one router remembers are under its own prices."""
    menu = Menu((Option("a", model="toy", input_tokens=9.0, output_tokens=1.0, costs={"usd": 7}),))
    bundle = tiny_bundle()
    priced, bare = Router(bundle, PRICES), Router(bundle)
    assert priced.cost(menu).price_id == PRICES.price_id
    assert bare.cost(menu).amounts["usd"].tolist() == [7.0]
    assert priced.cost(menu) is priced.cost(menu)


def test_the_menu_with_skip_is_one_object() -> None:
    """What is known of a menu with the option to answer nothing is found again."""
    menu = Menu((Option("a"),))
    assert menu.with_skip() is menu.with_skip()
    assert menu.with_skip().with_skip() is menu.with_skip()
