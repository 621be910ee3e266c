"""One worker's view: it earns a living among workers by rule, under a schedule that stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.core.tree import tree_map
from scenarium.envs.tax.economy import Economy
from scenarium.envs.tax.layouts import Layout
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.scenario import TaxScenario
from scenarium.envs.tax.workers import Rule, RuleWorkers


class Alone(NamedTuple):
    """The economy, and the memory of the other workers' rule."""

    inner: Economy
    memory: Array


class OneWorker(Model):
    """Worker 0 as the agent; its skill is a random rank in every world.

    Args:
        parameters: Numbers of the game.
        layout: A name in `layouts.LAYOUTS`, or a `Layout`.
        rates: The marginal rate of each bracket, the same in every tax period; no taxes if left out.
        observation: "flat" or "spatial", as in `TaxWorld`.
        rule: Numbers of the other workers' rule.

    Reward:
        The change of the worker's utility: isoelastic in coin, minus the cost of labour.

    Start:
        As in the game: no coin, no goods, skills by rank, resources on their source tiles.

    Optimum:
        Not known. The workers by rule show what simple foresight earns.

    References:
        - S. Zheng, A. Trott, S. Srinivasa, D. C. Parkes, R. Socher, "The AI Economist: Taxation policy design via
          two-level deep multiagent reinforcement learning", Science Advances 8, 2022,
          [arXiv 2108.02755](https://arxiv.org/abs/2108.02755), and its published code.
        - E. Saez, "Using elasticities to derive optimal income tax rates", Review of Economic Studies 68, 2001.

    Raises:
        ScenariumError: An argument is unknown, or the rates do not fit the brackets.
    """

    batch_axis = -1
    gradient = "none"
    presentation: ClassVar[frozenset[str]] = frozenset({"observation"})

    def __init__(
        self,
        parameters: Parameters | None = None,
        layout: str | Layout = "open_quadrant_25",
        *,
        rates: Sequence[float] | None = None,
        observation: str = "flat",
        rule: Rule | None = None,
    ) -> None:
        if observation not in ("flat", "spatial"):
            raise ScenariumError(f"observation {observation!r} is unknown; use 'flat' or 'spatial'")
        self.world = TaxWorld(parameters, layout, rates="shares", observation=observation)
        self._others = TaxWorld(parameters, layout, rates="shares", observation="insight")
        self.rule = RuleWorkers(self._others, rule)
        p = self.world.parameters
        self.schedule = np.zeros(len(p.cutoffs)) if rates is None else np.asarray(rates, np.float64)
        if self.schedule.shape != (len(p.cutoffs),) or not ((self.schedule >= 0.0) & (self.schedule <= 1.0)).all():
            raise ScenariumError(f"rates are {rates!r}; expected {len(p.cutoffs)} numbers from 0 to 1")
        self.horizon = p.horizon
        role = self.world.roles[0]
        self.observation_space, self.action_space = role.observation_space, role.action_space
        self._rates: dict[str, Array] = {}

    def scenario(self, seeds: Array) -> TaxScenario:
        return self.world.scenario(seeds)

    def initial(self, scenario: TaxScenario, xp: Namespace) -> Alone:  # type: ignore[override]
        if xp.key not in self._rates:
            self._rates[xp.key] = xp.constant(self.schedule, "double")
        return Alone(self.world.initial(scenario, xp), self.rule.initial(scenario, xp))

    def step(self, state: Alone, action: Array, exogenous: Array, t: Array, xp: Namespace) -> tuple[Alone, Outcome]:
        seen = self._others.observe(state.inner, None, t, xp)[WORKER]
        mask = self._others.action_mask(state.inner, t, xp)[WORKER]
        others, memory = self.rule.act(seen, state.memory, mask, t, xp)
        mine = xp.cast(action, "int")[..., None]
        rates = self._rates[xp.key]
        if xp.batched:
            rates = rates.expand(mine.shape[0], -1)
        actions = {WORKER: xp.concat([mine, others[..., 1:]], -1), PLANNER: rates}
        inner, outcome = self.world.step(state.inner, actions, exogenous, t, xp)
        return Alone(inner, memory), outcome._replace(reward=outcome.reward[WORKER][..., 0])

    def observe(self, state: Alone, past: Past | None, t: Array, xp: Namespace) -> Any:
        return self._mine(self.world.observe(state.inner, past, t, xp)[WORKER], xp)

    def action_mask(self, state: Alone, t: Array, xp: Namespace) -> Array:
        return self._mine(self.world.action_mask(state.inner, t, xp)[WORKER], xp)

    def render(self, state: Alone, outcome: Outcome | None, t: int) -> Any:
        return self.world.render(state.inner, outcome, t)

    def _mine(self, tree: Any, xp: Namespace) -> Any:
        """What is worker 0's."""
        return tree_map(lambda leaf: leaf[:, 0] if xp.batched else leaf[0], tree)
