"""Overshooting-bounded steps: by hand, against a loop over parameters, and in their limits."""

from __future__ import annotations

import math

import pytest
import torch

from scenarium.agents.stream.network import Factors, StackedMLP
from scenarium.agents.stream.obgd import ObGD

CPU = torch.device("cpu")
NO = torch.tensor([False])
YES = torch.tensor([True])


def line(weight: float = 0.5, bias: float = -1.0, learners: int = 1) -> StackedMLP:
    """f(x) = weight x + bias, for every learner."""
    network = StackedMLP((1, 1), range(learners), CPU)
    network.flat[:] = torch.tensor([weight, bias])
    return network


def gradient(network: StackedMLP, x: float) -> Factors:
    learners = len(network.flat)
    passed = network.forward(torch.full((learners, 1), x))
    return network.backward(passed, torch.ones(learners, 1))


def test_two_steps_of_a_two_parameter_line_by_hand() -> None:
    network = line()
    optimiser = ObGD(network, alpha=1.0, kappa=2.0, decay=0.5)
    optimiser.accumulate(gradient(network, 3.0))  # z = (3, 1), |z| = 4
    optimiser.step(torch.tensor([-0.5]), NO)  # M = 2 max(0.5, 1) 4 = 8: w += -0.5 z / 8
    assert network.flat[0].tolist() == pytest.approx([0.5 - 1.5 / 8, -1.0 - 0.5 / 8])
    optimiser.accumulate(gradient(network, -1.0))  # z = (1.5 - 1, 0.5 + 1) = (0.5, 1.5), |z| = 2
    optimiser.step(torch.tensor([4.0]), NO)  # M = 2 * 4 * 2 = 16: w += 4 z / 16
    expected = [0.5 - 1.5 / 8 + 0.5 / 4, -1.0 - 0.5 / 8 + 1.5 / 4]
    assert network.flat[0].tolist() == pytest.approx(expected)


def test_below_the_bound_the_step_is_plain() -> None:
    network = line()
    optimiser = ObGD(network, alpha=0.01, kappa=2.0, decay=0.5)
    optimiser.accumulate(gradient(network, 3.0))  # M = 0.01 * 2 * 2 * 4 = 0.16 < 1
    optimiser.step(torch.tensor([2.0]), NO)
    assert network.flat[0].tolist() == pytest.approx([0.5 + 0.01 * 2 * 3, -1.0 + 0.01 * 2])


@pytest.mark.parametrize("delta", [0.25, -7.0])
def test_alpha_does_not_matter_while_the_bound_is_active(delta: float) -> None:
    moved = []
    for alpha in (1.0, 30.0):
        network = line()
        optimiser = ObGD(network, alpha=alpha, kappa=2.0, decay=0.9)
        optimiser.accumulate(gradient(network, 2.0))
        optimiser.step(torch.tensor([delta]), NO)
        moved.append(network.flat.clone())
    assert torch.allclose(moved[0], moved[1], atol=1e-6)
    length = float((moved[0] - line().flat).abs().sum())
    assert length == pytest.approx(min(abs(delta), 1.0) / 2.0, rel=1e-5)  # L1 length 1 / kappa for |delta| >= 1


def test_the_trace_is_cut_after_the_update() -> None:
    network = line()
    optimiser = ObGD(network, alpha=1.0, kappa=2.0, decay=0.5)
    optimiser.accumulate(gradient(network, 3.0))
    optimiser.step(torch.tensor([1.0]), YES)
    assert network.flat[0, 0] == pytest.approx(0.5 + 3.0 / 8)  # the step still used the trace
    assert not optimiser.trace.any()
    optimiser.accumulate(gradient(network, -1.0))
    assert (optimiser.trace * optimiser.scale)[0].tolist() == pytest.approx([-1.0, 1.0])  # nothing before it is left


def test_only_the_learners_of_the_mask_lose_their_trace() -> None:
    network = line(learners=3)
    optimiser = ObGD(network, alpha=1.0, kappa=2.0, decay=0.5)
    optimiser.accumulate(gradient(network, 3.0))
    optimiser.step(torch.ones(3), torch.tensor([False, True, False]))
    assert (optimiser.trace.abs().sum(1) > 0).tolist() == [True, False, True]


