"""What is observed, in its three forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from portfolio_play import bars_of, equal, play

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.portfolio import presets

XP = torch_namespace("cpu")


def test_the_image_is_prices_over_the_last_close():
    model = presets.portfolio_allocation(window=5, action_mode="weights")
    moments = play(model, equal(model), seed=2, periods=8)
    overnight, intraday = bars_of(model, 2)
    close = np.cumsum(np.log1p(overnight) + np.log1p(intraday), axis=0)
    image = moments[7].observation["image"]
    assert image.shape == (5, 10, 5)
    np.testing.assert_allclose(image[0], (close[2:7] - close[6]).T, atol=2e-6)
    assert (image[0, :, -1] == 0).all()
    np.testing.assert_allclose(image[3, :, -1], -np.log1p(intraday[6]), atol=2e-6)  # the open of the last bar
    high, low, opened = image[1], image[2], image[3]
    assert (high >= np.maximum(image[0], opened) - 1e-6).all()
    assert (low <= np.minimum(image[0], opened) + 1e-6).all()
    assert image[4].std() > 0.2


def test_numbers_and_masks():
    model = presets.a_share(action_mode="weights", horizon=40)
    moments = play(model, equal(model), seed=2)
    returns = np.array([float(m.outcome.info["log_return"]) for m in moments])
    seen = moments[30].observation
    assert seen["aux"][0] == pytest.approx(30 / 40)
    assert seen["aux"][1] == pytest.approx(100 * returns[:30].mean(), rel=1e-3)
    assert seen["aux"][2] == pytest.approx(100 * returns[:30].std(), rel=1e-3)
    day = model.scenario(2).at(30)
    np.testing.assert_allclose(seen["aux"][6:], [100 * day.rates.buy, 100 * day.rates.sell], rtol=1e-5)
    assert seen["mask"].shape == (10, 3)
    wealth = np.cumsum(returns[:30])
    assert seen["aux"][5] == pytest.approx(max(0.0, wealth.max()) - wealth[-1], abs=1e-5)
    np.testing.assert_allclose(moments[30].state.weights, seen["weights"])


def test_masks_say_what_happened_on_the_last_day():
    model = presets.a_share(names=40)
    scenario = model.scenario(torch.arange(40))
    state = model.initial(scenario, XP)
    found = set()
    for t in range(100):
        mask = model.observe(state, scenario.until(t), t, XP)["mask"]
        image = model.observe(state, scenario.until(t), t, XP)["image"]
        move = -image[:, 0, :, -2]
        assert ((mask[..., 0] == 1) | (move == 0)).all()
        assert ((mask[..., 1] == 1) | (move > 0.0953)).all()
        assert ((mask[..., 2] == 1) | (move < -0.1053)).all()
        found |= {i for i in range(3) if (mask[..., i] == 0).any()}
    assert found == {0, 1, 2}


def test_flat_is_the_dict_in_a_row_and_the_paper_has_weights_first():
    options = {"window": 6, "action_mode": "weights"}
    as_dict, flat, paper = (presets.portfolio_allocation(observation=o, **options) for o in ("dict", "flat", "paper"))
    weights = np.arange(11, dtype=np.float32) / 55
    a, b, c = (play(model, weights, seed=4, periods=3)[2].observation for model in (as_dict, flat, paper))
    np.testing.assert_array_equal(b, np.concatenate([part.ravel() for part in a.values()]))
    assert flat.observation_space.contains(b)
    assert c.shape == (5, 7, 10)
    np.testing.assert_allclose(c[2, 0], a["weights"][1:])
    np.testing.assert_allclose(c[0, 1:], np.exp(a["image"][0]).T, rtol=1e-6)
    np.testing.assert_allclose(c[0, -1], 1.0)


@pytest.mark.parametrize("view", ["dict", "flat", "paper"])
def test_many_worlds_see_what_one_sees(view):
    model = presets.portfolio_allocation(observation=view, window=7)
    one, many = model.scenario(9), model.scenario(torch.tensor([2, 9]))
    a = model.observe(model.initial(one, NUMPY), one.until(3), 3, NUMPY)
    lanes = torch.tensor([3, 3])
    for t in (3, lanes):  # in lockstep, and lane by lane
        b = model.observe(model.initial(many, XP), many.until(t), t, XP)
        for x, y in zip(a.values(), b.values(), strict=True) if view == "dict" else [(a, b)]:
            np.testing.assert_allclose(x, y[1], atol=2e-5)


def test_days_by_lane_are_those_in_lockstep():
    model = presets.a_share()
    many = model.scenario(torch.tensor([2, 9, 4]))
    lanes = many.at(torch.tensor([5, 0, 7]))
    for lane, t in enumerate((5, 0, 7)):
        day = many.at(t)
        np.testing.assert_array_equal(day.moves[:, lane], lanes.moves[:, lane])
        assert day.rates.sell[lane] == lanes.rates.sell[lane]
        assert day.date[lane] == lanes.date[lane]
