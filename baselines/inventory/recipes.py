"""How the parameters in `tuned.json` are found: `python -m scenarium.baselines.inventory.recipes [--only TEXT]`.

The measure is the long-run cost per store and period (after a warm-up), or the profit of the whole horizon for retail.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scenarium.baselines.base import Baseline
from scenarium.baselines.inventory.base_stock import BaseStock
from scenarium.baselines.inventory.structure import inventory_model
from scenarium.baselines.inventory.tuned import TUNED, problem_key
from scenarium.baselines.registry import baseline_class
from scenarium.baselines.tuning import Maker, Tuned, tune
from scenarium.envs.core.registry import make_model
from scenarium.envs.inventory.model import InventoryNet


@dataclass(frozen=True)
class Recipe:
    """One policy to tune on one problem.

    Attributes:
        baseline: Name of the policy.
        env_id: The problem.
        form: What the vector means: "shared" (one number for all edges, per parameter), "factors" (store_z, stock_z),
            "levels" (factors first, then every level by itself), or "fractions" (store and stock fraction).
        kwargs: Keyword arguments of the id.
        start: Where to begin.
        budget: Settings of `tune`.
    """

    baseline: str
    env_id: str
    form: str
    start: tuple[float, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """A line to find it by."""
        return f"{self.baseline} {self.env_id} {self.form} {dict(self.kwargs) or ''}".strip()


_SHARED = {"base_stock": ("levels",), "capped_base_stock": ("levels", "caps")}
_LONG = {"worlds": 1024, "periods": 400, "warm_up": 100}
_SHORT = {"worlds": 512, "periods": 160, "warm_up": 60, "evaluations": 600}
_RETAIL = {"worlds": 1024, "periods": 95, "warm_up": 16}
_ONE, _MANY, _ALONE = (
    "InventoryNet-OneWarehouse-v0",
    "InventoryNet-ManyWarehouses-v0",
    "InventoryNet-IndependentStores-v0",
)
_LOST, _SALES, _CHAIN = "InventoryNet-OneStoreLost-v0", "InventoryNet-RetailWeekly-v0", "InventoryNet-Serial-v0"

RECIPES: tuple[Recipe, ...] = (
    Recipe("base_stock", _LOST, "shared", (28.0,), budget={**_LONG, "whole": True}),
    Recipe("capped_base_stock", _LOST, "shared", (29.0, 6.0), budget={**_LONG, "whole": True}),
    Recipe("base_stock", _ALONE, "shared", (23.0,), budget={**_LONG, "whole": True}),
    Recipe("capped_base_stock", _ALONE, "shared", (24.0, 6.0), budget={**_LONG, "whole": True}),
    Recipe("base_stock", _CHAIN, "levels", (1.5, 0.5), budget=_LONG),
    Recipe("base_stock", _ONE, "factors", (1.0, 0.5), budget=_LONG),
    Recipe("base_stock", _MANY, "factors", (1.0, 0.5), budget=_LONG),
    Recipe("base_stock", _SALES, "factors", (1.0, 0.5), budget=_RETAIL),
    *(Recipe("echelon_base_stock", _ONE, "factors", (1.0, 0.5), {"n": n}, _LONG) for n in (3, 5, 10)),
    *(Recipe("echelon_base_stock", _ONE, "levels", (1.0, 0.5), {"n": n}, _LONG) for n in (3, 5, 10)),
    Recipe("echelon_base_stock", _MANY, "factors", (1.0, 0.5), budget=_LONG),
    Recipe("echelon_base_stock", _MANY, "levels", (1.0, 0.5), budget=_SHORT),
    Recipe("echelon_base_stock", _SALES, "factors", (1.0, 0.5), budget=_RETAIL),
    Recipe("quantile_newsvendor", _ONE, "fractions", (0.8, 0.7), budget=_LONG),
    Recipe("quantile_newsvendor", _MANY, "fractions", (0.8, 0.7), budget=_LONG),
    Recipe("quantile_newsvendor", _SALES, "fractions", (0.8, 0.7), budget=_RETAIL),
)


def _logistic(value: float) -> float:
    from scipy.special import expit

    return float(expit(value))


def maker(recipe: Recipe, model: InventoryNet, form: str) -> Maker:
    """From a vector of the form to the policy."""
    cls: Callable[..., Baseline] = baseline_class(recipe.baseline)
    if form == "shared":
        names = _SHARED[recipe.baseline]
        return lambda x: cls(model, **{name: max(v, 0.0) for name, v in zip(names, x, strict=True)})
    if form == "factors":
        return lambda x: cls(model, store_z=x[0], stock_z=x[1])
    return lambda x: cls(model, store_fraction=_logistic(x[0]), stock_fraction=_logistic(x[1]))


def level_maker(cls: Callable[..., Baseline], model: InventoryNet, levels: Sequence[float | None]) -> Maker:
    """From the levels of the edges in use to the policy."""
    used = [edge for edge, level in enumerate(levels) if level is not None]

    def make(values: list[float]) -> Baseline:
        found: list[float | None] = [None] * len(levels)
        for edge, value in zip(used, values, strict=True):
            found[edge] = value
        return cls(model, levels=found)

    return make


def run(recipe: Recipe) -> dict[str, Any]:
    """Tunes one recipe: its entry of the data file."""
    model = inventory_model(make_model(recipe.env_id, **recipe.kwargs), "tuning")
    if model.demand.integer:
        model = inventory_model(make_model(recipe.env_id, **recipe.kwargs, rounding=True), "tuning")
    form = "factors" if recipe.form == "levels" else recipe.form
    start, step = recipe.start, [0.3] * len(recipe.start)
    if form == "shared":
        step = [0.1 * value for value in start]
    if form == "fractions":
        from scipy.special import logit

        start = tuple(float(logit(value)) for value in start)
    found = tune(maker(recipe, model, form), start, step, **recipe.budget)
    policy = maker(recipe, model, form)(found.values)
    if recipe.form == "levels":
        assert isinstance(policy, BaseStock)
        make = level_maker(type(policy), model, policy.parameters["levels"])
        used = [level for level in policy.parameters["levels"] if level is not None]
        budget = {"evaluations": 1500, **recipe.budget}
        found = tune(make, used, [0.05 * level for level in used], **budget)
        policy = make(found.values)
    return _entry(recipe, model, policy, found)


def _entry(recipe: Recipe, model: InventoryNet, policy: Baseline, found: Tuned) -> dict[str, Any]:
    return {
        "baseline": recipe.baseline,
        "id": recipe.env_id,
        "kwargs": dict(recipe.kwargs),
        "form": recipe.form,
        "key": problem_key(model),
        "parameters": _rounded(policy.parameters),
        "cost": round(found.test.mean, 4),
        "standard_error": round(found.test.standard_error, 4),
        "evaluations": found.evaluations,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def main() -> None:
    """Tunes, and writes the data file; of two forms for one problem the later, finer one is kept there."""
    parser = argparse.ArgumentParser(description="Tune the classical inventory policies.")
    parser.add_argument("--only", default="", help="only recipes whose title contains this text")
    chosen = parser.parse_args()
    TUNED.tune(RECIPES, run, chosen.only)


if __name__ == "__main__":
    main()
