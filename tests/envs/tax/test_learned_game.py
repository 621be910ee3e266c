"""The workers as a team under a schedule that stands."""

from __future__ import annotations

import pytest
import torch

from scenarium.agents.core.worlds import make_worlds
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.parallel import ScenariumParallelEnv
from scenarium.envs.tax.learned_game import trained_game, workers_game
from scenarium.envs.tax.parameters import US_FEDERAL


def test_workers_are_a_team_with_rewards_of_their_own() -> None:
    worlds = make_worlds(workers_game(period=10, horizon=40, start_coin=20.0), 3, torch.device("cpu"))
    played = worlds.reset(0)
    assert worlds.num_envs == 12
    assert played.mask is not None
    assert played.mask.shape == (12, 50)
    bids = torch.full((12,), 2 + 11 * 2 + 3)
    bids[::4] = 0
    rewards = worlds.step(bids).reward.reshape(3, 4)
    gathered = (rewards < -0.2).float() * 0.21  # some start on a tile that holds a unit
    assert torch.allclose(rewards[:, 0] + gathered[:, 0], torch.zeros(3), atol=1e-6)
    assert torch.allclose(rewards + gathered, torch.tensor([0.0, 1.0, 1.0, 1.0]) * -0.21 * 0.25, atol=1e-6)


def test_taxes_of_the_schedule_are_collected() -> None:
    paid = []
    for schedule in (None, US_FEDERAL, [1.0] * 7):
        model = workers_game(period=10, horizon=40, start_coin=20.0, schedule=schedule)
        env = ScenariumParallelEnv(model)
        seen, _ = env.reset(seed=0)
        assert set(seen) == {"worker_0", "worker_1", "worker_2", "worker_3"}
        paid.append(model.others["planner"].rates.tolist())  # type: ignore[attr-defined]
    assert paid == [[0.0] * 7, list(US_FEDERAL), [1.0] * 7]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ScenariumError, match="7 numbers from 0 to 1"):
        workers_game(schedule=[0.1])
    with pytest.raises(ScenariumError, match="leave observation out"):
        workers_game(observation="flat")
    with pytest.raises(ScenariumError, match="trained workers"):
        trained_game(network="nobody")