def test_long_traces_match_their_definition() -> None:
    """The decay is multiplied out only now and then; 300 steps pass that point several times."""
    network = line()
    optimiser = ObGD(network, alpha=1.0, kappa=2.0, decay=0.792)
    trace = torch.zeros(2, dtype=torch.float64)
    for step in range(300):
        x = math.sin(step)
        optimiser.accumulate(gradient(network, x))
        trace = 0.792 * trace + torch.tensor([x, 1.0], dtype=torch.float64)
        assert torch.allclose((optimiser.trace * optimiser.scale)[0].double(), trace, rtol=1e-5)


def test_many_learners_and_few_take_the_same_steps() -> None:
    """Few learners on a CPU are moved one by one; the arithmetic differs in its last bits only."""
    results = []
    for rows in (True, False):
        network = StackedMLP((4, 8, 3), range(6), CPU)
        optimiser = ObGD(network, 1.0, 2.0, 0.8)
        optimiser._rows = optimiser._rows if rows else []
        for step in range(5):
            features = torch.linspace(-1, 1, 24).reshape(6, 4) * (step + 1)
            optimiser.accumulate(network.backward(network.forward(features), torch.ones(6, 3)))
            optimiser.step(torch.linspace(-2, 2, 6), torch.arange(6) == step)
        results.append(network.flat.clone())
    assert torch.allclose(*results, rtol=1e-5, atol=1e-6)


def test_gradients_come_in_factors_or_as_rows() -> None:
    network = StackedMLP((4, 8, 3), range(2), CPU)
    factors = network.backward(network.forward(torch.randn(2, 4)), torch.randn(2, 3))
    rows = torch.zeros_like(network.flat)
    network.add(factors, network.views(rows), 1.0)
    ones = [ObGD(network, 1.0, 2.0, 0.8), ObGD(network, 1.0, 2.0, 0.8)]
    ones[0].accumulate(factors)
    ones[1].accumulate(rows)
    assert torch.allclose(ones[0].trace, ones[1].trace)


def test_without_traces_only_the_last_gradient_counts() -> None:
    network = line()
    optimiser = ObGD(network, alpha=1.0, kappa=2.0, decay=0.0)
    for x in (5.0, 2.0):
        optimiser.accumulate(gradient(network, x))
    assert (optimiser.trace * optimiser.scale)[0].tolist() == [2.0, 1.0]


def loop_step(
    weights: list[torch.Tensor], traces: list[torch.Tensor], means: list[torch.Tensor], delta: float, t: int
) -> None:
    """Adaptive ObGD from its equations, in double precision and one parameter after the other."""
    total, scaled = 0.0, []
    for trace, mean in zip(traces, means, strict=True):
        mean.mul_(0.999).add_(0.001 * (delta * trace) ** 2)
        scaled.append(trace / (mean / (1 - 0.999**t) + 1e-8).sqrt())
        total += float(scaled[-1].abs().sum())
    rate = 1.0 / max(1.0, 2.0 * max(abs(delta), 1.0) * total)
    for weight, direction in zip(weights, scaled, strict=True):
        weight.add_(rate * delta * direction)


def test_adaptive_steps_match_the_equations() -> None:
    network = line()
    optimiser = ObGD(network, alpha=1.0, kappa=2.0, decay=0.8, beta=0.999)
    weights = [torch.tensor([0.5]).double(), torch.tensor([-1.0]).double()]
    traces, means = ([torch.zeros(1).double() for _ in range(2)] for _ in range(2))
    for t in range(1, 40):
        x, delta = math.cos(t), math.sin(3 * t) * 2
        optimiser.accumulate(gradient(network, x))
        optimiser.step(torch.tensor([delta]), NO)
        for trace, part in zip(traces, (x, 1.0), strict=True):
            trace.mul_(0.8).add_(part)
        loop_step(weights, traces, means, delta, t)
        assert network.flat[0].tolist() == pytest.approx([float(w) for w in weights], rel=1e-4)


@pytest.mark.parametrize("beta", [None, 0.999])
def test_blocks_of_learners_do_what_all_at_once_do(beta: float | None) -> None:
    results = []
    for block in (7, 2):
        network = StackedMLP((4, 8, 3), range(7), CPU)
        optimiser = ObGD(network, 1.0, 2.0, 0.8, beta)
        optimiser._rows = []
        optimiser.block, optimiser._scratch = block, torch.empty_like(network.flat)
        for step in range(5):
            features = torch.linspace(-1, 1, 28).reshape(7, 4) * (step + 1)
            error = torch.ones(7, 3)
            optimiser.accumulate(network.backward(network.forward(features), error))
            optimiser.step(torch.linspace(-2, 2, 7), torch.arange(7) == step)
        results.append(network.flat.clone())
    assert torch.equal(*results)
