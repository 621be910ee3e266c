"""The policies of the dynamic program, from its shipped tables."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from scenarium.baselines.fishery.policy import FisheryBaseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.fishery.optimum import load_table, solved_variant, solved_variants


class _DynamicProgram(FisheryBaseline):
    """Looks escapement targets up, linearly between knots."""

    timed: ClassVar[bool]

    def _check(self) -> None:
        super()._check()
        model = self.model
        variant = None if model.spread else solved_variant(model.parameters)
        if variant is None:
            raise ScenariumError(f"{self.name} has tables for the fisheries {', '.join(solved_variants())} only")
        if model.horizon != model.parameters.horizon:
            raise ScenariumError(
                f"{self.name} is solved for {model.parameters.horizon} years; this problem has {model.horizon}"
            )
        if self.timed and not model.time_observed:
            raise ScenariumError(f"{self.name} needs the year; use dp_stationary, or an id with time observed")
        self._table = load_table(variant, self.timed)

    def _configure(self) -> dict[str, Any]:
        return {}

    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        return self._table.escapement(stocks, 0.0 if year is None else year)


class DPTimed(_DynamicProgram):
    """The optimum for those who see the year, up to the error of the grid."""

    name, timed = "dp_timed", True


class DPStationary(_DynamicProgram):
    """The best policy known for those who see the stocks but not the year: a stationary point of the exact gradient."""

    name, timed = "dp_stationary", False
