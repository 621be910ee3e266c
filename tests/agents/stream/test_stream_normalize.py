"""Running statistics against NumPy, per stream, and reward scaling against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenarium.agents.stream.normalize import RewardScale, Welford

CPU = torch.device("cpu")


def test_mean_and_variance_match_numpy() -> None:
    samples = np.random.default_rng(0).normal(1e6, 3.0, (500, 2, 4))  # a large mean is what naive sums fail on
    moments = Welford(2, 4, CPU)
    for sample in samples:
        moments.update(torch.as_tensor(sample))
    deviation = 1.0 / np.sqrt(samples.var(0, ddof=1) + 1e-8)
    assert np.allclose(moments.mean, samples.mean(0), rtol=1e-12)
    assert np.allclose(moments.scale, deviation, rtol=1e-8)
    expected = (samples[-1] - samples.mean(0)) * deviation
    assert np.allclose(moments.centred(torch.as_tensor(samples[-1])), expected, atol=1e-5)
    assert np.allclose(
        moments.centred_by(1, torch.as_tensor(samples[:, 1])),
        (samples[:, 1] - samples[:, 1].mean(0)) * deviation[1],
        atol=1e-5,
    )


def test_the_variance_is_one_until_there_are_two_samples() -> None:
    moments = Welford(1, 2, CPU)
    first = torch.tensor([[3.0, -5.0]], dtype=torch.float64)
    moments.update(first)
    assert moments.scale[0].tolist() == pytest.approx([1.0, 1.0], rel=1e-7)
    assert not moments.centred(first).any()
    moments.update(first + 2.0)
    assert moments.scale[0].tolist() == pytest.approx([1 / np.sqrt(2.0)] * 2, rel=1e-7)


def test_a_mask_leaves_the_other_streams_as_they_are() -> None:
    rng = np.random.default_rng(1)
    moments, lists = Welford(3, 2, CPU), [[], [], []]  # type: ignore[var-annotated]
    for _ in range(40):
        sample, mask = rng.normal(size=(3, 2)), rng.random(3) < 0.5
        moments.update(torch.as_tensor(sample), torch.as_tensor(mask))
        for stream in np.flatnonzero(mask):
            lists[stream].append(sample[stream])
    for stream, seen in enumerate(lists):
        assert moments.count[stream, 0] == len(seen)
        assert np.allclose(moments.mean[stream], np.mean(seen, 0))
        assert np.allclose(moments.scale[stream], 1 / np.sqrt(np.var(seen, 0, ddof=1) + 1e-8))


def test_rewards_are_divided_by_the_deviation_of_their_running_sum() -> None:
    rng = np.random.default_rng(2)
    scale, total, sums = RewardScale(1, 0.9, CPU), 0.0, []
    for _ in range(100):
        reward, ended = rng.normal(2.0), rng.random() < 0.1
        total = 0.9 * total * (1 - ended) + reward
        sums.append(total)
        variance = np.var(sums, ddof=1) if len(sums) > 1 else 1.0
        scaled = scale(torch.tensor([reward]), torch.tensor([ended]))
        assert float(scaled) == pytest.approx(reward / np.sqrt(variance + 1e-8), rel=1e-6)
    assert float(scale.deviation(0)) == pytest.approx(np.std(sums, ddof=1), rel=1e-6)
