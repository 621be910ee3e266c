"""Saez's formula applied to the incomes that the planner has seen."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.tax.burn_in import ROUNDS, SAMPLES, Floats, History, burn_in, recorded
from scenarium.baselines.tax.policy import TaxBaseline, observation_fields, part
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.tax.one_step import TaxOneStep
from scenarium.envs.tax.saez import TopRule, estimate_elasticity, saez_rates


class Saez(TaxBaseline):
    """Every tax period, the schedule that Saez's formula gives for the last 500 incomes.

    Every episode starts with 500 incomes of training worlds, and the rates they were taxed at, that the formula itself
    brought about (`burn_in`): looked up where they were recorded, else played, which takes about a minute. In the
    one-step economy, which has no past, the schedule is the fixed point of formula and answers.

    Args:
        elasticity: Of income: a number, or "estimated" by least squares from the incomes kept.
        top: "foundation" (a top rate of 100 % when nobody has reached the top bracket) or "last" (that of the highest
            incomes seen).
        weights: Welfare weights, "inverse_income" or "uniform".
        rounds: Rounds of that history, >= 1.
    """

    name = "saez"

    def _configure(
        self, elasticity: float | Literal["estimated"] = "estimated", top: TopRule = "last",
        weights: str = "inverse_income", rounds: int = ROUNDS,
    ) -> dict[str, Any]:  # fmt: skip
        if elasticity != "estimated" and not (isinstance(elasticity, (int, float)) and elasticity >= 0.0):
            raise ScenariumError(f"saez: elasticity is {elasticity!r}; expected a number >= 0 or 'estimated'")
        if rounds < 1:
            raise ScenariumError(f"saez: rounds is {rounds}; it must be >= 1")
        self._elasticity, self._top, self._weights, self._rounds = elasticity, top, weights, rounds
        saez_rates([1.0], 0.5, self.cutoffs, top=top, weights=weights)  # complains about unknown names
        self._settings = {"elasticity": elasticity, "top": top, "weights": weights, "rounds": rounds}
        return dict(self._settings)

    def schedule(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        if self.world is None:
            return observation.new_tensor(self._fixed_point).expand(len(observation), -1).clone(), memory
        kept, elasticity = self._remember(observation, memory)
        rates = np.stack([self._rates(mine, e, 1.0) for mine, e in zip(kept, elasticity, strict=True)])
        packed = np.concatenate([kept, np.repeat(elasticity[:, None, None], 2, 2)], 1)
        return torch.as_tensor(rates, device=observation.device), torch.as_tensor(packed, device=observation.device)

    def _rates(self, kept: Floats, elasticity: float, cap: float) -> Floats:
        assert self.world is not None
        cap = min(cap, self.world.parameters.rate_cap)
        return saez_rates(kept[:, 0], elasticity, self.cutoffs, cap=cap, weights=self._weights, top=self._top)

    def _remember(self, observation: Tensor, memory: Any) -> tuple[Floats, Floats]:
        """Incomes with their marginal rates [B, SAMPLES, 2] after this observation, and elasticities [B]."""
        assert self.world is not None
        count, fields = len(observation), observation_fields(self.world)
        start = np.broadcast_to(self._before.samples, (count, SAMPLES, 2))
        if memory is None:
            return start, np.full(count, self._before.elasticity)
        seen = part(fields, observation, "workers").reshape(count, -1, 6).double().cpu().numpy()
        new = np.stack([seen[..., 3] * self.world.parameters.period, seen[..., 4]], -1)
        old = memory.double().cpu().numpy()
        kept = np.concatenate([old[:, :-1], new], 1)[:, -SAMPLES:]
        elasticity = old[:, -1, 0]
        if self._elasticity == "estimated":
            elasticity = np.array(
                [estimate_elasticity(mine[:, 0], mine[:, 1], e) for mine, e in zip(kept, elasticity, strict=True)]
            )
        fresh = part(fields, observation, "time")[:, 0].cpu().numpy() == 0.0
        kept = np.where(fresh[:, None, None], start, kept)
        return kept, np.where(fresh, self._before.elasticity, elasticity)

    @cached_property
    def _before(self) -> History:
        """What had been seen when an episode starts."""
        return recorded(self.model, self._settings) or self.play_history()

    def play_history(self) -> History:
        """Plays what had been seen when an episode starts, whether or not it was recorded."""
        fixed = None if self._elasticity == "estimated" else float(self._elasticity)
        return burn_in(self.model, self._rates, len(self.cutoffs), fixed, self._rounds)

    @cached_property
    def _fixed_point(self) -> Floats:
        from scenarium.envs.tax.optimum.one_step import saez_schedule

        assert isinstance(self.model, TaxOneStep)
        chosen = None if self._elasticity == "estimated" else float(self._elasticity)
        return saez_schedule(self.model, chosen, self._top).rates
