"""Every registered id and the keyword arguments that make it what it is."""

from __future__ import annotations

from typing import Any

from scenarium.envs.core.registry import Entry, register

_INVENTORY = "scenarium.envs.inventory.presets"
_FISHERY = "scenarium.envs.fishery.presets:fishery"
_PRICING = "scenarium.envs.pricing.presets"
_PORTFOLIO = "scenarium.envs.portfolio.presets"
_TAX = "scenarium.envs.tax.presets"


def _fishery(name: str, title: str, variant: str, **kwargs: Any) -> Entry:
    """An id of the fishery family."""
    return Entry(f"Fishery-{name}v0" if name else "Fishery-v0", _FISHERY, title, {"variant": variant, **kwargs})


def _worlds(name: str, title: str, **kwargs: Any) -> Entry:
    """An id of Gather-Trade-Build with workers and planner as agents."""
    return Entry(f"TaxWorld-{name}v0" if name else "TaxWorld-v0", f"{_TAX}:world", title, kwargs, several=True)


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
    _fishery("", "three species, two fisheries, the year not observed", "model_3"),
    _fishery("Timed-", "three species, two fisheries, the year observed", "model_3", time_observed=True),
    _fishery("Model1-", "one species with a tipping point", "model_1"),
    _fishery("Model1-Timed-", "one species with a tipping point, the year observed", "model_1", time_observed=True),
    _fishery("Model2-", "three species, one fishery", "model_2"),
    _fishery("Model2-Timed-", "three species, one fishery, the year observed", "model_2", time_observed=True),
    _fishery("Model4-", "three species, growth of X falls for a century", "model_4"),
    _fishery("Model4-Timed-", "the same, the year observed", "model_4", time_observed=True),
    _fishery("Model1LowBeta-", "one species, weaker predation", "model_1_low_beta"),
    _fishery("Model1LowBetaHighNoise-", "the same, twice the noise", "model_1_low_beta_high_noise"),
    _fishery("V0Drift-", "Model 3, half-saturation of predation falls", "v0_drift"),
    _fishery("DDrift-", "Model 3, the predator's preference moves", "d_drift"),
    _fishery("CVDrift-", "Model 3, competition doubles in a century", "cv_drift"),
    _fishery("KLimit-", "Model 3, competition for the carrying capacity", "k_limit"),
    _fishery("KLimitRXDrift-", "the same, growth of X falls for a century", "k_limit_rx_drift"),
    _fishery("KFluctuation-", "Model 3, capacity of X fluctuates", "k_fluctuation"),
    _fishery("CouplingFluctuation-", "Model 3, half-saturation fluctuates", "coupling_fluctuation"),
    _fishery("CompetitionFluctuation-", "Model 3, competition fluctuates", "competition_fluctuation"),
    _fishery("YAbiotic-", "Model 2, Y is a prescribed tide", "y_abiotic"),
    _fishery("ZAbiotic-", "Model 3, the predator follows a prescribed course", "z_abiotic"),
    _fishery("WeakCoupling-", "Model 3, weakly coupled and slow", "weak_coupling"),
    _fishery("WeakCouplingTipping-", "the same, closer to tipping", "weak_coupling_tipping"),
    Entry("Fishery-Perturbed-v0", "scenarium.envs.fishery.presets:perturbation", "Model 4 with perturbed parameters"),
    Entry("AncillaryPricing-v0", f"{_PRICING}:ancillary_pricing", "discounts on a ladder of nine prices"),
    Entry("AncillaryPricing-TwoSided-v0", f"{_PRICING}:two_sided", "any price, discounts and surcharges"),
    Entry("AncillaryPricing-Capacity-v0", f"{_PRICING}:capacity", "twelve units for 180 customers, any price"),
    Entry("AncillaryPricing-Drift-v0", f"{_PRICING}:drifting", "the ladder while demand drifts and shifts"),
    Entry("AncillaryPricing-MultiProduct-v0", f"{_PRICING}:multi_product", "bag, seat and priority, priced together"),
    Entry("AncillaryPricing-Trap-v0", f"{_PRICING}:trap", "the ladder where propensity misleads"),
    Entry("PortfolioAllocation-v0", f"{_PORTFOLIO}:portfolio_allocation", "ten synthetic A-shares, 128 days"),
    Entry("PortfolioAllocationPaper-v0", f"{_PORTFOLIO}:paper", "the setting of Huang, Zhou and Song (2024)"),
    Entry("PortfolioAllocation20-v0", f"{_PORTFOLIO}:portfolio_allocation", "twenty synthetic A-shares", {"names": 20}),
    Entry("PortfolioAllocationAShare-v0", f"{_PORTFOLIO}:a_share", "with price limits, suspensions and masks"),
    Entry("PortfolioAllocationRandomized-v0", f"{_PORTFOLIO}:randomized", "every world is a market of its own"),
    Entry("PortfolioAllocationRegime-v0", f"{_PORTFOLIO}:regime", "a market that switches between regimes"),
    Entry("PortfolioAllocationGaussian-v0", f"{_PORTFOLIO}:gaussian", "Gaussian returns: the log-optimal mix is known"),
    Entry("PortfolioAllocationData-v0", f"{_PORTFOLIO}:data", "daily prices of your own (a made-up panel by default)"),
    Entry(
        "TaxGame-v0",
        f"{_TAX}:tax_game",
        "the planner of Gather-Trade-Build, one step a tax period, workers by rule who answer to taxes",
        trial={"period": 2, "horizon": 30, "start_coin": 50.0, "regeneration": 0.2},
    ),
    Entry(
        "TaxGame-Trained-v0",
        "scenarium.envs.tax.learned_game:trained_game",
        "the planner of Gather-Trade-Build, one step a tax period, workers who learned",
        trial={"period": 5, "horizon": 75, "start_coin": 50.0, "regeneration": 0.5},
    ),
    Entry(
        "TaxGame-Worker-v0",
        f"{_TAX}:one_worker",
        "one worker of Gather-Trade-Build among workers by rule",
        trial={
            "workers": 8,
            "layout": "uniform_25",
            "skills": "pareto",
            "start_coin": 10.0,
            "regeneration": 0.5,
            "observation": "spatial",
        },  # fmt: skip
    ),
    Entry("TaxOneStep-v0", f"{_TAX}:one_step", "a schedule for a hundred workers who answer exactly"),
    Entry("TaxOneStep-Small-v0", f"{_TAX}:one_step_small", "a schedule for four workers who answer exactly"),
    _worlds("", "four workers and the planner, open quadrant 25 x 25"),
    _worlds("Closed-", "the same, quadrants closed off by water", layout="closed_quadrant_25"),
    _worlds("Uniform-", "the same, stone and wood all over the map", layout="uniform_25"),
    _worlds("Split-", "the same, the most skilled alone above the water", layout="split_25"),
    _worlds("Ten-", "ten workers and the planner, open quadrant 40 x 40", layout="open_quadrant_40", workers=10),
)


def register_all() -> None:
    """Registers every id of the table with Gymnasium; a second call changes nothing."""
    import gymnasium

    for entry in TABLE:
        if entry.id not in gymnasium.registry:
            register(entry)
