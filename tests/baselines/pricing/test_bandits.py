from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from scenarium.baselines.pricing.bandits import BetaBernoulli, LogisticThompson
from scenarium.envs.core.errors import ScenariumError

ARMS = np.array([0.45, 0.55, 0.60])


def test_router_pulls_the_better_arms_as_the_thesis_reports() -> None:
    pulls = []
    for seed in range(12):
        coin, router = np.random.default_rng(100 + seed), BetaBernoulli(3, seed=seed)
        pulls.append(router.run(lambda arm, coin=coin: float(coin.random() < ARMS[arm]), 2000))  # type: ignore[misc]
    mean = np.mean(pulls, axis=0)
    assert mean.sum() == 2000
    # Reported of a single run: 70, 305 and 1625.
    assert 30 < mean[0] < 140
    assert 150 < mean[1] < 600
    assert 1350 < mean[2] < 1800


def test_router_counts_what_it_is_told() -> None:
    router = BetaBernoulli(2, (2.0, 3.0))
    router.learn([0, 1, 1, 1], [1, 0, 1, 0.5])
    np.testing.assert_array_equal(router.successes, [3.0, 3.5])
    np.testing.assert_array_equal(router.failures, [3.0, 4.5])
    np.testing.assert_array_equal(router.pulls, [1.0, 3.0])
    np.testing.assert_array_equal(BetaBernoulli(3, seed=4).choose(9), BetaBernoulli(3, seed=4).choose(9))


def test_logistic_posterior_finds_the_weights_and_narrows() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(40_000), rng.normal(size=40_000)])
    bought = rng.random(40_000) < expit(x @ [-1.0, 0.7])
    learner = LogisticThompson(2)
    for block in range(4):
        part = slice(block * 10_000, (block + 1) * 10_000)
        learner.learn(x[part], bought[part])
    np.testing.assert_allclose(learner.mean, [-1.0, 0.7], atol=0.05)
    assert (np.diag(learner.precision) > 1000).all()
    np.testing.assert_allclose(np.cov(learner.sample(20_000).T), np.linalg.inv(learner.precision), rtol=0.1, atol=1e-6)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ScenariumError, match="at least one arm"):
        BetaBernoulli(0)
    with pytest.raises(ScenariumError, match="precision"):
        LogisticThompson(3, precision=0.0)
