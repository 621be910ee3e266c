"""The pictures: a year and an episode of every variant, policies as maps, and the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from scenarium.envs import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.picture import draw_policies, mortality
from scenarium.envs.fishery.presets import fishery
from scenarium.envs.fishery.render import draw_episode


def play(model: Fishery, level: float, years: int = 60) -> list[Any]:
    """World 0 under a constant action."""
    action = np.full(model.parameters.harvested, level, np.float32)
    return list(unroll(model, model.scenario(0), lambda *_: (action, None), years))


@pytest.mark.parametrize("name", ["model_1", "model_2", "model_3", "y_abiotic"])
def test_a_year_has_a_picture_that_changes(name: str) -> None:
    model = fishery(name)
    moments = play(model, 0.05, 3)
    pictures = [model.render(moments[0].state, None, 0), model.render(moments[2].after, moments[2].outcome, 3)]
    for picture in pictures:
        assert picture.shape == (680, 1200, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 15
    assert not np.array_equal(*pictures)


def _red(picture: Any) -> int:
    """Pixels of the colour of collapse."""
    return int((np.abs(picture.astype(int) - [220, 47, 69]).sum(-1) < 40).sum())


def test_an_episode_has_a_picture_and_a_collapse_is_marked() -> None:
    model = fishery()
    alive, dead = draw_episode(model, play(model, 0.1)), draw_episode(model, play(model, 0.7))
    assert alive.shape == dead.shape == (680, 1200, 3)
    assert _red(dead) > _red(alive) + 60
    assert np.array_equal(alive, draw_episode(model, play(model, 0.1)))
    assert draw_episode(fishery("model_1"), play(fishery("model_1"), 0.01)).std() > 10


def test_a_policy_is_read_off_in_every_action_mode_and_observation() -> None:
    stocks = np.array([[0.3, 0.9, 0.7], [0.8, 0.2, 0.7]])
    for observation, scale in (("paper", lambda o: o * 4), ("signed", lambda o: o * 2 + 2)):
        model = fishery(action_mode="escapement", observation=observation, time_observed=True)
        seen = mortality(model, lambda o, scale=scale: scale(o[:, :2]) - o[:, 3:], stocks, 50)  # leaves N - 0.25
        np.testing.assert_allclose(seen, np.minimum(1.0, 0.25 / stocks[:, :2]), rtol=1e-5)
    level = mortality(fishery(), lambda o: np.full((len(o), 2), [-1.0, 2.0]), stocks, 0)
    np.testing.assert_array_equal(level, [[0.0, 1.0]] * 2)


class Constant:
    """A policy with `predict`."""

    def __init__(self, width: int, level: float) -> None:
        self.width, self.level = width, level

    def predict(self, observation: Any) -> tuple[Any, None]:
        return np.full((len(observation), self.width), self.level), None


@pytest.mark.parametrize(("name", "width"), [("model_1", 1), ("model_2", 1), ("model_3", 2)])
def test_policies_are_drawn_side_by_side(name: str, width: int) -> None:
    model = fishery(name)
    one = draw_policies(model, {"a": Constant(width, 0.2)})
    two = draw_policies(model, {"a": Constant(width, 0.2), "b": lambda o: np.full((len(o), width), 0.8)})
    assert two.std() > 10
    assert two.shape[2] == 3
    assert (two.shape[0] > one.shape[0]) == (name != "model_1")
    with pytest.raises(ScenariumError, match="at least one"):
        draw_policies(model, {})


def test_the_command_line_writes_a_picture(tmp_path: Path) -> None:
    from scenarium.envs.fishery.render import main

    for flags in ([], ["--episode"]):
        main(["Fishery-v0", "--out", str(tmp_path / "fishery.png"), "--years", "20", *flags])
        assert imread(tmp_path / "fishery.png").shape[:2] == (680, 1200)
    with pytest.raises(ScenariumError, match="not a fishery"):
        main(["InventoryNet-v0", "--out", str(tmp_path / "x.png")])
