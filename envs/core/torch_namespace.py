"""The torch side of `xp`: many worlds on a device, differentiable, traceable by `torch.compile`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch._higher_order_ops.while_loop import while_loop

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.tree import tree_filled, tree_leaves

_KINDS = {
    "float": torch.float32, "double": torch.float64, "byte": torch.int8, "int": torch.int32,
    "index": torch.int64, "bool": torch.bool,
}  # fmt: skip


def _maximum(a: Array, b: Array) -> torch.Tensor:
    """Elementwise maximum; a Python number on either side takes the faster clamp."""
    if not isinstance(b, torch.Tensor):
        return torch.clamp_min(a, b)
    if not isinstance(a, torch.Tensor):
        return torch.clamp_min(b, a)
    return torch.maximum(a, b)


def _minimum(a: Array, b: Array) -> torch.Tensor:
    """Elementwise minimum; a Python number on either side takes the faster clamp."""
    if not isinstance(b, torch.Tensor):
        return torch.clamp_max(a, b)
    if not isinstance(a, torch.Tensor):
        return torch.clamp_max(b, a)
    return torch.minimum(a, b)


class TorchNamespace(Namespace):
    """Batched torch tensors on one device."""

    name = "torch"
    batched = True
    where = staticmethod(torch.where)
    minimum, maximum = staticmethod(_minimum), staticmethod(_maximum)
    exp, log, sqrt = staticmethod(torch.exp), staticmethod(torch.log), staticmethod(torch.sqrt)
    sin, cos, tanh = staticmethod(torch.sin), staticmethod(torch.cos), staticmethod(torch.tanh)
    log1p = staticmethod(torch.log1p)
    round, floor = staticmethod(torch.round), staticmethod(torch.floor)

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.key = f"torch:{device}"

    def constant(self, values: Any, kind: str = "float") -> torch.Tensor:
        if isinstance(values, torch.Tensor):
            return values.to(self.device, _KINDS[kind])
        return torch.as_tensor(np.asarray(values), dtype=_KINDS[kind], device=self.device)

    def scalar(self, value: float) -> float:
        return float(value)

    def cast(self, x: Array, kind: str) -> torch.Tensor:
        if not isinstance(x, torch.Tensor):
            return self.constant(x, kind)
        return x.to(_KINDS[kind])

    def flags(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(torch.bool)

    def total(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.sum(axis)

    def largest(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.amax(axis)

    def smallest(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.amin(axis)

    def any(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.any(axis)

    def cumsum(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.cumsum(x, axis)

    def cummax(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.cummax(x, axis).values

    def sort(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.sort(x, dim=axis).values

    def concat(self, xs: Sequence[torch.Tensor], axis: int) -> torch.Tensor:
        return torch.cat(tuple(xs), axis)

    def stack(self, xs: Sequence[torch.Tensor], axis: int) -> torch.Tensor:
        return torch.stack(tuple(xs), axis)

    def unstack(self, x: torch.Tensor, axis: int) -> tuple[torch.Tensor, ...]:
        return torch.unbind(x, axis)

    def stop(self, x: torch.Tensor) -> torch.Tensor:
        return x.detach()

    def pick(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return x.gather(-1, index.to(torch.int64)[..., None])[..., 0]

    def put(self, x: torch.Tensor, index: torch.Tensor, value: Array) -> torch.Tensor:
        source = torch.as_tensor(value, dtype=x.dtype, device=x.device).expand(index.shape)
        return x.scatter(-1, index.to(torch.int64)[..., None], source[..., None])

    def take(self, x: torch.Tensor, index: torch.Tensor, axis: int = 0) -> torch.Tensor:
        if index.ndim > x.ndim:
            x = x[:, None].expand(*index.shape[:-1], x.shape[-1])
        return x.gather(axis, index)

    def place(self, x: torch.Tensor, index: torch.Tensor, value: Array, axis: int = 0) -> torch.Tensor:
        return x.scatter(axis, index, value)

    def searchsorted(self, table: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.searchsorted(table, x.contiguous(), right=True)

    def matmul(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b

    def never(self, condition: Array) -> bool:
        return False

    def repeat(self, first: int, stop: int, body: Callable[[Any, Any], Any], carry: Any) -> Any:
        if not torch.compiler.is_compiling():
            return super().repeat(first, stop, body, carry)
        # Loops of this form want leaves of their own: no views, and nothing that is handed through.
        start = [leaf.clone(memory_format=torch.contiguous_format) for leaf in tree_leaves(carry)]

        def once(j: torch.Tensor, *leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
            after = body(j, tree_filled(carry, leaves))
            return (j + 1, *[leaf.clone(memory_format=torch.contiguous_format) for leaf in tree_leaves(after)])

        counter = torch.full((), first, dtype=torch.int64, device=self.device)
        loop: Any = while_loop
        _, *leaves = loop(lambda j, *_: j < stop, once, (counter, *start))
        return tree_filled(carry, leaves)

    def batch_last(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(0, -1)

    def batch_first(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(-1, 0)

    def packed(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous()

    def column(self, values: Any) -> torch.Tensor:
        return self.constant(values)[..., None]

    def batch(self, x: torch.Tensor, size: int | None) -> torch.Tensor:
        return x.expand(*x.shape[:-1], size or 1)

    def add_product(self, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(x, a, b)

    def weighted(self, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (weights * x).sum(0)
