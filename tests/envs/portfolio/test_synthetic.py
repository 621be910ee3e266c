"""The synthetic market: its stylised facts, its limits, its worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from scenarium.envs import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.portfolio import facts
from scenarium.envs.portfolio.recipe import Jumps, Randomization, Recipe
from scenarium.envs.portfolio.synthetic import SyntheticMarket

XP = torch_namespace("cpu")


@pytest.fixture(scope="module")
def measured():
    return [facts.synthetic_facts(seed) for seed in range(20)]


def test_the_stylised_facts_are_those_of_chinese_stocks(measured):
    assert facts.misses(measured) == []


def test_the_facts_command_prints_targets_and_draws(measured, capsys, tmp_path):
    facts.main(["--seeds", "1", "--names", "20", "--days", "300", "--out", str(tmp_path / "facts.png")])
    printed = capsys.readouterr().out
    assert all(name in printed for name in facts.TARGETS)
    assert "0.0225" in printed
    assert (tmp_path / "facts.png").read_bytes().startswith(b"\x89PNG")
    assert "stock_vol" in facts.table(measured)


def test_misses_are_named():
    exact = {name: target.value for name, target in facts.TARGETS.items()}
    assert facts.misses([exact]) == []
    assert facts.misses([{**exact, "limit_up": 0.009, "leverage": -0.01}]) == ["limit_up", "leverage"]


def test_the_fits_find_what_was_put_in():
    rng = np.random.default_rng(0)
    z = rng.standard_t(5, 6000) * math.sqrt(3 / 5)
    assert facts.student_dof(0.02 * z) == pytest.approx(5.0, rel=0.15)
    r, h = np.zeros(6000), 1.0
    for t in range(6000):
        r[t] = math.sqrt(h) * z[t]
        h = 0.03 + 0.09 * r[t] ** 2 + 0.88 * h
    assert facts.garch_persistence(0.02 * r) == pytest.approx(0.97, abs=0.015)


def test_bars_are_bars():
    bars = SyntheticMarket(40, suspensions=True).roll(3, 1000, NUMPY).bars
    day = bars.overnight + bars.intraday
    assert day.max() <= math.log(1.1) + 1e-6
    assert day.min() >= math.log(0.9) - 1e-6
    assert (bars.high >= 0).all()
    assert (bars.low <= 0).all()
    assert (bars.high >= -bars.intraday - 1e-6).all()  # the open lies between low and high
    assert (bars.low <= -bars.intraday + 1e-6).all()
    at_limit = np.isclose(day, math.log(1.1), atol=1e-6)
    np.testing.assert_array_equal(at_limit, bars.close_below == 0)
    off = bars.traded == 0
    assert off.any()
    assert (day[off] == 0).all()


def test_what_a_move_exceeds_its_limit_by_is_in_the_next_open():
    recipe = Recipe(news=Jumps(0.03, 0.2, 1e-6, 0.0, 0.0), vol=0.001, crashes=Jumps(0.0, 0.1, 0.1, 0.5, 0.5))
    bars = SyntheticMarket(20, recipe).roll(1, 800, NUMPY).bars
    day = bars.overnight + bars.intraday
    jump = (bars.close_below[:-2] == 0) & (bars.overnight[:-2] < 0.02)
    follow = bars.overnight[1:-1][jump] + np.where(bars.open_below[1:-1][jump] == 0, bars.overnight[2:][jump], 0)
    assert jump.sum() > 50
    # A move of 0.2 is cut to log 1.1; log 1.1 more follows at the next open, the rest at the one after.
    assert np.median(follow) == pytest.approx(0.2 - math.log(1.1), abs=0.02)
    assert np.abs(day).max() <= math.log(1.1) + 1e-6


def test_days_of_many_limits_exist():
    """Common jumps: some days lock a large part of the market, most lock none."""
    locked = [1.0 - SyntheticMarket(100).roll(s, 1400, NUMPY).bars.close_above.mean(1) for s in range(6)]
    worst = np.array([share.max() for share in locked])
    assert worst.max() > 0.3
    assert np.median(np.concatenate(locked)) == 0.0


def test_every_stock_earns_the_same_on_average():
    market = SyntheticMarket(10)
    bars = market.roll(torch.arange(600), 240, XP).bars
    mean = (torch.exp(bars.overnight + bars.intraday) - 1).mean().item()
    assert mean == pytest.approx(market.recipe.mean, abs=1.5e-4)


def test_one_world_is_each_lane_of_a_batch_and_randomised_worlds_differ():
    market = SyntheticMarket(7, None, True, Randomization())
    seeds = [4, 2**41 + 3, 9]
    many = market.roll(torch.tensor(seeds), 100, XP)
    for lane, seed in enumerate(seeds):
        one = market.roll(seed, 100, NUMPY)
        for a, b in zip((*one.bars, one.caps, *one.costs, one.noise), (*many.bars, many.caps, *many.costs, many.noise)):
            np.testing.assert_allclose(a, b[..., lane], rtol=1e-4, atol=2e-6)
    stamps = market.roll(torch.arange(60), 2, XP).costs.stamp
    assert sorted(set(stamps.tolist())) == pytest.approx([0.0, 5e-4, 1e-3])


def test_a_market_without_names_is_refused():
    with pytest.raises(ScenariumError, match="names is 0"):
        SyntheticMarket(0)
