"""Saez's formula applied to the incomes that the planner has seen."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.evaluation import derived_seeds
from scenarium.baselines.tax.policy import TaxBaseline, observation_fields, part
from scenarium.baselines.tuning import TRAIN_STREAM
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.tax.one_step import TaxOneStep
from scenarium.envs.tax.saez import TopRule, estimate_elasticity, saez_rates

Floats = np.ndarray[Any, np.dtype[np.float64]]
SAMPLES = 500
"""Incomes kept, as in Foundation."""


class Saez(TaxBaseline):
    """Every tax period, the schedule that Saez's formula gives for the last 500 incomes.

    Foundation sets random rates until it has 500 incomes, twelve episodes; here every episode starts with as many
    incomes, and the rates they were taxed at, from other worlds under random rates. In the one-step economy, which has
    no past, the schedule is the fixed point of formula and answers.

    Args:
        elasticity: Of income: a number, or "estimated" by least squares from the incomes kept.
        top: "foundation" (a top rate of 100 % when nobody has reached the top bracket) or "last" (that of the highest
            incomes seen).
        weights: Welfare weights, "inverse_income" or "uniform".
    """

    name = "saez"

    def _configure(
        self, elasticity: float | Literal["estimated"] = "estimated", top: TopRule = "last",
        weights: str = "inverse_income",
    ) -> dict[str, Any]:  # fmt: skip
        if elasticity != "estimated" and not (isinstance(elasticity, (int, float)) and elasticity >= 0.0):
            raise ScenariumError(f"saez: elasticity is {elasticity!r}; expected a number >= 0 or 'estimated'")
        self._elasticity, self._top, self._weights = elasticity, top, weights
        saez_rates([1.0], 0.5, self.cutoffs, top=top, weights=weights)  # complains about unknown names
        return {"elasticity": elasticity, "top": top, "weights": weights}

    def schedule(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        if self.world is None:
            return observation.new_tensor(self._fixed_point).expand(len(observation), -1).clone(), memory
        kept, elasticity = self._remember(observation, memory)
        rates = np.stack([self._rates(mine, e) for mine, e in zip(kept, elasticity, strict=True)])
        packed = np.concatenate([kept, np.repeat(elasticity[:, None, None], 2, 2)], 1)
        return torch.as_tensor(rates, device=observation.device), torch.as_tensor(packed, device=observation.device)

    def _rates(self, kept: Floats, elasticity: float) -> Floats:
        assert self.world is not None
        cap = self.world.parameters.rate_cap
        return saez_rates(kept[:, 0], elasticity, self.cutoffs, cap=cap, weights=self._weights, top=self._top)

    def _remember(self, observation: Tensor, memory: Any) -> tuple[Floats, Floats]:
        """Incomes with their marginal rates [B, SAMPLES, 2] after this observation, and elasticities [B]."""
        assert self.world is not None
        count, fields = len(observation), observation_fields(self.world)
        start = np.broadcast_to(self._before, (count, SAMPLES, 2))
        if memory is None:
            return start, np.full(count, self._first_elasticity)
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
        return kept, np.where(fresh, self._first_elasticity, elasticity)

    @cached_property
    def _first_elasticity(self) -> float:
        if self._elasticity != "estimated":
            return float(self._elasticity)
        return estimate_elasticity(self._before[:, 0], self._before[:, 1], keep=0.0)

    @cached_property
    def _before(self) -> Floats:
        """Incomes and marginal rates [SAMPLES, 2] of other worlds under random rates."""
        assert self.world is not None
        p = self.world.parameters
        worlds = -(-SAMPLES // (p.workers * self.model.horizon))
        device = torch.device("cpu")
        scenario = self.model.scenario(derived_seeds(0, TRAIN_STREAM, 0, worlds, device))
        generator = torch.Generator().manual_seed(0)

        def act(observation: Any, memory: Any, t: int) -> tuple[Tensor, Any]:
            return torch.rand(worlds, len(p.cutoffs), generator=generator), memory

        pairs = [
            torch.stack([moment.after.inner.last_income, moment.after.inner.last_marginal], -1)
            for moment in unroll(self.model, scenario, act)
        ]
        flat = torch.stack(pairs).reshape(-1, 2).numpy()
        return np.asarray(flat[:SAMPLES], np.float64)

    @cached_property
    def _fixed_point(self) -> Floats:
        from scenarium.envs.tax.optimum.one_step import saez_schedule

        assert isinstance(self.model, TaxOneStep)
        chosen = None if self._elasticity == "estimated" else float(self._elasticity)
        return saez_schedule(self.model, chosen, self._top).rates
