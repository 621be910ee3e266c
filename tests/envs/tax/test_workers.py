"""Workers by rule, and the planner's view of a world they live in."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv
from scenarium.envs.tax.layouts import layout
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.parameters import US_FEDERAL, Parameters
from scenarium.envs.tax.paths import FAR, distances
from scenarium.envs.tax.presets import one_step_small, split_world, tax_game, world, world_of_ten
from scenarium.envs.tax.workers import Rule, RuleWorkers

XP = torch_namespace("cpu")


def test_distances_around_water() -> None:
    where = layout("open_quadrant_25")
    table = distances(where)
    for slot in (0, 25, 39):
        goal = where.sources[slot]
        steps, waiting = {goal: 0}, deque([goal])
        while waiting:
            row, along = waiting.popleft()
            for tile in ((row, along - 1), (row, along + 1), (row - 1, along), (row + 1, along)):
                if 0 <= tile[0] < 25 and 0 <= tile[1] < 25 and tile not in where.water and tile not in steps:
                    steps[tile] = steps[row, along] + 1
                    waiting.append(tile)
        dry = {where.number(tile): count for tile, count in steps.items()}
        assert all(table[tile, slot] == dry.get(tile, FAR) for tile in where.dry())
    closed = layout("closed_quadrant_25")
    assert distances(closed)[closed.number((24, 24))].min() == FAR


def test_workers_answer_to_taxes() -> None:
    """Eight worlds each under no tax, half and nine tenths."""
    model = world(rates="shares", observation="insight", period=50, horizon=200)
    workers, scenario = RuleWorkers(model), model.scenario(torch.arange(8).repeat(3))
    state, memory = model.initial(scenario, XP), workers.initial(scenario, XP)
    schedule = torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64).repeat_interleave(8)[:, None].expand(-1, 7)
    trades = torch.zeros(24)
    for t in range(200):
        mask = model.action_mask(state, t, XP)["worker"]
        action, memory = workers.act(model.observe(state, None, t, XP)["worker"], memory, mask, t, XP)
        assert bool(XP.pick(mask, action.to(torch.int64)).all()), "only allowed actions"
        state, outcome = model.step(state, {"worker": action, "planner": schedule}, scenario.at(t), t, XP)
        trades += outcome.info["trades"].sum((-1, -2))
    product, labor = (x.mean(0).reshape(3, 8).mean(1).tolist() for x in (state.wealth, state.labor))
    assert product[0] > 1.2 * product[1]
    assert product[1] > 3.0 * product[2]
    assert labor[0] > labor[1] > labor[2]
    assert float(trades[:8].mean()) > 10.0
    houses = torch.stack([(state.houses == k).sum(0) for k in range(1, 5)])
    # The most skilled build far more than the least skilled, who sell to them.
    by_rank = houses.gather(0, state.pay.argsort(0)).float()[:, :8].mean(1)
    assert float(by_rank[3]) > 3.0 * float(by_rank[0])


def test_one_worker_world_is_a_lane_of_many() -> None:
    model = tax_game(period=25, horizon=50, regeneration=0.05)
    rng = np.random.default_rng(0)
    schedules = rng.random((2, 3, 7)).astype(np.float32)
    many = list(unroll(model, model.scenario(torch.arange(3)), lambda *a: (torch.as_tensor(schedules[a[2]]), None)))
    for lane in range(3):
        one = list(unroll(model, model.scenario(lane), lambda *a, lane=lane: (schedules[a[2], lane], None)))
        for single, batch in zip(one, many, strict=True):
            np.testing.assert_allclose(single.observation, batch.observation[lane], atol=1e-5)
            np.testing.assert_allclose(single.outcome.reward, batch.outcome.reward[lane], atol=1e-4)
            np.testing.assert_allclose(single.after.inner.coin, batch.after.inner.coin[:, lane], atol=1e-6)


def test_the_planners_view() -> None:
    model = tax_game(horizon=200, period=50)
    assert model.horizon == 4
    env = ScenariumEnv(model)
    check_env(env, skip_render_check=True)
    _, _ = env.reset(seed=3)
    total, steps, truncated = 0.0, 0, False
    while not truncated:
        _, reward, _, truncated, info = env.step(np.array(US_FEDERAL, np.float32))
        total, steps = total + float(reward), steps + 1
        assert info["tax_paid"].sum() == pytest.approx(4.0 * info["lump"])
    assert steps == 4
    assert total == pytest.approx(float(info["welfare"]), abs=1e-4)
    envs = ScenariumVectorEnv(model, 3, device="cpu")
    seen, _ = envs.reset(seed=3)
    assert seen.shape == (3, 110)


def test_presets_take_numbers_by_name() -> None:
    ten = world_of_ten(start_coin=5.0, reward="rawlsian")
    assert (ten.parameters.workers, ten.layout.name, ten.parameters.start_coin) == (10, "open_quadrant_40", 5.0)
    assert split_world().layout.split == 12
    game = tax_game(shade=0.5, labor_scale=0.5, rates="levels")
    inner = game.model
    assert isinstance(inner, TaxWorld)
    assert inner.parameters == Parameters(labor_scale=0.5)
    assert game.others["worker"].rule == Rule(shade=0.5)  # type: ignore[attr-defined]
    assert one_step_small(reward="eq_prod").parameters.workers == 4
    with pytest.raises(ScenariumError, match="observation"):
        tax_game(observation="flat")
    with pytest.raises(ScenariumError, match="insight"):
        RuleWorkers(TaxWorld())
    with pytest.raises(ScenariumError, match="shade"):
        Rule(shade=2.0)
    with pytest.raises(ScenariumError, match="waiting"):
        Rule(waiting=0)


def test_insight_is_in_its_space() -> None:
    model = world(observation="insight", start_coin=10.0)
    scenario = model.scenario(1)
    state, rng = model.initial(scenario, NUMPY), np.random.default_rng(1)
    space = model.roles[0].observation_space
    for t in range(40):
        seen, mask = model.observe(state, None, t, NUMPY)["worker"], model.action_mask(state, t, NUMPY)["worker"]
        for k in range(4):
            assert space.contains(tree_map(lambda leaf, k=k: np.asarray(leaf[k]), seen))
            codes = np.delete(state.orders, k, 2)
            for resource in (0, 1):
                bids = [(c - 1) // 64 for c in codes[:, resource].ravel() if c > 0]
                asks = [10 - (-c - 1) // 64 for c in codes[:, resource].ravel() if c < 0]
                offers = seen["offers"][k, 2 * resource : 2 * resource + 2].tolist()
                assert offers == [max(bids, default=-1), min(asks, default=11)]
        action = np.where(mask, rng.random(mask.shape), -1.0).argmax(1)
        state, _ = model.step(state, {"worker": action, "planner": np.zeros(7, int)}, scenario.at(t), t, NUMPY)
