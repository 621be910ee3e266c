"""Gridroboman: its rules, alone and in batches, and that the three sets of tasks are nested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.agents import DQN
from scenarium.agents.data.collect import collect
from scenarium.agents.data.gridroboman import Board, Gridroboman, task_names
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import unroll

STAY, LEFT, RIGHT, DOWN, UP, LIFT, PUT = range(7)


def board(robot: tuple[int, int], *places: tuple[int, int]) -> Board:
    arrays = np.array(robot, np.float32), np.array(places, np.float32)
    return Board(*arrays, np.zeros(3, np.float32), np.float32(-1.0))


def play(task: str, state: Board, actions: list[int]) -> tuple[Board, list[float]]:
    model, rewards = Gridroboman(task), []
    for action in actions:
        state, outcome = model.step(state, np.int64(action), None, 0, NUMPY)
        rewards.append(float(outcome.reward))
    return state, rewards


def test_there_are_thirty_tasks() -> None:
    names = task_names()
    assert len(set(names)) == len(names) == 30
    with pytest.raises(ScenariumError, match="no task"):
        Gridroboman("stack 1 1")


@pytest.mark.parametrize(
    ("task", "actions", "rewards"),
    [
        ("touch 0", [RIGHT, STAY, LIFT], [1, 1, 0]),
        ("lift 0", [RIGHT, LIFT, UP, PUT], [0, 1, 1, 0]),
        ("corner 0", [RIGHT, LIFT, LEFT, PUT, STAY], [0, 0, 0, 1, 1]),
        ("touch-with 0 1", [RIGHT, LIFT, RIGHT], [0, 0, 1]),
        ("stack 0 1", [RIGHT, LIFT, RIGHT, PUT, LIFT], [0, 0, 0, 1, 0]),
        ("stack 1 0", [RIGHT, LIFT, RIGHT, PUT], [0, 0, 0, 0]),
        ("close 0 1", [STAY, RIGHT, LIFT, LEFT, PUT], [1, 1, 0, 0, 0]),
        ("far 0 2", [STAY, RIGHT, LIFT], [1, 1, 0]),
        ("centre 0", [RIGHT, LIFT, RIGHT, RIGHT, UP, UP, UP, PUT], [0, 0, 0, 0, 0, 0, 0, 1]),
    ],
)
def test_conditions_hold_when_they_should(task: str, actions: list[int], rewards: list[int]) -> None:
    assert play(task, board((0, 0), (1, 0), (2, 0), (5, 5)), actions)[1] == rewards


def test_piles_have_two_objects_and_the_upper_one_is_lifted() -> None:
    start = board((0, 0), (1, 0), (2, 0), (3, 0))
    state, _ = play("lift 0", start, [RIGHT, LIFT, RIGHT, PUT])
    assert state.status.tolist() == [1.0, -1.0, 0.0]
    third, _ = play("lift 0", state, [RIGHT, LIFT, LEFT, PUT])
    assert third.held == 2.0  # no room
    again, _ = play("lift 0", state, [LIFT])
    assert again.held == 0.0
    assert again.status.tolist() == [1.0, 0.0, 0.0]


def test_one_world_and_many_are_the_same_and_start_apart() -> None:
    model = Gridroboman("stack 0 1")
    actions = torch.randint(7, (50, 64), generator=torch.Generator().manual_seed(0))
    many = list(unroll(model, model.scenario(torch.arange(64)), lambda seen, m, t: (actions[t], None)))
    start = many[0].observation
    places = start[:, [2, 3, 5, 6, 8, 9]].reshape(64, 3, 2)
    assert all(len({tuple(place) for place in world}) == 3 for world in places.tolist())
    assert len({tuple(world) for world in start.tolist()}) > 60
    for seed in (0, 17, 63):
        one = list(unroll(model, model.scenario(seed), lambda seen, m, t: (int(actions[t, seed]), None)))  # noqa: B023
        for single, batch in zip(one, many, strict=True):
            assert np.array_equal(single.observation, batch.observation[seed].numpy())
            assert model.observation_space.contains(single.observation)
            assert float(single.outcome.reward) == float(batch.outcome.reward[seed])
    assert torch_namespace("cpu").batched


def test_it_can_be_recorded_and_learnt_on() -> None:
    settings: dict[str, Any] = {"num_envs": 4, "steps": 8, "learning_starts": 16, "batch_size": 8, "updates": 1}
    agent = DQN(Gridroboman("touch 0"), device="cpu", **settings).learn(64)
    data = collect(Gridroboman("touch 0"), agent, 6)
    assert data.lengths.tolist() == [50] * 6
    assert set(data.reward.unique().tolist()) <= {0.0, 1.0}
