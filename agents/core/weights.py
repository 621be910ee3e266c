"""A policy's weights as one vector: one tensor to clip, step, average and save."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scenarium.envs.core.errors import ScenariumError


class FlatWeights:
    """Re-points a module's trainable parameters, and their gradients, into two vectors.

    Args:
        module: On its device, all parameters of one floating type.

    Attributes:
        value: [P], a leaf whose `.grad` is `gradient`.
        gradient: [P], into which backward passes accumulate.

    Raises:
        ScenariumError: Nothing is trainable, or parameters are not made yet or of several types.
    """

    def __init__(self, module: nn.Module) -> None:
        parameters = [p for p in module.parameters() if p.requires_grad]
        if not parameters or any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters):
            raise ScenariumError("the policy needs at least one trainable parameter, and no lazy ones")
        if len({(p.dtype, p.device) for p in parameters}) > 1:
            raise ScenariumError("the policy's parameters must have one type and device")
        self.value = torch.cat([p.detach().reshape(-1) for p in parameters]).requires_grad_()
        self.gradient = torch.zeros_like(self.value, requires_grad=False)
        self.value.grad = self.gradient
        first = 0
        for p in parameters:
            last = first + p.numel()
            p.data = self.value.detach()[first:last].view(p.shape)
            p.grad = self.gradient[first:last].view(p.shape)
            first = last

    def clip(self, longest: float | None) -> Tensor:
        """Shortens the gradient to at most `longest`; returns its length before, 0-dim."""
        norm: Tensor = torch.linalg.vector_norm(self.gradient)
        if longest is not None:
            self.gradient.mul_((longest / (norm + 1e-12)).clamp(max=1.0))
        return norm

    @torch.no_grad()
    def copy_(self, values: Tensor) -> None:
        """Takes over the values [P]."""
        self.value.copy_(values)
