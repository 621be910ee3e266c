from __future__ import annotations

import torch

from scenarium.agents.core.adam import adam_step, radam_rates, zeros_like_state


def test_steps_equal_those_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    theirs = torch.randn(50, generator=generator, dtype=torch.float64).requires_grad_()
    ours = theirs.detach().clone()
    state = zeros_like_state(ours)
    optimiser = torch.optim.RAdam([theirs], lr=0.01)
    kinds = set()
    for step in range(1, 21):
        gradient = torch.randn(50, generator=generator, dtype=torch.float64)
        theirs.grad = gradient.clone()
        optimiser.step()
        rates = radam_rates(step, 0.01)
        kinds.add(rates[1] > 0)
        adam_step(ours, gradient, **state, rates=torch.tensor(rates, dtype=torch.float64))
        assert torch.allclose(ours, theirs.detach(), rtol=1e-9, atol=1e-12)
    assert kinds == {False, True}  # both sides of the rectification


def test_the_first_five_steps_are_plain() -> None:
    assert [radam_rates(step, 1.0)[1] > 0 for step in range(1, 8)] == [False] * 5 + [True] * 2
