"""Exact optima and bounds of the inventory problems that have them, in NumPy and SciPy.

* `lost_sales_optimum`, `base_stock_cost`, `best_base_stock`, `best_capped_base_stock`: one store, lost sales;
* `stationary_cost`: any stationary policy of that store; `constant_order_cost`, `best_constant_order`;
* `newsvendor_level`: order-up-to levels under normal, Poisson and negative binomial demand;
* `backlog_base_stock`, `backlog_base_stock_discrete`: one store, backlog;
* `clark_scarf`: a serial system with backlog;
* `transshipment_bound`, `system_order_up_to`, `water_filling`: stores behind a hub that keeps nothing.

Costs are long-run averages per period, and conventions are those of the environments: an order placed at t is usable
at t + L, and a period's cost is charged on what its demand leaves.
"""

from scenarium.envs.inventory.optimum.backlog import BacklogOptimum, backlog_base_stock, backlog_base_stock_discrete
from scenarium.envs.inventory.optimum.clark_scarf import ClarkScarfOptimum, clark_scarf
from scenarium.envs.inventory.optimum.levels import newsvendor_level
from scenarium.envs.inventory.optimum.lost_sales import (
    BaseStockPolicy,
    LostSalesOptimum,
    base_stock_cost,
    best_base_stock,
    best_capped_base_stock,
    lost_sales_optimum,
)
from scenarium.envs.inventory.optimum.stationary import (
    ConstantOrder,
    best_constant_order,
    constant_order_cost,
    stationary_cost,
)
from scenarium.envs.inventory.optimum.transshipment import system_order_up_to, transshipment_bound, water_filling

__all__ = [
    "BacklogOptimum",
    "BaseStockPolicy",
    "ClarkScarfOptimum",
    "ConstantOrder",
    "LostSalesOptimum",
    "backlog_base_stock",
    "backlog_base_stock_discrete",
    "base_stock_cost",
    "best_base_stock",
    "best_capped_base_stock",
    "best_constant_order",
    "clark_scarf",
    "constant_order_cost",
    "lost_sales_optimum",
    "newsvendor_level",
    "stationary_cost",
    "system_order_up_to",
    "transshipment_bound",
    "water_filling",
]
