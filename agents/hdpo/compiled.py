"""A model whose step is compiled."""

from __future__ import annotations

from typing import Any

import torch

from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import Array, Namespace


class CompiledModel:
    """Passes everything on to a model, except that its step is compiled and receives the period as a tensor.

    A Python integer would be a constant of the compiled step, which would be compiled anew in every period.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._compiled = torch.compile(model.step, dynamic=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def step(self, state: Any, action: Array, exogenous: Any, t: int, xp: Namespace) -> tuple[Any, Outcome]:
        """One period of the model."""
        clock = torch.full(action.shape[:1], t, dtype=torch.int64, device=action.device)
        result: tuple[Any, Outcome] = self._compiled(state, action, exogenous, clock, xp)
        return result
