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
_FISHERY = "scenarium.baselines.fishery"


def _fishery(*names: str) -> tuple[str, ...]:
    return tuple(f"Fishery-{name}v0" for name in names)


_SOLVED = _fishery("", "Model1-", "Model1LowBeta-", "Model1LowBetaHighNoise-", "Model2-", "Model4-")
_SEEING_YEAR = _fishery("Timed-", "Model1-Timed-", "Model2-Timed-", "Model4-Timed-")
_FISHERY_VARIANTS = _fishery(
    "V0Drift-", "DDrift-", "CVDrift-", "KLimit-", "KLimitRXDrift-", "KFluctuation-", "CouplingFluctuation-",
    "CompetitionFluctuation-", "YAbiotic-", "ZAbiotic-", "WeakCoupling-", "WeakCouplingTipping-", "Perturbed-",
)  # fmt: skip
_BLIND = _SOLVED + _FISHERY_VARIANTS
_FISHERIES = _BLIND + _SEEING_YEAR

_PRICING = "scenarium.baselines.pricing"
_BANDITS = tuple(f"AncillaryPricing-{name}v0" for name in ("", "TwoSided-", "Drift-", "Trap-"))
_CAPACITY, _PRODUCTS = ("AncillaryPricing-Capacity-v0",), ("AncillaryPricing-MultiProduct-v0",)
_OFFERS = _BANDITS + _CAPACITY


_PORTFOLIO = tuple(
    f"PortfolioAllocation{name}-v0"
    for name in ("", "Paper", "20", "AShare", "Randomized", "Regime", "Gaussian", "Data")
)

_TAX = "scenarium.baselines.tax"
_TAXED = ("TaxGame-v0", "TaxOneStep-v0", "TaxOneStep-Small-v0")
_SCHEDULED = (*_TAXED, "TaxGame-Trained-v0")  # Saez's formula has no recorded history among workers who learned


def _tax(name: str, target: str, title: str, ids: tuple[str, ...] = _SCHEDULED) -> BaselineEntry:
    return BaselineEntry(name, f"{_TAX}.{target}", title, ids)


def _portfolio(name: str, target: str, title: str, **options: bool) -> BaselineEntry:
    return BaselineEntry(name, f"scenarium.baselines.portfolio.{target}", title, _PORTFOLIO, **options)


