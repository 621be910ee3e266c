"""Adam, rectified or plain, on one flat vector of weights, without reading a number back from the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def radam_rates(step: int, learning_rate: float) -> tuple[float, float]:
    """The step sizes of gradient step number `step` = 1, 2, ...: of the plain and of the rectified direction.

    With m and v the averages of the gradient and its square, the weights move by ``-(plain + rectified / (sqrt(v) +
    epsilon)) m``; one of the two is 0. While rho_t = rho - 2 t b2^t / (1 - b2^t), rho = 2 / (1 - b2) - 1, is at most 5,
    the variance of the adaptive direction is not defined and the step is plain (Liu et al., "On the Variance of the
    Adaptive Learning Rate and Beyond", ICLR 2020).

    Args:
        step: Number of the gradient step, from 1.
        learning_rate: Its step size.
    """
    momentum, second = 1.0 - BETAS[0] ** step, 1.0 - BETAS[1] ** step
    longest = 2.0 / (1.0 - BETAS[1]) - 1.0
    length = longest - 2.0 * step * BETAS[1] ** step / second
    if length <= 5.0:
        return learning_rate / momentum, 0.0
    rectifier = math.sqrt(
        (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)
    )  # fmt: skip
    return 0.0, learning_rate * rectifier * math.sqrt(second) / momentum


def adam_rates(step: int, learning_rate: float) -> tuple[float, float]:
    """As `radam_rates`, for plain Adam (Kingma and Ba, ICLR 2015), in the form whose epsilon is not bias-corrected.

    Args:
        step: Number of the gradient step, from 1.
        learning_rate: Its step size.
    """
    return 0.0, learning_rate * math.sqrt(1.0 - BETAS[1] ** step) / (1.0 - BETAS[0] ** step)


def adam_step(weights: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, rates: Tensor) -> None:
    """Moves the weights, in place, by a gradient; `rates` [2] are those of the functions above, on the device."""
    mean.lerp_(gradient, 1.0 - BETAS[0])
    square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1.0 - BETAS[1])
    scale = square.sqrt().add_(EPSILON).reciprocal_().mul_(rates[1]).add_(rates[0])
    weights.addcmul_(scale, mean, value=-1.0)


def zeros_like_state(weights: Tensor) -> dict[str, Tensor]:
    """The optimiser's averages before the first step."""
    return {name: torch.zeros_like(weights, requires_grad=False) for name in ("mean", "square")}
