"""Two roles: a planner who sets a target every fourth period, and two workers who clear queues in every period."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from toy_draws import Uniforms, zero

from scenarium.envs.core.model import Model, Outcome, Role

CLOCK, MOST = 4, 3


class Crew(NamedTuple):
    queues: Any
    target: Any


class CrewModel(Model):
    """The world ends when a queue exceeds `room`."""

    terminates = True
    gradient = "none"

    def __init__(self, horizon: int = 16, room: int = 8) -> None:
        self.horizon, self.room = horizon, room
        seen = spaces.Box(0.0, np.inf, (3,), np.float32), spaces.Box(0.0, np.inf, (2,), np.float32)
        workers = Role("worker", seen[1], spaces.Discrete(MOST + 1), count=2)
        self._roles = (Role("planner", seen[0], spaces.Discrete(5), every=CLOCK), workers)

    @property
    def roles(self) -> tuple[Role, ...]:
        return self._roles

    def scenario(self, seeds: Any) -> Uniforms:
        return Uniforms(seeds, 2, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> Crew:
        none = zero(scenario, xp, "int")
        return Crew(xp.stack([none + 2, none + 1], -1), none)

    def step(self, state: Crew, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[Crew, Outcome]:
        on_clock = xp.cast(t, "index") % CLOCK == 0
        target = xp.where(on_clock, xp.cast(action["planner"], "int"), state.target)
        done = xp.minimum(xp.cast(action["worker"], "int"), state.queues)
        arrivals = xp.cast(xp.floor(4.0 * xp.batch_first(exogenous)), "int")
        queues = state.queues - done + arrivals
        work, short = xp.cast(done, "float"), xp.cast(xp.total(done, -1) - target, "float")
        reward = {"planner": -(short**2), "worker": work - 0.1 * xp.cast(queues, "float")}
        return Crew(queues, target), Outcome(reward, xp.any(queues > self.room, -1), {"arrivals": arrivals})

    def observe(self, state: Crew, past: Any, t: Any, xp: Any) -> dict[str, Any]:
        queues, target = xp.cast(state.queues, "float"), xp.cast(state.target, "float")
        planner = xp.concat([queues, target[..., None]], -1)
        return {"planner": planner, "worker": xp.stack([queues, queues * 0.0 + target[..., None]], -1)}

    def action_mask(self, state: Crew, t: Any, xp: Any) -> dict[str, Any]:
        return {"worker": xp.constant(range(MOST + 1), "int") <= state.queues[..., None]}
