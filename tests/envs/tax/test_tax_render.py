"""The picture of an economy."""

from __future__ import annotations

import numpy as np

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.tax.presets import tax_game, world_of_ten


def test_a_picture_before_and_after() -> None:
    env = ScenariumEnv(tax_game(horizon=60, period=30, regeneration=0.1), render_mode="rgb_array")
    env.reset(seed=1)
    before = env.render()
    env.step(np.full(7, 0.2, np.float32))
    after = env.render()
    assert before.shape == after.shape == (680, 1200, 3)
    assert before.dtype == np.uint8
    assert (before != after).mean() > 0.005


def test_ten_workers_have_ten_colours() -> None:
    model = world_of_ten()
    state = model.initial(model.scenario(0), NUMPY)
    picture = model.render(state, None, 0)
    colours = {tuple(pixel) for pixel in picture[::2, ::2].reshape(-1, 3).tolist()}
    from matplotlib.colors import to_rgb

    from scenarium.envs.tax.render import WORKERS

    assert all(tuple(round(255 * c) for c in to_rgb(colour)) in colours for colour in WORKERS[:10])
