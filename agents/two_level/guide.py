"""A teacher for workers that begin to learn: what the rule would do where they are."""

from __future__ import annotations

import torch
from torch import Tensor

from scenarium.agents.two_level.lanes import Lanes
from scenarium.envs.tax.model import WORKER, TaxWorld
from scenarium.envs.tax.workers import RuleWorkers


class Guide:
    """The rule of `RuleWorkers`.

    Args:
        world: The game of the lanes.
    """

    def __init__(self, world: TaxWorld) -> None:
        self._seeing = TaxWorld(world.parameters, world.layout, observation="insight")
        self._rule = RuleWorkers(self._seeing)

    @torch.no_grad()
    def actions(self, lanes: Lanes, mask: Tensor) -> Tensor:
        """What the rule would do now in every world, int64 [N, n]; `mask` [N, n, 50] says what is allowed."""
        time, xp = lanes.time, lanes.xp
        seen = self._seeing.observe(lanes.state, None, time, xp)[WORKER]
        action, _ = self._rule.act(seen, self._rule.initial(lanes.scenario, xp), mask, time, xp)
        taught: Tensor = action.long()
        return taught
