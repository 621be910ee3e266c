"""World-steps per CPU-second of the tax game: many compiled worlds on one thread, and one world through PettingZoo.

`python benchmarks/tax_speed.py [--device cuda] [--worlds 4096] [--rows dynamics flat spatial single planners planner]`

Four workers, open quadrant. Batched rows play random allowed actions chosen beforehand, from an economy 80 periods old:
the transition with rewards; then also all masks and flat observations of workers and planner; then also the windows of
the map (9 x 11 x 11 for every worker). The chance of a period (drawn ahead) is timed on its own and shown beside.
Compiling takes minutes and is not timed. Reference figures, one thread of an AMD EPYC: Foundation 1.7.1 makes 1.0k
steps a second with full observations, EconoJax 20k.

The last two rows count steps of the planner of `TaxGame-v0`, one tax period of 100 periods with workers by rule each:
1,024 worlds at once, not compiled, and one world through Gymnasium. Foundation's 1.0k steps are 10 of these a second.

glibc is told to keep freed memory (`keep_memory`), which makes steps with windows a fifth faster; `--default-malloc`
leaves it as it is.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.namespace import Namespace, torch_namespace
from scenarium.envs.core.parallel import ScenariumParallelEnv
from scenarium.envs.core.rollout import counted_rewards
from scenarium.envs.core.tree import tree_map
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.parameters import US_FEDERAL
from scenarium.envs.tax.presets import tax_game

PERIODS, WARM_UP = 20, 80
TAX_PERIODS, GAMES = 2, 1024
BARS = {"dynamics": 220e3, "flat": 110e3, "spatial": 80e3, "single": 2e3, "planners": 10.0, "planner": 10.0}
TITLES = {
    "dynamics": "transition and rewards",
    "flat": "+ masks and flat observations",
    "spatial": "+ windows of the map",
    "single": "one world through PettingZoo, full observation",
    "planners": "planner steps of 100 periods, 1,024 worlds",
    "planner": "planner steps of 100 periods, one world",
}


class Prepared(NamedTuple):
    """What a batched row plays."""

    state: Any
    workers: list[torch.Tensor]
    draws: list[torch.Tensor]


def keep_memory() -> None:
    """Has glibc keep what is freed: else each step gives some 30 MB back to the system and faults them in anew."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for parameter, value in ((-1, 1 << 30), (-3, 1 << 25)):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            libc.mallopt(parameter, value)


def random_actions(mask: torch.Tensor) -> torch.Tensor:
    """A uniformly random allowed action each."""
    return torch.where(mask, torch.rand(mask.shape, device=mask.device), -1.0).argmax(-1).to(torch.int32)


def prepare(model: TaxWorld, worlds: int, device: str, xp: Namespace) -> Prepared:
    """An economy some periods old, and the actions and draws of the next ones."""
    torch.manual_seed(0)
    scenario = model.scenario(torch.arange(worlds, device=device))
    state, workers, start = model.initial(scenario, xp), [], None
    planner = torch.zeros(worlds, 7, dtype=torch.int32, device=device)
    for t in range(WARM_UP + PERIODS):
        if t == WARM_UP:
            start = tree_map(lambda x: x.contiguous(), state)
        action = random_actions(model.action_mask(state, t, xp)[WORKER])
        workers.append(action)
        state, _ = model.step(state, {WORKER: action, PLANNER: planner}, scenario.at(t), t, xp)
    draws = [scenario.at(t).clone() for t in range(WARM_UP, WARM_UP + PERIODS)]
    return Prepared(start, workers[WARM_UP:], draws)


def stepper(model: TaxWorld, xp: Namespace, observed: bool) -> Callable[..., Any]:
    """One compiled period as a function of tensors alone."""

    def step(state: Any, worker: torch.Tensor, planner: torch.Tensor, draws: torch.Tensor, t: torch.Tensor) -> Any:
        after, outcome = model.step(state, {WORKER: worker, PLANNER: planner}, draws, t, xp)
        if not observed:
            return after, outcome.reward
        return after, outcome.reward, model.action_mask(after, t + 1, xp), model.observe(after, None, t + 1, xp)

    torch._dynamo.reset()
    return torch.compile(step, fullgraph=True, dynamic=False)


