"""Many tasks from recorded episodes alone: DQN with retrieval, equally large DQN, and ablations, by number of tasks.

    python benchmarks/retrieval_tasks.py                                 # inventory, 10, 20 and 30 tasks, 5 seeds
    python benchmarks/retrieval_tasks.py --agents ra_dqn dqn a1 a3 --counts 30
    python benchmarks/retrieval_tasks.py --picture docs/images/retrieval_tasks.png

Tasks are single stores that differ in lead time, penalty and demand, which no observation tells. Retrieval is from
recordings of the task at hand, in training and on the held-out worlds that are measured, as in the paper's grid world.
DQN does not know which task it plays, so a policy with one order-up-to level for all tasks is a bar for it. Values of
what the recordings hardly have are kept down (CQL), with a weight chosen for DQN with 10 tasks on other worlds.
Reported is the cost relative to the tuned base-stock policy of each task, averaged over tasks, as mean and 95 %
interval over seeds (Student's t). All agents take the same gradient steps on the same data; DQN is widened until it has
as many parameters (the paper's ablation A-2). a1 asks with the agent's state instead of slots (A-1), a3 summarises 5
steps instead of whole episodes (A-3). Time is CPU time on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

import numpy as np
import torch
from curves import Panel, bands
from scipy import stats

from scenarium.agents import DQN, RADQN
from scenarium.agents.core.evaluation import world_rewards
from scenarium.agents.data.tasks import Task, record_set, task_set
from scenarium.agents.networks.values import QNetwork
from scenarium.agents.retrieval.network import count_parameters, widened
from scenarium.baselines.registry import make_baseline
from scenarium.envs.core.rollout import MaskedAct

HELD_OUT, TUNING = 9_000_000, 8_000_000
"""First seeds of the worlds that are reported, and of those on which DQN's settings were chosen."""
LEVELS = (10.0, 12.5, 15.0, 17.5, 20.0, 22.5, 25.0)
LEARNING: dict[str, Any] = {
    "num_envs": 8, "steps": 8, "updates": 8, "target_period": 100, "learning_rate": "linear 0.001", "gamma": 0.95,
    "reward_scale": 0.01, "levels": 9, "batch_size": 64, "device": "cpu", "conservative": 0.1,
}  # fmt: skip
RETRIEVAL: dict[str, Any] = {
    "trajectories": 16, "acting_trajectories": 32, "span": 50, "slots": 2, "slot_width": 64, "summary_width": 64,
    "key_width": 64, "k_trajectories": 5, "k_states": 10, "task_groups": 4, "bottleneck_weight": 0.01,
    "policy_kwargs": {"hidden": (64, 64)},
}  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {
    "ra_dqn": {}, "a1": {"query_from": "agent"}, "a3": {"span": 5}, "all_tasks": {"same_task": False},
}  # fmt: skip


def make(name: str, tasks: list[Task], dataset: str, seed: int) -> DQN:
    """An agent by its name in this benchmark."""
    model = tasks[0].model()
    settings = {**LEARNING, "dataset": dataset, "seed": seed}
    if name != "dqn":
        return RADQN(model, **{**settings, **RETRIEVAL, **CHANGES[name]})
    wanted = count_parameters(RADQN(model, **{**settings, **RETRIEVAL}).network)
    width = widened(lambda n: QNetwork(model.observation_space, (1, LEARNING["levels"]), None, (n, n)), wanted)
    return DQN(model, **settings, policy_kwargs={"hidden": (width, width)})


def cost(policy: Any, tasks: list[Task], bars: list[float], worlds: int) -> float:
    """Cost of a policy over that of base stock, mean over tasks."""
    seeds = torch.arange(HELD_OUT, HELD_OUT + worlds)
    ratios = []
    for number, task in enumerate(tasks):
        if isinstance(policy, RADQN):
            policy.focus(number if policy.config.same_task else None)
        act = MaskedAct(lambda seen, memory, t, mask: policy._act(seen, memory, True, mask))
        ratios.append(-float(world_rewards(task.model(), act, seeds).mean()) / bars[number])
    return float(np.mean(ratios))


def one_level(tasks: list[Task], worlds: int) -> float:
    """Cost over base stock of the order-up-to level that suits all tasks best, for who is not told which it is."""

    def ratio(level: float, first: int) -> float:
        seeds, found = torch.arange(first, first + worlds), []
        for task in tasks:
            model = task.model().native()
            same = make_baseline("base_stock", task.model(), levels=[level])
            costs = [world_rewards(model, policy.act, seeds).mean() for policy in (same, task.policy())]
            found.append(float(costs[0] / costs[1]))
        return float(np.mean(found))

    return ratio(min(LEVELS, key=lambda level: ratio(level, TUNING)), HELD_OUT)


def interval(values: list[float]) -> str:
    """Mean and 95 % interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return f"{np.mean(values):.3f} +- {half:.3f}"


def run(count: int, options: argparse.Namespace) -> tuple[dict[str, list[list[float]]], float]:
    """Curves of every agent and seed on a set of tasks, and the cost of one level for all; prints a row per agent."""
    tasks = task_set(f"inventory-{count}")
    seeds = torch.arange(HELD_OUT, HELD_OUT + options.worlds)
    bars = []
    for task in tasks:
        policy, model = task.policy(), task.model().native()
        bars.append(-float(world_rewards(model, policy.act, seeds).mean()))
    data, found = record_set(tasks, options.episodes), {}
    print(f"{count} tasks, {data.episodes} episodes, {data.steps} steps", flush=True)
    level = one_level(tasks, options.worlds)
    print(f"  one level for all tasks {level:.3f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        data.save(folder)
        for name in options.agents:
            start, curves = time.process_time(), []
            for seed in range(options.seeds):
                agent, curve = make(name, tasks, folder, seed), []
                for _ in range(options.points):
                    agent._set_budget(options.updates * 8, None, agent.iterations > 0)
                    curve.append(_part(agent, options, tasks, bars))
                curves.append(curve)
            found[name] = curves
            for curve in curves:
                print("   ", *(f"{value:.3f}" for value in curve))
            each = (time.process_time() - start) / options.seeds
            size = count_parameters(agent.network)
            last = interval([curve[-1] for curve in curves])
            print(f"  {name:10} {last}  {size:9,} parameters {each:6.0f} CPU-s a seed", flush=True)
    return found, level


def _part(agent: DQN, options: argparse.Namespace, tasks: list[Task], bars: list[float]) -> float:
    """A part of the gradient steps, all of which share one schedule; then the cost."""
    for _ in range(options.updates // options.points // agent.config.updates):
        agent._iterate()
        agent.iterations += 1
    return cost(agent, tasks, bars, options.worlds)


def main() -> None:
    """Prints a block per number of tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="*", default=[10, 20, 30])
    parser.add_argument("--agents", nargs="*", default=["dqn", "ra_dqn"], choices=["dqn", *CHANGES])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=120, help="recorded per task")
    parser.add_argument("--updates", type=int, default=1200)
    parser.add_argument("--points", type=int, default=3, help="measurements of each run")
    parser.add_argument("--worlds", type=int, default=50, help="held-out worlds per task")
    parser.add_argument("--picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    panels = []
    x = np.arange(1, options.points + 1) * (options.updates // options.points)
    for count in options.counts:
        found, level = run(count, options)
        panels.append(Panel(f"{count} tasks", list(x), found, {"base stock": 1.0, "one level for all": level}))
    if options.picture:
        bands(options.picture, panels, "cost over base stock", "gradient steps")


if __name__ == "__main__":
    main()
