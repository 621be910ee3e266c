"""Random workers in the tax game, next to the published code: nine measures under three tax regimes.

`python benchmarks/tax_random.py [--worlds 4096] [--device cpu]`

Workers choose uniformly among their allowed actions for 1,000 periods (four workers, open quadrant, compat
"foundation"); taxes are none, US federal, or set at random by the planner (uniform over its 22 options) every 100
periods. Reference: 40 episodes of Foundation 1.7.1 with the same policies (mean and standard error). Every cell should
lie within four combined standard errors. Gathers have no published error; ours is scaled to 40 episodes.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from scenarium.envs.core.namespace import Namespace, torch_namespace
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.parameters import US_FEDERAL, Parameters
from scenarium.envs.tax.utility import equality

REFERENCE: dict[str, dict[str, tuple[float, float | None]]] = {
    "free": {
        "productivity": (448.7, 28.0), "equality": (0.490, 0.021), "eq x prod / n": (52.7, 3.3), "houses": (30.3, 1.9),
        "trades": (323.0, 13.0), "labor per worker": (697.2, 3.7), "gathers": (67.3, None), "units": (84.5, None),
        "utility gain": (-100.8, 1.6), "tax collected": (0.0, 0.0),
    },
    "us_federal": {
        "productivity": (456.3, 27.1), "equality": (0.544, 0.023), "eq x prod / n": (61.5, 4.6), "houses": (30.4, 1.8),
        "trades": (317.5, 12.0), "labor per worker": (702.2, 2.8), "gathers": (68.6, None), "units": (85.5, None),
        "utility gain": (-100.4, 1.8), "tax collected": (68.1, 4.2),
    },
    "random": {
        "productivity": (459.5, 30.5), "equality": (0.700, 0.017), "eq x prod / n": (79.8, 5.8), "houses": (30.3, 1.9),
        "trades": (340.0, 12.0), "labor per worker": (695.7, 3.7), "gathers": (68.2, None), "units": (83.0, None),
        "utility gain": (-97.7, 2.0), "tax collected": (246.8, 16.8),
    },
}  # fmt: skip
"""Mean and standard error over 40 episodes of Foundation."""
EPISODES = 40


class Measures(NamedTuple):
    """Per world, float64 [B]."""

    names: tuple[str, ...]
    values: tuple[torch.Tensor, ...]


def choose(mask: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A uniformly random allowed action of every worker."""
    score = torch.rand(mask.shape, generator=generator, device=mask.device)
    return torch.where(mask, score, -1.0).argmax(-1).to(torch.int32)


def planner_actions(regime: str, worlds: int, generator: torch.Generator, device: str) -> torch.Tensor:
    """What the planner does for the coming tax period."""
    if regime == "us_federal":
        return torch.tensor(US_FEDERAL, dtype=torch.float64, device=device).expand(worlds, -1).contiguous()
    if regime == "random":
        return torch.randint(0, 22, (worlds, 7), generator=generator, device=device, dtype=torch.int32)
    return torch.zeros(worlds, 7, dtype=torch.int32, device=device)


def stepper(model: TaxWorld, xp: Namespace) -> Any:
    """One compiled period: the next state, the next mask, and what is counted."""

    def step(state: Any, worker: torch.Tensor, planner: torch.Tensor, exogenous: torch.Tensor, t: torch.Tensor) -> Any:
        after, outcome = model.step(state, {WORKER: worker, PLANNER: planner}, exogenous, t, xp)
        info = outcome.info
        gathered = info["gathered"]
        counts = (
            info["built"].sum(-1), info["trades"].sum((-1, -2)), (gathered > 0).sum((-1, -2)), gathered.sum((-1, -2)),
            info["tax_paid"].sum(-1), outcome.reward[WORKER].to(torch.float64).mean(-1),
        )  # fmt: skip
        return after, model.action_mask(after, t + 1, xp)[WORKER], torch.stack([c.to(torch.float64) for c in counts])

    return torch.compile(step, fullgraph=True, dynamic=False)


@torch.no_grad()
def measure(regime: str, worlds: int, device: str) -> Measures:
    """Plays every world to its end."""
    xp = torch_namespace(device)
    rates = "shares" if regime == "us_federal" else "levels"
    model = TaxWorld(Parameters(compat="foundation"), rates=rates)
    scenario = model.scenario(torch.arange(worlds, device=device))
    state = model.initial(scenario, xp)
    state = type(state)(*(leaf.contiguous() for leaf in state))
    mask = model.action_mask(state, 0, xp)[WORKER]
    generator = torch.Generator(device).manual_seed(20_200_428)
    step, totals = stepper(model, xp), torch.zeros(6, worlds, dtype=torch.float64, device=device)
    planner = planner_actions(regime, worlds, generator, device)
    for t in range(model.horizon):
        if t % model.parameters.period == 0:
            planner = planner_actions(regime, worlds, generator, device)
        tick = torch.tensor(t, device=device)
        state, mask, counts = step(state, choose(mask, generator), planner, scenario.at(t).clone(), tick)
        totals += counts
    wealth = state.wealth
    built, trades, gathers, units, tax, utility = totals
    equal, product = equality(wealth, xp), wealth.sum(0)
    names = tuple(REFERENCE[regime])
    values = (product, equal, equal * product / 4, built, trades, state.labor.mean(0), gathers, units, utility, tax)
    return Measures(names, values)


def report(regime: str, measures: Measures) -> bool:
    """Prints one regime's table; whether every cell is within four combined standard errors."""
    print(f"{regime:18s}{'here':>10s}{'s.e.':>8s}{'Foundation':>12s}{'s.e.':>8s}{'distance':>10s}")
    fits = True
    for name, value in zip(measures.names, measures.values, strict=True):
        mean, spread = float(value.mean()), float(value.std())
        error = spread / math.sqrt(len(value))
        other, other_error = REFERENCE[regime][name]
        if other_error is None:
            other_error = spread / math.sqrt(EPISODES)
        combined = math.hypot(error, other_error)
        distance = (mean - other) / combined if combined > 0.0 else (0.0 if mean == other else math.inf)
        fits &= abs(distance) <= 4.0
        print(f"{name:18s}{mean:>10.3f}{error:>8.3f}{other:>12.3f}{other_error:>8.3f}{distance:>+10.2f}", flush=True)
    return fits


def main() -> None:
    """Prints the three tables; fails if a cell does not fit."""
    parser = argparse.ArgumentParser(description="Random workers in the tax game next to the published code.")
    parser.add_argument("--worlds", type=int, default=4096)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--regimes", nargs="+", default=list(REFERENCE), choices=list(REFERENCE))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    start, fits = time.process_time(), True
    for regime in chosen.regimes:
        fits &= report(regime, measure(regime, chosen.worlds, chosen.device))
    print(f"{chosen.worlds} worlds, {time.process_time() - start:.0f} CPU-seconds")
    if not fits:
        raise SystemExit("a cell is further than four combined standard errors from Foundation")


if __name__ == "__main__":
    main()
