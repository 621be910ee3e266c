"""The table of baselines by name: what each is, and which environment ids it plays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarium.envs.core.errors import unknown_name
from scenarium.envs.core.registry import load_target

if TYPE_CHECKING:
    from scenarium.baselines.base import Baseline
    from scenarium.envs.core.model import Model


@dataclass(frozen=True)
class BaselineEntry:
    """One baseline.

    Attributes:
        name: Name on the command line, in snake_case.
        target: ``"module:Class"``; imported only when used.
        title: One line for listings.
        ids: The environment ids it plays as they are registered; empty for every id.
        clairvoyant: It sees the future of its world, so its results are shown and never ranked.
    """

    name: str
    target: str
    title: str
    ids: tuple[str, ...] = ()
    clairvoyant: bool = False

    def load(self) -> type[Baseline]:
        """The class, imported now."""
        found: type[Baseline] = load_target(self.target)
        return found

    def plays(self, env_id: str) -> bool:
        """Whether it plays an id as registered."""
        return not self.ids or env_id.removeprefix("scenarium:") in self.ids


def _inventory(*names: str) -> tuple[str, ...]:
    return tuple(f"InventoryNet-{name}-v0" if name else "InventoryNet-v0" for name in names)


_LOST = _inventory("OneStoreLost", "IndependentStores")
_WAREHOUSES = _inventory("", "OneWarehouse", "ManyWarehouses", "RetailWeekly")
_BACKLOG, _SERIAL, _HUB = (_inventory(name) for name in ("OneStoreBacklog", "Serial", "Transshipment"))
_HOME = "scenarium.baselines.inventory"

_TABLE = (
    BaselineEntry("random", "scenarium.baselines.random:Random", "Uniform actions"),
    BaselineEntry(
        "base_stock",
        f"{_HOME}.base_stock:BaseStock",
        "Order up to a level of the node's own inventory position",
        _LOST + _BACKLOG + _SERIAL + _WAREHOUSES,
    ),
    BaselineEntry(
        "capped_base_stock", f"{_HOME}.base_stock:CappedBaseStock", "Base stock with a largest order per period", _LOST
    ),
    BaselineEntry("constant_order", f"{_HOME}.base_stock:ConstantOrder", "The same order every period", _LOST),
    BaselineEntry(
        "newsvendor", f"{_HOME}.base_stock:Newsvendor", "The optimal base stock of backlogged demand", _BACKLOG
    ),
    BaselineEntry(
        "lost_sales_optimal",
        f"{_HOME}.lost_sales:LostSalesOptimal",
        "The optimal lost-sales policy by dynamic programming, lead times up to 4",
        _LOST,
    ),
    BaselineEntry(
        "echelon_base_stock",
        f"{_HOME}.base_stock:EchelonBaseStock",
        "Order up to a level of the position of the node and all below it; Clark and Scarf's levels in a chain",
        _SERIAL + _WAREHOUSES,
    ),
    BaselineEntry(
        "hub_order_up_to",
        f"{_HOME}.hub:HubOrderUpTo",
        "Raise the system position to a level, share the hub's stock at equal fractiles",
        _HUB,
    ),
    BaselineEntry(
        "quantile_newsvendor",
        f"{_HOME}.quantile:QuantileNewsvendor",
        "Order up to a quantile of the demand over the lead time, forecast from the observed history",
        _LOST + _BACKLOG + _WAREHOUSES,
    ),
    BaselineEntry(
        "just_in_time",
        f"{_HOME}.just_in_time:JustInTime",
        "Knows the future: goods arrive in the period they are asked for",
        _LOST + _BACKLOG + _SERIAL + _HUB + _WAREHOUSES,
        clairvoyant=True,
    ),
)
_ENTRIES = {entry.name: entry for entry in _TABLE}


def register_baseline(entry: BaselineEntry) -> None:
    """Adds a baseline to the table."""
    _ENTRIES[entry.name] = entry


def baseline_entries() -> dict[str, BaselineEntry]:
    """All baselines by name, in the order of registration."""
    return dict(_ENTRIES)


def baselines_for(env_id: str) -> tuple[BaselineEntry, ...]:
    """The baselines that play an id.

    Raises:
        ScenariumError: No such id.
    """
    from scenarium.envs.core.registry import bare_id, entries

    if bare_id(env_id) not in entries():
        raise unknown_name("environment id", env_id, entries())
    return tuple(entry for entry in _ENTRIES.values() if entry.plays(env_id))


def baseline_class(name: str) -> type[Baseline]:
    """The class behind a name.

    Raises:
        ScenariumError: No baseline has this name; the nearest is suggested.
    """
    if name not in _ENTRIES:
        raise unknown_name("baseline", name, _ENTRIES)
    return _ENTRIES[name].load()


def make_baseline(name: str, env: str | Model, **parameters: Any) -> Baseline:
    """Makes a baseline for an environment by its name; keyword arguments are those of the class.

    Raises:
        ScenariumError: The name, the id or a parameter is unknown, or the policy cannot play the problem.
    """
    return baseline_class(name)(env, **parameters)


def load_baseline(folder: str | os.PathLike[str], env: str | Model | None = None) -> Baseline:
    """Loads whatever baseline was saved in a folder.

    Raises:
        ScenariumError: As `Baseline.load`.
    """
    from scenarium.baselines.base import read_saved

    return baseline_class(str(read_saved(folder)["baseline"])).load(folder, env=env)
