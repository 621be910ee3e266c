"""What workers and planner see, and which of their actions are allowed.

Numbers, order and scaling are Foundation's: inventories and price history times 0.01, incomes per tax period, time and
location as shares, fields in alphabetical order. `worker_fields` and `planner_fields` say what stands where.
"""

from __future__ import annotations

from typing import NamedTuple

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.actions import PRICES
from scenarium.envs.tax.auction import ask_price, bid_price, may_order
from scenarium.envs.tax.build import may_build
from scenarium.envs.tax.economy import Economy, Tables
from scenarium.envs.tax.move import ways
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.taxes import marginal_rate

UNITS = 0.01
"""Scale of inventories and of the price history."""

Fields = tuple[tuple[str, int], ...]
"""Names and lengths of the parts of a flat observation; 22 stands for two resources times eleven prices."""


def worker_fields(parameters: Parameters) -> Fields:
    """What a worker's flat observation holds, in order: 136 numbers with four workers and seven brackets."""
    books = [(f"{what}", 2 * PRICES) for what in ("available_asks", "available_bids")]
    own = [(f"{what}", 2 * PRICES) for what in ("my_asks", "my_bids", "price_history")]
    taxes = [("rates", len(parameters.cutoffs)), ("is_first_day", 1), ("is_tax_day", 1)]
    rest = ("marginal_rate", "tax_phase", "time", "coin", "stone", "wood", "row", "column")
    return (
        ("build_payment", 1), ("build_skill", 1), *books, ("market_rate", 2), *own, ("bonus", 1), *taxes,
        ("last_incomes", parameters.workers), *((name, 1) for name in rest),
    )  # fmt: skip


def planner_fields(parameters: Parameters) -> Fields:
    """What the planner's flat observation holds, in order: 86 numbers with four workers, then six per worker.

    The planner's own coin, stone and wood are always 0. Skills, labor and coin in bids are hidden from it.
    """
    market = [("asks", 2 * PRICES), ("bids", 2 * PRICES), ("market_rate", 2), ("price_history", 2 * PRICES)]
    taxes = [("rates", len(parameters.cutoffs)), ("is_first_day", 1), ("is_tax_day", 1)]
    own = (("tax_phase", 1), ("time", 1), ("coin", 1), ("stone", 1), ("wood", 1))
    return (*market, *taxes, ("last_incomes", parameters.workers), *own, ("workers", 6 * parameters.workers))


def width(fields: Fields) -> int:
    """Length of a flat observation."""
    return sum(length for _, length in fields)


class Market(NamedTuple):
    """The books as the participants see them, as float32 rows; a batch adds a last axis.

    Attributes:
        bids, asks: Open orders by resource and price of each worker [22, n].
        rate: Mean price of past trades, later ones weighing more; 0 before any [2].
        history: Decayed number of trades by resource and price, times 0.01 [22].
    """

    bids: Array
    asks: Array
    rate: Array
    history: Array


def market(economy: Economy, tables: Tables, parameters: Parameters, xp: Namespace) -> Market:
    """Counts every worker's open orders at every price."""
    orders = economy.orders
    asked = xp.where(orders < 0, ask_price(orders, parameters.price_most) + PRICES, -1)
    place = xp.where(orders > 0, bid_price(orders), asked)[:, :, None]
    count = xp.total(xp.cast(place == tables.places, "float"), 0)
    bids, asks = _rows(count[:, :PRICES]), _rows(count[:, PRICES:])
    history = economy.price_history
    weighted = xp.total(history * xp.cast(tables.prices, "float"), 1)
    rate = weighted / xp.maximum(xp.total(history, 1), 0.001)
    return Market(bids, asks, rate, _rows(history) * UNITS)


def _rows(x: Array) -> Array:
    """Joins the axes of resource and price."""
    return x.reshape(2 * PRICES, *x.shape[2:])


class Clock(NamedTuple):
    """The calendar: numbers where all worlds are in the same period, else float32 [B].

    Attributes:
        time: Periods played, in thousands.
        first_day: 1 in the period whose action sets the rates.
        tax_day: 1 in the period at whose end taxes are due.
        phase: Share of the tax period, this one counted.
    """

    time: Array
    first_day: Array
    tax_day: Array
    phase: Array


def clock(t: Array, parameters: Parameters, xp: Namespace) -> Clock:
    """The calendar in period t."""
    day = t % parameters.period
    parts = (t * 0.001, (day == 0) * 1.0, (day == parameters.period - 1) * 1.0, (day + 1) * (1.0 / parameters.period))
    return Clock(*(parts if isinstance(t, int) else (xp.cast(part, "float") for part in parts)))


class Shared(NamedTuple):
    """What worker and planner observations have in common.

    Attributes:
        market: The books.
        clock: The calendar.
        rates: Rates in force, float32 [brackets].
        incomes: Incomes of the last period by worker, per 100 coin, float32 [n].
        sorted_incomes: The same, ascending.
        marginal: Marginal rate on the income so far, float32 [n].
        goods: Stone and wood in hand, scaled, float32 [2, n].
        coin: Coin in hand, scaled, float32 [n].
    """

    market: Market
    clock: Clock
    rates: Array
    incomes: Array
    sorted_incomes: Array
    marginal: Array
    goods: Array
    coin: Array


