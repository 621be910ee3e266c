"""Tax policies in the planner's view of the tax game, beside each other, in the same worlds.

`python benchmarks/tax_policies.py [--worlds 256] [--flat] [--picture]`

Workers by rule, four of them, open quadrant, ten tax periods of 100 periods. For every policy: the return (equality
times productivity per worker at the end) with its standard error, then productivity, equality, mean utility, houses
and tax collected. `--flat` sweeps flat taxes too. `--picture` writes the policies' plane of equality and productivity
and their schedules over the incomes they tax to `docs/images`. Planner steps per CPU-second are printed last.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import scenarium  # noqa: F401 (registers the ids)
from scenarium.baselines.base import Baseline
from scenarium.baselines.random import Random
from scenarium.baselines.tax.rules import FlatTax, FreeMarket, StaticSchedule, UsFederal
from scenarium.baselines.tax.saez import Saez
from scenarium.baselines.tax.tuned import FILE
from scenarium.envs import make_model
from scenarium.envs.core.canvas import write_png
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.picture import Point, Taxed, plane, schedules
from scenarium.envs.tax.utility import equality, productivity

FIRST_SEED = 1_000_000
IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


class Line(NamedTuple):
    """Means over worlds, and the standard error of the return."""

    value: float
    error: float
    productivity: float
    equality: float
    utility: float
    houses: float
    tax: float
    taxed: Taxed


@torch.no_grad()
def play(model: Any, policy: Baseline, worlds: int) -> Line:
    """One policy in every world."""
    scenario = model.scenario(torch.arange(FIRST_SEED, FIRST_SEED + worlds))
    total, tax, last = torch.zeros(worlds, dtype=torch.float64), torch.zeros(worlds, dtype=torch.float64), None
    rates, incomes = [], []
    for moment in unroll(model, scenario, policy.act_on(scenario)):
        total += moment.outcome.reward.double()
        tax += moment.outcome.info["tax_paid"].sum(-1)
        last = moment.after.inner
        rates.append(last.rates.mean(1))
        incomes.append(last.last_income)
    assert last is not None
    xp = torch_namespace("cpu")
    return Line(
        float(total.mean()),
        float(total.std() / math.sqrt(worlds)),
        float(productivity(last.wealth, xp).mean()),
        float(equality(last.wealth, xp).mean()),
        float(last.utility.mean()),
        float((last.houses > 0).sum(0).float().mean()),
        float(tax.mean()),
        Taxed(torch.stack(rates).mean(0).numpy(), torch.stack(incomes).numpy()),
    )


def policies(model: Any, flat: bool) -> dict[str, Baseline]:
    """The table's rows."""
    rows: dict[str, Baseline] = {
        "random": Random(model),
        "free market": FreeMarket(model),
        "US federal": UsFederal(model),
        "Saez, e estimated": Saez(model),
        "Saez, e estimated, top rule of Foundation": Saez(model, top="foundation"),
        "Saez, e = 0.5": Saez(model, elasticity=0.5),
    }
    if FILE.exists() and model.env_id:
        rows["tuned static schedule"] = StaticSchedule(model)
    if flat:
        rows |= {f"flat tax {rate:.0%}": FlatTax(model, rate=rate) for rate in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)}
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Tax policies beside each other.")
    parser.add_argument("--worlds", type=int, default=256)
    parser.add_argument("--flat", action="store_true", help="sweep flat taxes too")
    parser.add_argument("--picture", action="store_true", help="write the two pictures to docs/images")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = make_model("TaxGame-v0")
    print(f"{'':44s}{'return':>8s}{'s.e.':>6s}{'coin':>8s}{'equality':>10s}{'utility':>9s}{'houses':>8s}{'tax':>8s}")
    start, played, lines = time.process_time(), 0, {}
    for name, policy in policies(model, chosen.flat).items():
        line = lines[name] = play(model, policy, chosen.worlds)
        played += chosen.worlds * model.horizon
        numbers = f"{line.value:>8.1f}{line.error:>6.1f}{line.productivity:>8.0f}{line.equality:>10.3f}"
        print(f"{name:44s}{numbers}{line.utility:>9.1f}{line.houses:>8.1f}{line.tax:>8.0f}", flush=True)
    print(
        f"{played / (time.process_time() - start):.0f} planner steps per CPU-second, {chosen.worlds} worlds at a time"
    )
    if chosen.picture:
        pictures(lines, model.model.parameters)


def pictures(lines: dict[str, Line], parameters: Parameters) -> None:
    """Writes where the policies lie in the plane, and the schedules of those that are no flat taxes."""
    points = {name: Point(line.productivity, line.equality) for name, line in lines.items()}
    title = "tax policies in the tax game, workers by rule"
    write_png(IMAGES / "tax_plane.png", plane(points, parameters.workers, title))
    shown = {name: line.taxed for name, line in lines.items() if not name.startswith(("flat", "random"))}
    write_png(IMAGES / "tax_schedules.png", schedules(shown, parameters.cutoffs))


if __name__ == "__main__":
    main()
