"""The registered problems: what tells them apart, and that the regime market has something to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenarium.envs import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.calendar import day_number, day_text, schedule_of, trading_days
from scenarium.envs.portfolio.recipe import Randomization, Regimes
from scenarium.envs.portfolio.render import draw, main


def test_the_ids_are_what_they_say():
    default, paper, rough = presets.portfolio_allocation(), presets.paper(), presets.a_share()
    assert (default.names, default.layout.window, default.horizon) == (10, 50, 128)
    assert default.fees == (2.6e-4, 2.6e-4, True)
    assert default.fill == "next_open"
    assert paper.observation_space.shape == (4, 51, 10)
    assert paper.action_space.shape == (11,)
    assert paper.fees == (25e-4, 25e-4, False)
    assert (paper.fill, paper.geometric) == ("next_close", False)
    assert rough.layout.frictions
    assert rough.market.suspensions
    assert not default.market.suspensions
    assert presets.portfolio_allocation(20).observation_space["image"].shape == (5, 20, 50)


def test_randomised_worlds_have_their_own_costs_and_volatility():
    model = presets.randomized(randomization=Randomization(vol=(0.5, 2.0)))
    scenario = model.scenario(torch.arange(300))
    day = scenario.at(0)
    assert float(day.rates.buy.min()) < 3e-4
    assert float(day.rates.buy.max()) > 12e-4
    duty = day.rates.sell - day.rates.buy
    assert sorted(set(np.round(duty.tolist(), 6))) == pytest.approx([0.0, 5e-4, 1e-3], abs=1e-6)
    moves = torch.stack([scenario.at(t).moves[12:22] for t in range(60)])
    with pytest.raises(ScenariumError, match="costs of their own"):
        presets.randomized(fees=(0.0, 0.0, False))
    spread = moves.std(0).mean(0)
    assert float(spread.max() / spread.min()) > 3.0


def _grown(model, scenario, share):
    """Log growth of 1/N in the given part of wealth, the rest in cash [B]."""
    names, total = model.names, 0.0

    def act(observation, memory, t):
        part = share(observation)[:, None]
        return torch.cat([1 - part, part.expand(-1, names) / names], 1), None

    for moment in unroll(model, scenario, act):
        total = total + moment.outcome.reward
    return total


@torch.no_grad()
def test_in_the_regime_market_timing_beats_every_constant_mix():
    model = presets.regime(action_mode="weights", features=("close",))
    scenario = model.scenario(torch.arange(1000))

    def calm(observation):
        index = observation["image"][:, 0].mean(1).diff(dim=1)[:, -10:]
        return ((index**2).mean(1).sqrt() < 0.015).float()

    timed = _grown(model, scenario, calm)
    for part in (0.25, 0.5, 0.75, 1.0):
        gain = timed - _grown(model, scenario, lambda o, part=part: torch.full((1000,), part))
        assert float(gain.mean()) > 3 * float(gain.std()) / 1000**0.5


def test_regimes_have_their_volatilities():
    model = presets.regime(names=30, strength=1.0)
    day = presets.SyntheticMarket(30, model.market.recipe).roll(
        torch.arange(40), 400, model.scenario(torch.arange(1)).xp
    )
    index = (day.bars.overnight + day.bars.intraday).mean(1)
    rolling = index.unfold(0, 10, 10).std(-1)
    low, high = np.quantile(rolling, [0.4, 0.97])
    assert low == pytest.approx(Regimes().vol[0], rel=0.35)
    assert high == pytest.approx(Regimes().vol[1], rel=0.35)


def test_the_calendar():
    days = trading_days()
    assert (np.diff(days) > 0).all()
    assert 238 <= len(days) / 18 <= 246
    assert all(np.is_busday(np.array(days[::50], dtype="datetime64[D]")))
    assert schedule_of([day_number(d) for d in ("2008-09-18", "2008-09-19", "2023-08-27", "2023-08-28")]).tolist() == [
        0.0,
        1e-3,
        1e-3,
        5e-4,
    ]
    assert day_text(day_number("2024-02-29")) == "2024-02-29"
    with pytest.raises(ScenariumError, match="is no date"):
        day_number("29.2.2024")
    with pytest.raises(ScenariumError, match="must ascend"):
        schedule_of([1], [("2020-01-01", 0.1), ("2019-01-01", 0.2)])


def test_the_picture(tmp_path):
    model = presets.portfolio_allocation()
    scenario = model.scenario(1)
    state = model.initial(scenario, scenario.xp)
    first = draw(model, state, None, 0)
    after, outcome = model.step(state, np.zeros(11, np.float32), scenario.at(0), 0, scenario.xp)
    second = draw(model, after, outcome, 1)
    assert first.shape == second.shape == (560, 1000, 3)
    assert (first != second).mean() > 0.005
    with pytest.raises(ScenariumError, match="is not a portfolio problem"):
        main(["InventoryNet-v0", "--out", str(tmp_path / "a.png")])
