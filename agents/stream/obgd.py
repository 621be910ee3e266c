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

import torch
from torch import Tensor

from scenarium.agents.stream.network import Factors, StackedMLP

_SMALLEST_SCALE = 1e-4
_BLOCK_BYTES = 1 << 19
_EPSILON = 1e-8


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

    def accumulate(self, gradient: Factors) -> None:
        """Decays the traces and adds a gradient, taken before any weight of it moved."""
        self.scale *= self.decay
        if self.scale < _SMALLEST_SCALE:
            self.trace *= self.scale
            self.scale = 1.0
        self._network.add(gradient, self._layers, 1.0 / self.scale)

    def step(self, delta: Tensor, cut: Tensor) -> None:
        """Moves the weights along the traces, then cuts traces.

        Args:
            delta: Errors [K].
            cut: Learners whose trace ends here, bool [K].
        """
        self.steps += 1
        size = self.block  # blocks of rows stay in the cache between the norm and the update
        if size == len(delta):
            self._move(self._network.flat, self.trace, delta.unsqueeze(1), self.squares)
        else:
            squares = [None] * len(delta) if self.squares is None else torch.split(self.squares, size)
            parts = [torch.split(rows, size) for rows in (self._network.flat, self.trace, delta.unsqueeze(1))]
            for block in zip(*parts, squares, strict=False):
                self._move(*block)
        self.cut(cut)

    def _move(self, weights: Tensor, trace: Tensor, delta: Tensor, squares: Tensor | None) -> None:
        direction = trace if squares is None else self._adapted(trace, delta, squares)
        size = direction.abs().sum(1, keepdim=True)
        bound = delta.abs().clamp_(min=1.0).mul_(size).mul_(self.alpha * self.kappa * self.scale).clamp_(min=1.0)
        weights.addcmul_(direction, delta / bound, value=self.alpha * self.scale)

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
        rows = cut.nonzero().squeeze(1)
        if len(rows):
            self.trace.index_fill_(0, rows, 0.0)

    def tensors(self) -> dict[str, Tensor]:
        """What going on needs, beyond `steps` and `scale`."""
        return {"trace": self.trace} | ({} if self.squares is None else {"squares": self.squares})

    def load(self, tensors: Mapping[str, Tensor], steps: int, scale: float) -> None:
        """Takes back the tensors and numbers."""
        self.steps, self.scale = int(steps), float(scale)
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
