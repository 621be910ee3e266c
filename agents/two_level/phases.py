"""What changes over the two phases, as functions of how much of the run is done."""

from __future__ import annotations

from typing import NamedTuple

from scenarium.agents.two_level.config import TwoLevelConfig


class Stage(NamedTuple):
    """Where a run stands.

    Attributes:
        phase: 1 (workers learn without taxes) or 2 (workers and planner learn).
        done: How much of the phase is done, 0 to 1.
        labor_scale: Share of the cost of labor in force.
        rate_cap: Highest tax rate allowed; 0 in phase one.
        epsilon: Probability of a random action of a worker.
        planner_epsilon: Probability of a random rate of the planner, by bracket.
        imitating: Whether the workers learn what the rule would do.
        led: Share of the worlds in which the rule plays meanwhile.
    """

    phase: int
    done: float
    labor_scale: float
    rate_cap: float
    epsilon: float
    planner_epsilon: float
    imitating: bool
    led: float


def stage(config: TwoLevelConfig, progress: float) -> Stage:
    """The stage at a progress from 0 (start) to 1 (end)."""
    c = config
    if progress < c.phase_one:
        done = progress / c.phase_one
        imitating, labor = done < c.imitation, _risen(done, c.labor_annealing, c.first_labor, c.last_labor)
        led = 0.5 if done < 0.5 * c.imitation else 0.0
        return Stage(1, done, labor, 0.0, c.epsilon, 1.0, imitating, led)
    done = min((progress - c.phase_one) / max(1.0 - c.phase_one, 1e-9), 1.0)
    planner = _risen(done, c.planner_epsilon_fraction, 1.0, c.planner_epsilon_end)
    return Stage(2, done, c.last_labor, _risen(done, c.tax_annealing, c.first_cap), c.epsilon, planner, False, 0.0)


def _risen(done: float, share: float, first: float, last: float = 1.0) -> float:
    """From `first` to `last`, linearly over the first `share`."""
    part = min(done / share, 1.0) if share else 1.0
    return first + (last - first) * part
