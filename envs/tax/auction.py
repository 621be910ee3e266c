"""The continuous double auction: one book per resource, one unit per trade, whole prices.

An open order is one integer. Bids are positive and asks negative; the absolute value less one is
`64 * eagerness + age`, where a bid is the more eager the higher and an ask the more eager the lower its price. So the
best bid is the largest code, the best ask the smallest, older orders win at equal prices, and growing older by one
period is a step away from zero. A worker posts at most one order a period, so the codes of its own orders of one side
of a book all differ.

Matching is greedy: the best bid trades with the best ask of somebody else if that is not dearer; a bidder who cannot
trade is passed over. Each trade uses up an order posted in this period (before it, no bid crossed a stranger's ask), so
there are at most n trades in a period, over both books.
"""

from __future__ import annotations

from typing import NamedTuple

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.actions import Choice
from scenarium.envs.tax.economy import Economy, Tables
from scenarium.envs.tax.parameters import Parameters

AGES, TIES = 64, 16
_AGE = AGES - 1


class Market(NamedTuple):
    """What an auction moves, beside the books.

    Attributes:
        orders: Codes, int32 [orders_most, 2, n].
        coin: Change of coin in hand, int32 [n].
        bid_coin: Change of coin in bids, int32 [n].
        bought: Units each worker bought, int32 [2, n].
        sold: Units each worker sold, int32 [2, n].
        prices: Trades at each price, int32 [2, 11].
    """

    orders: Array
    coin: Array
    bid_coin: Array
    bought: Array
    sold: Array
    prices: Array


def bid_code(price: Array, age: Array = 0) -> Array:
    """Code of a bid."""
    return price * AGES + age + 1


def ask_code(price: Array, most: int, age: Array = 0) -> Array:
    """Code of an ask; `most` is the highest price."""
    return -((most - price) * AGES + age + 1)


def bid_price(code: Array) -> Array:
    """Price of a bid; other codes give nonsense."""
    return (code - 1) >> 6


def ask_price(code: Array, most: int) -> Array:
    """Price of an ask; other codes give nonsense."""
    return most - ((-code - 1) >> 6)


def may_order(economy: Economy, parameters: Parameters, xp: Namespace) -> Array:
    """Whether a worker may open another order, by resource, bool [2, n]."""
    return xp.total(xp.cast(economy.orders != 0, "float"), 0) < float(parameters.orders_most)


def post(economy: Economy, choice: Choice, tables: Tables, parameters: Parameters, xp: Namespace) -> Economy:
    """Opens the orders that are allowed and sets their coin or unit aside; others are ignored and cost no labor."""
    room = may_order(economy, parameters, xp)
    price = choice.price
    bid = choice.bid & room & (economy.coin >= xp.cast(price, "double"))
    ask = choice.ask & room & (economy.goods > 0)
    code = xp.where(bid, bid_code(price), xp.where(ask, ask_code(price, parameters.price_most), 0))
    free = xp.where(economy.orders == 0, tables.first, 0)
    chosen = (free == xp.largest(free, 0)) & (free > 0)
    bids, units = xp.any(bid, 0), xp.cast(ask, "int")
    spent = xp.cast(xp.where(bids, price, 0), "double")
    posted = xp.cast(bids | xp.any(ask, 0), "double")
    return economy._replace(
        orders=xp.where(chosen, code, economy.orders),
        coin=economy.coin - spent,
        bid_coin=economy.bid_coin + spent,
        goods=economy.goods - units,
        ask_goods=economy.ask_goods + units,
        labor=economy.labor + posted * parameters.order_labor,
    )


def match(orders: Array, tie: Array, tables: Tables, parameters: Parameters, xp: Namespace) -> Market:
    """Trades until no bid crosses a stranger's ask.

    Args:
        orders: Codes with this period's new orders, int32 [orders_most, 2, n].
        tie: Rank of each worker among orders of the same price and age, the highest first, [n].
        tables: The map's constants (prices).
        parameters: Numbers of the game.
        xp: Namespace.
    """
    none = orders[0] * 0
    market = Market(orders, none[0], none[0], none, none, none[:, :1] * tables.prices[None])
    if not xp.batched and not _may_cross(orders, parameters):
        return market
    for _ in range(parameters.workers):
        buyer, seller, best_bid, best_ask = _pair(market.orders, tie, parameters, xp)
        if xp.never(buyer):
            break
        market = _trade(market, buyer, seller, best_bid, best_ask, tables, parameters, xp)
    return market


