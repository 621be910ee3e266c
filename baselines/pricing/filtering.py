"""Pricing while demand moves: an exact Bayesian filter over how it has moved."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scenarium.baselines.pricing.oracles import BayesOracle
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.pricing.drift import Drift
from scenarium.envs.pricing.drifting import MEMORIES, DriftPricing
from scenarium.envs.pricing.features import SIZE
from scenarium.envs.pricing.optimum import ContextDemand, observed_signals

PHASES, MOMENTS = 24, 25
"""Grid points of the phase of the slow drift, and of the moment of the abrupt shift."""
_FARTHEST = 0.8


class _Belief(NamedTuple):
    """The memory, taken apart.

    Attributes:
        weight: Probability of every phase and moment [B, PHASES, MOMENTS].
        chance: Of the sale of the last offer, by phase and by whether the shift had come [B, PHASES, 2].
        sales: The short moving average of sales before that offer [B].
        t: Sessions so far [B].
    """

    weight: Tensor
    chance: Tensor
    sales: Tensor
    t: Tensor


class DriftFilter(BayesOracle):
    """Knows the laws of the drift and infers phase and moment from its own sales; charges the best price it then sees.

    The sale of the last offer is read off the moving average in the observation. Weights of all phases and moments of
    a grid are multiplied by the probability of what happened, and the price is best against demand averaged over them.
    It does not experiment on purpose, so it is the best policy known rather than the optimum.
    """

    name = "drift_filter"
    several = False

    def _check(self) -> None:
        super()._check()
        if not isinstance(self.model, DriftPricing):
            raise ScenariumError("drift_filter is for demand that drifts; without drift use bayes_oracle")

    @cached_property
    def curves(self) -> ContextDemand:
        return ContextDemand(self.model.demand, self.at.values, drift=_FARTHEST)

    @cached_property
    def _kinds(self) -> dict[str, Drift]:
        drift = self.model.drift
        return {kind: Drift(kind, drift.sessions, drift.a_day) for kind in drift.kinds}

    def offer(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        sales = observation[:, SIZE + 3]
        belief = self._start(observation) if memory is None else self._unpack(memory)
        belief = self._start(observation, belief)
        weight = self._learned(belief, sales)
        curve = self.curves.probability(self._wide(observation), self._shift(observation, belief.t))
        come = self._come(belief.t)[:, None, :]
        by_state = torch.stack([(weight * ~come).sum(-1), (weight * come).sum(-1)], -1)
        price = self.at.best((by_state[..., None] * curve).sum((1, 2)))[0]
        chance = curve.gather(-1, self._rung(price)[:, None, None, None].expand(-1, PHASES, 2, 1))[..., 0]
        return price, _pack(_Belief(weight, chance, sales, belief.t + 1.0))

    def price(self, observation: Tensor) -> Tensor:
        return self.offer(observation, None)[0]

    def _learned(self, belief: _Belief, sales: Tensor) -> Tensor:
        """Weights after the last offer; nothing is learned at the start."""
        rate = 1.0 / MEMORIES[0]
        sold = (sales - belief.sales * (1.0 - rate)) / rate > 0.5
        likely = torch.where(sold[:, None, None], belief.chance, 1.0 - belief.chance)
        come = self._come(belief.t - 1.0)[:, None, :]
        weight = belief.weight * torch.where(come, likely[..., 1:], likely[..., :1])
        fresh = (belief.t < 0.5)[:, None, None]
        weight = torch.where(fresh, belief.weight, weight)
        return weight / weight.sum((1, 2), keepdim=True).clamp_min(1e-30)

    def _come(self, t: Tensor) -> Tensor:
        """Whether the abrupt shift has come, for every moment [B, MOMENTS]."""
        if "abrupt" not in self._kinds:
            return torch.zeros(len(t), MOMENTS, dtype=torch.bool, device=t.device)
        moment = (torch.arange(MOMENTS, device=t.device) + 0.5) / MOMENTS
        return self._moved("abrupt", t[:, None], moment) < 0.0

    def _shift(self, observation: Tensor, t: Tensor) -> Tensor:
        """What drift adds to ln m, by phase and by whether the shift has come [B, PHASES, 2]."""
        total = t.new_zeros(len(t), PHASES, 2)
        if "slow" in self._kinds:
            phase = (torch.arange(PHASES, device=t.device) + 0.5) / PHASES
            total = total + self._moved("slow", t[:, None], phase)[..., None]
        if "abrupt" in self._kinds:
            late = t.new_full((1,), float(self.model.horizon))
            total = total + torch.stack([late * 0.0, self._moved("abrupt", late, late * 0.0)], -1)
        if "weekday" in self._kinds:
            sine, cosine = observation[:, SIZE], observation[:, SIZE + 1]
            day = torch.round(torch.atan2(sine, cosine) * (7.0 / (2.0 * torch.pi))) % 7.0
            total = total + self._moved("weekday", t * 0.0, (day + 0.5) / 7.0)[:, None, None]
        return total

    def _moved(self, kind: str, t: Tensor, draw: Tensor) -> Tensor:
        """The part of one kind of drift in ln m, where its own draw is `draw`."""
        shift: Tensor = self._kinds[kind].shift(t, (draw, draw, draw), torch_namespace(str(t.device)))
        return shift

    def _wide(self, observation: Tensor) -> Any:
        signals = observed_signals(observation)
        return type(signals)(*(x[:, None, None].expand(-1, PHASES, 2) for x in signals))

    def _rung(self, price: Tensor) -> Tensor:
        prices = self.at.like(price)
        return torch.bucketize(price.contiguous(), 0.5 * (prices[1:] + prices[:-1]))

    def _start(self, observation: Tensor, belief: _Belief | None = None) -> _Belief:
        """An even belief where an episode starts: without memory, or where a cleared memory is all zero."""
        size = len(observation)
        even = observation.new_full((size, PHASES, MOMENTS), 1.0 / (PHASES * MOMENTS))
        if belief is None:
            zero = observation.new_zeros(size)
            return _Belief(even, observation.new_zeros(size, PHASES, 2), zero, zero)
        return belief._replace(weight=torch.where((belief.t < 0.5)[:, None, None], even, belief.weight))

    def _unpack(self, memory: Tensor) -> _Belief:
        weight, chance = memory[:, : PHASES * MOMENTS], memory[:, PHASES * MOMENTS : -2]
        shaped = weight.reshape(-1, PHASES, MOMENTS), chance.reshape(-1, PHASES, 2)
        return _Belief(*shaped, memory[:, -2], memory[:, -1])


def _pack(belief: _Belief) -> Tensor:
    parts = belief.weight.flatten(1), belief.chance.flatten(1), belief.sales[:, None], belief.t[:, None]
    return torch.cat(parts, 1)
