"""HDPO on the contract's toys: a relaxed gradient, worlds that end early, and refusals where there is no gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy_memory import memory_model
from toy_panel import PanelModel
from toy_sale import SaleModel
from toy_tank import TankModel

from scenarium.agents import HDPO
from scenarium.envs.core.errors import ScenariumError


class FixedPrice(nn.Module):
    """One price, whatever is seen; it starts far too low."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.tensor([-1.0]))

    def forward(self, observation: Any) -> Tensor:
        return torch.tanh(self.raw).expand(len(observation), 1)


def test_a_relaxed_sale_is_learnt_and_judged_on_the_exact_one() -> None:
    agent = HDPO(SaleModel(), FixedPrice(), seed=0, device="cpu", batch_size=256, dev_every=0, learning_rate=0.05)
    before = agent.mean_reward(range(2048))
    agent.learn(256 * 12 * 80)
    assert before < 0.15
    # The best price is 1/2 and earns 1/4; a sale of the exact model happens or does not.
    assert agent.mean_reward(range(2048)) == pytest.approx(0.25, abs=0.01)


def test_worlds_that_end_early_are_learnt_on() -> None:
    agent = HDPO(TankModel(), seed=0, device="cpu", batch_size=64, dev_every=0, learning_rate=0.01)
    before = agent.mean_reward(range(512))
    agent.learn(64 * 20 * 60)
    assert agent.mean_reward(range(512)) > before


@pytest.mark.parametrize("make", [PanelModel, memory_model])
def test_what_has_no_gradient_is_refused(make: Any) -> None:
    with pytest.raises(ScenariumError, match="use a model-free agent"):
        HDPO(make(), device="cpu")