def _may_cross(orders: Array, parameters: Parameters) -> bool:
    """Whether in a book of one world the best bid reaches the best ask, be it of the same worker."""
    books = zip(orders.max((0, 2)).tolist(), orders.min((0, 2)).tolist(), strict=True)
    return any(bid > 0 > ask and bid_price(bid) >= ask_price(ask, parameters.price_most) for bid, ask in books)


def _pair(orders: Array, tie: Array, parameters: Parameters, xp: Namespace) -> tuple[Array, Array, Array, Array]:
    """In each book the buyer and seller of the next trade as masks [2, n] (all False if none), and best codes [2, n].

    The ask a bidder faces is the best of all, or the second best worker's where the best is its own.
    """
    best_bid, best_ask = xp.largest(orders, 0), xp.smallest(orders, 0)
    bid_key = xp.where(best_bid > 0, best_bid * TIES + tie, 0)
    ask_key = xp.where(best_ask < 0, tie - best_ask * TIES, 0)
    first = xp.largest(ask_key, 1)[:, None]
    second = xp.largest(xp.where(ask_key == first, 0, ask_key), 1)[:, None]
    faced = xp.where(ask_key == first, second, first)
    eagerness = bid_price(best_bid) + ((faced // TIES - 1) >> 6)
    crossing = xp.where((best_bid > 0) & (faced > 0) & (eagerness >= parameters.price_most), bid_key, 0)
    winner = xp.largest(crossing, 1)[:, None]
    buyer = (crossing == winner) & (winner > 0)
    wanted = xp.largest(xp.where(buyer, faced, 0), 1)[:, None]
    seller = (ask_key == wanted) & (wanted > 0)
    return buyer, seller, best_bid, best_ask


def _trade(
    market: Market,
    buyer: Array,
    seller: Array,
    best_bid: Array,
    best_ask: Array,
    tables: Tables,
    parameters: Parameters,
    xp: Namespace,
) -> Market:
    """Carries out one trade per book: the older order sets the price, the ask if both are of one age."""
    bid = xp.largest(xp.where(buyer, best_bid, 0), 1)[:, None]
    ask = xp.smallest(xp.where(seller, best_ask, 0), 1)[:, None]
    offered, asked = bid_price(bid), ask_price(ask, parameters.price_most)
    price = xp.where(((bid - 1) & _AGE) <= ((-ask - 1) & _AGE), asked, offered)
    traded = xp.any(buyer, 1)[:, None]
    gone = (buyer & (market.orders == best_bid)) | (seller & (market.orders == best_ask))
    coin = xp.where(buyer, offered - price, xp.where(seller, price, 0))
    released = xp.where(buyer, offered, 0)
    return Market(
        xp.where(gone, 0, market.orders),
        market.coin + coin[0] + coin[1],
        market.bid_coin - released[0] - released[1],
        market.bought + xp.cast(buyer, "int"),
        market.sold + xp.cast(seller, "int"),
        market.prices + xp.cast((tables.prices[None] == price) & traded, "int"),
    )


def settle(economy: Economy, market: Market, parameters: Parameters, xp: Namespace) -> Economy:
    """Applies what the auction moved, then ages the orders left and takes back those that expire."""
    orders = market.orders
    older = orders + xp.cast(orders > 0, "int") - xp.cast(orders < 0, "int")
    age = (abs(older) - 1) & _AGE
    expired = (older != 0) & (age > parameters.order_life)
    refund = xp.total(xp.cast(xp.where(expired & (older > 0), bid_price(older), 0), "float"), 0)
    returned = xp.cast(xp.total(xp.cast(expired & (older < 0), "float"), 0), "int")
    back = xp.cast(refund[0] + refund[1], "double")
    trades = xp.cast(market.prices, "float")
    return economy._replace(
        orders=xp.where(expired, 0, older),
        coin=economy.coin + xp.cast(market.coin, "double") + back,
        bid_coin=economy.bid_coin + xp.cast(market.bid_coin, "double") - back,
        goods=economy.goods + market.bought + returned,
        ask_goods=economy.ask_goods - market.sold - returned,
        price_history=economy.price_history * parameters.price_memory + trades,
    )
