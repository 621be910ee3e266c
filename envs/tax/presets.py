"""The tax game's problems, as factories of registered ids.

`world` is the game of workers and planner; `tax_game` the planner's view of it with workers by rule, one step per tax
period; `one_worker` one worker's view among workers by rule; `one_step` and `one_step_small` the one-step economy.
Parameters by name (`workers`, `start_coin`, `compat`, ... of `Parameters`) can be given beside the factory's own.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.registry import takes
from scenarium.envs.tax.layouts import Layout
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.one_step import OneStepParameters, TaxOneStep, small
from scenarium.envs.tax.one_worker import OneWorker
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.workers import Rule, RuleWorkers

_PARAMETERS = frozenset(field.name for field in fields(Parameters))
_ONE_STEP = frozenset(field.name for field in fields(OneStepParameters))
_RULE = frozenset(field.name for field in fields(Rule))


def _split(options: dict[str, Any], names: frozenset[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options that a dataclass takes, and the rest."""
    mine = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items() if name in names
    }
    return mine, {name: value for name, value in options.items() if name not in names}


@takes(TaxWorld, Parameters)
def world(layout: str | Layout = "open_quadrant_25", **options: Any) -> TaxWorld:
    """Workers and planner, all of them agents.

    Args:
        layout: A name in `layouts.LAYOUTS`, or a `Layout`.
        **options: Arguments of `TaxWorld` and numbers of `Parameters`.
    """
    numbers, rest = _split(options, _PARAMETERS)
    return TaxWorld(Parameters(**numbers), layout, **rest)


@takes(TaxWorld, Parameters)
def world_of_ten(layout: str | Layout = "open_quadrant_40", **options: Any) -> TaxWorld:
    """Ten workers on the large map, and the planner."""
    return world(layout, **{"workers": 10, **options})


@takes(TaxWorld, Parameters)
def split_world(**options: Any) -> TaxWorld:
    """The most skilled worker alone above a line of water, the others below; they can still trade."""
    return world(**{"layout": "split_25", **options})


@takes(TaxWorld, Parameters, Rule)
def tax_game(layout: str | Layout = "open_quadrant_25", **options: Any) -> WithPolicies:
    """The planner's problem: ten tax periods, workers by rule who answer to taxes.

    One step is one tax period; the action is the schedule, the reward the change of the objective.

    Args:
        layout: As in `world`.
        **options: Arguments of `TaxWorld` but `observation`, numbers of `Parameters`, and numbers of `Rule`.

    Reward:
        The change of the planner's objective over the tax period; "eq_prod" (the default) is equality, one minus the
        normalised Gini index of coin, times coin per worker. "iiw_utility", "iiw_coin", "utilitarian" and "rawlsian"
        are the others.

    Start:
        Workers without coin or goods at the map's edges, skills by rank, resources on their source tiles; skills and
        places are drawn for each world.

    Optimum:
        Not known. The best schedule known for workers by rule stands still and was found by CMA-ES on training worlds.

    References:
        - S. Zheng, A. Trott, S. Srinivasa, D. C. Parkes, R. Socher, "The AI Economist: Taxation policy design via
          two-level deep multiagent reinforcement learning", Science Advances 8, 2022,
          [arXiv 2108.02755](https://arxiv.org/abs/2108.02755), and its published code.
        - E. Saez, "Using elasticities to derive optimal income tax rates", Review of Economic Studies 68, 2001.
    """
    if "observation" in options:
        raise ScenariumError("tax_game has one observation, the planner's flat one; leave observation out")
    rule, rest = _split(options, _RULE)
    model = world(layout, observation="insight", **{"rates": "shares", **rest})
    workers = RuleWorkers(model, Rule(**rule))
    return WithPolicies(model, PLANNER, {WORKER: workers}, every=model.parameters.period)


@takes(OneWorker, Parameters, Rule)
def one_worker(layout: str | Layout = "open_quadrant_25", **options: Any) -> OneWorker:
    """One worker's problem among workers by rule, without taxes or under a schedule that stands.

    Args:
        layout: As in `world`.
        **options: Arguments of `OneWorker` but `rule`, numbers of `Parameters`, and numbers of `Rule`.
    """
    rule, rest = _split(options, _RULE)
    numbers, rest = _split(rest, _PARAMETERS)
    return OneWorker(Parameters(**numbers), layout, rule=Rule(**rule), **rest)


@takes(TaxOneStep, OneStepParameters)
def one_step(**options: Any) -> TaxOneStep:
    """A hundred workers answer the planner's schedule exactly.

    Args:
        **options: Arguments of `TaxOneStep` and numbers of `OneStepParameters`.
    """
    numbers, rest = _split(options, _ONE_STEP)
    return TaxOneStep(OneStepParameters(**numbers), **rest)


def one_step_small(**options: Any) -> TaxOneStep:
    """Four workers answer the planner's schedule exactly; arguments of `TaxOneStep`."""
    return TaxOneStep(small(), **options)
