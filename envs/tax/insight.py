"""The economy as rule-based workers see it: numbers they can reason with, worker by worker, batch first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.auction import ask_price, bid_price
from scenarium.envs.tax.economy import Economy, Tables
from scenarium.envs.tax.observe import workers_first
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.taxes import marginal_rate

NO_BID, NO_ASK = -1, 11


class Insight(NamedTuple):
    """One entry per worker [n, ...]; a batch adds a first axis.

    Attributes:
        tile: Number of the tile it stands on, int32 [n].
        stock: Whether each source holds a unit, int8 [n, S].
        money: Coin in hand, wealth, pay for a house, probability of a second unit, marginal rate, float32 [n, 5].
        goods: Stone and wood in hand, int32 [n, 2].
        offers: Best bid and best ask of others for stone, then for wood, int32 [n, 4]; -1 and 11 if there is none.
        mine: Own open bids and asks for stone, then for wood, int32 [n, 4].
        rate: Mean price of past trades by resource, float32 [n, 2].
    """

    tile: Array
    stock: Array
    money: Array
    goods: Array
    offers: Array
    mine: Array
    rate: Array


def space(sources: int) -> spaces.Dict:
    """The space of one worker's entry."""
    low, high = -(2**31), 2**31 - 1

    def whole(*shape: int) -> spaces.Box:
        return spaces.Box(low, high, shape, np.int32)

    boxes: dict[str, spaces.Space[Any]] = {
        "tile": whole(),
        "stock": spaces.Box(0, 1, (sources,), np.int8),
        "money": spaces.Box(-np.inf, np.inf, (5,), np.float32),
        "goods": whole(2),
        "offers": whole(4),
        "mine": whole(4),
        "rate": spaces.Box(0.0, np.inf, (2,), np.float32),
    }
    return spaces.Dict(boxes)


def insight(economy: Economy, tables: Tables, parameters: Parameters, xp: Namespace) -> Insight:
    """What every worker knows."""
    each = economy.location * 0
    marginal = marginal_rate(economy.wealth - economy.last_wealth, economy.rates, tables, xp)
    money = [xp.cast(x, "float") for x in (economy.coin, economy.wealth, economy.pay, economy.bonus, marginal)]
    history = economy.price_history
    rate = xp.total(history * xp.cast(tables.prices, "float"), 1) / xp.maximum(xp.total(history, 1), 0.001)
    bids, asks = (
        xp.cast(xp.total(xp.cast(side, "float"), 0), "int") for side in (economy.orders > 0, economy.orders < 0)
    )
    best_bid, best_ask = _offers(economy, parameters, xp)
    return Insight(
        xp.batch_first(economy.location),
        workers_first(economy.stock[:-1][:, None] + xp.cast(each, "byte"), xp),
        workers_first(xp.stack(money, 0), xp),
        workers_first(economy.goods, xp),
        workers_first(xp.stack([best_bid[0], best_ask[0], best_bid[1], best_ask[1]], 0), xp),
        workers_first(xp.stack([bids[0], asks[0], bids[1], asks[1]], 0), xp),
        workers_first(rate[:, None] + xp.cast(each, "float"), xp),
    )


def _offers(economy: Economy, parameters: Parameters, xp: Namespace) -> tuple[Array, Array]:
    """Best bid and best ask among the others, by resource, int32 [2, n] each."""
    n, most = parameters.workers, parameters.price_most
    high, low = xp.largest(economy.orders, 0), xp.smallest(economy.orders, 0)
    bid = xp.where(high > 0, bid_price(high), NO_BID)
    ask = xp.where(low < 0, ask_price(low, most), NO_ASK)
    bids, asks = [], []
    for me in range(n):
        others = [k for k in range(n) if k != me]
        best, least = bid[:, others[0]], ask[:, others[0]]
        for other in others[1:]:
            best, least = xp.maximum(best, bid[:, other]), xp.minimum(least, ask[:, other])
        bids.append(best)
        asks.append(least)
    return xp.stack(bids, 1), xp.stack(asks, 1)
