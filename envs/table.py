"""Every registered id and the keyword arguments that make it what it is."""

from __future__ import annotations

from scenarium.envs.core.registry import Entry, register

_INVENTORY = "scenarium.envs.inventory.presets"

TABLE: tuple[Entry, ...] = (
    Entry("InventoryNet-v0", f"{_INVENTORY}:inventory_net", "one warehouse and five stores, or your own network"),
    Entry("InventoryNet-OneStoreLost-v0", f"{_INVENTORY}:one_store_lost", "one store, lost sales, Poisson demand"),
    Entry("InventoryNet-OneStoreBacklog-v0", f"{_INVENTORY}:one_store_backlog", "one store, backlog, normal demand"),
    Entry("InventoryNet-Serial-v0", f"{_INVENTORY}:serial", "a chain of 3 to 7 locations, backlog"),
    Entry("InventoryNet-Transshipment-v0", f"{_INVENTORY}:transshipment", "a hub that cannot hold stock, n stores"),
    Entry("InventoryNet-OneWarehouse-v0", f"{_INVENTORY}:one_warehouse", "one warehouse, n stores, lost sales"),
    Entry("InventoryNet-ManyWarehouses-v0", f"{_INVENTORY}:many_warehouses", "2 to 6 warehouses, lost sales"),
    Entry("InventoryNet-IndependentStores-v0", f"{_INVENTORY}:independent_stores", "n stores without a warehouse"),
    Entry("InventoryNet-RetailWeekly-v0", f"{_INVENTORY}:retail_weekly", "seasonal weekly retail, profit"),
)


def register_all() -> None:
    """Registers every id of the table with Gymnasium; a second call changes nothing."""
    import gymnasium

    for entry in TABLE:
        if entry.id not in gymnasium.registry:
            register(entry)
