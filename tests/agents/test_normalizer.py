from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.agents.core.normalizer import Normalizer


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.floats(-1e4, 1e4), st.integers(0, 9))
def test_statistics_of_batches_are_those_of_all_samples(sizes: list[int], offset: float, seed: int) -> None:
    data = np.random.default_rng(seed).normal(offset, 3.0, (sum(sizes), 2))
    normalizer = Normalizer(2)
    for part in np.split(data, np.cumsum(sizes)[:-1]):
        normalizer.update(torch.as_tensor(part))
    np.testing.assert_allclose(normalizer.mean, data.mean(0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(normalizer.variance, data.var(0), rtol=1e-7, atol=1e-9)


def test_forward_changes_nothing_and_is_the_identity_before_any_update() -> None:
    normalizer = Normalizer(3)
    x = torch.tensor([[1.0, -2.0, 3.0]])
    before = {name: value.clone() for name, value in normalizer.state_dict().items()}
    assert torch.equal(normalizer(x), x)
    for name, value in normalizer.state_dict().items():
        assert torch.equal(value, before[name])


def test_scaled_training_data_have_mean_zero_and_variance_one() -> None:
    normalizer = Normalizer(1)
    x = torch.linspace(-5.0, 20.0, 101)[:, None]
    normalizer.update(x)
    scaled = normalizer(x)
    assert abs(float(scaled.mean())) < 1e-5
    assert abs(float(scaled.var(correction=0)) - 1.0) < 1e-4
