"""The model behind its faces: one world and many, what is seen, the clock of the planner, PettingZoo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pettingzoo.test import parallel_api_test, parallel_seed_test

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.parallel import ScenariumParallelEnv
from scenarium.envs.core.tree import tree_leaves, tree_map
from scenarium.envs.tax import observe
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.windows import RANGE, look

XP = torch_namespace("cpu")
SHORT = Parameters(period=20, horizon=60, start_coin=10.0, regeneration=0.2)


def moments(model: TaxWorld, worlds: int, periods: int) -> Any:
    """Random allowed actions: yields (t, state, actions) of a batch before each period, and at the end."""
    generator = torch.Generator().manual_seed(1)
    scenario = model.scenario(torch.arange(worlds))
    state = model.initial(scenario, XP)
    for t in range(periods):
        mask = model.action_mask(state, t, XP)["worker"]
        workers = torch.where(mask, torch.rand(mask.shape, generator=generator), -1.0).argmax(-1)
        if model.rates == "levels":
            planner = torch.randint(0, 22, (worlds, 7), generator=generator)
        else:
            planner = torch.rand(worlds, 7, generator=generator)
        actions = {"worker": workers, "planner": planner}
        yield t, state, actions
        state, _ = model.step(state, actions, scenario.at(t), t, XP)
    yield periods, state, None


@pytest.mark.parametrize("rates", ["levels", "shares"])
@pytest.mark.parametrize("layout", ["open_quadrant_25", "split_25"])
def test_one_world_is_a_lane_of_many(rates: str, layout: str) -> None:
    model = TaxWorld(SHORT, layout, rates=rates, observation="spatial")
    lane, scenario = 2, model.scenario(2)
    single = model.initial(scenario, NUMPY)
    for t, batch, actions in moments(model, 3, 45):
        for name, one, many in zip(batch._fields, single, batch, strict=True):
            assert str(many.dtype) == f"torch.{one.dtype}", name
            np.testing.assert_allclose(one, many[..., lane], atol=1e-6, err_msg=f"{name} before period {t}")
        seen = model.observe(single, None, t, NUMPY), model.observe(batch, None, t, XP)
        masks = model.action_mask(single, t, NUMPY), model.action_mask(batch, t, XP)
        for one, many in zip(tree_leaves((seen[0], masks[0])), tree_leaves((seen[1], masks[1])), strict=True):
            np.testing.assert_allclose(one, many[lane], atol=1e-6)
        if actions is not None:
            mine = {name: values[lane].numpy() for name, values in actions.items()}
            single, _ = model.step(single, mine, scenario.at(t), t, NUMPY)


@pytest.mark.parametrize(("layout", "workers"), [("open_quadrant_25", 4), ("open_quadrant_40", 10)])
@pytest.mark.parametrize("observation", ["flat", "spatial"])
def test_observations_are_in_their_spaces(layout: str, workers: int, observation: str) -> None:
    model = TaxWorld(SHORT.but(workers=workers), layout, observation=observation)
    worker, planner = model.roles
    for t, state, _ in moments(model, 2, 25):
        seen = model.observe(state, None, t, XP)
        for k in range(workers):
            assert worker.observation_space.contains(tree_map(lambda x, k=k: x[0, k].numpy(), seen["worker"]))
        assert planner.observation_space.contains(tree_map(lambda x: x[0].numpy(), seen["planner"]))


def test_flat_observations_have_the_published_lengths() -> None:
    fields = observe.worker_fields(Parameters()), observe.planner_fields(Parameters())
    assert [observe.width(each) for each in fields] == [136, 86 + 24]
    names = [name for name, _ in fields[0][:-8]]
    assert names == [  # fmt: skip
        "build_payment",
        "build_skill",
        "available_asks",
        "available_bids",
        "market_rate",
        "my_asks",
        "my_bids",
        "price_history",
        "bonus",
        "rates",
        "is_first_day",
        "is_tax_day",
        "last_incomes",
    ]


def parts(fields: observe.Fields, flat: Any) -> dict[str, Any]:
    """A flat observation by name."""
    ends = np.cumsum([length for _, length in fields])
    return {name: flat[..., end - length : end] for (name, length), end in zip(fields, ends, strict=True)}


def test_what_a_flat_observation_says() -> None:
    model = TaxWorld(SHORT)
    *_, (t, state, _) = moments(model, 4, 45)
    seen = model.observe(state, None, t, XP)
    mine, planner = (
        parts(observe.worker_fields(SHORT), seen["worker"]),
        parts(observe.planner_fields(SHORT), seen["planner"]),
    )
    open_bids = (state.orders > 0).sum((0, 1)).T
    torch.testing.assert_close(mine["my_bids"].sum(-1), open_bids.float())
    both = mine["my_asks"] + mine["available_asks"]
    torch.testing.assert_close(both, planner["asks"][:, None].expand_as(both))
    # The 6th period of the third tax period of 20.
    assert float(mine["tax_phase"][0, 0, 0]) == pytest.approx(6 / 20)
    assert float(mine["time"][0, 0, 0]) == pytest.approx(0.045)
    torch.testing.assert_close(mine["coin"][..., 0], (state.coin.T * 0.01).float())
    torch.testing.assert_close(mine["row"][..., 0] * 25.0, (state.location.T // 25).float())
    torch.testing.assert_close(mine["last_incomes"][:, 0], (state.last_income.T / 20.0).sort(-1).values.float())
    torch.testing.assert_close(planner["rates"], state.rates.T.float())
    assert float(planner["coin"].abs().max()) == 0.0
    trades = state.price_history.sum((0, 1))
    assert bool((trades > 0).any())
    prices = torch.arange(11.0)[None, :, None]
    mean = (state.price_history * prices).sum(1) / state.price_history.sum(1).clamp_min(0.001)
    torch.testing.assert_close(planner["market_rate"], mean.T)


def test_windows_against_a_slow_look() -> None:
    model = TaxWorld(SHORT, observation="spatial")
    *_, (t, state, _) = moments(model, 3, 55)
    seen = model.observe(state, None, t, XP)["worker"]
    for world in range(3):
        for me in range(4):
            row, along = divmod(int(state.location[me, world]), 25)
            for down in range(-RANGE, RANGE + 1):
                for right in range(-RANGE, RANGE + 1):
                    at = world, me, slice(None), down + RANGE, right + RANGE
                    expected = slow_look(model, state, world, me, (row + down, along + right))
                    assert (seen["map"][at].tolist(), seen["index"][at].tolist()) == expected


def test_one_world_sees_the_same_windows() -> None:
    model = TaxWorld(SHORT, observation="spatial")
    *_, (_, state, _) = moments(model, 3, 55)
    together = look(state, model.lens(XP), XP)
    for world in range(3):
        alone = look(tree_map(lambda x, w=world: x[..., w].numpy(), state), model.lens(NUMPY), NUMPY)
        for one, many in zip(alone, together, strict=True):
            assert one.dtype == np.int8
            np.testing.assert_array_equal(one, many[world].numpy())


def slow_look(model: TaxWorld, state: Any, world: int, me: int, tile: tuple[int, int]) -> Any:
    """The seven channels and two indices of one tile."""
    inside = 0 <= tile[0] < 25 and 0 <= tile[1] < 25
    if not inside:
        return [0] * 7, [0, 0]
    where, number = model.layout, model.layout.number(tile)
    full = tile in where.sources and bool(state.stock[where.sources.index(tile), world])
    owner = int(state.houses[number, world])
    here = [k + 1 for k in range(4) if int(state.location[k, world]) == number]
    channels = [
        full and tile in where.stone, full and tile in where.wood, owner > 0, tile in where.water,
        tile in where.stone, tile in where.wood, True,
    ]  # fmt: skip
    named = [0 if not who else 1 if who == me + 1 else who + 1 for who in (owner, here[0] if here else 0)]
    return [int(channel) for channel in channels], named


def test_the_planner_acts_in_the_first_period_only() -> None:
    model = TaxWorld(SHORT.but(rate_cap=0.5))
    scenario = model.scenario(0)
    state = model.initial(scenario, NUMPY)
    idle = np.zeros(4, int)
    high = np.array([0, 1, 2, 5, 11, 12, 21])
    for t, expected in ((0, [0, 0, 0.05, 0.2, 0.5, 0, 0]), (1, [0, 0, 0.05, 0.2, 0.5, 0, 0])):
        levels = high if t == 0 else np.full(7, 3)
        allowed = model.action_mask(state, t, NUMPY)["planner"]
        assert allowed.sum(-1).tolist() == [12 if t == 0 else 1] * 7
        state, _ = model.step(state, {"worker": idle, "planner": levels}, scenario.at(t), t, NUMPY)
        np.testing.assert_allclose(state.rates, expected, atol=1e-12)
    shares = TaxWorld(SHORT.but(rate_cap=0.5), rates="shares")
    state, _ = shares.step(state, {"worker": idle, "planner": np.linspace(0, 1, 7)}, scenario.at(0), 0, NUMPY)
    np.testing.assert_allclose(state.rates, np.minimum(np.linspace(0, 1, 7, dtype=np.float32), 0.5), atol=1e-12)
    assert "planner" not in shares.action_mask(state, 0, NUMPY)


@pytest.mark.parametrize("observation", ["flat", "spatial"])
def test_pettingzoo(observation: str) -> None:
    model = TaxWorld(Parameters(period=10, horizon=30), observation=observation)
    parallel_api_test(ScenariumParallelEnv(model), num_cycles=40)
    env = ScenariumParallelEnv(model)
    assert env.possible_agents == ["worker_0", "worker_1", "worker_2", "worker_3", "planner"]
    parallel_seed_test(lambda: ScenariumParallelEnv(model), num_cycles=15)


def test_other_periods_for_other_lanes() -> None:
    model = TaxWorld(SHORT)
    seeds = torch.arange(3)
    scenario = model.scenario(seeds)
    ticks = torch.tensor([0, 19, 20])
    state = model.initial(scenario, XP)._replace(coin=torch.full((4, 3), 50.0, dtype=torch.float64))
    actions = {"worker": torch.zeros(3, 4, dtype=torch.int64), "planner": torch.full((3, 7), 11)}
    after, outcome = model.step(state, actions, scenario.at(ticks), ticks, XP)
    for lane, t in enumerate(ticks.tolist()):
        alone = tree_map(lambda x, lane=lane: x[..., lane : lane + 1].contiguous(), state)
        acted = {name: value[lane : lane + 1] for name, value in actions.items()}
        single, _ = model.step(alone, acted, model.scenario(seeds[lane : lane + 1]).at(t), t, XP)
        for one, many in zip(single, after, strict=True):
            assert torch.equal(one[..., 0], many[..., lane])
        seen, whole = model.observe(alone, None, t, XP), model.observe(state, None, ticks, XP)
        torch.testing.assert_close(seen["worker"][0], whole["worker"][lane])
        mask, masks = model.action_mask(alone, t, XP), model.action_mask(state, ticks, XP)
        assert torch.equal(mask["planner"][0], masks["planner"][lane])
    assert after.rates[0].tolist() == [0.5, 0.0, 0.5]
    assert bool((outcome.info["income"][1] != 0.0).all())
    assert float(outcome.info["income"][[0, 2]].abs().max()) == 0.0


def test_a_world_depends_on_its_seed_alone() -> None:
    model = TaxWorld(SHORT)
    many, pair = model.scenario(torch.arange(6)), model.scenario(torch.tensor([4, 1]))
    for t in (0, 7, 7, 3):
        assert torch.equal(many.at(t)[:, [4, 1]], pair.at(t))
        np.testing.assert_array_equal(model.scenario(4).at(t), pair.at(t)[:, 0])
    draws = np.stack([model.scenario(5).at(t) for t in range(60)])
    assert draws[:, 12:].mean() == pytest.approx(0.2, abs=0.03)
    assert sorted(draws[0, :4]) == sorted(draws[0, 4:8]) == [0, 1, 2, 3]
    foundation = TaxWorld(SHORT.but(compat="foundation")).scenario(5)
    assert foundation.at(3)[4:8].tolist() == [3, 2, 1, 0]


def test_it_traces_without_a_device() -> None:
    xp = torch_namespace("meta")
    model = TaxWorld(SHORT, observation="spatial")
    scenario = model.scenario(torch.arange(4, device="meta"))
    state = model.initial(scenario, xp)
    actions = {
        "worker": torch.zeros(4, 4, dtype=torch.int32, device="meta"),
        "planner": torch.zeros(4, 7, dtype=torch.int32, device="meta"),
    }
    t = torch.zeros(4, dtype=torch.int64, device="meta")
    after, outcome = model.step(state, actions, scenario.at(t), t, xp)
    shapes = [(a.shape, a.dtype) for a in after]
    assert shapes == [(b.shape, b.dtype) for b in state]
    assert outcome.reward["worker"].shape == (4, 4)
    seen = model.observe(after, None, t, xp)
    assert seen["worker"]["map"].shape == (4, 4, 7, 11, 11)


@pytest.mark.slow
def test_it_compiles_in_one_graph() -> None:
    model = TaxWorld(SHORT, observation="spatial")
    xp = torch_namespace("cpu")

    def period(state: Any, worker: Any, planner: Any, exogenous: Any, t: Any) -> Any:
        after, outcome = model.step(state, {"worker": worker, "planner": planner}, exogenous, t, xp)
        return after, outcome.reward, model.action_mask(after, t + 1, xp), model.observe(after, None, t + 1, xp)

    compiled = torch.compile(period, fullgraph=True, dynamic=False)
    scenario = model.scenario(torch.arange(8))
    for t, state, actions in moments(model, 8, 30):
        if actions is None:
            break
        leaves = tree_map(lambda x: x.contiguous(), state)
        args = leaves, actions["worker"], actions["planner"], scenario.at(t).clone(), torch.tensor(t)
        for one, other in zip(tree_leaves(compiled(*args)), tree_leaves(period(*args)), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_arguments_are_checked() -> None:
    for wrong in ({"rates": "high"}, {"observation": "all"}, {"reward": "growth"}, {"layout": "round"}):
        with pytest.raises(ScenariumError, match="unknown"):
            TaxWorld(**wrong)


def test_a_reward_of_ones_own() -> None:
    def houses(outcome: Any, xp: Any) -> dict[str, Any]:
        return {**outcome.reward, "planner": xp.total(xp.cast(outcome.info["built"], "float"), -1)}

    model = TaxWorld(SHORT, reward=houses)
    scenario = model.scenario(0)
    state = model.initial(scenario, NUMPY)._replace(goods=np.ones((2, 4), np.int32))
    actions = {"worker": np.array([1, 0, 1, 1]), "planner": np.zeros(7, int)}
    _, outcome = model.step(state, actions, scenario.at(0), 0, NUMPY)
    # One of the corners has a source of wood, where nobody builds.
    assert float(outcome.reward["planner"]) == float(outcome.info["built"].sum()) >= 2.0
