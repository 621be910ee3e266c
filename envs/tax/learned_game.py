"""Problems around workers who learn: the planner among trained workers, and the workers themselves as a team.

Parameters by name (`workers`, `start_coin`, ... of `Parameters`) can be given beside the factories' own arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.registry import takes
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.tax.compass import CompassWorld
from scenarium.envs.tax.layouts import Layout
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.trained import TrainedWorkers

_PARAMETERS = frozenset(field.name for field in fields(Parameters))


def _world(layout: str | Layout, options: dict[str, Any]) -> CompassWorld:
    numbers: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
        if name in _PARAMETERS
    }
    rest = {name: value for name, value in options.items() if name not in _PARAMETERS}
    if "observation" in rest:
        raise ScenariumError("these games have one observation; leave observation out")
    return CompassWorld(Parameters(**numbers), layout, **{"rates": "shares", **rest})


@takes(TaxWorld, Parameters)
def trained_game(
    layout: str | Layout = "open_quadrant_25", network: str = "taxed", temperature: float = 0.2, **options: Any
) -> WithPolicies:
    """The planner's problem among workers who learned; one step is one tax period, as in `tax_game`.

    Args:
        layout: A name in `layouts.LAYOUTS`, or a `Layout`; the networks that come with the suite know the default.
        network: Name of a network that comes with the suite, or a .safetensors file; see `trained.load_weights`.
        temperature: Of the workers' softmax policy, 0 for a greedy one; they learned with 0.2.
        **options: Arguments of `TaxWorld` but `observation`, and numbers of `Parameters`.

    Optimum:
        Not known. The best schedule known stands still and was found by CMA-ES on training worlds.
    """
    model = _world(layout, options)
    workers = TrainedWorkers(model, network, temperature)
    return WithPolicies(model, PLANNER, {WORKER: workers}, every=model.parameters.period)


@takes(TaxWorld, Parameters)
def workers_game(
    layout: str | Layout = "open_quadrant_25", schedule: Sequence[float] | None = None, **options: Any
) -> WithPolicies:
    """The workers' problem, a team of four who each want their own utility, under a schedule that stands.

    Args:
        layout: A name in `layouts.LAYOUTS`, or a `Layout`.
        schedule: Marginal rate of each bracket in every tax period; no taxes if left out.
        **options: Arguments of `TaxWorld` but `observation` and `rates`, and numbers of `Parameters`.
    """
    model = _world(layout, options)
    return WithPolicies(model, WORKER, {PLANNER: Standing(model, schedule)})


class Standing:
    """The planner role played by one schedule.

    Args:
        model: The game, with rates as shares.
        schedule: Marginal rate of each bracket; None for no taxes.

    Raises:
        ScenariumError: The rates do not fit the brackets.
    """

    def __init__(self, model: TaxWorld, schedule: Sequence[float] | None) -> None:
        brackets = len(model.parameters.cutoffs)
        self.rates = np.zeros(brackets) if schedule is None else np.asarray(schedule, np.float64)
        if self.rates.shape != (brackets,) or not ((self.rates >= 0.0) & (self.rates <= 1.0)).all():
            raise ScenariumError(f"schedule is {schedule!r}; expected {brackets} numbers from 0 to 1")
        self._constants: dict[str, Array] = {}

    def initial(self, scenario: Scenario, xp: Namespace) -> None:
        """No memory."""
        if xp.key not in self._constants:
            self._constants[xp.key] = xp.constant(self.rates, "double")

    def act(self, observation: Array, memory: None, mask: Any, t: Array, xp: Namespace) -> tuple[Array, None]:
        """The schedule, float64 [brackets] or [B, brackets]."""
        rates = self._constants[xp.key]
        return (rates.expand(observation.shape[0], -1) if xp.batched else rates), memory
