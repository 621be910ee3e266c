"""What the PQN benchmarks share: learning curves of greedy returns, and their picture."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from scenarium.agents import PQN

DRIVER = Path(__file__).with_name("cleanrl_driver.py")
EVALUATION_SEED = 1_000_000


@dataclass
class Curve:
    """Greedy returns over a run.

    Attributes:
        steps: Environment steps at each evaluation.
        returns: Mean undiscounted return of the greedy policy then.
        cpu_seconds: CPU time of learning alone.
    """

    steps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def first(self, level: float) -> int | None:
        """Environment steps at the first evaluation that reaches a level."""
        return next((n for n, value in zip(self.steps, self.returns, strict=True) if value >= level), None)


def greedy_return(agent: Any, env_id: str, episodes: int = 20) -> float:
    """Mean return of an agent's greedy policy over episodes with fixed seeds."""
    env = gymnasium.vector.SyncVectorEnv(
        [lambda: gymnasium.make(env_id)] * episodes, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP
    )
    seen, _ = env.reset(seed=EVALUATION_SEED)
    total, alive = np.zeros(episodes), np.ones(episodes, bool)
    memory: Any = None
    while alive.any():
        action, memory = agent.predict(seen, memory)
        seen, reward, terminated, truncated, _ = env.step(action)
        total += alive * reward
        alive &= ~(terminated | truncated)
    return float(total.mean())


def learn(agent: PQN, env_id: str, steps: int, every: int, episodes: int = 20) -> Curve:
    """Learns, evaluating the greedy policy from time to time; evaluation is not timed."""
    return follow(agent, steps, every, lambda agent: greedy_return(agent, env_id, episodes))


def follow(agent: PQN, steps: int, every: int, measure: Callable[[Any], float]) -> Curve:
    """Learns, measuring the agent from time to time and at the end; measuring is not timed."""
    curve, start = Curve(), time.process_time()

    def look(agent: Any, metrics: Any) -> None:
        nonlocal start
        if agent.num_timesteps < every * (len(curve.steps) + 1) and agent.num_timesteps < steps:
            return
        curve.cpu_seconds += time.process_time() - start
        curve.steps.append(agent.num_timesteps)
        curve.returns.append(measure(agent))
        start = time.process_time()

    agent.learn(steps, look)
    curve.cpu_seconds += time.process_time() - start
    return curve


def cleanrl(script: str, env_id: str, steps: int, seed: int) -> dict[str, float]:
    """CPU-seconds and final greedy return of CleanRL's script for the same number of steps."""
    command = [sys.executable, str(DRIVER), script, env_id, str(steps), str(seed)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return result


def picture(
    path: str,
    title: str,
    curves: Mapping[str, Sequence[Curve]],
    bars: Mapping[str, float],
    value: str = "greedy return, mean of 20 episodes",
) -> None:
    """Draws all curves, one colour for each name, and the bars as dashed lines; `value` names the vertical axis."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for colour, (name, runs) in enumerate(curves.items()):
        for i, run in enumerate(runs):
            label = f"{name}, {len(runs)} seeds" if i == 0 else None
            axes.plot(run.steps, run.returns, color=f"C{colour}", alpha=0.8, label=label)
    for name, level in bars.items():
        axes.axhline(level, color="0.4", linestyle="--", linewidth=1)
        axes.annotate(name, (0.01, level), xycoords=("axes fraction", "data"), va="bottom", color="0.3", fontsize=9)
    axes.set(title=title, xlabel="environment steps", ylabel=value)
    axes.legend(loc="lower right")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
