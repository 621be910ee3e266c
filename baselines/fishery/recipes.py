"""How `tuned.json` is made: `python -m scenarium.baselines.fishery.recipes [--only TEXT]`.

The mean full return over the training worlds is maximised by the method of Nelder and Mead (SciPy); what is reported is
the return on as many held-out worlds, never the winner's own training return.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scenarium.baselines.base import Baseline
from scenarium.baselines.fishery.tuned import TUNED, problem_key
from scenarium.baselines.registry import baseline_class
from scenarium.baselines.tuning import Maker, Tuned, tune
from scenarium.envs.core.registry import make_model
from scenarium.envs.fishery.model import Fishery

WORLDS = {1: 8192, 3: 2048}
"""Training worlds, and as many held-out ones, by number of species; with one species, a tenth of the return is luck."""


@dataclass(frozen=True)
class Recipe:
    """One policy to tune on one problem.

    Attributes:
        baseline: Name of the policy.
        env_id: The problem.
        start: Where to begin, one number per parameter of the policy, the same for all fished species.
    """

    baseline: str
    env_id: str
    start: tuple[float, ...]

    @property
    def title(self) -> str:
        """A line to find it by."""
        return f"{self.baseline} {self.env_id}"


_PARAMETERS = {
    "constant_mortality": ("mortality",),
    "constant_escapement": ("escapement",),
    "hockey_stick": ("lower", "width", "mortality"),
}
_ONE = {
    "constant_mortality": (0.015,),
    "constant_escapement": (0.5,),
    "hockey_stick": (0.45, 0.3, 0.3),
}
_MANY = {
    "constant_mortality": (0.25,),
    "constant_escapement": (0.45,),
    # All but constant mortality, which the hockey stick contains; from steeper sticks the search stays with them.
    "hockey_stick": (0.05, 0.1, 0.27),
}
_NAMES_ONE = ("Model1", "Model1LowBeta", "Model1LowBetaHighNoise")
_NAMES_MANY = (
    "", "Model2", "Model4", "V0Drift", "DDrift", "CVDrift", "KLimit", "KLimitRXDrift", "KFluctuation",
    "CouplingFluctuation", "CompetitionFluctuation", "YAbiotic", "ZAbiotic", "WeakCoupling", "WeakCouplingTipping",
    "Perturbed",
)  # fmt: skip


def _id(name: str) -> str:
    return f"Fishery-{name}-v0" if name else "Fishery-v0"


RECIPES: tuple[Recipe, ...] = tuple(
    Recipe(baseline, _id(name), start)
    for names, policies in ((_NAMES_ONE, _ONE), (_NAMES_MANY, _MANY))
    for name in names
    for baseline, start in policies.items()
)
TUNED_IDS = tuple(dict.fromkeys(recipe.env_id for recipe in RECIPES))


def maker(baseline: str, model: Fishery) -> Maker:
    """From a vector (every parameter for all fished species, one after the other) to the policy."""
    cls: Callable[..., Baseline] = baseline_class(baseline)
    names, count = _PARAMETERS[baseline], model.parameters.harvested

    def make(values: list[float]) -> Baseline:
        chunks = {name: values[i * count : (i + 1) * count] for i, name in enumerate(names)}
        given = {name: [max(v, 0.0) for v in chunk] for name, chunk in chunks.items()}
        if "mortality" in given:
            given["mortality"] = [min(v, 1.0) for v in given["mortality"]]
        if "width" in given:
            widths = [max(v, 0.01) for v in given.pop("width")]
            given["upper"] = [low + width for low, width in zip(given["lower"], widths, strict=True)]
        return cls(model, **given)

    return make


def run(recipe: Recipe) -> dict[str, Any]:
    """Tunes one recipe: its entry of the data file."""
    model = make_model(recipe.env_id)
    assert isinstance(model, Fishery)
    make = maker(recipe.baseline, model)
    found = _tuned(make, model, recipe.start)
    parameters = make(found.values).parameters
    return {
        "baseline": recipe.baseline,
        "id": recipe.env_id,
        "key": problem_key(model),
        "parameters": {name: [round(v, 4) for v in values] for name, values in parameters.items()},
        "train": round(-found.train * model.horizon, 3),
        "held_out": round(-found.test.mean * model.horizon, 3),
        "standard_error": round(found.test.standard_error * model.horizon, 3),
        "evaluations": found.evaluations,
    }


def _tuned(make: Maker, model: Fishery, start: tuple[float, ...]) -> Tuned:
    values = [value for value in start for _ in range(model.parameters.harvested)]
    steps = [0.2 * value for value in values]
    worlds, most = WORLDS[model.parameters.species], 40 + 40 * len(values)
    return tune(make, values, steps, worlds=worlds, periods=model.horizon, warm_up=0, evaluations=most)


def main() -> None:
    """Tunes, and writes the data file."""
    parser = argparse.ArgumentParser(description="Tune the rules of fisheries management.")
    parser.add_argument("--only", default="", help="only recipes whose title contains this text")
    chosen = parser.parse_args()
    TUNED.tune(RECIPES, run, chosen.only)


if __name__ == "__main__":
    main()
