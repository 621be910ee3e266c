"""Short ways to play a portfolio problem."""

from __future__ import annotations

import numpy as np
import torch

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets

SYNTHETIC = {
    "default": presets.portfolio_allocation,
    "paper": presets.paper,
    "a_share": presets.a_share,
    "randomized": presets.randomized,
    "regime": presets.regime,
    "gaussian": presets.gaussian,
}
"""The factories of the problems on made-up markets, by a short name."""


def play(model, weights, seed=3, periods=None):
    """The moments of one world under fixed weights, or a function of the observation."""
    act = weights if callable(weights) else lambda o: np.asarray(weights, np.float32)
    one = unroll(model, model.scenario(seed), lambda o, m, t: (model.encode(act(o), NUMPY), None), periods)
    return list(one)


def play_many(model, action, seeds, periods=None):
    scenario = model.scenario(torch.as_tensor(seeds))
    return list(unroll(model, scenario, lambda o, m, t: (action.expand(len(seeds), -1), None), periods))


def bars_of(model, seed):
    """Arithmetic returns of one world from the period 0 on: overnight and intraday [T, N]."""
    scenario, n = model.scenario(seed), model.names
    moves = np.stack([scenario.at(t).moves for t in range(model.horizon)])
    return moves[:, 1 : n + 1].astype(np.float64), moves[:, n + 2 : 2 * n + 2].astype(np.float64)


def equal(model):
    return np.array([0.0] + [1.0 / model.names] * model.names, np.float32)
