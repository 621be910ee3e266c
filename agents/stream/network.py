"""Many small multilayer perceptrons as one: K independent learners' weights in the rows of one tensor.

A network of streaming learning (Elsayed, Vasan and Mahmood, arXiv 2410.14606) is a row of linear maps with LayerNorm
(no gain, no bias, over the features of the one sample) and LeakyReLU after each but the last. Its gradient is needed
for one sample at a time and goes straight into an eligibility trace, so forward and backward passes are written out:
automatic differentiation would cost several times the arithmetic, and could not be batched over different weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_EPSILON = 1e-5
_SLOPE = 0.01
_MANY, _NARROW = 64, 12


class Linear(NamedTuple):
    """One linear map, as views of the flat tensor: weight [K, inputs, outputs] and bias [K, 1, outputs]."""

    weight: Tensor
    bias: Tensor


class Hidden(NamedTuple):
    """What the backward pass needs of one hidden layer."""

    before: Tensor
    mean: Tensor
    scale: Tensor
    normal: Tensor


class Pass(NamedTuple):
    """A forward pass.

    Attributes:
        inputs: Input of each linear map, [K, 1, n].
        hidden: One entry per hidden layer.
        output: [K, outputs].
    """

    inputs: list[Tensor]
    hidden: list[Hidden]
    output: Tensor


class Factors(NamedTuple):
    """A gradient in factored form, per linear map: that of the weight is the outer product of the two.

    Attributes:
        inputs: [K, 1, n].
        errors: [K, 1, m]; also the gradient of the bias.
    """

    inputs: list[Tensor]
    errors: list[Tensor]


class StackedMLP:
    """K independent perceptrons of the same shape.

    Args:
        sizes: Inputs, hidden widths and outputs.
        seeds: One seed per learner; a learner's first weights depend on its own seed only.
        device: Torch device.
        sparsity: Share of each unit's inputs that start at zero.
        exact: Whether to round that share up even where it leaves a unit without any input; see `sparse_weights`.

    Attributes:
        flat: All weights, float32 [K, P]; `layers` are views of it.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seeds: Sequence[int],
        device: torch.device,
        sparsity: float = 0.9,
        exact: bool = False,
    ) -> None:
        self.sizes = tuple(int(size) for size in sizes)
        total = sum((before + 1) * after for before, after in zip(self.sizes, self.sizes[1:], strict=False))
        self.flat = torch.zeros(len(seeds), total, device=device)
        self.layers = self.views(self.flat)
        for row, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(int(seed))
            for layer in self.layers:
                before, after = layer.weight.shape[1:]
                layer.weight[row] = sparse_weights(before, after, sparsity, exact, generator).to(device)

    def views(self, flat: Tensor) -> list[Linear]:
        """The linear maps as views of a tensor [K, P]."""
        layers, first = [], 0
        for before, after in zip(self.sizes, self.sizes[1:], strict=False):
            middle, last = first + before * after, first + (before + 1) * after
            weight = flat[:, first:middle].view(-1, before, after)
            layers.append(Linear(weight, flat[:, middle:last].unsqueeze(1)))
            first = last
        return layers

    def forward(self, features: Tensor) -> Pass:
        """One sample through each learner's network.

        Args:
            features: [K, inputs].
        """
        value = features.unsqueeze(1)
        inputs, hidden = [value], []
        for layer in self.layers[:-1]:
            before = self._through(layer, value)
            normal, mean, scale = torch.ops.aten.native_layer_norm(before, before.shape[2:], None, None, _EPSILON)
            value = functional.leaky_relu(normal, _SLOPE)
            inputs.append(value)
            hidden.append(Hidden(before, mean, scale, normal))
        head = self.layers[-1]
        return Pass(inputs, hidden, self._through(head, value).squeeze(1))

    @staticmethod
    def _through(layer: Linear, value: Tensor) -> Tensor:
        """A linear map of all learners, [K, 1, n] to [K, 1, m]."""
        if len(value) > _MANY and value.shape[2] < _NARROW and value.device.type == "cpu":
            # A batch of products this small costs more in calls than in arithmetic.
            return (layer.weight * value.mT).sum(1, keepdim=True).add_(layer.bias)
        return torch.baddbmm(layer.bias, value, layer.weight)

    def backward(self, of: Pass, error: Tensor) -> Factors:
        """The gradient of a function of the output with respect to all weights.

        Args:
            of: The forward pass, made with the present weights.
            error: Gradient with respect to the output, [K, outputs].
        """
        backwards = [error.unsqueeze(1)]
        for layer, hidden in zip(reversed(self.layers[1:]), reversed(of.hidden), strict=True):
            slope = torch.bmm(backwards[-1], layer.weight.mT)
            slope = torch.ops.aten.leaky_relu_backward(slope, hidden.normal, _SLOPE, False)
            through = torch.ops.aten.native_layer_norm_backward(
                slope, hidden.before, hidden.before.shape[2:], hidden.mean, hidden.scale, None, None, _ONLY_INPUT
            )
            backwards.append(through[0])
        return Factors(of.inputs, backwards[::-1])

    def play(self, learner: int, features: Tensor) -> Tensor:
        """Outputs [B, outputs] of one learner's network for a batch of samples [B, inputs]."""
        value = features
        for layer in self.layers[:-1]:
            value = torch.addmm(layer.bias[learner], value, layer.weight[learner])
            value = functional.leaky_relu(functional.layer_norm(value, value.shape[1:], eps=_EPSILON), _SLOPE)
        head = self.layers[-1]
        return torch.addmm(head.bias[learner], value, head.weight[learner])

    def add(self, gradient: Factors, to: Sequence[Linear], times: float) -> None:
        """Adds a gradient, times a number, to the views of a tensor [K, P]."""
        for layer, values, errors in self._matched(gradient, to):
            layer.weight.addcmul_(values.mT, errors, value=times)
            layer.bias.add_(errors, alpha=times)

    @staticmethod
    def _matched(gradient: Factors, to: Sequence[Linear]) -> Iterator[tuple[Linear, Tensor, Tensor]]:
        return zip(to, gradient.inputs, gradient.errors, strict=True)


_ONLY_INPUT = [True, False, False]


def sparse_weights(inputs: int, outputs: int, sparsity: float, exact: bool, generator: torch.Generator) -> Tensor:
    """First weights of a linear map: uniform, most of them zero (Elsayed et al., section on sparse initialisation).

    Each is drawn from U(-1/sqrt(inputs), 1/sqrt(inputs)); then ``ceil(sparsity * inputs)`` randomly chosen inputs of
    every output unit are set to zero. With up to 9 inputs and a sparsity of 0.9 that is all of them, so that the units
    start without any input; unless `exact`, at least one input is kept.

    Returns:
        float32 [inputs, outputs] on the CPU.
    """
    bound = 1.0 / math.sqrt(inputs)
    weight = (torch.rand(inputs, outputs, generator=generator) * 2.0 - 1.0) * bound
    zeros = math.ceil(sparsity * inputs)
    if not exact:
        zeros = min(zeros, inputs - 1)
    order = torch.rand(inputs, outputs, generator=generator).argsort(0)
    weight[order < zeros] = 0.0
    return weight
