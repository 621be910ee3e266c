"""The written-out passes against automatic differentiation, sparse first weights, and LayerNorm per sample."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from scenarium.agents.stream.network import StackedMLP, sparse_weights

CPU = torch.device("cpu")


def reference(network: StackedMLP, flat: Tensor, features: Tensor) -> Tensor:
    """One learner's outputs from its row of weights, by torch's own layers."""
    first, value = 0, features
    sizes = list(zip(network.sizes, network.sizes[1:], strict=False))
    for number, (before, after) in enumerate(sizes):
        weight = flat[first : first + before * after].view(before, after)
        bias = flat[first + before * after : first + (before + 1) * after]
        value, first = value @ weight + bias, first + (before + 1) * after
        if number < len(sizes) - 1:
            value = functional.leaky_relu(functional.layer_norm(value, value.shape), 0.01)
    return value


def dense(sizes: tuple[int, ...], learners: int) -> StackedMLP:
    network = StackedMLP(sizes, range(learners), CPU)
    network.flat.copy_(torch.randn(network.flat.shape, generator=torch.Generator().manual_seed(1)) * 0.5)
    return network


@pytest.mark.parametrize("sizes", [(3, 2), (4, 8, 3), (5, 16, 8, 2)])
def test_outputs_and_gradients_match_automatic_differentiation(sizes: tuple[int, ...]) -> None:
    network = dense(sizes, 3)
    features, error = torch.randn(3, sizes[0]), torch.randn(3, sizes[-1])
    passed = network.forward(features)
    gradient = torch.zeros_like(network.flat)
    network.add(network.backward(passed, error), network.views(gradient), 1.0)
    for row in range(3):
        flat = network.flat[row].clone().requires_grad_()
        output = reference(network, flat, features[row])
        assert torch.allclose(passed.output[row], output, atol=1e-5)
        (expected,) = torch.autograd.grad((output * error[row]).sum(), flat)
        assert torch.allclose(gradient[row], expected, atol=1e-5)


def test_a_batch_is_normalised_sample_by_sample() -> None:
    network = dense((4, 8, 2), 2)
    batch = torch.randn(5, 4) * torch.tensor([[1.0], [100.0], [0.01], [1.0], [7.0]])
    together = network.play(1, batch)
    for sample, output in zip(batch, together, strict=True):
        assert torch.allclose(network.play(1, sample[None])[0], output, atol=1e-5)
        assert torch.allclose(reference(network, network.flat[1], sample), output, atol=1e-5)
        assert torch.allclose(network.forward(sample.expand(2, 4)).output[1], output, atol=1e-5)


@pytest.mark.parametrize("inputs", [1, 2, 5, 9, 10, 11, 40])
@pytest.mark.parametrize("exact", [False, True])
def test_every_unit_starts_with_the_same_number_of_zeros(inputs: int, exact: bool) -> None:
    weight = sparse_weights(inputs, 50, 0.9, exact, torch.Generator().manual_seed(0))
    zeros = math.ceil(0.9 * inputs) if exact else min(math.ceil(0.9 * inputs), inputs - 1)
    assert ((weight == 0).sum(0) == zeros).all()
    assert weight.abs().max() <= 1 / math.sqrt(inputs)
    assert (not weight.any()) == (exact and inputs <= 9)  # the exact rule leaves small layers without any input


def test_nonzero_weights_are_spread_over_inputs_and_their_range() -> None:
    weight = sparse_weights(20, 4000, 0.9, False, torch.Generator().manual_seed(0))
    used = (weight != 0).double().mean(1)
    assert torch.allclose(used, torch.full((20,), 0.1, dtype=torch.float64), atol=0.03)
    values = weight[weight != 0] * math.sqrt(20)
    assert float(values.mean()) == pytest.approx(0.0, abs=0.03)
    assert float(values.var()) == pytest.approx(1 / 3, abs=0.02)


def test_first_weights_depend_on_the_learners_own_seed_only() -> None:
    stack, alone = StackedMLP((6, 8, 2), [11, 12, 13], CPU), StackedMLP((6, 8, 2), [12], CPU)
    assert torch.equal(stack.flat[1], alone.flat[0])
    assert not torch.equal(stack.flat[0], stack.flat[1])
    assert not any(layer.bias.any() for layer in stack.layers)