def _pricing(name: str, target: str, title: str, ids: tuple[str, ...] = _OFFERS, **options: bool) -> BaselineEntry:
    return BaselineEntry(name, f"{_PRICING}.{target}", title, ids, **options)


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
    BaselineEntry("no_harvest", f"{_FISHERY}.rules:NoHarvest", "Leave everything in the sea", _FISHERIES),
    BaselineEntry(
        "constant_mortality", f"{_FISHERY}.rules:ConstantMortality", "Take the same fraction every year", _FISHERIES
    ),
    BaselineEntry(
        "constant_escapement", f"{_FISHERY}.rules:ConstantEscapement", "Leave the same stock every year", _FISHERIES
    ),
    BaselineEntry(
        "hockey_stick",
        f"{_FISHERY}.rules:HockeyStick",
        "Mortality that rises with the stock, then a constant",
        _FISHERIES,
    ),
    BaselineEntry(
        "dp_timed",
        f"{_FISHERY}.dynamic_program:DPTimed",
        "The optimum for those who see the year, by dynamic programming",
        _SEEING_YEAR,
    ),
    BaselineEntry(
        "dp_stationary",
        f"{_FISHERY}.dynamic_program:DPStationary",
        "The best policy known that does not see the year, by dynamic programming and exact gradients",
        _SOLVED + _SEEING_YEAR,
    ),
    BaselineEntry(
        "gaussian_process",
        f"{_FISHERY}.smoothed:GaussianProcess",
        "A trained policy smoothed by a Gaussian process",
        _BLIND,
    ),
    _pricing("human_price", "rules:StaticPrice", "The list price for everybody"),
    _pricing("best_static_price", "rules:BestStaticPrice", "The one price that earns most"),
    _pricing("best_static_menu", "rules:BestStaticMenu", "One margin for all products and customers", _PRODUCTS),
    _pricing("random_discount", "rules:RandomDiscount", "Random discounts from the list price"),
    _pricing("business_rules", "rules:BusinessRules", "The list price less discounts for early bookers and groups"),
    _pricing("app_lm", "propensity:AppLm", "Naive Bayes propensity and a logistic map to the price"),
    _pricing("app_des", "learned:AppDes", "A network forecasts sales, every price is tried"),
    _pricing("dnn_cl", "learned:DnnCl", "A network names the price, trained by an interval loss"),
    _pricing("monotone_network", "learned:MonotonePricing", "A forecast that falls in the price, every price is tried"),
    _pricing("logistic_thompson", "online:LogisticThompsonPricing", "Thompson sampling with a logistic demand model"),
    _pricing("model_router", "online:ModelRouter", "A bandit that routes sessions between pricing models"),
    _pricing(
        "bayes_oracle",
        "oracles:BayesOracle",
        "The best price given the context, unless demand moves or units run out",
        _OFFERS + _PRODUCTS,
    ),
    _pricing(
        "drift_filter",
        "filtering:DriftFilter",
        "Infers from its own sales how demand has moved",
        ("AncillaryPricing-Drift-v0",),
    ),
    _pricing("capacity_optimal", "oracles:CapacityOptimal", "The optimum for limited units, by context", _CAPACITY),
    _pricing("capacity_blind", "oracles:CapacityBlind", "The same without seeing the context", _CAPACITY),
    _pricing(
        "full_information",
        "oracles:FullInformation",
        "Knows what each customer would pay, not whether they buy",
        _OFFERS + _PRODUCTS,
        clairvoyant=True,
    ),
    _portfolio("equal_weight", "rules:EqualWeight", "1/N, restored every day"),
    _portfolio("equal_weight_monthly", "rules:EqualWeightMonthly", "1/N, restored every month"),
    _portfolio("buy_and_hold", "rules:BuyAndHold", "1/N once, and never again"),
    _portfolio("cash", "rules:Cash", "All in cash"),
    _portfolio("inverse_volatility", "rules:InverseVolatility", "Weights inverse to recent volatilities"),
    _portfolio("minimum_variance", "rules:MinimumVariance", "The long-only mix of least estimated variance"),
    _portfolio("risk_parity", "rules:RiskParity", "Equal contributions to the estimated variance"),
    _portfolio("mean_variance", "optimizers:MeanVariance", "Estimated mean less variance, cash allowed (skfolio)"),
    _portfolio("minimum_cvar", "optimizers:MinimumCVaR", "The mix of least estimated tail loss (skfolio)"),
    _portfolio("hrp", "optimizers:HRP", "Hierarchical risk parity (skfolio)"),
    _portfolio("herc", "optimizers:HERC", "Hierarchical equal risk contribution (skfolio)"),
    _portfolio("nco", "optimizers:NCO", "Nested clustered optimisation (skfolio)"),
    _portfolio("risk_budgeting", "optimizers:RiskBudgeting", "Equal contributions to the tail loss (skfolio)"),
    BaselineEntry(
        "log_optimal",
        "scenarium.baselines.portfolio.optimal:LogOptimal",
        "The mix that grows fastest where returns are Gaussian with known moments",
        ("PortfolioAllocationGaussian-v0",),
    ),
    _portfolio("index", "worldly:Index", "The whole market by capitalisation", clairvoyant=True),
    _portfolio("best_constant", "worldly:BestConstant", "The best constant mix in hindsight", clairvoyant=True),
    _tax("free_market", "rules:FreeMarket", "No taxes"),
    _tax("us_federal", "rules:UsFederal", "The US federal marginal rates of 2019"),
    _tax("flat_tax", "rules:FlatTax", "One marginal rate for all incomes"),
    _tax("static_schedule", "rules:StaticSchedule", "The best static schedule: tuned, or found by search"),
    _tax("saez", "saez:Saez", "Saez's formula on the incomes seen; its fixed point in the one-step economy", _TAXED),
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
