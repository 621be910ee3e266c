"""Overshooting-bounded gradient descent with eligibility traces, for K learners at once.

The step size shrinks so that one update cannot carry the estimate past its target (Elsayed, Vasan and Mahmood, arXiv
2410.14606): with trace z, error delta and the L1 norm over *all* weights of a network,

    z      <- gamma lambda z + gradient
    M      =  alpha kappa max(|delta|, 1) |z|_1
    w      <- w + alpha / max(M, 1) delta z
    z      <- 0 where the trace is cut, after the update

With alpha = 1 the bound is nearly always active: the step is then ``delta z / (kappa max(|delta|, 1) |z|_1)``, whatever
alpha is, and kappa is what sets its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from scipy.linalg.blas import sasum, saxpy
from torch import Tensor

from scenarium.agents.stream.network import Factors, StackedMLP

_SMALLEST_SCALE = 1e-4
_BLOCK_BYTES = 1 << 19
_EPSILON = 1e-8
_FEW = 8


class ObGD:
    """The optimiser of one stacked network.

    Args:
        network: Its `flat` is what is updated.
        alpha: Step size before the bound.
        kappa: How far below the bound a step stays, above 1.
        decay: Of the trace per step, gamma times lambda.
        beta: Decay of the running mean square of ``delta z`` (Adaptive ObGD, 0.999 in the paper); None without.

    Attributes:
        trace: The traces up to the factor `scale`, float32 [K, P].
        block: Learners updated at a time.
    """

    def __init__(
        self, network: StackedMLP, alpha: float, kappa: float, decay: float, beta: float | None = None
    ) -> None:
        self._network, self.alpha, self.kappa, self.decay, self.beta = network, alpha, kappa, decay, beta
        self.trace = torch.zeros_like(network.flat)
        self._layers = network.views(self.trace)
        self.squares = None if beta is None else torch.zeros_like(network.flat)
        self.steps = 0
        # The decay is the same for all, so it is kept as one number and multiplied out only now and then; that saves
        # a pass over the traces in every step.
        self.scale = 1.0
        rows = max(1, _BLOCK_BYTES // (4 * network.flat.shape[1]))
        self.block = min(rows, len(network.flat))
        self._scratch = torch.empty_like(network.flat[: self.block])
        # A few learners on a CPU: two BLAS calls each on the same memory, since eight tensor operations cost more in
        # calls than in arithmetic.
        few = len(network.flat) <= _FEW and network.flat.device.type == "cpu" and beta is None
        self._rows = list(zip(network.flat.numpy(), self.trace.numpy(), strict=True)) if few else []

    def accumulate(self, gradient: Factors | Tensor) -> None:
        """Decays the traces and adds a gradient, taken before any weight of it moved.

        Args:
            gradient: In the factors a backward pass gives, or as rows [K, P].
        """
        self.scale *= self.decay
        if self.scale < _SMALLEST_SCALE:
            self.trace *= self.scale
            self.scale = 1.0
        if isinstance(gradient, Tensor):
            self.trace.add_(gradient, alpha=1.0 / self.scale)
        else:
            self._network.add(gradient, self._layers, 1.0 / self.scale)

    def step(self, delta: Tensor, cut: Tensor) -> None:
        """Moves the weights along the traces, then cuts traces.

        Args:
            delta: Errors [K].
            cut: Learners whose trace ends here, bool [K].
        """
        self.steps += 1
        if self._rows:
            for row, error in zip(self._rows, delta.tolist(), strict=True):
                self._move_one(*row, error)
        else:
            self._move_all(delta.unsqueeze(1))
        self.cut(cut)

    def _move_one(self, weights: Any, trace: Any, delta: float) -> None:
        # alpha / max(M, 1) is one over kappa times the larger of max(|delta|, 1) |z| and 1 / (alpha kappa).
        least = 1.0 / (self.alpha * self.kappa * self.scale)
        bound = max(max(abs(delta), 1.0) * float(sasum(trace)), least)
        saxpy(trace, weights, a=delta / (self.kappa * bound))

    def _move_all(self, delta: Tensor) -> None:
        size = self.block  # blocks of rows stay in the cache between the norm and the update
        if size == len(delta):
            self._move(self._network.flat, self.trace, delta, self.squares)
            return
        squares = [None] * len(delta) if self.squares is None else torch.split(self.squares, size)
        parts = [torch.split(rows, size) for rows in (self._network.flat, self.trace, delta)]
        for block in zip(*parts, squares, strict=False):
            self._move(*block)

    def _move(self, weights: Tensor, trace: Tensor, delta: Tensor, squares: Tensor | None) -> None:
        direction = trace if squares is None else self._adapted(trace, delta, squares)
        size = torch.abs(direction, out=self._scratch[: len(delta)]).sum(1, keepdim=True)
        least = 1.0 / (self.alpha * self.kappa * self.scale)
        bound = delta.abs().clamp_(min=1.0).mul_(size).clamp_(min=least)
        weights.addcmul_(direction, delta / bound, value=1.0 / self.kappa)

    def _adapted(self, trace: Tensor, delta: Tensor, squares: Tensor) -> Tensor:
        """Traces over the root of the bias-corrected mean square of ``delta z`` (Adaptive ObGD)."""
        assert self.beta is not None
        moved = trace * (delta * self.scale)
        squares.mul_(self.beta).addcmul_(moved, moved, value=1.0 - self.beta)
        root = (squares / (1.0 - self.beta**self.steps)).add_(_EPSILON).sqrt_()
        return trace / root

    def cut(self, cut: Tensor) -> None:
        """Ends the traces of the learners of a mask, bool [K]."""
        if cut.device.type != "cpu":  # looking would stall the device's queue
            self.trace.mul_(~cut.unsqueeze(1))
            return
        if bool(cut.any()):
            self.trace.index_fill_(0, cut.nonzero().squeeze(1), 0.0)

    def tensors(self) -> dict[str, Tensor]:
        """What going on needs, beyond `steps` and `scale`."""
        return {"trace": self.trace} | ({} if self.squares is None else {"squares": self.squares})

    def load(self, tensors: Mapping[str, Tensor], steps: int, scale: float) -> None:
        """Takes back the tensors and numbers."""
        self.steps, self.scale = int(steps), float(scale)
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
