"""Nothing of the future reaches a decision, and the backtest is dated and fed as it says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from portfolio_play import SYNTHETIC, equal

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.core.tree import tree_leaves
from scenarium.envs.core.vector import ScenariumVectorEnv
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.market import Bars, Market

XP = torch_namespace("cpu")


class Corrupted(Market):
    """A market whose bars are garbage from one day on."""

    def __init__(self, market, first):
        self.market, self.first = market, first
        self.names, self.industries, self.longest = market.names, market.industries, market.longest

    def roll(self, seeds, days, xp):
        rolled = self.market.roll(seeds, days, xp)
        bars = Bars(*(xp.concat([bar[: self.first], 1.0 - bar[self.first :] * 2.0], 0) for bar in rolled.bars))
        noise = rolled.noise
        if noise is not None:
            noise = xp.concat([noise[: self.first], 3.0 + noise[self.first :]], 0)
        return rolled._replace(bars=bars, noise=noise)


def leaves(observation):
    return [np.asarray(leaf) for leaf in tree_leaves(observation)]


def chase(model):
    """A policy that leans on everything it sees: logits from the last row of the image."""

    def act(observation, memory, t):
        image = observation["image"] if isinstance(observation, dict) else observation.swapaxes(-1, -2)
        last, xp = image[..., 0, :, -1] - image[..., 0, :, 0], NUMPY if isinstance(image, np.ndarray) else XP
        return xp.concat([last[..., :1] * 0.0, last * 20.0], -1), None

    return act


@pytest.mark.parametrize("seeds", [6, torch.tensor([6, 2**40])], ids=["one", "many"])
@pytest.mark.parametrize("name", SYNTHETIC)
def test_garbage_after_the_decision_bar_changes_no_observation_and_no_action(name, seeds):
    cut, model, twin = 9, SYNTHETIC[name](), SYNTHETIC[name]()
    twin.market = Corrupted(model.market, model.layout.window + cut)
    clean = list(unroll(model, model.scenario(seeds), chase(model), 14))
    dirty = list(unroll(twin, twin.scenario(seeds), chase(twin), 14))
    for a, b in zip(clean, dirty, strict=True):
        same = all(np.array_equal(x, y) for x, y in zip(leaves(a.observation), leaves(b.observation), strict=True))
        assert same == (a.t <= cut)
        if a.t <= cut:
            np.testing.assert_array_equal(a.action, b.action)
        if a.t < cut:
            np.testing.assert_array_equal(a.outcome.reward, b.outcome.reward)
    assert not np.array_equal(clean[cut].outcome.reward, dirty[cut].outcome.reward)


def _edge(model, score, worlds=1500, days=30):
    """Mean daily log return over 1/N of holding the name with the highest score, and its standard error."""
    scenario = model.scenario(torch.arange(worlds))
    native = model.native()

    def pick(observation, memory, t):
        best = score(observation, scenario, t).argmax(-1)
        return torch.nn.functional.one_hot(best + 1, model.names + 1).float(), None

    def total(act):
        return sum(m.outcome.reward for m in unroll(native, scenario, act, days)) / days

    rest = torch.tensor(equal(model)).expand(worlds, -1)
    difference = total(pick) - total(lambda o, m, t: (rest, None))
    return float(difference.mean()), float(difference.std() / worlds**0.5)


SCORES = {
    "last day": lambda o, s, t: -o["image"][:, 0, :, -2],
    "reversal": lambda o, s, t: o["image"][:, 0, :, -2],
    "gap": lambda o, s, t: o["image"][:, 3, :, -1],
    "week": lambda o, s, t: -o["image"][:, 0, :, -6],
    "weights": lambda o, s, t: o["weights"][:, 1:],
}


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_no_policy_on_observations_beats_equal_weights_where_returns_are_exchangeable(fill):
    """Independent, identically distributed returns with zero mean log return, no costs: nothing is to be had."""
    model = presets.gaussian(mean=[0.0] * 6, vol=[0.03] * 6, correlation=0.3, fill=fill)
    # The log of a mix lies above that of one name by half the variance that the mix saves.
    saved = 0.5 * 0.03**2 * (1 - 0.3) * 5 / 6
    for name, score in SCORES.items():
        edge, error = _edge(model, score)
        assert abs(edge + saved) < 4 * error + 2e-5, name
    # The same test sees a policy that does know tomorrow.
    tomorrow = _edge(model, lambda o, s, t: s.at(t + (fill == "next_close")).moves[8:14].T)
    assert tomorrow[0] > 50 * tomorrow[1]


def test_locked_limits_cannot_be_chased():
    """Buying what closed at its upper limit pays only for who fills at that close (a fake of +2 % a trade)."""

    def chase_limits(fill, frictions):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = presets.a_share(fill=fill, frictions=frictions, fees=(0.0, 0.0, False), names=20)
        scenario, native = model.scenario(torch.arange(256)), model.native()
        gains = []

        def act(observation, memory, t):
            image = observation["image"][:, 0]
            hit = (image[:, :, -2] < -0.0953).float()
            some = hit.sum(1, keepdim=True)
            cash = (some == 0).float()
            return torch.cat([cash, hit / some.clamp_min(1.0)], 1), None

        for m in unroll(native, scenario, act):
            gains.append(m.outcome.reward[m.action[:, 0] == 0])
        gains = torch.cat(gains)
        return float(gains.mean()), float(gains.std() / len(gains) ** 0.5)

    fake, error = chase_limits("same_close", False)
    real, real_error = chase_limits("next_open", True)
    assert fake > 0.01 + 4 * error
    assert real < 3 * real_error + 0.002


@pytest.mark.parametrize("name", SYNTHETIC)
def test_the_date_is_that_of_the_last_bar_in_the_window(name):
    model = SYNTHETIC[name]()
    env = ScenariumEnv(model)
    env.reset(seed=4)
    scenario = model.scenario(4)
    for t in range(8):
        observation, _, _, _, info = env.step(np.zeros(model.names + 1, np.float32))
        assert info["date"] == scenario.dates[model.layout.window + t] == scenario.at(t).date
        moves = scenario.at(t).moves.astype(np.float64)
        n = model.names
        day = np.log1p(moves[1 : n + 1]) + np.log1p(moves[n + 2 : 2 * n + 2])
        if name == "randomized":
            continue  # what is observed there is off by noise
        if isinstance(observation, dict):
            np.testing.assert_allclose(-observation["image"][0, :, -2], day, atol=2e-6)
        else:
            np.testing.assert_allclose(-np.log(observation[0, -2]), day, atol=2e-6)
    assert (np.diff(scenario.dates) > 0).all()


@pytest.mark.parametrize("name", SYNTHETIC)
def test_every_step_brings_a_new_observation(name):
    model = SYNTHETIC[name]()
    env, worlds = ScenariumEnv(model), ScenariumVectorEnv(model, 3, "cpu")
    before, _ = env.reset(seed=1)
    many, _ = worlds.reset(seed=1)
    for _ in range(20):
        after = env.step(np.zeros(model.names + 1, np.float32))[0]
        later = worlds.step(torch.zeros(3, model.names + 1))[0]
        assert not np.array_equal(leaves(before)[0], leaves(after)[0])
        assert all(not np.array_equal(a, b) for a, b in zip(leaves(many)[0], leaves(later)[0], strict=True))
        before, many = after, later


def test_the_end_is_a_truncation():
    env = ScenariumEnv(presets.portfolio_allocation(horizon=5))
    env.reset(seed=1)
    flags = [env.step(np.zeros(11, np.float32))[2:4] for _ in range(5)]
    assert flags == [(False, False)] * 4 + [(False, True)]
