"""Two-level training: phases, lanes, both sides, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium import spaces

from scenarium.agents.core.registry import load_agent
from scenarium.agents.core.schedules import constant
from scenarium.agents.networks.values import QNetwork
from scenarium.agents.two_level.config import TwoLevelConfig
from scenarium.agents.two_level.guide import Guide
from scenarium.agents.two_level.lanes import Lanes
from scenarium.agents.two_level.learner import Choice, Side, Taught
from scenarium.agents.two_level.phases import stage
from scenarium.agents.two_level.planning import levels_to_rates, within_cap
from scenarium.agents.two_level.ship import grid_weights, named_arrays, ship
from scenarium.agents.two_level.two_level import TwoLevel
from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.tax.compass import CompassWorld, worker_scale
from scenarium.envs.tax.model import WORKER, TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.presets import tax_game
from scenarium.envs.tax.trained import TrainedWorkers, Weights, load_weights
from scenarium.envs.tax.workers import RuleWorkers
from scenarium.leaderboard.evaluation import evaluate

XP = torch_namespace("cpu")
CPU = torch.device("cpu")
SHORT = {"period": 10, "horizon": 40, "start_coin": 20.0}
TINY: dict[str, Any] = {
    "num_envs": 8, "steps": 5, "minibatches": 4, "planner_rollout": 2, "planner_minibatches": 2,
    "phase_one": 0.4, "imitation": 0.3,
}  # fmt: skip


def _agent(seed: int = 0, **fields: Any) -> TwoLevel:
    model = tax_game(**SHORT).made_from("TaxGame-v0", SHORT)
    return TwoLevel(model, seed=seed, config={**TINY, **fields}, policy_kwargs={"hidden": [16]})


def test_stages() -> None:
    config = TwoLevelConfig(phase_one=0.5, labor_annealing=0.5, first_labor=0.2, imitation=0.4, epsilon=0.1,
                            tax_annealing=0.4, first_cap=0.1, planner_epsilon_end=0.1,
                            planner_epsilon_fraction=0.5)  # fmt: skip
    assert stage(config, 0.0) == (1, 0.0, 0.2, 0.0, 0.1, 1.0, True, 0.5)
    assert stage(config, 0.125) == pytest.approx((1, 0.25, 0.6, 0.0, 0.1, 1.0, True, 0.0))
    assert stage(config, 0.4) == pytest.approx((1, 0.8, 1.0, 0.0, 0.1, 1.0, False, 0.0))
    assert stage(config, 0.5) == pytest.approx((2, 0.0, 1.0, 0.1, 0.1, 1.0, False, 0.0))
    assert stage(config, 0.6) == pytest.approx((2, 0.2, 1.0, 0.55, 0.1, 0.64, False, 0.0))
    assert stage(config, 1.0) == pytest.approx((2, 1.0, 1.0, 1.0, 0.1, 0.1, False, 0.0))
    only = stage(TwoLevelConfig(phase_one=0.0), 0.0)
    assert (only.phase, only.labor_scale) == (2, 1.0)
    assert stage(TwoLevelConfig(phase_one=1.0), 0.999).phase == 1


def test_levels_and_cap() -> None:
    before = torch.full((1, 4), 0.3)
    rates = levels_to_rates(torch.tensor([[0, 1, 2, 21]]), before)
    assert rates[0].tolist() == pytest.approx([0.3, 0.0, 0.05, 1.0])
    assert int(within_cap(0.1, CPU).sum()) == 1 + 3
    assert bool(within_cap(1.0, CPU).all())


def test_rewards_of_lanes_sum_to_utility_and_worlds_follow_each_other() -> None:
    world = CompassWorld(Parameters(period=10, horizon=40, start_coin=20.0))
    lanes = Lanes(world, 6, CPU)
    lanes.start(7)
    assert lanes.time.tolist() == [0, 10, 20, 30, 0, 10]
    total, keep = torch.zeros(6, 4), torch.zeros(6, 7, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    begun = lanes.state.utility.clone()
    for t in range(40):
        mask = lanes.look()[1][WORKER]
        action = torch.where(mask, torch.rand(mask.shape, generator=generator), -1.0).argmax(-1)
        before = lanes.state
        step = lanes.step(action, keep, 1.0)
        total += step.reward
        assert step.ended.tolist() == [t == 39, t == 29, t == 19, t == 9, t == 39, t == 29]
        if t == 28:
            assert torch.allclose(total[1].double(), (lanes.state.utility - begun)[:, 1], atol=1e-4)
    assert lanes.time.tolist() == [0, 10, 20, 30, 0, 10]
    assert float(before.labor.sum()) > 0.0
    fresh = Lanes(world, 6, CPU)
    fresh.start(7 + 6)
    assert torch.equal(lanes.state.pay[:, 0], fresh.state.pay[:, 0])


def test_without_labor_cost_only_coin_counts() -> None:
    world = CompassWorld(Parameters(period=10, horizon=40))
    lanes, keep = Lanes(world, 4, CPU), torch.zeros(4, 7, dtype=torch.int64)
    lanes.start(0)
    mask = lanes.look()[1][WORKER]
    moves = torch.where(mask[..., 46:].any(-1), mask[..., 46:].float().argmax(-1) + 46, 0)
    assert float(lanes.step(moves, keep, 0.0).reward.abs().max()) == 0.0
    again = Lanes(world, 4, CPU)
    again.start(0)
    assert float(again.step(moves, keep, 0.5).reward.min()) < -0.1


def test_teacher_does_what_the_rule_does() -> None:
    world, rule = CompassWorld(), TaxWorld(observation="insight")
    lanes = Lanes(world, 4, CPU)
    lanes.start(0)
    mask = lanes.look()[1][WORKER]
    taught = Guide(world).actions(lanes, mask)
    workers = RuleWorkers(rule)
    seen = rule.observe(lanes.state, None, lanes.time, XP)[WORKER]
    expected, _ = workers.act(seen, workers.initial(lanes.scenario, XP), mask, lanes.time, XP)
    assert torch.equal(taught, expected.long())
    assert bool(mask.gather(-1, taught[..., None]).all())


def _side(memory: float, trace: float = 1.0) -> Side:
    taught = Taught(0.9, trace, 1, 1, 1.0, constant(0.01), None, temperature=0.5, memory=memory, imitation_rate=0.01)
    return Side(QNetwork(spaces.Box(-1, 1, (3,)), (1, 4), hidden=[8]), (4,), taught, CPU)


def test_choices_follow_the_softmax() -> None:
    side = _side(0.9)
    seen = torch.tensor([[0.1, -0.2, 0.3]]).expand(20_000, -1)
    mask = torch.tensor([True, True, False, True]).expand(20_000, 1, 4)
    uniforms = torch.rand((20_000, 1, 6), generator=torch.Generator().manual_seed(0))
    choice = side.choose(seen, mask, uniforms, 0.0)
    values = side.values(seen[:1])[0, 0]
    expected = torch.where(mask[0, 0], values / 0.5, -torch.inf).softmax(-1)
    shares = choice.picked.flatten().bincount(minlength=4) / 20_000
    assert float((shares - expected).abs().max()) < 0.015
    assert torch.allclose(choice.log / 0.5, expected.log()[choice.picked[:, 0]], atol=1e-5)
    assert float(choice.value[0]) == pytest.approx(0.5 * float((values / 0.5)[mask[0, 0]].exp().sum().log()), abs=1e-5)


def test_targets_are_those_of_munchausen() -> None:
    """One step: r + m tau log pi + gamma V; two steps: the second enters with its own log-probability taken off."""
    side = _side(0.75)
    reward, value = torch.tensor([[1.0], [2.0]]), torch.tensor([[5.0], [6.0], [7.0]])
    log, going = torch.tensor([[-0.4], [-0.8]]), torch.zeros(2, 1, dtype=torch.bool)
    last = 2.0 + 0.75 * -0.8 + 0.9 * 7.0
    first = 1.0 + 0.75 * -0.4 + 0.9 * (last + 0.8)
    assert side._targets(reward, going, value, log)[:, 0].tolist() == pytest.approx([first, last])
    ended = torch.tensor([[True], [True]])
    assert side._targets(reward, ended, value, log)[:, 0].tolist() == pytest.approx([0.7, 1.4])
    one_step = _side(0.75, trace=0.0)._targets(reward, going, value, log)[:, 0]
    assert one_step.tolist() == pytest.approx([1.0 - 0.3 + 0.9 * 6.0, last])


def test_a_side_learns_to_imitate() -> None:
    side, generator = _side(0.9), torch.Generator().manual_seed(0)
    side.imitating = True
    seen, mask = torch.randn((256, 3), generator=generator), torch.ones(256, 1, 4, dtype=torch.bool)
    taught = (seen[:, :1] > 0).long() * 3
    for _ in range(150):
        side.note(
            seen, Choice(taught, torch.zeros(256), torch.zeros(256)), torch.ones(256), torch.ones(256).bool(), mask
        )
        side.improve(torch.zeros(256), generator, 0.0)
    assert float((side.values(seen)[:, 0].argmax(-1) == taught[:, 0]).float().mean()) > 0.95
    assert float((side.worth(side.values(seen), mask) - 1.0).abs().mean()) < 0.3, "states are worth their returns"


def test_training_goes_through_both_phases_and_resumes_exactly(tmp_path: Path) -> None:
    whole = _agent().learn(8 * 160)
    assert whole.iterations == 32
    assert min(whole.workers.gradient_steps, whole.planner.gradient_steps) > 0
    folder = tmp_path / "run"
    first = _agent()

    def stop(agent: Any, metrics: Any) -> bool:
        return agent.iterations < 19  # within phase two, within a tax period

    first.learn(8 * 160, stop, checkpoint=folder)
    assert first.iterations == 19
    second = _agent().learn(8 * 160, checkpoint=folder, resume=True)
    assert not torch.equal(whole.network(1).head.weight, whole.network(2).head.weight)
    for name, tensor in whole.policy_tensors().items():
        assert torch.equal(tensor, second.policy_tensors()[name]), name


def test_seeds_and_files(tmp_path: Path) -> None:
    agent, other = _agent().learn(8 * 80), _agent(1)
    assert not torch.equal(agent.policy_tensors()["workers.head.weight"], other.policy_tensors()["workers.head.weight"])
    agent.save(tmp_path)
    loaded = load_agent(tmp_path, env=agent.model)
    seen = torch.randn(3, *agent.model.observation_space.shape or ())
    rates, _ = agent.predict(seen)
    assert torch.equal(rates, loaded.predict(seen)[0])
    assert rates.shape == (3, 7)
    assert bool(((rates * 20 - (rates * 20).round()).abs() < 1e-4).any(-1).all())
    joint = agent.joint()
    assert isinstance(joint, WithPolicies)
    assert len(evaluate(agent, joint, range(3)).returns) == 3


def test_network_on_the_grid_is_the_agents_own() -> None:
    world = CompassWorld()
    torch.manual_seed(0)
    space = world.roles[0].observation_space
    network = QNetwork(space, (1, 50), worker_scale(world.parameters), hidden=[32, 32], dueling=True).eval()
    workers = TrainedWorkers(world, grid_weights(network))
    state = world.initial(world.scenario(torch.arange(16)), XP)
    workers.initial(world.scenario(torch.arange(16)), XP)
    seen = world.observe(state, None, 0, XP)[WORKER]
    with torch.no_grad():
        own = network(network.prepare(seen.flatten(0, 1)))[:, 0].double()
    grid = workers.values(seen, XP).flatten(0, 1)
    off = (own - own.mean(-1, keepdim=True)) - (grid - grid.mean(-1, keepdim=True))
    assert float(off.abs().max()) < 5e-3


def test_shipping(tmp_path: Path) -> None:
    agent = _agent()
    path = ship(agent.workers.network, {"command": "none"}, "own", tmp_path)
    loaded, direct = load_weights(str(path)), Weights.of(named_arrays(agent.workers.network))
    assert all((a == b).all() for a, b in zip(loaded.layers[0], direct.layers[0], strict=True))
    assert (loaded.head[0] == direct.head[0]).all()
    assert path.stat().st_size < 60_000


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ScenariumError, match="planner's view"):
        TwoLevel("InventoryNet-v0")
    with pytest.raises(ScenariumError, match="divide the tax period"):
        _agent(steps=7)
    with pytest.raises(ScenariumError, match="imitation"):
        _agent(imitation=1.5)
    with pytest.raises(ScenariumError, match="phase one of this run"):
        _agent().network(1)
    network = QNetwork(CompassWorld().roles[0].observation_space, (1, 50), norm_input=True)
    with pytest.raises(ScenariumError, match="only networks"):
        grid_weights(network)
