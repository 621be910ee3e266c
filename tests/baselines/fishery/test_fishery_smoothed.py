"""Smoothing a policy by a Gaussian process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.baselines import load_baseline, make_baseline
from scenarium.baselines.fishery.smoothed import GaussianProcess, smoothed, thin_grids, visited
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.fishery.model import Fishery

pytest.importorskip("sklearn", reason="smoothing needs scikit-learn")


class Noisy:
    """A policy whose mortality is linear in its species' stock, with noise on every prediction."""

    def __init__(self, spread: float) -> None:
        self.spread = spread

    def predict(self, observation: Any, state: Any = None, *_: Any, **__: Any) -> tuple[Any, Any]:
        stocks = np.asarray(observation)[..., :2] * 4.0
        noise = np.random.default_rng(len(stocks)).normal(0.0, self.spread, stocks.shape)
        action = np.clip(0.05 + 0.3 * stocks + noise, 0.0, 1.0).astype(np.float32)
        return (torch.as_tensor(action) if isinstance(observation, torch.Tensor) else action), state


@pytest.fixture(scope="module")
def policy() -> GaussianProcess:
    return smoothed(Noisy(0.05), "Fishery-v0", worlds=32, points=(11, 3))


def test_grids_are_long_in_one_species_each_and_span_the_window() -> None:
    low, high = np.array([0.2, 0.4, 0.6]), np.array([0.6, 0.8, 1.2])
    points = thin_grids(low, high, 51, 5)
    assert points.shape == (3 * 51 * 5 * 5, 3)
    first = points[: 51 * 25]
    np.testing.assert_allclose(np.unique(first[:, 0]), np.linspace(0.0, 1.0, 51), atol=1e-12)
    # The window itself, not its relative width around the middle.
    np.testing.assert_allclose(np.unique(first[:, 1]), np.linspace(0.4, 0.8, 5))
    np.testing.assert_allclose(np.unique(first[:, 2]), np.linspace(0.6, 1.2, 5))


def test_the_window_is_where_the_policy_goes() -> None:
    model = make_model("Fishery-v0")
    assert isinstance(model, Fishery)
    low, high = visited(make_baseline("constant_mortality", model), model, 64)
    assert np.all(low < high)
    assert np.all(low > 0.05)
    assert np.all(high < 1.5)


def test_smoothing_takes_the_noise_away(policy: GaussianProcess) -> None:
    stocks = torch.tensor([[0.4, 0.5, 0.6], [0.6, 0.4, 0.5], [0.5, 0.6, 0.8]])
    action, _ = policy.predict(stocks / 4.0)
    np.testing.assert_allclose(action, 0.05 + 0.3 * stocks[:, :2], atol=0.03)


def test_the_mean_is_that_of_scikit_learn(policy: GaussianProcess) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    twin = smoothed(Noisy(0.0), "Fishery-v0", worlds=32, points=(7, 3), optimise=False)
    points = np.array(twin.parameters["points"])
    targets = np.clip(0.05 + 0.3 * points[:, 0], 0.0, 1.0)
    process = GaussianProcessRegressor(ConstantKernel(1.0) * RBF(10.0) + WhiteKernel(0.1), optimizer=None)
    process.fit(points, targets - targets.mean())
    stocks = np.array([[0.3, 0.5, 0.6], [0.7, 0.4, 0.5]])
    action, _ = twin.predict((stocks / 4.0).astype(np.float32))
    np.testing.assert_allclose(action[:, 0], process.predict(stocks) + targets.mean(), atol=2e-3)


def test_a_smoothed_policy_is_saved_and_loaded(policy: GaussianProcess, tmp_path: Path) -> None:
    policy.save(tmp_path)
    observation = np.array([[0.1, 0.12, 0.2]], np.float32)
    np.testing.assert_array_equal(load_baseline(tmp_path).predict(observation)[0], policy.predict(observation)[0])


def test_what_cannot_be_smoothed_is_said() -> None:
    with pytest.raises(ScenariumError, match="must not see the year"):
        smoothed(Noisy(0.1), "Fishery-Timed-v0")
    with pytest.raises(ScenariumError, match="smoothing is for fisheries"):
        smoothed(Noisy(0.1), "InventoryNet-v0")
    with pytest.raises(ScenariumError, match="weights has shape"):
        make_baseline(
            "gaussian_process", "Fishery-v0", points=[[0.1, 0.2, 0.3]], weights=[1.0], lengths=[1, 1], offsets=[0, 0]
        )
