"""The contract on five toys: seeds, one world against many, lanes that drift apart, compilation, the meta device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toy_crew import CrewModel
from toy_memory import memory_model
from toy_panel import PanelModel
from toy_sale import SaleModel
from toy_tank import TankModel

from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.fingerprint import scripted_action
from scenarium.envs.core.model import Model
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.rollout import Moment, unroll
from scenarium.envs.core.tree import tree_leaves, tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv

TOYS = {
    "tank": TankModel(),
    "panel": PanelModel(),
    "crew": CrewModel(room=5),
    "memory": memory_model(),
    "memory every period": memory_model(every=1),
    "sale": SaleModel(),
}
LONE = [name for name in TOYS if name != "crew"]
LANES = 5


def _play(model: Model, seeds: Any) -> list[Moment]:
    """The same scripted actions in every world."""

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        action = scripted_action(model, t)
        if isinstance(seeds, int):
            return action, None
        return tree_map(lambda leaf: torch.as_tensor(np.stack([leaf] * len(seeds))), action), None

    return list(unroll(model, model.scenario(seeds), act))


def _same(one: Any, many: Any, lane: int) -> None:
    for a, b in zip(tree_leaves(one), tree_leaves(many), strict=True):
        b = np.asarray(b[lane])
        assert np.asarray(a).dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=1e-5 if b.dtype.kind == "f" else 0, rtol=0)


@pytest.mark.parametrize("name", TOYS)
def test_one_world_is_a_lane_of_many(name: str) -> None:
    model = TOYS[name]
    seeds = [0, 3, 2**40 + 7, 2**63 - 1]
    many = _play(model, torch.tensor(seeds))
    for lane, seed in enumerate(seeds):
        for one, batch in zip(_play(model, seed), many, strict=True):
            _same(one.state, batch.state, lane)
            _same(one.observation, batch.observation, lane)
            _same(one.outcome.reward, batch.outcome.reward, lane)


@pytest.mark.parametrize("name", TOYS)
def test_a_seed_fixes_the_world(name: str) -> None:
    first, again, other = (_play(TOYS[name], seed) for seed in (4, 4, 5))
    sums = [[float(np.sum(x)) for m in run for x in tree_leaves((m.after, m.outcome.reward))] for run in (first, again)]
    assert sums[0] == sums[1]
    assert sums[0] != [float(np.sum(x)) for m in other for x in tree_leaves((m.after, m.outcome.reward))]


def _actions(model: Model, world: int, t: int) -> Any:
    return scripted_action(model, 97 * (world % 89) + t)


def _single_run(env: ScenariumEnv, seed: int) -> list[tuple[Any, float, bool, bool]]:
    env.reset(seed=seed)
    run: list[tuple[Any, float, bool, bool]] = []
    while not run or not (run[-1][2] or run[-1][3]):
        run.append(env.step(_actions(env.model, seed, len(run)))[:4])
    return run


@pytest.mark.parametrize("name", LONE)
def test_lanes_play_their_worlds_in_turn_whatever_their_neighbours_do(name: str) -> None:
    model = TOYS[name]
    single, vector = ScenariumEnv(model), ScenariumVectorEnv(model, LANES, device="cpu")
    vector.reset(seed=40)
    worlds, times = np.arange(LANES) + 40, np.zeros(LANES, int)
    runs = {int(world): _single_run(single, int(world)) for world in worlds}
    lengths = set()
    for _ in range(3 * model.horizon):
        np.testing.assert_array_equal(vector.seeds, worlds)
        actions = np.stack([_actions(model, w, t) for w, t in zip(worlds.tolist(), times.tolist())])
        observation, reward, terminated, truncated, info = vector.step(actions)
        for lane, (world, t) in enumerate(zip(worlds.tolist(), times.tolist())):
            seen, earned, ended, cut = runs[world][t]
            _same(seen, info["final_obs"], lane)
            assert float(reward[lane]) == pytest.approx(earned, abs=1e-5)
            assert (bool(terminated[lane]), bool(truncated[lane])) == (ended, cut)
            assert bool(info["_final_obs"][lane]) == (ended or cut)
            times[lane] += 1
            if ended or cut:
                lengths.add(t + 1)
                worlds[lane], times[lane] = world + LANES, 0
                runs[world + LANES] = _single_run(single, world + LANES)
                seen = single.reset(seed=world + LANES)[0]
            _same(seen, observation, lane)
    assert len(lengths) > 1 or not model.terminates, "the lanes must drift apart"


@pytest.mark.parametrize("name", LONE)
def test_disabled_autoreset_resets_the_lanes_of_the_mask(name: str) -> None:
    model = TOYS[name]
    vector = ScenariumVectorEnv(model, LANES, device="cpu", autoreset_mode="disabled")
    vector.reset(seed=10)
    for t in range(2):
        before = vector.step(np.stack([_actions(model, 10 + lane, t) for lane in range(LANES)]))[0]
    mask = np.array([True, False, False, True, False])
    observation, _ = vector.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(vector.seeds, [15, 11, 12, 18, 14])
    np.testing.assert_array_equal(vector.time, [0, 2, 2, 0, 2])
    for lane, seed in enumerate([15, None, None, 18, None]):
        expected = tree_map(lambda x, i=lane: x[i].numpy(), before) if seed is None else None
        _same(expected if seed is None else ScenariumEnv(model).reset(seed=seed)[0], observation, lane)
    with pytest.raises(ScenariumError, match="reset_mask must be bool"):
        vector.reset(options={"reset_mask": np.zeros(LANES, int)})


@pytest.mark.parametrize("name", TOYS)
def test_step_compiles_as_one_graph_with_a_tensor_of_periods(name: str) -> None:
    model, xp = TOYS[name], torch_namespace("cpu")
    scenario = model.scenario(torch.arange(LANES))
    state, t = model.initial(scenario, xp), torch.tensor([0, 1, 2, 0, 1])
    action = tree_map(lambda leaf: torch.as_tensor(np.stack([leaf] * LANES)), scripted_action(model, 0))
    arguments = state, action, scenario.at(t), t
    torch._dynamo.reset()
    compiled = torch.compile(lambda *a: model.step(*a, xp), fullgraph=True, backend="eager", dynamic=False)
    for a, b in zip(tree_leaves(model.step(*arguments, xp)), tree_leaves(compiled(*arguments)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("name", TOYS)
def test_shapes_are_known_without_data(name: str) -> None:
    model, xp = TOYS[name], torch_namespace("meta")
    scenario = model.scenario(torch.arange(LANES, device="meta"))
    state = model.initial(scenario, xp)
    action = tree_map(lambda leaf: torch.zeros((LANES, *leaf.shape), device="meta"), scripted_action(model, 0))
    for t in range(3):
        state, outcome = model.step(state, action, scenario.at(t), t, xp)
    seen = model.observe(state, scenario.until(3), 3, xp)
    assert {leaf.shape[0] for leaf in tree_leaves((state, seen, outcome.reward))} == {LANES}
    assert all(leaf.device.type == "meta" for leaf in tree_leaves(state))


def test_a_step_of_four_periods_is_four_steps_with_the_action_held() -> None:
    slow, fast = memory_model(every=4), memory_model(every=1)
    assert slow.horizon * 4 == fast.horizon
    coarse = list(unroll(slow, slow.scenario(3), lambda _, __, t: (np.array(t % 5), None)))
    fine = list(unroll(fast, fast.scenario(3), lambda _, __, t: (np.array(t // 4 % 5), None)))
    for k, moment in enumerate(coarse):
        block = fine[4 * k : 4 * k + 4]
        assert moment.outcome.reward == pytest.approx(sum(m.outcome.reward for m in block), abs=1e-5)
        assert bool(moment.outcome.terminated) == bool(block[-1].outcome.terminated)
        for a, b in zip(tree_leaves(moment.after), tree_leaves(block[-1].after), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_policy_inside_remembers() -> None:
    moments = _play(TOYS["memory every period"], 2)
    for before, after in zip(moments, moments[1:]):
        queues, memory = before.state.inner.queues, before.state.memories["worker"]
        np.testing.assert_allclose(after.state.memories["worker"], 0.5 * memory + 0.5 * queues, atol=1e-6)
        if before.outcome.terminated:
            break


@pytest.mark.parametrize(
    ("role", "others", "every", "message"),
    [
        ("plannr", {}, 1, "did you mean 'planner'"),
        ("planner", {}, 1, r"needs \['worker'\]"),
        ("planner", {"worker": None}, 3, "must divide the horizon of 16"),
    ],
)
def test_a_view_that_makes_no_sense_is_refused(role: str, others: Any, every: int, message: str) -> None:
    with pytest.raises(ScenariumError, match=message):
        WithPolicies(CrewModel(), role, others, every)
