"""Tax policies in the planner's view of the tax game, beside each other, in the same worlds.

`python benchmarks/tax_policies.py [--worlds 256] [--flat]`

Workers by rule, four of them, open quadrant, ten tax periods of 100 periods. For every policy: the return (equality
times productivity per worker at the end) with its standard error, then productivity, equality, mean utility, houses
and tax collected. `--flat` sweeps flat taxes too. Planner steps per CPU-second are printed last.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from scenarium.baselines.base import Baseline
from scenarium.baselines.random import Random
from scenarium.baselines.tax.rules import FlatTax, FreeMarket, StaticSchedule, UsFederal
from scenarium.baselines.tax.saez import Saez
from scenarium.baselines.tax.tuned import FILE
from scenarium.envs.core.rollout import unroll
from scenarium.envs.tax.presets import tax_game

FIRST_SEED = 1_000_000


class Line(NamedTuple):
    """Means over worlds, and the standard error of the return."""

    value: float
    error: float
    productivity: float
    equality: float
    utility: float
    houses: float
    tax: float


@torch.no_grad()
def play(model: Any, policy: Baseline, worlds: int) -> Line:
    """One policy in every world."""
    scenario = model.scenario(torch.arange(FIRST_SEED, FIRST_SEED + worlds))
    total, tax, last = torch.zeros(worlds, dtype=torch.float64), torch.zeros(worlds, dtype=torch.float64), None
    for moment in unroll(model, scenario, policy.act_on(scenario)):
        total += moment.outcome.reward.double()
        tax += moment.outcome.info["tax_paid"].sum(-1)
        last = moment.after.inner
    assert last is not None
    product, n = last.wealth.sum(0), last.wealth.shape[0]
    return Line(
        float(total.mean()),
        float(total.std() / math.sqrt(worlds)),
        float(product.mean()),
        float((total * n / product.clamp_min(1e-9)).mean()),
        float(last.utility.mean()),
        float((last.houses > 0).sum(0).float().mean()),
        float(tax.mean()),
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
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = tax_game().made_from("TaxGame-v0", {})
    print(f"{'':44s}{'return':>8s}{'s.e.':>6s}{'coin':>8s}{'equality':>10s}{'utility':>9s}{'houses':>8s}{'tax':>8s}")
    start, played = time.process_time(), 0
    for name, policy in policies(model, chosen.flat).items():
        line = play(model, policy, chosen.worlds)
        played += chosen.worlds * model.horizon
        numbers = f"{line.value:>8.1f}{line.error:>6.1f}{line.productivity:>8.0f}{line.equality:>10.3f}"
        print(f"{name:44s}{numbers}{line.utility:>9.1f}{line.houses:>8.1f}{line.tax:>8.0f}", flush=True)
    print(
        f"{played / (time.process_time() - start):.0f} planner steps per CPU-second, {chosen.worlds} worlds at a time"
    )


if __name__ == "__main__":
    main()
