"""Worlds of a panel: where they start, what they hold, what they pay, and that nothing of the future shows."""

from __future__ import annotations

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_market import small_panel, without

from scenarium.envs import ScenariumError, make_model
from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.fingerprint import fingerprint, same_fingerprint
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.data.fixture import SHIPPED
from scenarium.envs.portfolio.data.splits import part_of
from scenarium.envs.portfolio.data.worlds import PanelMarket, PanelScenario
from scenarium.leaderboard.backtest import backtest

FREE = {"action_mode": "weights", "window": 5, "horizon": 10, "names": None}


def equal(model):
    weights = np.full(model.names + 1, 1.0 / model.names, np.float32)
    weights[0] = 0.0
    return weights


def played(model, seed=0, weights=None, periods=None):
    asked = equal(model) if weights is None else np.asarray(weights, np.float32)
    return list(unroll(model, model.scenario(seed), lambda o, m, t: (asked, None), periods))


def shares_accounting(panel, first, days, cost_buy, cost_sell):
    """Wealth of 1/N each evening, by counting shares: fills at the open, costs exact by bisection."""
    start, close = panel.open * panel.factor, panel.close * panel.factor
    cash, held, wealth = 1.0, np.zeros(panel.names), []
    for day in range(first, first + days):
        value = held @ start[day] + cash
        mix = start[day] / close[day - 1]
        low, high = 0.5 * value, value
        for _ in range(80):
            middle = 0.5 * (low + high)
            change = middle * mix / mix.sum() - held * start[day]
            paid = cost_buy * change.clip(0).sum() + cost_sell * (-change).clip(0).sum()
            low, high = (low, middle) if middle + paid > value else (middle, high)
        held, cash = low * mix / mix.sum() / start[day], 0.0
        wealth.append(held @ close[day])
    return np.array(wealth)


def test_wealth_is_that_of_counting_shares():
    panel = small_panel(5, 40)
    factor = panel.factor.copy()
    factor[20:, 1] *= 2.0
    panel = replace(panel, factor=factor, open=panel.open / factor, close=panel.close / factor)
    model = presets.data(panel, **{**FREE, "horizon": None}, fees=(1e-3, 2e-3, True))
    moments = played(model)
    # Stamp duty halves on 2023-08-28, which is the 38th of the panel's days.
    wealth = shares_accounting(panel, 5, 35, 1e-3, 3e-3)
    before = [int(m.outcome.info["date"]) < np.datetime64("2023-08-28", "D").astype(int) for m in moments]
    assert sum(before) in range(25, 36)
    ours = np.exp([float(m.outcome.info["wealth"]) for m in moments])
    np.testing.assert_allclose(ours[before], wealth[before], rtol=3e-6)
    assert [int(m.outcome.info["date"]) for m in moments] == panel.dates[5:].tolist()
    index = np.log1p(panel.benchmark()[5:])
    np.testing.assert_allclose([float(m.outcome.info["index_return"]) for m in moments], index, atol=1e-7)


def test_the_image_shows_the_window_and_no_invented_past():
    panel = small_panel(3, 40)
    panel = replace(panel, **without(panel, slice(0, 12), 0))
    model = presets.data(panel, **{**FREE, "horizon": None})
    moments = played(model)
    close = np.log(panel.close)
    for moment in moments:
        day = 4 + moment.t
        image = moment.observation["image"]
        for name in (1, 2):
            np.testing.assert_allclose(image[0, name], close[day - 4 : day + 1, name] - close[day, name], atol=2e-6)
        if day < 12:
            assert not image[:4, 0].any()
            assert moment.observation["mask"][0].tolist() == [0.0, 0.0, 1.0]
    assert moments[0].after.weights[1] == 0.0
    held = [m.after.weights[1] for m in moments]
    assert held[: 13 - 5] == [0.0] * 8
    assert held[13 - 5] > 0.3


