"""The picture: of every preset, at the start and in mid-episode, and from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from scenarium.envs import ScenariumError, entries, make_model
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.render import draw_episode, main
from scenarium.envs.table import register_all

register_all()
IDS = [entry.id for entry in entries().values() if entry.family == "inventory"]


def play(model: InventoryNet, periods: int = 6) -> list[Any]:
    """A few periods of world 0 with mean orders."""
    orders = model.encode(model.action_mean.astype(np.float32), NUMPY)
    return list(unroll(model, model.scenario(0), lambda *_: (orders, None), periods))


@pytest.mark.parametrize("env_id", IDS)
def test_every_preset_has_a_picture(env_id: str) -> None:
    model = make_model(env_id)
    assert isinstance(model, InventoryNet)
    last = play(model)[-1]
    pictures = [model.render(play(model, 1)[0].state, None, 0), model.render(last.after, last.outcome, 6)]
    for picture in pictures:
        assert picture.shape == (680, 1200, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 15
    assert not np.array_equal(*pictures)


def test_six_warehouses_and_fifty_stores_fit() -> None:
    model = make_model("InventoryNet-ManyWarehouses-v0", warehouses=6)
    assert isinstance(model, InventoryNet)
    last = play(model)[-1]
    picture = model.render(last.after, last.outcome, 6)
    assert (picture[:20, :900] == 255).all()
    assert (picture[-14:, :900] == 255).all()


@pytest.mark.parametrize("env_id", ["InventoryNet-v0", "InventoryNet-OneStoreLost-v0", "InventoryNet-Serial-v0"])
def test_an_episode_has_a_picture_and_drawing_changes_nothing(env_id: str) -> None:
    model = make_model(env_id)
    assert isinstance(model, InventoryNet)
    moments = play(model, 20)
    before = [moment.state.on_hand.copy() for moment in moments]
    first, second = draw_episode(model, moments), draw_episode(model, moments)
    assert first.shape == (680, 1200, 3)
    assert np.array_equal(first, second)
    assert all(np.array_equal(a, moment.state.on_hand) for a, moment in zip(before, moments, strict=True))


def test_the_command_writes_a_picture(tmp_path: Path) -> None:
    for extra in ([], ["--episode"]):
        out = tmp_path / "new" / f"picture{len(extra)}.png"
        main(["InventoryNet-v0", "--out", str(out), "--period", "5", *extra])
        assert imread(out).shape[:2] == (680, 1200)
        assert [path.suffix for path in out.parent.iterdir()] == [".png"] * (1 + len(extra))
    with pytest.raises(ScenariumError, match="unknown environment id"):
        main(["InventoryNet-v9", "--out", str(tmp_path / "x.png")])
