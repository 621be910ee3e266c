"""The random numbers of K learners: a function of each learner's seed and of the step, whoever is beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rng import counters, normal, stream_key, uniform, words

_STEPS = 256
_PLACES = 1 << 24
_APART = 0x2545F491


class Draws:
    """Numbers drawn in blocks of steps.

    Args:
        seeds: One per learner.
        stream: Purpose of the draws.
        width: Numbers per learner and step.
        device: Torch device.
        gaussian: Standard normal numbers instead of uniform ones in (0, 1).
    """

    def __init__(
        self, seeds: Sequence[int], stream: int, width: int, device: torch.device, gaussian: bool = False
    ) -> None:
        self._keys = stream_key(torch.tensor([int(seed) for seed in seeds], device=device), stream)
        self._xp = torch_namespace(str(device))
        self._width, self._law = width, normal if gaussian else uniform
        self._block: int | None = None
        self._numbers: Tensor

    def at(self, step: int) -> Tensor:
        """The numbers of a step, float32 [K, width]."""
        block, within = divmod(step, _STEPS)
        if block != self._block:
            slots = counters(self._xp, block * _STEPS, _STEPS, self._width, trailing=1)
            numbers = self._law(self._xp, words(self._keys, slots))
            self._numbers, self._block = numbers.transpose(1, 2).contiguous(), block
        return self._numbers[within]

    def of(self, steps: Tensor) -> Tensor:
        """Numbers of the first learner for a batch, by place and step: float32 [B, width] from steps int64 [B]."""
        places = torch.arange(len(steps), device=steps.device)
        slots = (steps * _PLACES + places).unsqueeze(1) * self._width + torch.arange(self._width, device=steps.device)
        numbers: Tensor = self._law(self._xp, words(self._keys[:1] ^ _APART, slots))
        return numbers
