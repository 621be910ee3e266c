"""What the learning benchmarks share: following an agent while it learns, and pictures of curves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import scenarium
from scenarium.agents.core.base import Agent

EVALUATION_SEED = 1_000_000


@dataclass
class Curve:
    """What an agent was worth over a run.

    Attributes:
        steps: Environment steps at each measurement.
        values: The measurements.
        seconds: CPU-seconds of learning alone until each.
        cpu_seconds: CPU-seconds of learning alone, all of them.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def first(self, level: float) -> int | None:
        """Environment steps at the first measurement that reaches a level."""
        return next((n for n, value in zip(self.steps, self.values, strict=True) if value >= level), None)


def greedy_return(agent: Agent, env_id: str, episodes: int = 20) -> float:
    """Mean return of an agent's greedy policy over whole episodes with fixed seeds."""
    return scenarium.evaluate(agent, env_id, range(EVALUATION_SEED, EVALUATION_SEED + episodes)).mean


def follow(agent: Agent, steps: int, every: int, measure: Callable[[Any], float]) -> Curve:
    """Learns, measuring the agent from time to time and at the end; measuring is not timed."""
    curve, start = Curve(), time.process_time()

    def measured(agent: Any) -> None:
        nonlocal start
        curve.cpu_seconds += time.process_time() - start
        curve.steps.append(agent.num_timesteps)
        curve.seconds.append(curve.cpu_seconds)
        curve.values.append(measure(agent))
        start = time.process_time()

    def look(agent: Any, metrics: Any) -> None:
        # Not beyond the budget: some agents call back at every step of the rollout that ends the run.
        if every * (len(curve.steps) + 1) <= agent.num_timesteps < steps:
            measured(agent)

    agent.learn(steps, look)
    measured(agent)
    return curve


class Line(NamedTuple):
    """A line of a picture; lines of one `name` share colour and legend."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def lines(runs: Mapping[str, Sequence[Curve]]) -> list[Line]:
    """Values over environment steps, a line per run."""
    titles = {name: f"{name}, {len(curves)} seeds" if len(curves) > 1 else name for name, curves in runs.items()}
    return [Line(titles[name], curve.steps, curve.values) for name, curves in runs.items() for curve in curves]


def picture(
    path: str,
    title: str,
    drawn: Sequence[Line],
    bars: Mapping[str, float],
    y: str = "greedy return, mean of 20 episodes",
    x: str = "environment steps",
    logarithmic: bool = False,
) -> None:
    """Writes a picture of lines, with the bars dashed; `x` and `y` name the axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    names = list(dict.fromkeys(line.name for line in drawn))
    for i, line in enumerate(drawn):
        first = all(line.name != other.name for other in drawn[:i])
        colour = f"C{names.index(line.name)}"
        axes.plot(line.x, line.y, color=colour, alpha=0.8, linewidth=1.4, label=line.name if first else None)
    if logarithmic:
        axes.set(xscale="log", yscale="log")
    for name, level in bars.items():
        axes.axhline(level, color="0.4", linestyle="--", linewidth=1)
        axes.annotate(name, (0.01, level), xycoords=("axes fraction", "data"), va="bottom", color="0.3", fontsize=9)
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


class Panel(NamedTuple):
    """One axes of `bands`: runs [seeds][measurements] of each name at the same `x`, with bars."""

    title: str
    x: Sequence[float]
    runs: Mapping[str, Sequence[Sequence[float]]]
    bars: Mapping[str, float]


def bands(path: str, panels: Sequence[Panel], y: str, x: str) -> None:
    """Writes a picture of means over seeds with their 95 % intervals (Student's t), a panel beside the other."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt
    from scipy import stats

    figure, row = plt.subplots(
        1, len(panels), figsize=(1 + 3.2 * len(panels), 3.6), layout="constrained", squeeze=False
    )
    for axes, panel in zip(row[0], panels, strict=True):
        for i, (name, curves) in enumerate(panel.runs.items()):
            values, seeds = np.array(curves), len(curves)
            mean = values.mean(0)
            axes.plot(panel.x, mean, color=f"C{i}", label=f"{name}, {seeds} seeds", marker="o", markersize=3)
            if seeds > 1:
                half = stats.t.ppf(0.975, seeds - 1) * values.std(0, ddof=1) / np.sqrt(seeds)
                axes.fill_between(panel.x, mean - half, mean + half, color=f"C{i}", alpha=0.2, linewidth=0)
        for name, level in panel.bars.items():
            axes.axhline(level, color="0.4", linestyle="--", linewidth=1)
            axes.annotate(name, (0.01, level), xycoords=("axes fraction", "data"), va="bottom", color="0.3", fontsize=8)
        axes.set(title=panel.title, xlabel=x)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    row[0][0].set(ylabel=y)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
