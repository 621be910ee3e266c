"""The pathwise forms: sales are expected instead of drawn, and where it matters a policy weighs a menu of prices.

Expected revenue over a menu is linear in the weights, so the best weights are on one price, and the gradient sees the
whole revenue curve. A price moved by its own slope would not: the revenue of a customer of unknown segment has two
peaks, and a policy that starts near one may never find the other. Nothing is biased: the expectation of what the exact
model pays is what is differentiated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.pricing.capacity import CapacityPricing
from scenarium.envs.pricing.demand import Latents, purchase_probability
from scenarium.envs.pricing.model import AncillaryPricing
from scenarium.envs.pricing.scenario import Session, SessionScenario


class MenuPricing(Model):
    """Sessions in which a policy names the probability of each price of a menu.

    Args:
        model: The exact problem.
    """

    batch_axis = -1
    time_limit_is_terminal = True

    def __init__(self, model: AncillaryPricing) -> None:
        self.exact, self.horizon = model, model.horizon
        self._native = model.native()
        self.menu = model.prices.menu()
        self.observation_space = model.observation_space
        self.action_space = spaces.Box(0.0, 1.0, (len(self.menu),), np.float32)
        self.made_from(model.env_id, model.env_kwargs)

    def policy_head(self, raw: Array, observation: Any) -> Array:
        """Probabilities of the menu's prices [B, K] from a network's outputs."""
        import torch

        return torch.softmax(raw, -1)

    def decide(self, action: Array, xp: Namespace) -> Array:
        """The native action of the exact problem that a weighing [B, K] comes to: its likeliest price [B, 1].

        Where prices are continuous the neighbours of the likeliest price pull it by their weights.
        """
        import torch

        menu = xp.constant(self.menu)
        index = action.argmax(-1)
        if self.exact.prices.ladder is not None:
            return menu[index][:, None]
        near = (torch.arange(len(self.menu), device=action.device) - index[:, None]).abs() <= 1
        weight = action * near
        return ((weight * menu).sum(-1) / weight.sum(-1).clamp_min(1e-12))[:, None]

    def scenario(self, seeds: Array) -> SessionScenario:
        return self.exact.scenario(seeds)

    def initial(self, scenario: SessionScenario, xp: Namespace) -> Any:  # type: ignore[override]
        return self.exact.initial(scenario, xp)

    def step(self, state: Any, action: Array, exogenous: Session, t: Array, xp: Namespace) -> tuple[Any, Outcome]:
        _, revenue = self.answers(exogenous, xp)
        after, _ = self._native.step(state, self.decide(xp.stop(action), xp), exogenous, t, xp)
        return after, Outcome(xp.total(action * xp.batch_first(revenue), -1), False, {})

    def observe(self, state: Any, past: Past, t: Array, xp: Namespace) -> Array:
        return self.exact.observe(state, past, t, xp)

    def answers(self, session: Session, xp: Namespace) -> tuple[Array, Array]:
        """Purchase probability and expected revenue of every price of the menu, [K, B]."""
        menu = xp.column(self.menu)
        probability = purchase_probability(menu, Latents(*(x[None] for x in session.latent)), xp)
        return probability, menu * probability


class MassState(NamedTuple):
    """Before an offer.

    Attributes:
        context: Features of the present session [n, B].
        mass: Probability of 0, 1, ..., C units left, [C + 1, B].
    """

    context: Array
    mass: Array


class ExpectedCapacity(Model):
    """The sale of a flight as the exact distribution of the units left.

    A world is observed once for each number of units it may have left: the policy sees B * C rows, world by world with
    1, ..., C units, and answers each with a price. The probability of each number of units moves by the purchase
    probability of the answer, so the expected revenue of the policy, given the customers, is exact and differentiable
    and no sale is drawn. Here the price itself is the action: while units are scarce only the insensitive customers are
    worth selling to, and the objective has one peak.

    Args:
        model: The exact problem.
    """

    batch_axis = -1
    time_limit_is_terminal = True

    def __init__(self, model: CapacityPricing) -> None:
        self.exact, self.horizon, self.units = model, model.horizon, model.units
        self.observation_space = model.observation_space
        self.action_space = spaces.Box(model.prices.low, model.prices.high, (1,), np.float32)
        self.made_from(model.env_id, model.env_kwargs)

    def scenario(self, seeds: Array) -> SessionScenario:
        return self.exact.scenario(seeds)

    def initial(self, scenario: SessionScenario, xp: Namespace) -> MassState:  # type: ignore[override]
        context = scenario.first_context()
        zero = context[:1] * 0.0
        return MassState(context, xp.concat([zero] * self.units + [zero + 1.0], 0))

    def observe(self, state: MassState, past: Past, t: Array, xp: Namespace) -> Array:
        """Rows [B * C, n] of the exact problem's observations."""
        n, worlds = state.context.shape
        units = xp.constant(np.arange(1, self.units + 1))
        time, share = (x[None].expand(worlds, -1)[..., None] for x in self.exact.shares(units, t, xp))
        context = xp.batch_first(state.context)[:, None].expand(-1, self.units, -1)
        return xp.concat([context, time, share], -1).reshape(worlds * self.units, n + 2)

    def step(
        self, state: MassState, action: Array, exogenous: Session, t: Array, xp: Namespace
    ) -> tuple[MassState, Outcome]:
        price = self.exact.prices.clipped(xp.batch_last(action.reshape(-1, self.units)), xp)
        sold = state.mass[1:] * purchase_probability(price, Latents(*(x[None] for x in exogenous.latent)), xp)
        gone = xp.concat([sold[:1] * 0.0, sold], 0)
        come = xp.concat([sold, sold[:1] * 0.0], 0)
        after = MassState(exogenous.following, state.mass - gone + come)
        return after, Outcome(xp.total(price * sold, 0), False, {"sold": xp.total(sold, 0)})
