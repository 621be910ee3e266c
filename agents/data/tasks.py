"""Sets of tasks that share observations and actions and differ in what an agent is not told.

A set is a list of problems of one family with other parameters. Larger sets contain the smaller ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from scenarium.agents.data.collect import FIRST_SEED, collect
from scenarium.agents.data.dataset import Dataset
from scenarium.envs.core.errors import unknown_name
from scenarium.envs.core.model import Model
from scenarium.envs.core.registry import make_model


@dataclass(frozen=True)
class Task:
    """One problem of a set.

    Attributes:
        name: Its own, within the set.
        env_id: Registered id.
        kwargs: Keyword arguments of the id, which say what an agent is not told.
        behaviour: Name of the baseline that is recorded.
        spread: Factors on the baseline's levels, for policies worse than it; (1,) for those without levels.
        epsilon: Probabilities of random actions.
    """

    name: str
    env_id: str
    kwargs: Mapping[str, Any]
    behaviour: str
    spread: tuple[float, ...] = (1.0,)
    epsilon: tuple[float, ...] = (0.1, 0.3, 0.5)

    def model(self) -> Model:
        """The problem."""
        return make_model(self.env_id, **self.kwargs)

    def policy(self, factor: float = 1.0) -> Any:
        """The behaviour, with its levels times a factor."""
        from scenarium.baselines.registry import make_baseline

        policy = make_baseline(self.behaviour, self.model())
        if factor == 1.0:
            return policy
        levels = [level if level is None else factor * level for level in policy.parameters["levels"]]
        return make_baseline(self.behaviour, self.model(), levels=levels)

    def record(self, episodes: int, seed: int = FIRST_SEED) -> Dataset:
        """Whole episodes of the behaviour and of policies around it, as one task."""
        share = max(1, episodes // len(self.spread))
        parts = [
            collect(self.model(), self.policy(factor), share, seed + i * share, self.epsilon)
            for i, factor in enumerate(self.spread)
        ]
        return Dataset.join(parts).as_task(parts[0].about)


@dataclass(frozen=True)
class _Grid:
    """All combinations of some keyword arguments, in an order that mixes them."""

    env_id: str
    behaviour: str
    axes: Mapping[str, Sequence[Any]]
    spread: tuple[float, ...] = (1.0,)
    epsilon: tuple[float, ...] = (0.1, 0.3, 0.5)
    common: Mapping[str, Any] = field(default_factory=dict)

    def tasks(self) -> list[Task]:
        points = [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]
        # A stride that shares no factor with their number visits all of them, far apart.
        stride = next(n for n in (11, 7, 5, 3, 1) if len(points) % n)
        ordered = [points[i * stride % len(points)] for i in range(len(points))]
        return [
            Task(
                ", ".join(f"{name} {value}" for name, value in point.items()),
                self.env_id,
                {**self.common, **point},
                self.behaviour,
                self.spread,
                self.epsilon,
            )  # fmt: skip
            for point in ordered
        ]


_INVENTORY = _Grid(
    "InventoryNet-OneStoreLost-v0",
    "base_stock",
    {"lead_time": (1, 2, 3, 4), "underage": (4.0, 9.0, 19.0), "rate": (3.0, 5.0, 8.0)},
    spread=(0.6, 0.8, 1.0, 1.2),
    common={"horizon": 50},
)
# Clusters of markets: how many buy at list price, and how much the context tells of what they would pay.
_PRICING = _Grid(
    "AncillaryPricing-v0",
    "random",
    {"base_conversion": (0.05, 0.1, 0.2), "informativeness": (0.5, 0.75, 0.9)},
    epsilon=(1.0,),
    common={"horizon": 50},
)
_SETS = {
    **{f"inventory-{count}": (_INVENTORY, count) for count in (10, 20, 30)},
    "pricing-clusters": (_PRICING, 9),
}


def task_set(name: str) -> list[Task]:
    """The tasks of a set: "inventory-10", "inventory-20", "inventory-30" or "pricing-clusters".

    Raises:
        ScenariumError: There is no such set.
    """
    if name not in _SETS:
        raise unknown_name("task set", name, _SETS)
    grid, count = _SETS[name]
    return grid.tasks()[:count]


def record_set(tasks: Sequence[Task], episodes: int, seed: int = FIRST_SEED) -> Dataset:
    """About this many episodes of every task, as one dataset whose tasks are numbered in their order."""
    return Dataset.join([task.record(episodes, seed) for task in tasks])
