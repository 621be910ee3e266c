"""The networks: where the normalisation stands, how weights start, and what the memory does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn
from torch.nn import functional

from scenarium.agents.networks.features import FlatFeatures
from scenarium.agents.networks.values import QNetwork, RecurrentQNetwork, linear
from scenarium.envs.core.errors import ScenariumError

BOX = spaces.Box(-1.0, 1.0, (6,), np.float32)


def test_layer_norm_stands_between_the_linear_map_and_the_relu() -> None:
    network = QNetwork(BOX, (1, 3), hidden=(8, 8))
    kinds = [type(layer) for layer in network.encoder]
    assert kinds == [nn.Linear, nn.LayerNorm, nn.ReLU] * 2
    x = torch.randn(5, 6)
    first, norm = network.encoder[0], network.encoder[1]
    hidden = functional.layer_norm(x @ first.weight.T + first.bias, (8,), norm.weight, norm.bias).relu()
    assert torch.allclose(network.encoder[:3](x), hidden, atol=1e-6)
    assert norm.weight.requires_grad
    assert network(x).shape == (5, 1, 3)


def test_batch_norm_of_the_input_uses_running_statistics_when_acting() -> None:
    network = QNetwork(BOX, (1, 2), hidden=(4,), norm_input=True)
    assert network.encoder[0].momentum == 0.01
    x = 3.0 + 2.0 * torch.randn(64, 6)
    network.eval()
    assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-6)
    network.train()
    network(x)
    assert torch.allclose(network.encoder[0].running_mean, 0.01 * x.mean(0), atol=1e-6)


def test_lecun_weights_have_the_variance_and_the_cut() -> None:
    layer = linear(100, 2000, "lecun_normal")
    assert float(layer.weight.detach().std()) == pytest.approx(0.1, rel=0.02)
    assert float(layer.weight.detach().abs().max()) <= 0.2 / 0.8796 + 1e-6
    assert not layer.bias.any()


def test_orthogonal_weights_have_gain_root_two() -> None:
    weight = linear(8, 4, "orthogonal").weight
    assert torch.allclose(weight @ weight.T, 2.0 * torch.eye(4), atol=1e-5)


def test_the_memory_is_a_gated_recurrent_unit() -> None:
    network = RecurrentQNetwork(BOX, (2, 3), hidden=(5,))
    cell = nn.GRUCell(5 + 6, 5)
    cell.weight_ih.data, cell.bias_ih.data = network.inward.weight.data, network.inward.bias.data
    cell.weight_hh.data, cell.bias_hh.data = network.onward.weight.data, torch.randn(15)
    network.onward.bias.data = cell.bias_hh.data
    x, last, memory = torch.randn(4, 6), torch.rand(4, 6), torch.randn(4, 5)
    ours = network.remember(network.drive(x, last), memory)
    assert torch.allclose(ours, cell(torch.cat([network.encoder(x), last], -1), memory), atol=1e-6)


def test_a_dueling_head_adds_a_level_to_advantages_whose_mean_is_zero() -> None:
    space = spaces.Box(-1.0, 1.0, (3,), np.float32)
    network = QNetwork(space, (2, 5), hidden=(8,), dueling=True)
    features = torch.randn(7, 3)
    values = network(features)
    assert network.level is not None
    level = network.level(network.encoder(features))
    torch.testing.assert_close(values.mean(-1), level)
    raw = network.head(network.encoder(features)).reshape(7, 2, 5)
    torch.testing.assert_close(values.diff(dim=-1), raw.diff(dim=-1))
    assert QNetwork(space, (2, 5), hidden=(8,)).level is None


def test_features_follow_the_space() -> None:
    box = spaces.Box(-9, 9, (2, 2))
    space = spaces.Dict({"b": spaces.Discrete(3, start=5), "a": box})
    features = FlatFeatures(space, {"a": np.full((2, 2), 2.0), "b": 7.0})
    seen = features({"a": torch.arange(4).reshape(1, 2, 2), "b": torch.tensor([6])})
    # Gymnasium sorts the keys of a Dict made from a dict; one-hot features keep their size.
    expected = {"a": [0.0, 0.5, 1.0, 1.5], "b": [0.0, 1.0, 0.0]}
    assert seen.tolist() == [[number for name in space.spaces for number in expected[name]]]
    assert features.size == 7


def test_symlog_features_grow_slowly_and_keep_their_sign() -> None:
    seen = FlatFeatures(spaces.Box(-9, 9, (3,)), symlog=True)(torch.tensor([[-math.expm1(2.0), 0.0, math.expm1(3.0)]]))
    assert seen[0].tolist() == pytest.approx([-2.0, 0.0, 3.0], abs=1e-6)


def test_what_cannot_be_flattened_is_refused() -> None:
    with pytest.raises(ScenariumError, match="cannot be flattened"):
        FlatFeatures(spaces.Dict({"text": spaces.Text(5)}))
