"""The model: harvest, near-extinction and the horizon, one world against many, the relaxed twin, the action head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import Moment, absorbing_step, unroll
from scenarium.envs.core.vector import ScenariumVectorEnv
from scenarium.envs.fishery.dynamics import MODEL_1, MODEL_3, Parameters
from scenarium.envs.fishery.model import SOFTNESS, Fishery, State
from scenarium.envs.fishery.presets import fishery, perturbation
from scenarium.envs.fishery.variants import VARIANTS

TORCH = torch_namespace("cpu")
FRACTIONS = st.lists(st.floats(-0.5, 1.5, width=32), min_size=2, max_size=2)
MODELS = ["model_1", "model_2", "model_3", "model_4", "y_abiotic"]


def play(model: Fishery, seeds: Any, level: float = 0.2) -> list[Moment]:
    """Worlds under one constant action."""
    size = () if isinstance(seeds, int) else (len(seeds),)
    full = np.full if isinstance(seeds, int) else torch.full
    action = full((*size, model.parameters.harvested), level, dtype=np.float32 if full is np.full else torch.float32)
    return list(unroll(model, model.scenario(seeds), lambda *_: (action, None)))


def step_one(model: Fishery, stocks: tuple[float, ...], action: list[float], t: int = 0, eps: float = 0.0) -> Any:
    noise = [eps] * model.parameters.species
    return model.step(State(stocks), np.array(action, np.float32), noise, t, NUMPY)


def returns(moments: list[Moment]) -> torch.Tensor:
    """Sum of rewards per world."""
    return torch.stack([m.outcome.reward.double() for m in moments]).sum(0)


@given(FRACTIONS)
def test_what_is_taken_and_what_stays_add_up_and_the_reward_is_what_is_taken(wanted: list[float]) -> None:
    model = fishery()
    _, outcome = step_one(model, (0.6, 0.5, 0.7), wanted)
    m = [min(max(float(np.float32(w)), 0.0), 1.0) for w in wanted]
    assert outcome.info["harvest_x"] == pytest.approx(0.6 * m[0])
    assert outcome.info["harvest_y"] == pytest.approx(0.5 * m[1])
    assert outcome.info["harvest"] == outcome.info["harvest_x"] + outcome.info["harvest_y"]
    assert outcome.reward == outcome.info["harvest"] - outcome.info["penalty"]


@given(st.floats(0.1, 1.2), st.floats(0.1, 1.2), st.floats(0.0, 1.5), st.floats(0.0, 1.5), st.floats(-2, 2))
def test_an_escapement_is_the_mortality_that_leaves_it(x: float, y: float, a: float, b: float, eps: float) -> None:
    fraction = [max(0.0, 1.0 - np.float32(level) / n) for level, n in ((a, x), (b, y))]
    left, by_level = step_one(fishery(action_mode="escapement"), (x, y, 0.7), [a, b], eps=eps)
    share, by_fraction = step_one(fishery(), (x, y, 0.7), fraction, eps=eps)
    np.testing.assert_allclose(left.stocks, share.stocks, atol=1e-6)
    assert by_level.info["harvest"] == pytest.approx(by_fraction.info["harvest"], abs=1e-6)


@pytest.mark.parametrize("t", [0, 3, 199])
def test_near_extinction_ends_the_world_with_the_penalty_of_its_year(t: int) -> None:
    model = fishery()
    after, outcome = step_one(model, (0.6, 0.5, 0.7), [1.0, 0.0], t)
    assert after.stocks[0] == 0.0
    assert outcome.terminated is True
    assert outcome.info["collapsed"] is True
    assert outcome.info["penalty"] == pytest.approx(100.0 / (t + 1))
    assert outcome.reward == pytest.approx(0.6 - 100.0 / (t + 1))


def test_the_threshold_itself_is_extinct_and_just_above_is_not() -> None:
    after, _ = step_one(fishery(), (0.9, 0.9, 0.7), [0.0, 0.0])
    least = min(after.stocks)
    for threshold, dead in ((least, True), (float(np.nextafter(least, 0.0)), False)):
        model = Fishery(replace(MODEL_3, threshold=threshold))
        assert step_one(model, (0.9, 0.9, 0.7), [0.0, 0.0])[1].terminated is dead


def test_any_species_can_end_the_world_but_an_abiotic_one() -> None:
    assert step_one(fishery(), (0.9, 0.9, 0.04), [0.0, 0.0])[1].terminated
    assert step_one(fishery(), (0.9, 0.01, 0.7), [0.0, 0.0])[1].terminated
    tide = fishery("y_abiotic")
    after, outcome = tide.step(State((0.5, 0.4, 0.7)), np.zeros(1, np.float32), [0.0] * 3, 37, NUMPY)
    assert after.stocks[1] < 0.05
    assert not outcome.terminated


def test_an_episode_ends_by_truncation_or_by_termination_never_both() -> None:
    env = ScenariumEnv(fishery())
    for mortality, ends in ((0.0, (False, True)), (0.9, (True, False))):
        env.reset(seed=1)
        years, terminated, truncated = 0, False, False
        while not (terminated or truncated):
            _, _, terminated, truncated, _ = env.step(np.full(2, mortality, np.float32))
            years += 1
        assert (terminated, truncated) == ends
        assert (years == 200) == truncated
        with pytest.raises(ScenariumError, match="reset"):
            env.step(np.zeros(2, np.float32))
    assert fishery().time_limit_is_terminal


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**40), st.sampled_from(MODELS))
def test_one_world_is_a_lane_of_a_batch(seed: int, name: str) -> None:
    model = fishery(name)
    alone, many = play(model, seed), play(model, torch.tensor([seed + 1, seed]))
    for one, both in zip(alone, many, strict=True):
        stocks = [float(n[1]) for n in both.after.stocks]
        np.testing.assert_allclose([float(n) for n in one.after.stocks], stocks, rtol=2e-4, atol=2e-5)
        assert bool(one.outcome.terminated) == bool(both.outcome.terminated[1])
        np.testing.assert_allclose(one.outcome.reward, both.outcome.reward[1], rtol=1e-4, atol=2e-5)


def test_worlds_do_not_depend_on_their_neighbours() -> None:
    model, seeds = fishery("model_4"), torch.arange(16)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    plain, shuffled = play(model, seeds, 0.3), play(model, seeds[order], 0.3)
    for a, b in zip(plain, shuffled, strict=True):
        torch.testing.assert_close(a.outcome.reward[order], b.outcome.reward, rtol=1e-5, atol=1e-6)


def test_the_draws_are_standard_normal_and_independent() -> None:
    model = fishery()
    scenario = model.scenario(torch.arange(4000))
    noise = scenario.draw(0, 5).double()
    assert noise.shape == (5, 3, 4000)
    flat = noise.reshape(15, -1)
    assert float(flat.mean()) == pytest.approx(0.0, abs=4 / flat.numel() ** 0.5)
    assert float(flat.var()) == pytest.approx(1.0, abs=0.03)
    correlation = torch.corrcoef(flat) - torch.eye(15)
    assert float(correlation.abs().max()) < 5 / 4000**0.5
    squares = torch.corrcoef(flat**2) - torch.eye(15)
    assert float(squares.abs().max()) < 0.09
    stocks = torch.stack(model.initial(scenario, TORCH).stocks).double()
    np.testing.assert_allclose(stocks.mean(1), [0.5, 0.5, 0.7], atol=0.002)
    np.testing.assert_allclose(stocks.std(1), 0.02, rtol=0.06)


def test_an_episode_is_drawn_the_same_at_once_and_year_by_year() -> None:
    lanes = fishery().scenario(torch.tensor([4, 9]))
    block = lanes.draw(0, 200)
    for t in (0, 1, 77, 199):
        for one in (lanes.at(t), lanes.at(torch.tensor([t, t]))):
            torch.testing.assert_close(torch.stack(list(one)), block[t])
    np.testing.assert_allclose(fishery().scenario(9).at(77), block[77, :, 1], rtol=1e-5)


def test_lanes_that_move_on_play_the_worlds_of_their_seeds() -> None:
    model = fishery("model_4", spread=0.1)
    seeds = torch.arange(6)
    mask = torch.tensor([False, True, False, False, True, True])
    fresh = torch.where(mask, seeds + 100, seeds)
    moved, made = model.renew(model.scenario(seeds), fresh, mask), model.scenario(fresh)
    assert torch.equal(moved.seeds, made.seeds)
    for a, b in zip(moved.at(torch.full((6,), 5)), made.at(torch.full((6,), 5)), strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(moved.initial_noise(), made.initial_noise(), strict=True):
        torch.testing.assert_close(a, b)


def test_autoreset_goes_on_to_the_next_world_of_the_lane() -> None:
    envs = ScenariumVectorEnv(fishery(), 64, device="cpu")
    envs.reset(seed=0)
    for _ in range(60):
        observation, _, terminated, _, info = envs.step(torch.full((64, 2), 0.6))
        if bool(terminated.any()):
            break
    lane = int(terminated.nonzero()[0])
    assert envs.seeds is not None
    assert int(envs.seeds[lane]) == lane + 64
    first = fishery().observe(fishery().initial(fishery().scenario(lane + 64), NUMPY), None, 0, NUMPY)  # type: ignore[arg-type]
    np.testing.assert_allclose(observation[lane], first, atol=1e-6)
    assert float(info["final_obs"][lane].min()) <= 0.05 / 4


REWARDS: dict[str, Callable[[list[Moment]], float]] = {
    "full": lambda ms: sum(m.outcome.info["harvest"] - m.outcome.info["penalty"] for m in ms),
    "harvest": lambda ms: sum(m.outcome.info["harvest"] for m in ms),
    "logged": lambda ms: sum(m.outcome.info["harvest"] for m in ms[:-1]),
}


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("level", [0.1, 0.9])
def test_the_named_rewards(reward: str, level: float) -> None:
    full, model = fishery(), fishery(reward=reward)
    lived = [m for m in play(full, 3, level) if m.alive is None or m.alive]
    assert (len(lived) < 200) == (level == 0.9)
    got = sum(float(m.outcome.reward) for m in play(model, 3, level))
    assert got == pytest.approx(REWARDS[reward](lived), abs=1e-9)
    doubled = fishery(reward=lambda outcome, xp: 2.0 * outcome.reward)
    assert sum(float(m.outcome.reward) for m in play(doubled, 3, level)) == pytest.approx(
        2.0 * sum(float(m.outcome.reward) for m in lived)
    )


def test_observations_show_the_stocks_and_when_asked_the_year() -> None:
    state = State((0.5, 0.6, 0.7))
    past: Any = None
    np.testing.assert_allclose(fishery().observe(state, past, 50, NUMPY), [0.125, 0.15, 0.175])
    timed = fishery(time_observed=True)
    np.testing.assert_allclose(timed.observe(state, past, 50, NUMPY), [0.125, 0.15, 0.175, 0.25])
    signed = fishery(observation="signed", time_observed=True)
    seen = signed.observe(state, past, 50, NUMPY)
    np.testing.assert_allclose(seen, [-0.75, -0.7, -0.65, 0.25])
    for model in (timed, signed):
        shown = model.observe(state, past, 50, NUMPY)
        np.testing.assert_allclose(model.stocks_of(shown), state.stocks, rtol=1e-6)
        assert shown in model.observation_space


# The relaxed twin -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model_1", "model_3"])
def test_far_from_the_threshold_the_relaxed_model_is_the_model(name: str) -> None:
    model = fishery(name)
    level = 0.01 if name == "model_1" else 0.05
    exact, soft = play(model, torch.arange(8), level), play(model.relaxed(), torch.arange(8), level)
    lowest = torch.stack([torch.stack(m.after.stocks).amin(0) for m in exact]).amin(0)
    safe = lowest > model.parameters.threshold + 8 * SOFTNESS
    assert int(safe.sum()) >= 3
    torch.testing.assert_close(returns(exact)[safe], returns(soft)[safe], rtol=1e-3, atol=2e-3)


def test_as_the_width_shrinks_the_relaxed_return_becomes_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seeds = fishery(), torch.arange(64)
    exact = returns(play(model, seeds, 0.4))
    assert bool((exact < 60).any())
    gaps = []
    for width in (0.02, 0.004, 1e-5):
        monkeypatch.setattr("scenarium.envs.fishery.model.SOFTNESS", width)
        gaps.append(float((returns(play(model.relaxed(), seeds, 0.4)) - exact).abs().mean()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.02


def test_the_relaxed_model_never_ends_and_evaluation_never_uses_it() -> None:
    model = fishery()
    twin = model.relaxed()
    assert (model.gradient, twin.gradient) == ("relaxed", "exact")
    assert (model.terminates, twin.terminates) == (True, False)
    assert all(m.outcome.terminated is False for m in play(twin, torch.arange(4), 0.9))
    assert bool(play(model, torch.arange(4), 0.9)[-1].outcome.terminated.all())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("level", [0.02, 0.5, 0.999])
def test_gradients_are_finite_whether_worlds_live_or_die(name: str, level: float) -> None:
    model = fishery(name).relaxed()
    action = torch.full((8, model.parameters.harvested), level, requires_grad=True)
    total = returns(list(unroll(model, model.scenario(torch.arange(8)), lambda *_: (action, None)))).sum()
    (gradient,) = torch.autograd.grad(total, action)
    assert bool(torch.isfinite(gradient).all())
    assert float(gradient.abs().min()) > 0.0


def test_gradients_through_absorbed_worlds_are_finite_too() -> None:
    model = fishery()
    action = torch.full((8, 2), 0.7, requires_grad=True)
    total = returns(list(unroll(model, model.scenario(torch.arange(8)), lambda *_: (action, None)))).sum()
    (gradient,) = torch.autograd.grad(total, action)
    assert bool(torch.isfinite(gradient).all())


def test_the_relaxed_gradient_is_the_slope() -> None:
    model = fishery(horizon=6).relaxed()
    scenario = model.scenario(torch.arange(3))
    shocks = [tuple(part.double() for part in scenario.at(t)) for t in range(6)]
    stocks = tuple(n.double() for n in model.initial(scenario, TORCH).stocks)

    def total(action: torch.Tensor) -> torch.Tensor:
        state, value = State(stocks, torch.ones(3, dtype=torch.float64)), torch.zeros(3, dtype=torch.float64)
        for t in range(6):
            state, outcome = model.step(state, action, shocks[t], t, TORCH)
            value = value + outcome.reward
        return value

    action = torch.full((3, 2), 0.55, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(total, (action,), eps=1e-7, atol=1e-5)


def test_ended_worlds_stand_still_and_earn_nothing() -> None:
    model = fishery()
    scenario = model.scenario(torch.arange(4))
    start = model.initial(scenario, TORCH)
    alive = torch.tensor([True, False, True, False])
    after, outcome = absorbing_step(model, start, start, alive, torch.ones(4, 2), scenario.at(0), 0, TORCH)
    for before, then in zip(start.stocks, after.stocks, strict=True):
        assert torch.equal(then[~alive], before[~alive])
    assert bool((outcome.reward[~alive] == 0).all())
    assert bool(outcome.terminated.all())


def test_the_very_first_step_compiles_as_one_graph() -> None:
    for model in (fishery("model_4"), fishery("model_3").relaxed(), perturbation()):
        scenario = model.scenario(torch.arange(4))
        arguments = model.initial(scenario, TORCH), torch.full((4, 2), 0.2), scenario.at(3), torch.tensor(3), TORCH
        traced = torch.compile(model.step, fullgraph=True, backend="eager")(*arguments)
        torch.testing.assert_close(traced[1].reward, model.step(*arguments)[1].reward)


# The head -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model_1", "model_2", "model_3"])
@pytest.mark.parametrize("observation", ["paper", "signed"])
def test_the_head_says_the_same_level_in_both_action_modes(name: str, observation: str) -> None:
    by_mode = {mode: fishery(name, action_mode=mode, observation=observation) for mode in ("mortality", "escapement")}
    width = by_mode["mortality"].parameters.harvested
    raw = torch.linspace(-3.0, 5.0, 40)[:, None].expand(-1, width)
    scenario = by_mode["mortality"].scenario(torch.arange(40))
    state = by_mode["mortality"].initial(scenario, TORCH)
    left = {}
    for mode, model in by_mode.items():
        action = model.policy_head(raw, model.observe(state, scenario.until(0), 0, TORCH))
        after, _ = model.step(state, action, scenario.at(0), 0, TORCH)
        left[mode] = torch.stack(after.stocks)
        assert action.shape == (40, width)
        assert all(one in model.action_space for one in action.numpy())
    torch.testing.assert_close(left["mortality"], left["escapement"], rtol=1e-5, atol=1e-6)


# Parameters -----------------------------------------------------------------------------------------------------------


def test_arguments_that_make_no_sense_are_refused() -> None:
    for kwargs, words in (
        ({"action_mode": "quota"}, "mortality, escapement"),
        ({"observation": "raw"}, "paper, signed"),
        ({"horizon": 0}, "horizon"),
        ({"spread": -0.1}, "spread"),
        ({"reward": "profit"}, "profit"),
    ):
        with pytest.raises(ScenariumError, match=words):
            Fishery(MODEL_1, **kwargs)  # type: ignore[arg-type]


def test_variants_are_parameters() -> None:
    assert all(isinstance(parameters, Parameters) for parameters in VARIANTS.values())
