"""Building: one stone and one wood become a house on the tile the worker stands on, and earn its pay."""

from __future__ import annotations

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.tax.economy import Economy, Tables
from scenarium.envs.tax.parameters import Parameters


def may_build(economy: Economy, tables: Tables, xp: Namespace) -> Array:
    """Whether each worker has the material and stands on a tile without house and source, bool [n]."""
    here = xp.cast(economy.location, "index")
    empty = (xp.take(economy.houses, here) == 0) & (tables.slot[here] == tables.sources)
    return empty & (economy.goods[0] > 0) & (economy.goods[1] > 0)


def build(
    economy: Economy, wanted: Array, tables: Tables, parameters: Parameters, xp: Namespace
) -> tuple[Economy, Array]:
    """Builds where it is wanted and allowed; returns the economy and who built, bool [n].

    Workers stand on different tiles, so the order in which they build does not matter.
    """
    built = wanted & may_build(economy, tables, xp)
    if xp.never(built):
        return economy, built
    here = xp.cast(economy.location, "index")
    owner = xp.where(built, xp.cast(tables.me, "byte"), xp.take(economy.houses, here))
    done = xp.cast(built, "double")
    built_economy = economy._replace(
        houses=xp.place(economy.houses, here, owner),
        goods=economy.goods - xp.cast(built, "int"),
        coin=economy.coin + done * economy.pay,
        labor=economy.labor + done * parameters.build_labor,
    )
    return built_economy, built
