"""PQN on one store with lost sales and whole orders: beside SB3's DQN, the optimum, and SB3's PPO in throughput.

    python benchmarks/pqn_inventory.py                                         # everything, one run each
    python benchmarks/pqn_inventory.py --skip-dqn                              # PQN against the optimum only
    python benchmarks/pqn_inventory.py --picture docs/images/pqn_inventory.png

One thread, CPU-seconds of learning alone. Costs are per period over a long run with the first periods ignored; on the
way, over 300 periods of 1,024 worlds. DQN has the library's defaults (one gradient step for every four transitions),
with PQN's discount factor and network size. Throughput is on 1,024 worlds; the environment's share is the time inside
the worlds' step, scenarios and observations included. PPO is timed with the library's ten passes in minibatches of 64,
and with PQN's passes and minibatches.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from common import long_run_cost
from curves import Curve, Line, follow, picture

from scenarium.agents import PQN, SB3DQN, SB3PPO
from scenarium.agents.core.base import Agent
from scenarium.envs.inventory.optimum import lost_sales_optimum

ENV_ID, KWARGS = "InventoryNet-OneStoreLost-v0", {"action_mode": "integer"}
WORLDS = 1024


def quick_cost(agent: Agent) -> float:
    """Cost per period over 300 periods of 1,024 worlds, the first 100 ignored."""
    return -agent.mean_reward(range(2_000_000, 2_000_000 + 1024), 300, 100)


def final_cost(agent: Agent, options: argparse.Namespace) -> tuple[float, float]:
    """Long-run cost of the greedy policy and its standard error."""

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        return agent.predict(observation, memory)

    return long_run_cost(agent.model, act, options.worlds, options.periods, options.warm_up)


def report(name: str, agent: Agent, curve: Curve, optimum: float, options: argparse.Namespace) -> float:
    """Prints a line and returns the long-run cost."""
    cost, error = final_cost(agent, options)
    steps, seconds = agent.num_timesteps, curve.cpu_seconds
    gap = 100.0 * (cost / optimum - 1.0)
    print(f"{name:10} {steps:10,} {seconds:8.1f} {cost:9.4f} +- {error:.4f} {gap:7.2f} %", flush=True)
    return cost


def rate(agent: Agent, steps: int) -> float:
    """Environment steps per CPU-second."""
    start = time.process_time()
    agent.learn(steps)
    return agent.num_timesteps / (time.process_time() - start)


def inside_worlds(agent: PQN) -> list[float]:
    """CPU-seconds inside the worlds' step, as a list of one number that grows."""
    agent._begin()
    worlds, spent = agent._worlds, [0.0]
    assert worlds is not None
    play = worlds.step

    def step(action: torch.Tensor) -> Any:
        start = time.process_time()
        played = play(action)
        spent[0] += time.process_time() - start
        return played

    worlds.step = step  # type: ignore[method-assign]
    return spent


def throughput() -> None:
    """Prints environment steps per CPU-second on 1,024 worlds, and the environment's share."""
    batch = {"num_envs": WORLDS, "steps": 16, "epochs": 2, "minibatches": 64}
    agent = PQN(ENV_ID, env_kwargs=KWARGS, device="cpu", **batch)
    spent, start = inside_worlds(agent), time.process_time()
    own = rate(agent, WORLDS * 16 * 20)
    share = 100.0 * spent[0] / (time.process_time() - start)
    print(f"\n{WORLDS:,} worlds      steps per CPU-s   PQN is faster by")
    print(f"PQN              {own:15,.0f}   (environment {share:.0f} % of the time)", flush=True)
    net = {"policy_kwargs": {"net_arch": agent.policy_kwargs["hidden"]}}
    for name, settings in {
        "PPO, defaults": {"n_steps": 16},
        "PPO, PQN's batches": {"n_steps": 16, "n_epochs": 2, "batch_size": 256},
    }.items():
        ppo = SB3PPO(ENV_ID, env_kwargs=KWARGS, device="cpu", num_envs=WORLDS, algorithm=settings, **net)
        theirs = rate(ppo, WORLDS * 16)
        print(f"{name:19} {theirs:12,.0f}   {own / theirs:.1f} x", flush=True)


def compare(options: argparse.Namespace) -> dict[str, Curve]:
    """Prints costs and times of PQN and DQN."""
    optimum = lost_sales_optimum().cost
    print(f"{ENV_ID}, integer orders; optimum {optimum:.4f}")
    print("agent           steps    CPU-s      cost                 gap", flush=True)
    pqn = PQN(ENV_ID, env_kwargs=KWARGS, seed=options.seed, device="cpu")
    curves = {"PQN": follow(pqn, options.steps, options.steps // 30, quick_cost)}
    report("PQN", pqn, curves["PQN"], optimum, options)
    if options.skip_dqn:
        return curves
    dqn = SB3DQN(
        ENV_ID, env_kwargs=KWARGS, seed=options.seed, device="cpu", num_envs=4, gamma=pqn.config.gamma,
        algorithm={"train_freq": 4, "gradient_steps": 4}, policy_kwargs={"net_arch": pqn.policy_kwargs["hidden"]},
    )  # fmt: skip
    curves["SB3 DQN"] = follow(dqn, options.dqn_steps, options.dqn_steps // 10, quick_cost)
    level = report("SB3 DQN", dqn, curves["SB3 DQN"], optimum, options)
    own = zip(curves["PQN"].seconds, curves["PQN"].values, strict=True)
    reached = next((seconds for seconds, cost in own if cost <= level), None)
    if reached is None:
        print("PQN never reached the cost DQN ended at")
    else:
        share = curves["SB3 DQN"].cpu_seconds / reached
        print(f"PQN reached DQN's cost after {reached:.2f} CPU-s: 1/{share:.0f} of DQN's")
    return curves


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=5_000_000)
    parser.add_argument("--dqn-steps", type=int, default=300_000)
    parser.add_argument("--worlds", type=int, default=2048)
    parser.add_argument("--periods", type=int, default=2000)
    parser.add_argument("--warm-up", type=int, default=500)
    parser.add_argument("--skip-dqn", action="store_true")
    parser.add_argument("--skip-throughput", action="store_true")
    parser.add_argument("--picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    curves = compare(options)
    if options.picture:
        optimum = lost_sales_optimum().cost
        drawn = [Line(name, curve.seconds, curve.values) for name, curve in curves.items()]
        title, bars = "One store, lost sales, integer orders", {f"optimum, {optimum:.2f}": optimum}
        picture(options.picture, title, drawn, bars, "cost per period", "CPU-seconds", logarithmic=True)
    if not options.skip_throughput:
        throughput()


if __name__ == "__main__":
    main()
