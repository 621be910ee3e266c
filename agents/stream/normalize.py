"""Running statistics of K streams: scaled observations and rewards (Welford, 1962), float64, one sample at a time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_EPSILON = 1e-8


class Welford:
    """Mean and variance of each feature of each of K streams.

    The variance is the unbiased one, and 1 until a stream has brought two samples (Elsayed, Vasan and Mahmood, arXiv
    2410.14606, appendix).

    Args:
        streams: K.
        size: Features n.
        device: Torch device.

    Attributes:
        count: Samples of each stream, float64 [K, 1].
        mean: float64 [K, n].
        squares: Sum of squared deviations from the mean, float64 [K, n].
        scale: One over the standard deviation, float64 [K, n].
    """

    def __init__(self, streams: int, size: int, device: torch.device) -> None:
        self.count = torch.zeros(streams, 1, dtype=torch.float64, device=device)
        self.mean = torch.zeros(streams, size, dtype=torch.float64, device=device)
        self.squares = torch.zeros_like(self.mean)
        self.scale = torch.ones_like(self.mean)

    def update(self, sample: Tensor, streams: Tensor | None = None) -> None:
        """Adds a sample.

        Args:
            sample: float64 [K, n].
            streams: bool [K], the streams it is added to; None for all.
        """
        shift = sample - self.mean
        if streams is None:
            self.count += 1.0
        else:
            shift *= streams.unsqueeze(1)
            self.count += streams.unsqueeze(1)
        self.mean.addcdiv_(shift, self.count.clamp(min=1.0))
        self.squares.addcmul_(shift, sample - self.mean)
        self._rescale()

    def _rescale(self) -> None:
        less = self.count - 1.0
        # The quotient of a stream with fewer than two samples is 0 over 1, and its variance counts as 1.
        variance = torch.div(self.squares, less.clamp(min=1.0)).add_((less < 1.0).double())
        torch.rsqrt(variance.add_(_EPSILON), out=self.scale)

    def centred(self, sample: Tensor) -> Tensor:
        """Samples [K, n] less the mean, over the standard deviation, in float32."""
        return (sample - self.mean).mul_(self.scale).float()

    def centred_by(self, stream: int, sample: Tensor) -> Tensor:
        """A batch of samples [B, n] scaled by one stream's statistics, in float32."""
        return (sample.double() - self.mean[stream]).mul_(self.scale[stream]).float()

    def tensors(self) -> dict[str, Tensor]:
        """The statistics."""
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes them back."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
        self._rescale()


class RewardScale:
    """Divides rewards by the standard deviation of a running discounted sum of them.

    With e = 1 where an episode ended by this step, u <- gamma (1 - e) u + r, and the scaled reward is r over the
    standard deviation of all u so far. Rewards are not centred, since that would change the problem.

    Args:
        streams: K.
        gamma: Discount factor.
        device: Torch device.
    """

    def __init__(self, streams: int, gamma: float, device: torch.device) -> None:
        self._gamma = gamma
        self._moments = Welford(streams, 1, device)
        self._sum = torch.zeros(streams, 1, dtype=torch.float64, device=device)

    def __call__(self, reward: Tensor, ended: Tensor) -> Tensor:
        """Scaled rewards float32 [K], after adding these [K] to the statistics."""
        reward = reward.double().unsqueeze(1)
        self._sum.mul_(~ended.unsqueeze(1)).mul_(self._gamma).add_(reward)
        self._moments.update(self._sum)
        return (reward * self._moments.scale).squeeze(1).float()

    def deviation(self, stream: int) -> Tensor:
        """What a stream's rewards are divided by, 0-dim."""
        return 1.0 / self._moments.scale[stream, 0]

    def restart(self) -> None:
        """Forgets the running sum, where episodes start afresh; statistics stay."""
        self._sum.zero_()

    def tensors(self) -> dict[str, Tensor]:
        """Statistics and running sums."""
        return {**self._moments.tensors(), "sum": self._sum}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes them back."""
        self._moments.load(tensors)
        self._sum.copy_(tensors["sum"])
