"""Running mean and variance of observations, kept with the policy and frozen outside learning."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Normalizer(nn.Module):
    """Scales features to mean 0 and variance 1 by statistics of all batches seen.

    Statistics are float64 buffers, merged batch by batch (Chan, Golub and LeVeque, 1983), so they are saved with the
    policy. `forward` never changes them; learning calls `update`. Before the first update features pass unchanged.

    Args:
        size: Number of features.
        epsilon: Added to the variance.
        clip: Scaled features are cut off at plus and minus this; None leaves them.
    """

    count: Tensor
    mean: Tensor
    square: Tensor
    _offset: Tensor
    _scale: Tensor

    def __init__(self, size: int, epsilon: float = 1e-6, clip: float | None = None) -> None:
        super().__init__()
        self.epsilon, self.clip = epsilon, clip
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("square", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("_offset", torch.zeros(size))
        self.register_buffer("_scale", torch.ones(size))

    @property
    def variance(self) -> Tensor:
        """Population variance of each feature, float64 [size]; zero before the first update."""
        return self.square / self.count.clamp(min=1.0)

    @torch.no_grad()
    def update(self, batch: Tensor) -> None:
        """Adds a batch [..., size] to the statistics."""
        batch = batch.reshape(-1, batch.shape[-1]).double()
        number = batch.shape[0]
        mean = batch.mean(0)
        delta = mean - self.mean
        total = self.count + number
        self.square += (batch - mean).square().sum(0) + delta.square() * self.count * number / total
        self.mean += delta * number / total
        self.count += number
        scale = (self.variance + self.epsilon).rsqrt()
        self._scale.copy_(scale)
        self._offset.copy_(-self.mean * scale)

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features, of the shape given."""
        # One fused operation: in an unrolled model every operation is paid for in every period, forward and back.
        scaled = torch.addcmul(self._offset, features, self._scale)
        return scaled if self.clip is None else scaled.clamp(-self.clip, self.clip)
