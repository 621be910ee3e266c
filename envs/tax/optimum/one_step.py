"""Best schedules of the one-step economy, by search: lower bounds on the optimum that many restarts agree on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.tax.one_step import LEVELS, TaxOneStep
from scenarium.envs.tax.saez import TopRule, saez_rates

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Schedule(NamedTuple):
    """A schedule and what it is worth.

    Attributes:
        rates: Marginal rate of each bracket.
        welfare: The planner's objective under exact best responses.
    """

    rates: Floats
    welfare: float


def welfare_of(model: TaxOneStep, rates: Floats) -> Floats:
    """The planner's objective of one schedule [brackets] or of many [K, brackets]."""
    return np.asarray(model.welfare(model.respond(np.asarray(rates, np.float64), NUMPY), NUMPY))


def _climb(model: TaxOneStep, start: Floats, options: Floats, relative: bool) -> Schedule:
    """Changes one rate at a time for the better, and two neighbouring ones where one does not help, until none does."""
    brackets = len(start)
    singles, pairs = [[k] for k in range(brackets)], [[k, k + 1] for k in range(brackets - 1)]
    found = Schedule(start, float(welfare_of(model, start)))
    while True:
        before = found.welfare
        for moved in singles:
            found = _best_change(model, found, moved, options, relative)
        if found.welfare > before:
            continue
        for moved in pairs:
            found = _best_change(model, found, moved, options, relative)
        if found.welfare <= before:
            return found


def _best_change(model: TaxOneStep, found: Schedule, moved: list[int], options: Floats, relative: bool) -> Schedule:
    """The best schedule that differs from the found one in the moved brackets only."""
    grid = np.stack(np.meshgrid(*[options] * len(moved), indexing="ij"), -1).reshape(-1, len(moved))
    tried = np.repeat(found.rates[None], len(grid), 0)
    tried[:, moved] = np.clip(grid + (found.rates[moved] if relative else 0.0), 0.0, 1.0)
    values = welfare_of(model, tried)
    top = int(values.argmax())
    return Schedule(tried[top], float(values[top])) if values[top] > found.welfare + 1e-9 else found


def search(model: TaxOneStep, restarts: int = 8, finest: float = 0.0, seed: int = 0) -> Schedule:
    """The best schedule found by coordinate and neighbour-pair search from random starts.

    Args:
        model: The economy and objective.
        restarts: Number of random starts.
        finest: 0 keeps to the grid of 5 %; otherwise the best grid point is refined with ever smaller steps down to
            this one.
        seed: Of the starts.
    """
    grid, rng = np.arange(LEVELS) / (LEVELS - 1), np.random.default_rng(seed)
    starts = grid[rng.integers(0, LEVELS, (restarts, len(model.parameters.cutoffs)))]
    found = max((_climb(model, start, grid, relative=False) for start in starts), key=lambda one: one.welfare)
    step = 0.5 / (LEVELS - 1)
    while finest and step >= finest:
        found = _climb(model, found.rates, step * np.arange(-2.0, 3.0), relative=True)
        step *= 0.5
    return found


def saez_schedule(
    model: TaxOneStep, elasticity: float | None = None, top: TopRule = "foundation", rounds: int = 200
) -> Schedule:
    """The schedule that Saez's formula gives for the incomes it causes, approached with damped steps.

    Hours are whole and schedules have kinks, so the iteration ends in a small cycle and not at a point; the mean of
    its second half is returned.

    Args:
        model: The economy.
        elasticity: Of income; the economy's own by default.
        top: See `saez_rates`.
        rounds: Number of steps.
    """
    p = model.parameters
    rates, kept = np.zeros(len(p.cutoffs)), []
    for _ in range(rounds):
        income = model.respond(rates, NUMPY).income
        wanted = saez_rates(income, p.elasticity if elasticity is None else elasticity, p.cutoffs, top=top)
        rates = rates + 0.1 * (wanted - rates)
        kept.append(rates)
    mean = np.mean(kept[rounds // 2 :], axis=0)
    return Schedule(mean, float(welfare_of(model, mean)))