def test_suspended_days_are_not_traded():
    panel = small_panel(3, 40)
    panel = replace(panel, **without(panel, slice(10, 14), 1))
    model = presets.data(panel, **{**FREE, "horizon": None})
    cash = [1.0, 0.0, 0.0, 0.0]
    moments = list(
        unroll(model, model.scenario(0), lambda o, m, t: (equal(model) if t < 5 else np.array(cash, np.float32), None))
    )
    held = {5 + m.t: float(m.after.weights[2]) for m in moments}
    assert held[9] > 0.3
    assert all(held[day] > 0.3 for day in range(10, 14))
    assert held[14] == 0.0
    masks = {4 + m.t: m.observation["mask"][1, 0] for m in moments}
    assert [masks[day] for day in range(8, 16)] == [1, 1, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("seeds", [0, torch.tensor([0, 3])], ids=["one", "many"])
def test_what_is_delisted_is_sold_at_its_last_price_less_a_haircut(seeds):
    panel = small_panel(2, 40)
    panel = replace(panel, **without(panel, slice(20, 40), 1), gone=np.array([40, 23]))
    model = presets.data(panel, **{**FREE, "horizon": None}, haircut=0.5, fees=(0.0, 0.0, False))
    asked = torch.tensor([0.0, 0.0, 1.0]) if isinstance(seeds, torch.Tensor) else np.array([0.0, 0.0, 1.0], np.float32)
    if isinstance(seeds, torch.Tensor):
        asked = asked.expand(2, 3)
    last = {}
    for m in unroll(model, model.scenario(seeds), lambda o, m, t: (asked, None)):
        weights, gain = np.asarray(m.after.weights).reshape(3, -1)[:, -1], np.asarray(m.outcome.reward).reshape(-1)[-1]
        last[5 + m.t] = (weights, float(gain))
    assert last[22][0][2] == pytest.approx(1.0)
    assert last[22][1] == 0.0
    assert last[23][1] == pytest.approx(np.log(0.5), abs=1e-6)
    assert last[23][0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    assert all(last[day][0][2] == 0.0 for day in range(23, 40))


def test_leavers_are_kept_or_sold_but_not_bought():
    panel = small_panel(2, 40)
    member = panel.member.copy()
    member[15:, 1] = False
    model = presets.data(replace(panel, member=member), **{**FREE, "horizon": None})
    moments = list(
        unroll(model, model.scenario(0), lambda o, m, t: (np.array([0.5, 0.3, 0.2 + 0.1 * (t > 12)], np.float32), None))
    )
    weights = {5 + m.t: m.after.weights for m in moments}
    assert weights[14][2] == pytest.approx(0.2, abs=0.02)
    assert weights[30][2] == pytest.approx(0.2, abs=0.06)
    assert [m.observation["mask"][1, 1] for m in moments[9:13]] == [1.0, 1.0, 0.0, 0.0]


def test_names_are_drawn_from_the_members_of_the_evening_before():
    panel = small_panel(8, 60)
    member = panel.member.copy()
    member[:30, :4], member[30:, 4:] = False, False
    model = presets.data(replace(panel, member=member), window=5, horizon=10, names=3)
    scenario = model.scenario(torch.arange(400))
    evening = scenario.start + 4
    assert bool(torch.as_tensor(member)[evening[:, None], scenario.names].all())
    assert {tuple(row) for row in scenario.names.tolist()} == {
        (a + k, b + k, c + k) for k in (0, 4) for a in range(4) for b in range(a + 1, 4) for c in range(b + 1, 4)
    }
    assert set((scenario.start + 5).tolist()) == set(range(5, 51))
    with pytest.raises(ScenariumError, match="at most 4 are members on a day"):
        presets.data(replace(panel, member=member), window=5, horizon=10, names=5)
    one = model.scenario(7)
    np.testing.assert_array_equal(one.names[0], scenario.names[7])
    assert one.start[0] == scenario.start[7]


@pytest.mark.parametrize("names", [None, 2])
def test_one_world_is_a_lane_and_lanes_may_be_on_different_days(names):
    model = presets.data(replace(small_panel(4, 60), market_value=small_panel(4, 60).close), **{**FREE, "names": names})
    many = model.scenario(torch.tensor([3, 11, 2**40]))
    for lane, seed in enumerate((3, 11, 2**40)):
        one = model.scenario(seed)
        np.testing.assert_array_equal(one.dates, many.dates[:, lane])
        np.testing.assert_allclose(one.caps, many.caps[:, lane], rtol=1e-6)
        for t in (0, 4, 9, 10):
            for a, b in zip(one.at(t)[:1] + one.at(t).rates, many.at(t)[:1] + many.at(t).rates, strict=True):
                np.testing.assert_array_equal(a, b[..., lane])
            np.testing.assert_array_equal(one.until(t).window(5), many.until(t).window(5)[:, lane])
    t = torch.tensor([1, 5, 9])
    mixed = many.at(t)
    for lane in range(3):
        np.testing.assert_array_equal(mixed.moves[:, lane], many.at(int(t[lane])).moves[:, lane])
        assert mixed.date[lane] == many.at(int(t[lane])).date[lane]
        window = many.until(t).window(5)[:, lane]
        np.testing.assert_array_equal(window, many.until(int(t[lane])).window(5)[:, lane])


def test_garbage_after_the_decision_bar_changes_no_observation_and_no_action():
    panel, cut = small_panel(4, 60), 20
    random = np.random.default_rng(5)
    garbage = {}
    for what in ("open", "high", "low", "close", "volume", "factor"):
        values = getattr(panel, what).copy()
        values[cut:] *= random.uniform(0.5, 2.0, values[cut:].shape)
        garbage[what] = values
    gone = panel.gone.copy()
    gone[2] = 40
    dirty = replace(panel, **garbage, gone=gone)

    def chase(observation, memory, t):
        return np.concatenate([[0.0], -20.0 * observation["image"][0, :, 0]]).clip(-10, 10).astype(np.float32), None

    options = {"window": 5, "horizon": None, "names": None}
    runs = [presets.data(one, **options) for one in (panel, dirty)]
    clean, other = (list(unroll(model, model.scenario(1), chase, 25)) for model in runs)
    for a, b in zip(clean, other, strict=True):
        same = np.array_equal(a.observation["image"], b.observation["image"])
        assert same == (5 + a.t <= cut)
        if 5 + a.t <= cut:
            np.testing.assert_array_equal(a.action, b.action)
            np.testing.assert_array_equal(a.observation["mask"], b.observation["mask"])
        if 5 + a.t < cut:
            assert float(a.outcome.reward) == float(b.outcome.reward)


def test_splits_keep_days_apart_with_an_embargo():
    panel = small_panel(3, 100)
    seen = {}
    for split in ("train", "validate", "test"):
        model = presets.data(panel, window=5, horizon=4, names=None, split=split)
        scenario = model.scenario(torch.arange(400))
        rows = scenario.start[None] + torch.arange(9)[:, None]
        seen[split] = (set(rows[5:].flatten().tolist()), set(rows.flatten().tolist()))
        np.testing.assert_array_equal(scenario.dates[:9], torch.as_tensor(panel.dates)[rows])
    assert seen["train"][0] == set(range(5, 60))
    assert seen["validate"][0] == set(range(65, 80))
    assert seen["test"][0] == set(range(85, 100))
    assert not seen["train"][0] & seen["validate"][1]
    assert not seen["validate"][0] & seen["test"][1]
    dates = panel.dates
    cut = str(np.datetime64(int(dates[49]), "D"))
    assert part_of(dates, "train", (cut, 0.8)) == (0, 49)
    assert part_of(dates, "validate", (cut, 0.8), 10) == (60, 79)
    assert part_of(dates, None) == (0, 99)
    whole = presets.data(panel, window=5, horizon=None, names=None, split="test", embargo=0)
    assert whole.horizon == 20
    assert {int(whole.scenario(seed).start[0]) for seed in range(9)} == {75}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tests"}, "did you mean 'test'"),
        ({"split": "train", "embargo": -1}, "must be >= 0"),
        ({"split": "train", "cuts": (0.8, 0.6)}, "must ascend"),
        ({"split": "train", "cuts": 0.8}, "give the last day"),
        ({"split": "train", "cuts": (0.5, 1.5)}, "a date or a fraction"),
        ({"split": "validate", "cuts": (0.5, 0.51)}, "no day is left for 'validate'"),
        ({"horizon": 60}, "take more than the"),
        ({"split": "test", "horizon": 20}, "do not fit: of the days .* 3 can be played"),
        ({"names": 9}, "the panel has 4"),
        ({"names": ["N1", "N7"]}, "symbol"),
        ({"haircut": 1.0}, "must be in"),
        ({"frictions": False, "columns": "qlib"}, "go with a path"),
        ({"path": 3}, "is no table"),
    ],
)
def test_arguments_that_make_no_sense_say_why(arguments, message):
    with pytest.raises(ScenariumError, match=message):
        presets.data(**{"path": small_panel(4, 40), "window": 5, "horizon": 10, "names": None, **arguments})