def clock(device: str) -> float:
    """Process time, or the wall clock once a GPU is done."""
    if not device.startswith("cuda"):
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


@torch.no_grad()
def batched(row: str, worlds: int, device: str, repeats: int) -> tuple[float, float]:
    """World-steps per second, and seconds per million world-steps that drawing chance takes."""
    xp = torch_namespace(device)
    model = TaxWorld(observation="spatial" if row == "spatial" else "flat")
    ready = prepare(model, worlds, device, xp)
    step = stepper(model, xp, observed=row != "dynamics")
    planner = torch.zeros(worlds, 7, dtype=torch.int32, device=device)
    ticks = list(torch.arange(WARM_UP, WARM_UP + PERIODS, device=device))
    best = float("inf")
    for _ in range(repeats + 1):  # the first compiles
        state, start = ready.state, clock(device)
        for worker, draws, t in zip(ready.workers, ready.draws, ticks, strict=True):
            state = step(state, worker, planner, draws, t)[0]
        best = min(best, clock(device) - start)
    scenario, start = model.scenario(torch.arange(worlds, device=device)), clock(device)
    for t in range(PERIODS):
        scenario.draw(t, 1)
    return PERIODS * worlds / best, (clock(device) - start) * 1e6 / (PERIODS * worlds)


def single(repeats: int) -> float:
    """Steps per second of one world through `ScenariumParallelEnv`, choosing actions not timed."""
    env, rng = ScenariumParallelEnv(TaxWorld(observation="spatial")), np.random.default_rng(0)
    best = 0.0
    for _ in range(repeats):
        seen, _ = env.reset(seed=0)
        spent = 0.0
        for _ in range(1000):
            actions = {
                agent: rng.choice(np.flatnonzero(seen[agent]["action_mask"]))
                for agent in env.agents
                if agent != PLANNER
            }
            actions[PLANNER] = np.zeros(7, np.int64)
            start = time.process_time()
            seen, *_ = env.step(actions)
            spent += time.process_time() - start
        best = max(best, 1000 / spent)
    return best


@torch.no_grad()
def planners(device: str) -> float:
    """Planner steps per second of many worlds together, from the start of the episode."""
    model, rates = tax_game(), torch.tensor(US_FEDERAL, device=device).expand(GAMES, -1)
    scenario, start = model.scenario(torch.arange(GAMES, device=device)), clock(device)
    counted_rewards(model, scenario, lambda *_: (rates, None), TAX_PERIODS)
    return GAMES * TAX_PERIODS / (clock(device) - start)


def planner(repeats: int) -> float:
    """Planner steps per second of one world through `ScenariumEnv`, the best of some episodes."""
    env, rates, best = ScenariumEnv(tax_game()), np.array(US_FEDERAL, np.float32), 0.0
    for seed in range(repeats):
        env.reset(seed=seed)
        start, steps, over = time.process_time(), 0, False
        while not over:
            _, _, ended, cut, _ = env.step(rates)
            steps, over = steps + 1, ended or cut
        best = max(best, steps / (time.process_time() - start))
    return best


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="World-steps per CPU-second of the tax game.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", nargs="+", default=list(BARS), choices=list(BARS))
    parser.add_argument("--default-malloc", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if not chosen.default_malloc:
        keep_memory()
    where = torch.cuda.get_device_name(chosen.device) if chosen.device.startswith("cuda") else "1 thread"
    print(f"{chosen.worlds} worlds, {where}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"{'world-steps per second':50s}{'here':>12s}{'bar':>10s}{'drawing':>16s}")
    alone: dict[str, Callable[[], float]] = {
        "single": lambda: single(chosen.repeats),
        "planners": lambda: planners(chosen.device),
        "planner": lambda: planner(chosen.repeats),
    }
    for row in chosen.rows:
        if row in alone:
            print(f"{TITLES[row]:50s}{alone[row]():>12,.0f}{BARS[row]:>10,.0f}", flush=True)
            continue
        speed, drawing = batched(row, chosen.worlds, chosen.device, chosen.repeats)
        print(f"{TITLES[row]:50s}{speed:>12,.0f}{BARS[row]:>10,.0f}{drawing:>10.2f} us/step", flush=True)


if __name__ == "__main__":
    main()
