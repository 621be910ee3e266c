"""The base of all inventory policies: from an observation to quantities per edge."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.baselines.inventory.structure import Structure, inventory_model, refuse_hubs
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.inventory.model import InventoryNet


class Inventory(NamedTuple):
    """An observation in one form, whether it came as a dict or flat.

    Attributes:
        on_hand: [B, N].
        pipeline: Units on each edge by arrival [B, E, K], K may be 0.
        history: Past demand, oldest first [B, S, H], H may be 0.
        calendar: [B] in [-1, 1), or None.
    """

    on_hand: Tensor
    pipeline: Tensor
    history: Tensor
    calendar: Tensor | None


def read_inventory(model: InventoryNet, observation: Any) -> Inventory:
    """Takes a batched observation of a model apart."""
    nodes, stores = model.stock_count + model.store_count, model.store_count
    edges, slots, past = len(model.network.edges), model.network.slots - 1, model.history
    if isinstance(observation, Mapping):
        on_hand = observation["on_hand"]
        empty = on_hand.new_zeros(len(on_hand), edges, 0)
        calendar = observation["calendar"][:, 0] if model.has_calendar else None
        history = observation.get("demand_history", empty[:, :stores])
        return Inventory(on_hand, observation.get("pipeline", empty), history, calendar)
    on_hand, pipeline, history, rest = torch.split(
        observation, [nodes, slots * edges, past * stores, int(model.has_calendar)], dim=1
    )
    return Inventory(
        on_hand,
        pipeline.reshape(len(on_hand), slots, edges).swapaxes(1, 2),
        history.reshape(len(on_hand), past, stores).swapaxes(1, 2),
        rest[:, 0] if model.has_calendar else None,
    )


class InventoryBaseline(Baseline):
    """A policy that names a quantity per edge; subclasses implement `orders`."""

    model: InventoryNet
    hubs_allowed = False

    def _check(self) -> None:
        inventory_model(self.model, self.name)
        if not self.hubs_allowed:
            refuse_hubs(self.model, self.name)

    @cached_property
    def structure(self) -> Structure:
        """The network as a forest."""
        return Structure(self.model)

    @abstractmethod
    def orders(self, inventory: Inventory) -> Tensor:
        """Units to order on each edge [B, E]."""

    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        inventory = read_inventory(self.model, observation)
        return self._as_native(self.orders(inventory), inventory), memory

    def _as_native(self, quantity: Tensor, inventory: Inventory) -> Tensor:
        """Quantities, or in "order_up_to" mode the levels that bring them about."""
        if self.model.actions.mode != "order_up_to":
            return quantity
        return quantity + self.positions(inventory)[:, torch.as_tensor(self.structure.target)]

    def positions(self, inventory: Inventory) -> Tensor:
        """Inventory position of every node: on hand, or minus the backlog, plus all that is on its way to it [B, N]."""
        if not inventory.pipeline.shape[2]:
            return inventory.on_hand
        s = self.structure
        coming = inventory.pipeline.sum(2)
        into = self._on(coming.device, "into", s.target[:, None] == np.arange(len(s.nodes)))
        return inventory.on_hand + (coming if into.shape[0] == into.shape[1] == 1 else coming @ into)

    def per_edge(self, values: Any, what: str, low: float = -math.inf, optional: bool = False) -> list[Any]:
        """One number per edge, from a number, a sequence in the order of the edges, or a mapping by edge name.

        Args:
            values: The numbers.
            what: The parameter's name, for messages.
            low: The least that is allowed.
            optional: None is allowed, and is what a mapping leaves out.

        Raises:
            ScenariumError: The wrong count, an unknown edge, or a number that is not allowed.
        """
        names = [edge.name for edge in self.model.network.edges]
        if isinstance(values, Mapping):
            unknown = next((key for key in values if key not in names), None)
            if unknown is not None:
                raise unknown_name(f"edge in {self.name} {what}:", str(unknown), names)
            values = [values.get(name) for name in names]
        if isinstance(values, (np.ndarray, torch.Tensor)):
            values = values.tolist()
        if not isinstance(values, Sequence):
            values = [values] * len(names)
        if isinstance(values, str) or len(values) != len(names):
            raise ScenariumError(f"{self.name}: {what} needs one number per edge ({len(names)}: {', '.join(names)})")
        return [self.number(v, f"{what} of {e}", low, optional) for e, v in zip(names, values, strict=True)]

    def number(self, value: Any, what: str, low: float = -math.inf, optional: bool = False) -> Any:
        """A finite float, not below `low`."""
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < low:
            bound = "" if low == -math.inf else f" >= {low:g}"
            raise ScenariumError(f"{self.name}: {what} is {value!r}; expected a finite number{bound}")
        return float(value)