def shared(economy: Economy, t: Array, tables: Tables, parameters: Parameters, xp: Namespace) -> Shared:
    """Computes what both sides see."""
    incomes = xp.cast(economy.last_income * (1.0 / parameters.period), "float")
    return Shared(
        market(economy, tables, parameters, xp),
        clock(t, parameters, xp),
        xp.cast(economy.rates, "float"),
        incomes,
        sort_workers(incomes, xp),
        xp.cast(marginal_rate(economy.wealth - economy.last_wealth, economy.rates, tables, xp), "float"),
        xp.cast(economy.goods, "float") * UNITS,
        xp.cast(economy.coin * UNITS, "float"),
    )


def sort_workers(x: Array, xp: Namespace) -> Array:
    """Ascending sort along the first axis; in a batch by exchanging neighbours, which a compiler fuses."""
    if not xp.batched:
        return xp.sort(x, 0)
    rows = list(xp.unstack(x, 0))
    for last in range(len(rows) - 1, 0, -1):
        for i in range(last):
            rows[i], rows[i + 1] = xp.minimum(rows[i], rows[i + 1]), xp.maximum(rows[i], rows[i + 1])
    return xp.stack(rows, 0)


def worker_flat(economy: Economy, seen: Shared, tables: Tables, parameters: Parameters, xp: Namespace) -> Array:
    """A worker's flat observation for all workers, float32 [n, width] or [B, n, width]."""
    books, now = seen.market, seen.clock
    each = seen.coin * 0.0
    asks, bids = (xp.total(side, 1)[:, None] - side for side in (books.asks, books.bids))
    pay = xp.cast(economy.pay * (1.0 / parameters.payment), "float")
    head = xp.stack([pay, economy.skill], 0)
    alike = xp.concat([seen.rates, xp.stack([now.first_day + each[0], now.tax_day + each[0]], 0)], 0)
    here = xp.cast(economy.location, "index")
    place = xp.stack([tables.row[here], tables.along[here]], 0)
    calendar = xp.stack([seen.marginal, now.phase + each, now.time + each, seen.coin], 0)
    parts = (
        head, asks, bids, books.rate[:, None] + each, books.asks, books.bids, books.history[:, None] + each,
        economy.bonus[None], alike[:, None] + each, seen.sorted_incomes[:, None] + each, calendar, seen.goods, place,
    )  # fmt: skip
    return xp.packed(workers_first(xp.concat(parts, 0), xp))


def workers_first(x: Array, xp: Namespace) -> Array:
    """From [k, n] or [k, n, B] to [n, k] or [B, n, k]."""
    return xp.batch_first(x).swapaxes(-1, -2)


def planner_flat(economy: Economy, seen: Shared, parameters: Parameters, xp: Namespace) -> tuple[Array, Array]:
    """The planner's observation: [86] and the workers' table [n, 6], float32; a batch adds a first axis."""
    books, now = seen.market, seen.clock
    one = seen.coin[0] * 0.0
    ends = xp.stack([now.first_day + one, now.tax_day + one], 0)
    tail = xp.stack([now.phase + one, now.time + one, one, one, one], 0)
    rows = (xp.total(books.asks, 1), xp.total(books.bids, 1), books.rate, books.history, seen.rates, ends,
            seen.sorted_incomes, tail)  # fmt: skip
    last_marginal = xp.cast(economy.last_marginal, "float")
    each = xp.stack([seen.coin, seen.goods[0], seen.goods[1], seen.incomes, last_marginal, seen.marginal], 0)
    return xp.packed(xp.batch_first(xp.concat(rows, 0))), xp.packed(workers_first(each, xp))


def worker_mask(economy: Economy, tables: Tables, parameters: Parameters, xp: Namespace) -> Array:
    """Which of the 50 actions are allowed, bool [n, 50] or [B, n, 50]."""
    room = may_order(economy, parameters, xp)
    affordable = xp.cast(tables.prices[:, None], "double") <= economy.coin[None]
    every = affordable | True
    parts = [every[:1], may_build(economy, tables, xp)[None]]
    for k in (0, 1):
        parts += [affordable & room[k], every & ((economy.goods[k] > 0) & room[k])]
    parts.append(ways(economy, tables, xp))
    if not xp.batched:
        return xp.packed(workers_first(xp.concat(parts, 0), xp))
    # As floats through the transpose, which compilers vectorise, and back.
    rows = xp.concat([xp.cast(part, "float") for part in parts], 0)
    return xp.flags(xp.cast(xp.packed(workers_first(rows, xp)), "byte"))


def planner_mask(economy: Economy, t: Array, tables: Tables, parameters: Parameters, xp: Namespace) -> Array:
    """Which level of each bracket the planner may choose, bool [brackets, 22] or [B, brackets, 22].

    On the first day of a tax period all up to the rate cap, on other days only to keep the rates.
    """
    today = t % parameters.period == 0
    first = (today if isinstance(t, int) else today[..., None]) | (xp.batch_first(economy.rates) < 0.0)
    return (first[..., None] & tables.capped) | tables.kept