def test_the_id_carries_the_hash_of_its_data_wherever_it_goes():
    model = make_model("PortfolioAllocationData-v0")
    assert len(model.data_hash) == 64
    assert f"-data:{model.data_hash[:16]}|" in fingerprint(model)
    env = gym.make("PortfolioAllocationData-v0")
    assert env.metadata["data_sha256"] == model.data_hash
    assert "data_sha256" not in ScenariumEnv.metadata
    assert len(fingerprint(model)) <= 200
    report = backtest("equal_weight", "PortfolioAllocationData-v0", against=None, periods=20).as_json()
    assert report["data_sha256"] == model.data_hash
    other = make_model("PortfolioAllocationData-v0", end="2023-10-31")
    assert other.data_hash != model.data_hash
    assert not same_fingerprint(fingerprint(model), fingerprint(other))
    assert "data" not in fingerprint(make_model("PortfolioAllocation-v0"))
    json.dumps(
        dict(make_model("PortfolioAllocationData-v0", columns={"preset": "canonical"}, names=["S01"]).env_kwargs)
    )


def test_an_explicit_path_to_the_shipped_file_reads_the_same_prices():
    model = presets.data(str(SHIPPED), names=["S01", "S02"], horizon=20)
    assert isinstance(model.scenario(1), PanelScenario)
    np.testing.assert_array_equal(model.market.panel.close, presets.data(names=["S01", "S02"]).market.panel.close)


def test_rolled_out_bars_are_those_of_the_panel():
    market = PanelMarket(small_panel(4, 40), 3)
    rolled = market.roll(torch.tensor([1, 2]), 20, make_model("PortfolioAllocation-v0").scenario(torch.arange(1)).xp)
    one = market.roll(2, 20, NUMPY)
    assert rolled.bars.intraday.shape == (20, 3, 2)
    np.testing.assert_allclose(one.bars.overnight, rolled.bars.overnight[..., 1], atol=1e-6)
    np.testing.assert_allclose(one.caps, rolled.caps[:, 1], rtol=1e-6)
