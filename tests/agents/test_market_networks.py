"""Networks for portfolios: what they read, their symmetry, where gradients flow, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenarium.agents import HDPO, PQN, SB3PPO, SB3SAC, StreamAC, StreamQ, StreamSARSA
from scenarium.agents.networks import build_encoder, build_policy
from scenarium.agents.networks.assets import AssetGNN, EIIEPolicy, correlation_edges
from scenarium.agents.networks.gnn import GNNPolicy
from scenarium.agents.networks.market import MOVE, MarketReader
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets

POLICIES = ("image", "shared", "eiie", "gnn")
EQUIVARIANT = POLICIES[1:]
VIEWS = ("dict", "flat", "paper")


def market(names=4, view="dict", **options):
    return presets.a_share(names, window=12, horizon=6, observation=view, action_mode="weights", **options)


def seen(model, worlds=3, period=3):
    """An observation some days on, of a portfolio that is not uniform."""
    names = model.names
    weights = torch.arange(1.0, names + 2).expand(worlds, -1) / sum(range(1, names + 2))
    scenario = model.scenario(torch.arange(worlds))
    return list(unroll(model, scenario, lambda o, m, t: (weights, None), period + 1))[-1].observation


def permuted(observation, order):
    """The same market with its names in another order."""
    cash_first = torch.cat([torch.zeros(1, dtype=torch.int64), order + 1])
    return {
        "image": observation["image"][:, :, order],
        "weights": observation["weights"][:, cash_first],
        "mask": observation["mask"][:, order],
        "aux": observation["aux"],
    }, cash_first


@pytest.mark.parametrize("view", ["dict", "flat"])
def test_the_parts_are_those_of_the_observation(view):
    model = market(view=view)
    parts, plain = MarketReader(model, "a test")(seen(model)), seen(market())
    torch.testing.assert_close(parts.image[:, 0], plain["image"][:, 0] / 0.08)
    torch.testing.assert_close(parts.image[:, 4], plain["image"][:, 4] / 0.5)
    torch.testing.assert_close(parts.weights, plain["weights"])
    torch.testing.assert_close(parts.names, plain["mask"])
    assert parts.rest.shape == (3, 8)


def test_the_papers_picture_holds_the_same_prices_and_weights():
    options = {"features": ("close", "high", "low", "open")}
    paper, plain = market(view="paper", **options), market(**options)
    mine, theirs = (MarketReader(model, "a test")(seen(model)) for model in (paper, plain))
    torch.testing.assert_close(mine.image, theirs.image, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mine.weights, theirs.weights)
    assert (mine.names.shape, mine.rest.shape) == ((3, 4, 0), (3, 0))


def test_moves_are_log_returns():
    model = market()
    reader, observation = MarketReader(model, "a test"), seen(model)
    expected = observation["image"][:, 0].diff(dim=-1) / MOVE
    torch.testing.assert_close(reader.moves(reader(observation).image), expected)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", POLICIES)
def test_first_portfolios_are_nearly_uniform(name, view):
    torch.manual_seed(0)
    options = {"features": ("close", "open")} if view == "paper" else {}
    model = market(view=view, **options)
    weights = build_policy(name, model)(seen(model))
    assert weights.shape == (3, 5)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert (weights - 0.2).abs().max() < 0.05


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_a_permutation_of_the_names_permutes_the_portfolio(name):
    torch.manual_seed(0)
    policy = build_policy(name, market(6), last_layer_scale=3.0).double()
    observation = {key: part.double() for key, part in seen(market(6)).items()}
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    other, cash_first = permuted(observation, order)
    before, after = policy(observation), policy(other)
    torch.testing.assert_close(after, before[:, cash_first], rtol=0, atol=1e-12)
    assert (after - before).abs().max() > 1e-3


def test_the_picture_knows_its_columns():
    torch.manual_seed(0)
    policy = build_policy("image", market(6), last_layer_scale=3.0)
    other, cash_first = permuted(seen(market(6)), torch.tensor([3, 0, 5, 1, 4, 2]))
    assert (policy(other) - policy(seen(market(6)))[:, cash_first]).abs().max() > 1e-3


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_weights_learnt_on_four_names_play_seven(name):
    small, large = build_policy(name, market(4)), build_policy(name, market(7))
    large.load_state_dict(small.state_dict())
    assert large(seen(market(7))).shape == (3, 8)


@pytest.mark.parametrize("name", POLICIES)
def test_every_weight_and_all_that_is_seen_has_a_gradient(name):
    torch.manual_seed(0)
    policy = build_policy(name, market())
    observation = {key: part.clone().requires_grad_() for key, part in seen(market()).items()}
    policy(observation).square().sum().backward()
    for parameter, value in policy.named_parameters():
        if value.numel():
            assert value.grad is not None, parameter
            assert value.grad.abs().sum() > 0, parameter
    for key, part in observation.items():
        assert part.grad is not None, key
        assert part.grad.abs().sum() > 0, key


def test_independent_evaluators_do_not_see_each_other_and_the_others_do():
    """Raising one name's prices scales the other names' weights alike where scores are independent."""
    for name, independent in (("eiie", True), ("shared", False), ("gnn", False)):
        torch.manual_seed(1)
        policy = build_policy(name, market(), last_layer_scale=3.0)
        observation = seen(market())
        changed = {**observation, "image": observation["image"].clone()}
        changed["image"][:, :, 0, :6] += 0.1
        ratio = (policy(changed) / policy(observation))[:, 2:]
        alike = bool(((ratio / ratio[:, :1] - 1.0).abs() < 1e-5).all())
        assert alike == independent, name


def test_edges_are_correlations():
    moves = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(0))
    edges = correlation_edges(moves)
    expected = np.corrcoef(moves[1].numpy())
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(edges[1], expected / 4, atol=1e-6)
    assert bool(correlation_edges(torch.zeros(1, 3, 9)).isfinite().all())


def test_names_of_policies_mean_what_the_problem_asks_for():
    assert isinstance(build_policy("gnn", market()), AssetGNN)
    assert isinstance(build_policy("gnn", make_model("InventoryNet-v0").native()), GNNPolicy)
    assert isinstance(build_policy("eiie", market()), EIIEPolicy)
    assert build_encoder("image", market(), size=7)(seen(market())).shape == (3, 7)
    for make, words in [
        (lambda: build_policy("image", make_model("Fishery-v0")), "'image' plays PortfolioAllocation; Fishery-v0"),
        (lambda: build_policy("shared", presets.paper(window=3)), "window of at least 4 days, not 3"),
        (lambda: build_policy("image", market(), channels=[]), "must be at least 1"),
        (lambda: build_policy("gnn", market(), rounds=0), "rounds is 0"),
        (lambda: build_policy("gnn", market(), with_=3), "argument of policy 'gnn'"),
        (lambda: build_encoder("imag", market()), "did you mean 'image'"),
    ]:
        with pytest.raises(ScenariumError, match=words):
            make()


@pytest.mark.parametrize("name", POLICIES)
def test_hdpo_learns_which_name_grows(name, tmp_path):
    """One of three names rises by 2 % a day, one falls: whatever the network, the portfolio moves to the first."""
    model = presets.gaussian(mean=[0.02, 0.0, -0.02], vol=[0.02] * 3, horizon=4)
    small = {"channels": [4, 4], "size": 16} if name == "image" else {"channels": 2, "width": 16}
    agent = HDPO(
        model, policy=name, seed=0, device="cpu", batch_size=32, learning_rate=0.02, dev_every=0, policy_kwargs=small
    )
    scenario = model.scenario(torch.arange(1_000, 1_200))

    def growth():
        moments = unroll(model, scenario, lambda o, m, t: agent.predict(o, m))
        with torch.no_grad():
            return float(sum(moment.outcome.reward.mean() for moment in moments)) / 4

    before = growth()
    agent.learn(32 * 4 * 80)
    assert abs(before) < 0.004
    assert growth() > 0.012
    agent.save(tmp_path)
    observation = model.observe(model.initial(scenario, scenario.xp), scenario.until(0), 0, scenario.xp)
    torch.testing.assert_close(HDPO.load(tmp_path, env=model).predict(observation)[0], agent.predict(observation)[0])


PPO = {"num_envs": 2, "algorithm": {"n_steps": 8, "batch_size": 8, "n_epochs": 1}, "device": "cpu"}
OFF = {"num_envs": 2, "algorithm": {"learning_starts": 8, "batch_size": 4, "buffer_size": 50}, "device": "cpu"}


@pytest.mark.parametrize(("kind", "settings"), [(SB3PPO, PPO), (SB3SAC, OFF)])
@pytest.mark.parametrize("env_id", ["PortfolioAllocationPaper-v0", "PortfolioAllocation-v0"])
def test_stable_baselines_agents_read_the_picture_and_come_back_from_their_files(kind, settings, env_id, tmp_path):
    kwargs = {"channels": [2], "size": 5, "net_arch": [6]}
    agent = kind(env_id, policy="image", policy_kwargs=kwargs, env_kwargs={"names": 3, "window": 8}, **settings)
    agent.learn(30)
    extractors = [m for m in agent._algorithm.policy.modules() if type(m).__name__ == "Extractor"]
    assert extractors
    assert all(e.features_dim == 5 and e.encoder.tower[0].out_channels == 2 for e in extractors)
    agent.save(tmp_path)
    loaded = kind.load(tmp_path, device="cpu")
    model = agent.model
    scenario = model.scenario(torch.arange(4))
    observation = model.observe(model.initial(scenario, scenario.xp), scenario.until(0), 0, scenario.xp)
    action = agent.predict(observation)[0]
    assert action.shape == (4, 4)
    assert float(action.abs().max()) <= 10.0
    torch.testing.assert_close(loaded.predict(observation)[0], action)


def test_a_stable_baselines_agent_says_what_it_does_not_know():
    with pytest.raises(ScenariumError, match="'image' or 'shared' for portfolios"):
        SB3PPO("PortfolioAllocationPaper-v0", policy="gnn", device="cpu")
    with pytest.raises(ScenariumError, match="'image' plays PortfolioAllocation"):
        SB3PPO("Fishery-v0", policy="image", device="cpu")


def menu_weights(agent):
    """The portfolios a discrete agent chooses from, cash first."""
    return agent._actions.decode(torch.arange(len(agent.config.menu))[:, None]).softmax(1)


def test_the_menu_is_what_it_says():
    weights = menu_weights(PQN("PortfolioAllocation-v0", device="cpu"))
    share = 1.0 - weights[:5, 0]
    torch.testing.assert_close(share, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), atol=5e-3, rtol=0)
    torch.testing.assert_close(weights[1:5, 1:] / share[1:5, None], torch.full((4, 10), 0.1), atol=1e-4, rtol=0)
    single, up, down = weights[5:, 1:].reshape(3, 10, 10)
    torch.testing.assert_close(single, torch.eye(10), atol=1e-4, rtol=0)
    torch.testing.assert_close(up, (1 + torch.eye(10)) / 11, atol=1e-3, rtol=0)
    torch.testing.assert_close(down, (1 - torch.eye(10)) / 9, atol=1e-4, rtol=0)


def test_among_names_that_are_alike_the_choice_is_cash_or_all():
    cash, all_names = menu_weights(PQN("PortfolioAllocationRegime-v0", device="cpu"))
    assert float(cash[0]) == pytest.approx(1.0, abs=1e-6)
    torch.testing.assert_close(all_names[1:], torch.full((10,), 0.1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("policy", ["mlp", "shared", "image"])
def test_pqn_plays_the_menu_and_comes_back_from_its_files(policy, tmp_path):
    small = {"channels": [2], "size": 5} if policy == "image" else {"channels": 2, "width": 4}
    kwargs = {"hidden": [8], **(small if policy != "mlp" else {})}
    settings = {"num_envs": 4, "steps": 4, "minibatches": 2, "device": "cpu"}
    agent = PQN("PortfolioAllocationRegime-v0", policy=policy, policy_kwargs=kwargs, **settings).learn(48)
    agent.save(tmp_path)
    model = agent.model
    scenario = model.scenario(torch.arange(3))
    observation = model.observe(model.initial(scenario, scenario.xp), scenario.until(0), 0, scenario.xp)
    action = agent.predict(observation)[0]
    assert {tuple(row) for row in action.tolist()} <= {
        tuple(row) for row in torch.tensor(agent.config.menu, dtype=torch.float32).tolist()
    }
    torch.testing.assert_close(PQN.load(tmp_path, device="cpu").predict(observation)[0], action)
    with pytest.raises(ScenariumError, match="argument of policy"):
        PQN("PortfolioAllocationRegime-v0", policy=policy, policy_kwargs={"hiden": [3]}, device="cpu")


@pytest.mark.parametrize("kind", [StreamQ, StreamSARSA, StreamAC])
def test_streaming_agents_play_portfolios(kind):
    agent = kind("PortfolioAllocationRegime-v0", device="cpu", policy_kwargs={"hidden": [4]}).learn(40)
    observation = agent.model.observation_space.sample()
    assert agent.model.action_space.contains(agent.predict(observation)[0])
