"""Running mean and variance of tensors, for normalisation."""

from __future__ import annotations

import torch
from torch import Tensor


class Moments:
    """Running mean and variance over batches, in float64 (Chan, Golub and LeVeque, 1979).

    Args:
        shape: Shape of one sample.
        device: Where the samples live.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device) -> None:
        self.count = torch.zeros((), dtype=torch.float64, device=device)
        self.mean = torch.zeros(shape, dtype=torch.float64, device=device)
        self.squares = torch.zeros(shape, dtype=torch.float64, device=device)

    def update(self, batch: Tensor) -> None:
        """Adds a batch [B, ...]; an empty one changes nothing."""
        if not len(batch):
            return
        batch = batch.double()
        count, mean = self.count + len(batch), batch.mean(0)
        shift = mean - self.mean
        self.squares = self.squares + (batch - mean).square().sum(0) + shift.square() * self.count * len(batch) / count
        self.mean, self.count = self.mean + shift * len(batch) / count, count

    @property
    def variance(self) -> Tensor:
        """Population variance; 1 until two samples were seen, since one has no spread."""
        return torch.where(self.count > 1, self.squares / self.count.clamp(min=1), 1.0)

    def state_dict(self) -> dict[str, Tensor]:
        """The three tensors."""
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes them back."""
        for name, value in self.state_dict().items():
            setattr(self, name, state[name].to(value))
