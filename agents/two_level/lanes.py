"""Worlds of workers and planner, advanced together, in which everybody learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.tree import tree_leaves, tree_map, tree_select
from scenarium.envs.tax.compass import CompassWorld
from scenarium.envs.tax.economy import Economy
from scenarium.envs.tax.model import PLANNER, WORKER
from scenarium.envs.tax.scenario import TaxScenario
from scenarium.envs.tax.utility import equality, productivity, utility


class Step(NamedTuple):
    """What one period brought.

    Attributes:
        reward: Change of every worker's utility with part of the cost of labor, float32 [N, n].
        welfare: Change of the planner's objective, float32 [N].
        ended: Whether the world's last period is over, bool [N]; the next one has begun on these lanes.
        final: Productivity and equality [N, 2], of use where `ended`.
    """

    reward: Tensor
    welfare: Tensor
    ended: Tensor
    final: Tensor


class Lanes:
    """N worlds, each as many tax periods ahead of the calendar as its number says, so that all times are learnt from.

    Lane i plays the worlds s + i, s + i + N, ...; its first one is shorter by the tax periods it starts ahead.

    Args:
        model: The game.
        num_envs: Worlds N.
        device: Where tensors are.

    Attributes:
        time: Period of each lane, int64 [N].
        scenario: The worlds' chance.
    """

    def __init__(self, model: CompassWorld, num_envs: int, device: torch.device) -> None:
        self.model, self.num_envs, self.device = model, num_envs, device
        self.xp = torch_namespace(str(device))
        self.time: Tensor
        self._seeds: Tensor
        self._state: Economy
        self.scenario: TaxScenario

    @property
    def state(self) -> Economy:
        """The economies now."""
        return self._state

    @torch.no_grad()
    def start(self, seed: int) -> None:
        """Begins new worlds on all lanes."""
        p, number = self.model.parameters, torch.arange(self.num_envs, dtype=torch.int64, device=self.device)
        self._seeds = number + seed
        self._open()
        self._state = self.model.initial(self.scenario, self.xp)
        self.time = number % (p.horizon // p.period) * p.period

    def _open(self) -> None:
        self.scenario = self.model.scenario(self._seeds)

    @torch.no_grad()
    def look(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Observations and masks by role."""
        seen = self.model.observe(self._state, None, self.time, self.xp)
        return seen, self.model.action_mask(self._state, self.time, self.xp)

    @torch.no_grad()
    def step(self, workers: Tensor, planner: Tensor, labor_scale: float) -> Step:
        """Plays a period.

        Args:
            workers: Actions int64 [N, n].
            planner: Levels int64 [N, brackets].
            labor_scale: Share of the cost of labor that counts in the workers' rewards.
        """
        before, actions = self._state, {WORKER: workers, PLANNER: planner}
        after, outcome = self.model.step(before, actions, self.scenario.at(self.time), self.time, self.xp)
        worth = [self._utility(economy, labor_scale) for economy in (before, after)]
        reward = (worth[1] - worth[0]).T.float()
        self.time, self._state = self.time + 1, after
        ended = self.time >= self.model.horizon
        final = torch.stack([productivity(after.wealth, self.xp), equality(after.wealth, self.xp)], 1).float()
        step = Step(reward, outcome.reward[PLANNER], ended, final)
        if bool(ended.any()):
            self._renew(ended)
        return step

    def _utility(self, economy: Economy, labor_scale: float) -> Tensor:
        p = self.model.parameters
        worth: Tensor = utility(economy.wealth, economy.labor * labor_scale, p, self.xp)
        return worth

    def _renew(self, ended: Tensor) -> None:
        self._seeds = torch.where(ended, self._seeds + self.num_envs, self._seeds)
        self._open()
        fresh = self.model.initial(self.scenario, self.xp)
        self._state = tree_select(self.xp, ended, fresh, self._state, -1)
        self.time = torch.where(ended, 0, self.time)

    def tensors(self) -> dict[str, Tensor]:
        """What `load` needs to go on from here."""
        leaves = {f"state.{i}": leaf for i, leaf in enumerate(tree_leaves(self._state))}
        return {"seeds": self._seeds, "time": self.time, **leaves}

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from what `tensors` gave."""
        self._seeds, self.time = tensors["seeds"].clone(), tensors["time"].clone()
        self._open()
        parts = iter([tensors[f"state.{i}"].clone() for i in range(len(Economy._fields))])
        self._state = tree_map(lambda _: next(parts), self.model.initial(self.scenario, self.xp))
