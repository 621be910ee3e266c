"""The one-step economy: the planner sets a schedule, every worker answers it exactly, and that is the episode.

A worker of skill w who works l hours of 0..100 earns z = w l, pays T(z), shares the revenue equally and has utility
C - c l^delta. There is no income effect, so its best hours depend on the schedule alone: a maximum over 101 numbers.
Source: Zheng et al., arXiv 2108.02755, section on the one-step economy, and Foundation 1.7.1 (`one-step-economy`,
`SimpleLabor`); c, delta and the largest skill multiple are those of a published configuration that has interior
solutions (the code's own defaults, c = 1 and delta = 2, have none).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past, Scenario
from scenarium.envs.tax.parameters import CUTOFFS

HOURS = 101
LEVELS = 21
OBJECTIVES = ("iiw_utility", "eq_prod")
_SAMPLES = 1000


@dataclass(frozen=True)
class OneStepParameters:
    """What can be set; the defaults are the paper's hundred workers.

    Raises:
        ScenariumError: A number is out of its range.
    """

    workers: int = 100
    """Number of workers, >= 2."""
    most: float = 190.0
    """Largest multiple of skill 1; wages are the mean of each rank of min(most, (most - 1) x + 1), x Pareto(4)."""
    labor_cost: float = 0.0005
    """c in the utility C - c l^delta."""
    labor_power: float = 3.5
    """delta in the utility; above 1. The elasticity of income is 1 / (delta - 1)."""
    cutoffs: tuple[float, ...] = tuple(round(10.0 * cutoff, 6) for cutoff in CUTOFFS)
    """Lower ends of the brackets: US federal cutoffs of 2019 in hundreds of dollars."""
    skill_seed: int = 0
    """Seed of NumPy's legacy generator that the ranks are averaged with."""

    def __post_init__(self) -> None:
        if self.workers < 2 or self.most < 1.0:
            raise ScenariumError(f"workers is {self.workers} and most {self.most}; they must be >= 2 and >= 1")
        if self.labor_cost <= 0.0 or self.labor_power <= 1.0:
            raise ScenariumError(f"labor_cost {self.labor_cost} must be > 0 and labor_power {self.labor_power} > 1")
        if self.cutoffs[:1] != (0.0,) or list(self.cutoffs) != sorted(set(self.cutoffs)):
            raise ScenariumError(f"cutoffs {self.cutoffs} must start at 0 and ascend")

    @property
    def elasticity(self) -> float:
        """Of income with respect to one minus the marginal rate."""
        return 1.0 / (self.labor_power - 1.0)


def small() -> OneStepParameters:
    """Four workers whose optimum a grid search finds: US cutoffs in thousands, c = 0.012, delta = 2."""
    return OneStepParameters(workers=4, most=3.0, labor_cost=0.012, labor_power=2.0, cutoffs=CUTOFFS)


