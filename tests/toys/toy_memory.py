"""A world with a recurrent policy in it: the crew of `toy_crew`, whose workers remember; the planner is the agent."""

from __future__ import annotations

from typing import Any

from toy_crew import CLOCK, MOST, CrewModel
from toy_draws import zero

from scenarium.envs.core.embedded import WithPolicies


class Smoothing:
    """Works off the exponentially smoothed queue, as far as the mask allows."""

    def initial(self, scenario: Any, xp: Any) -> Any:
        none = zero(scenario, xp)
        return xp.stack([none, none], -1)

    def act(self, observation: Any, memory: Any, mask: Any, t: Any, xp: Any) -> tuple[Any, Any]:
        memory = 0.5 * memory + 0.5 * observation[..., 0]
        wanted = xp.minimum(xp.floor(memory), xp.scalar(MOST))
        allowed = xp.total(xp.cast(mask, "int"), -1) - 1
        return xp.minimum(xp.cast(wanted, "index"), xp.cast(allowed, "index")), memory


def memory_model(horizon: int = 16, every: int = CLOCK, room: int = 4) -> WithPolicies:
    """The planner's problem; `every=4` makes its own clock the clock of the world."""
    return WithPolicies(CrewModel(horizon, room), "planner", {"worker": Smoothing()}, every)
