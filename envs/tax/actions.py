"""What the 50 worker actions and the planner's levels mean.

A worker's action is one of: 0 nothing | 1 build | 2-12 bid for stone at 0..10 | 13-23 ask for stone | 24-34 bid for
wood | 35-45 ask for wood | 46-49 go left, right, up, down. The planner sets each bracket's level: 0 keeps its rate,
k = 1..21 sets (k - 1) * 5 percent.
"""

from __future__ import annotations

from typing import NamedTuple

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.parameters import MOVES, Parameters

BUILD, FIRST_ORDER, FIRST_MOVE, WORKER_ACTIONS = 1, 2, 46, 50
PRICES = 11
LEVELS, LEVEL = 22, 0.05


class Choice(NamedTuple):
    """The workers' actions taken apart; a batch adds a last axis.

    Attributes:
        build: Whether the worker builds, bool [n].
        bid: Whether it bids, by resource, bool [2, n].
        ask: Whether it asks, by resource, bool [2, n].
        price: The price of its order, int32 [n].
        move: 0 (stays) or 1..4 (left, right, up, down), int32 [n].
    """

    build: Array
    bid: Array
    ask: Array
    price: Array
    move: Array


class Codebook:
    """The meaning of the 50 actions as tables of one backend: whether they build, bid or ask, at what price, ...

    Attributes:
        bid, ask: Whether an action bids or asks, by resource, bool [2, 50].
        price: Price of an order, int32 [50].
        move: 0 or 1..4, int32 [50].
    """

    def __init__(self, xp: Namespace) -> None:
        books = [[action - FIRST_ORDER - PRICES * book for action in range(WORKER_ACTIONS)] for book in range(4)]
        inside = [[0 <= price < PRICES for price in book] for book in books]
        orders = range(-FIRST_ORDER, WORKER_ACTIONS - FIRST_ORDER)
        self.bid, self.ask = xp.constant(inside[0::2], "bool"), xp.constant(inside[1::2], "bool")
        self.price = xp.constant([max(order, 0) % PRICES for order in orders], "int")
        self.move = xp.constant([max(action - FIRST_MOVE + 1, 0) for action in range(WORKER_ACTIONS)], "int")

    def decode(self, action: Array) -> Choice:
        """Takes worker actions apart.

        Args:
            action: 0..49, of the index type, [n] or [n, B].
        """
        return Choice(action == BUILD, self.bid[:, action], self.ask[:, action], self.price[action], self.move[action])


def describe(action: int) -> str:
    """A worker action in words.

    Args:
        action: 0..49.
    """
    if action < FIRST_ORDER:
        return ("nothing", "build")[action]
    if action >= FIRST_MOVE:
        return f"go {MOVES[action - FIRST_MOVE]}"
    book, price = divmod(action - FIRST_ORDER, PRICES)
    return f"{('bid for', 'ask for')[book % 2]} {('stone', 'wood')[book // 2]} at {price}"


def set_rates(rates: Array, levels: Array, parameters: Parameters, xp: Namespace) -> Array:
    """The rates after the planner's levels; a level above the rate cap is ignored, as is level 0.

    Args:
        rates: In force, float64 [brackets] or [brackets, B].
        levels: 0..21, int32 of the same shape.
        parameters: Numbers of the game (`rate_cap`).
        xp: Namespace.
    """
    wanted = xp.cast(levels - 1, "double") * LEVEL
    return xp.where((levels > 0) & (wanted <= parameters.rate_cap + 1e-9), wanted, rates)