@cache
def skills(parameters: OneStepParameters) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Wage of each worker [n], ascending: the mean of each rank over 1,000 sorted samples, the same in every world."""
    generator = np.random.RandomState(parameters.skill_seed)  # noqa: NPY002
    draws = generator.pareto(4.0, size=(_SAMPLES, parameters.workers))
    multiples = np.minimum(parameters.most, (parameters.most - 1.0) * draws + 1.0)
    return np.asarray(np.sort(multiples, axis=1).mean(axis=0))


class Results(NamedTuple):
    """What a schedule leads to; a batch adds a first axis.

    Attributes:
        income: Before tax [n].
        tax: Paid [n].
        coin: After tax and lump sum [n].
        utility: Of each worker [n].
    """

    income: Array
    tax: Array
    coin: Array
    utility: Array


class Fixed(Scenario):
    """Worlds without chance."""

    def at(self, t: Array) -> Array:
        return None

    def span(self, first: Array, length: int) -> Array:
        return None


class _Tables(NamedTuple):
    """Incomes, their parts in each bracket and the cost of the hours, for every worker and number of hours, float64."""

    income: Array
    parts: tuple[Array, ...]
    cost: Array
    hours: Array


class TaxOneStep(Model):
    """The planner's problem in the one-step economy: one action, one reward.

    Args:
        parameters: Numbers of the economy; the paper's hundred workers by default.
        rates: "shares" (each bracket's rate as a number from 0 to 1) or "levels" (21 rates in steps of 5 %).
        reward: "iiw_utility" (mean utility with weights 1 / max(income before tax, 1), the paper's) or "eq_prod"
            (equality times coin per worker).
        smoothing: 0 for exact best responses; above 0 workers answer with a mixture over hours with weights
            exp(utility / smoothing) and everything is its expectation. That is another economy, for pathwise training.

    Reward:
        "iiw_utility" (the default): the mean utility of the workers, weighted by the inverse of their income before
        tax. "eq_prod": equality times coin per worker.

    Start:
        The same in every world: a hundred workers whose skills are quantiles, and nothing is drawn.

    Optimum:
        The best schedule that a search over all brackets finds; workers answer exactly, so a schedule's value is exact.

    References:
        - S. Zheng, A. Trott, S. Srinivasa, D. C. Parkes, R. Socher, "The AI Economist: Taxation policy design via
          two-level deep multiagent reinforcement learning", Science Advances 8, 2022,
          [arXiv 2108.02755](https://arxiv.org/abs/2108.02755), and its published code.
        - E. Saez, "Using elasticities to derive optimal income tax rates", Review of Economic Studies 68, 2001.

    Raises:
        ScenariumError: An argument is unknown.
    """

    horizon = 1
    terminates = True
    chance = False
    gradient: Literal["exact", "relaxed", "none"] = "relaxed"
    time_limit_is_terminal = True

    def __init__(
        self,
        parameters: OneStepParameters | None = None,
        *,
        rates: str = "shares",
        reward: str = "iiw_utility",
        smoothing: float = 0.0,
    ) -> None:
        self.parameters = OneStepParameters() if parameters is None else parameters
        if rates not in ("shares", "levels"):
            raise ScenariumError(f"rates {rates!r} is unknown; use 'shares' or 'levels'")
        if reward not in OBJECTIVES:
            raise ScenariumError(f"reward {reward!r} is unknown; use one of {', '.join(OBJECTIVES)}")
        if smoothing < 0.0:
            raise ScenariumError(f"smoothing is {smoothing}; it must be >= 0")
        self.rates, self.reward, self.smoothing = rates, reward, smoothing
        if smoothing:
            self.gradient = "exact"
        brackets = len(self.parameters.cutoffs)
        self.observation_space = spaces.Box(1.0, 1.0, (1,), np.float32)
        self.action_space = (
            spaces.Box(0.0, 1.0, (brackets,), np.float32)
            if rates == "shares"
            else spaces.MultiDiscrete([LEVELS] * brackets)
        )
        self._kept: dict[str, _Tables] = {}

    def relaxed(self) -> TaxOneStep:
        """Workers who answer smoothly, with noise of about one percent of the mean utility in the free market."""
        if self.smoothing:
            return self
        typical = float(self.skills.mean()) * HOURS / 2.0
        return TaxOneStep(self.parameters, rates=self.rates, reward=self.reward, smoothing=0.01 * typical).made_from(
            self.env_id, self.env_kwargs
        )

    @property
    def skills(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Wage of each worker [n]."""
        return skills(self.parameters)

    def scenario(self, seeds: Array) -> Fixed:
        return Fixed(seeds)

    def initial(self, scenario: Scenario, xp: Namespace) -> Array:
        self._tables(xp)  # built here, so that a compiled step finds them
        return xp.cast(scenario.seeds * 0, "float") if xp.batched else np.zeros((), np.float32)

    def observe(self, state: Array, past: Past | None, t: Array, xp: Namespace) -> Array:
        """Nothing differs from world to world: the observation is the constant 1."""
        return state[..., None] * 0.0 + 1.0

    def step(self, state: Array, action: Array, exogenous: Array, t: Array, xp: Namespace) -> tuple[Array, Outcome]:
        rates = xp.cast(action, "double")
        if self.rates == "levels":
            rates = rates * (1.0 / (LEVELS - 1))
        rates = xp.minimum(xp.maximum(rates, 0.0), 1.0)
        found = self.respond(rates, xp)
        welfare = self.welfare(found, xp)
        info = {**found._asdict(), "rates": rates, "welfare": welfare}
        over = state >= 0.0 if xp.batched else True
        return state + 1.0, Outcome(xp.cast(welfare, "float"), over, info)

    def render(self, state: Array, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.tax.picture import one_step

        return one_step(self, outcome)

    def respond(self, rates: Array, xp: Namespace) -> Results:
        """Best responses to a schedule.

        Args:
            rates: Marginal rates in [0, 1], float64 [brackets] or [B, brackets].
            xp: Namespace.
        """
        tables = self._tables(xp)
        tax = sum(rate[..., None, None] * part for rate, part in zip(xp.unstack(rates, -1), tables.parts, strict=True))
        utility = tables.income - tax - tables.cost
        best = xp.largest(utility, -1)[..., None]
        if self.smoothing:
            weight = xp.exp((utility - best) * (1.0 / self.smoothing))
            weight = weight / xp.total(weight, -1)[..., None]
        else:
            # The fewest hours among equally good ones.
            hours = xp.smallest(xp.where(utility == best, tables.hours, float(HOURS)), -1)[..., None]
            weight = xp.cast(tables.hours == hours, "double")
        income, paid, cost = (xp.total(weight * what, -1) for what in (tables.income, tax, tables.cost))
        lump = xp.total(paid, -1)[..., None] * (1.0 / self.parameters.workers)
        coin = income - paid + lump
        return Results(income, paid, coin, coin - cost)

    def welfare(self, found: Results, xp: Namespace) -> Array:
        """The planner's objective."""
        if self.reward == "eq_prod":
            n = self.parameters.workers
            rank = xp.constant(np.arange(1, n + 1) * 2.0 - n - 1.0, "double")
            total = xp.total(found.coin, -1)
            gini = xp.total(xp.sort(found.coin, -1) * rank, -1) / (n * total + 1e-10)
            return (1.0 - gini * n / (n - 1.0)) * total * (1.0 / n)
        weights = 1.0 / xp.maximum(found.income, 1.0)
        return xp.total(weights * found.utility, -1) / xp.total(weights, -1)

    def _tables(self, xp: Namespace) -> _Tables:
        found = self._kept.get(xp.key)
        if found is None:
            p = self.parameters
            hours = np.arange(HOURS, dtype=np.float64)
            income = self.skills[:, None] * hours
            above = np.maximum(income[..., None] - np.array(p.cutoffs), 0.0)
            parts = np.minimum(above, np.append(np.diff(p.cutoffs), np.inf))
            cost = np.broadcast_to(p.labor_cost * hours**p.labor_power, income.shape)
            found = self._kept[xp.key] = _Tables(
                xp.constant(income, "double"),
                tuple(xp.constant(part, "double") for part in np.moveaxis(parts, -1, 0)),
                xp.constant(cost.copy(), "double"),
                xp.constant(hours, "double"),
            )
        return found
