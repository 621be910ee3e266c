"""Income taxes: brackets, the tax day, and an equal share of the revenue for everybody."""

from __future__ import annotations

from typing import NamedTuple

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.economy import Economy, Tables


class TaxDay(NamedTuple):
    """What a tax day brought; zero on other days.

    Attributes:
        income: Income of the period, negative where more was spent than earned, float64 [n].
        due: Tax on it, float64 [n].
        paid: What coin in hand sufficed for, float64 [n]; coin in open bids is out of reach.
        lump: What everybody gets back, float64 [].
    """

    income: Array
    due: Array
    paid: Array
    lump: Array


def tax_due(income: Array, rates: Array, tables: Tables, xp: Namespace) -> Array:
    """Tax of a bracket schedule on each income.

    Args:
        income: float64 [n] or [n, B]; negative income pays nothing.
        rates: Marginal rates, float64 [brackets] or [brackets, B].
        tables: The bracket's cutoffs and sizes.
        xp: Namespace.
    """
    above = xp.maximum(income[None] - tables.cutoffs[:, None], 0.0)
    return xp.total(rates[:, None] * xp.minimum(above, tables.sizes[:, None]), 0)


def marginal_rate(income: Array, rates: Array, tables: Tables, xp: Namespace) -> Array:
    """Rate of the bracket each income lies in, 0 below zero; shapes as in `tax_due`."""
    previous = xp.concat([rates[:1] * 0.0, rates[:-1]], 0)
    steps = (rates - previous)[:, None] * xp.cast(income[None] >= tables.cutoffs[:, None], "double")
    return xp.total(steps, 0)


def collect(economy: Economy, tables: Tables, xp: Namespace) -> tuple[Economy, TaxDay]:
    """A tax day: taxes the income since the last one and hands the revenue out in equal shares."""
    income = economy.wealth - economy.last_wealth
    due = tax_due(income, economy.rates, tables, xp)
    paid = xp.minimum(economy.coin, due)
    lump = xp.total(paid, 0) * (1.0 / economy.coin.shape[0])
    coin = economy.coin - paid + lump
    taxed = economy._replace(
        coin=coin,
        last_wealth=coin + economy.bid_coin,
        last_income=income,
        last_marginal=marginal_rate(income, economy.rates, tables, xp),
    )
    return taxed, TaxDay(income, due, paid, lump)


def tax_day(economy: Economy, is_tax_day: Array, tables: Tables, xp: Namespace) -> tuple[Economy, TaxDay]:
    """Collects taxes in the worlds where it is tax day; `is_tax_day` is a bool for all, or a bool [B] each."""
    none = economy.coin * 0.0
    if isinstance(is_tax_day, bool):
        return collect(economy, tables, xp) if is_tax_day else (economy, TaxDay(none, none, none, none[0]))
    taxed, day = collect(economy, tables, xp)
    names = ("coin", "last_wealth", "last_income", "last_marginal")
    chosen = {name: xp.where(is_tax_day, getattr(taxed, name), getattr(economy, name)) for name in names}
    return economy._replace(**chosen), TaxDay(*(xp.where(is_tax_day, part, 0.0) for part in day))
