"""Closed forms against loops, laws against their moments, NumPy against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.portfolio import processes as p

XP = torch_namespace("cpu")


def test_running_sums_and_maxima_agree():
    x = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    for axis in (0, 1):
        np.testing.assert_allclose(NUMPY.cumsum(x, axis), XP.cumsum(torch.tensor(x), axis), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(NUMPY.cummax(x, axis), XP.cummax(torch.tensor(x), axis))
    np.testing.assert_allclose(NUMPY.log1p(x * x), XP.log1p(torch.tensor(x * x)), rtol=1e-6)


def test_a_garch_path_is_that_of_the_recursion():
    z = np.random.default_rng(1).standard_t(5, size=(2400, 3)) * np.sqrt(3 / 5)
    expected = np.ones_like(z)
    for t in range(1, len(z)):
        expected[t] = 0.02 + (0.1 * z[t - 1] ** 2 + 0.88) * expected[t - 1]
    np.testing.assert_allclose(p.garch(z, 0.1, 0.88, NUMPY), expected, rtol=1e-10)


def test_an_autoregression_is_that_of_the_recursion():
    e = np.random.default_rng(1).normal(size=(2400, 2))
    expected, x = np.zeros_like(e), np.zeros(2)
    for t in range(len(e)):
        x = expected[t] = 0.79 * x + e[t]
    np.testing.assert_allclose(p.autoregression(e, 0.79, NUMPY), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dof", [3.5, 5.0])
def test_innovations_follow_the_student_law(dof):
    x = p.student(NUMPY, p.draw(NUMPY, 3, 1, 200_000, 1), dof, largest=1e9)[:, 0] * np.sqrt(dof / (dof - 2))
    assert stats.kstest(x, stats.t(dof).cdf).pvalue > 0.01
    assert np.abs(p.student(NUMPY, p.draw(NUMPY, 3, 1, 50_000, 1), dof)).max() == 8.0


def test_the_chain_has_its_durations_and_occupancy():
    state = p.two_states(NUMPY, p.draw(NUMPY, 4, 1, 400_000, 1), (1 / 59, 1 / 15.5))[:, 0]
    assert set(np.unique(state)) == {0.0, 1.0}
    assert state.mean() == pytest.approx(15.5 / 74.5, abs=0.01)
    left_calm = ((state[:-1] == 0) & (state[1:] == 1)).sum() / (state[:-1] == 0).sum()
    left_storm = ((state[:-1] == 1) & (state[1:] == 0)).sum() / (state[:-1] == 1).sum()
    assert left_calm == pytest.approx(1 / 59, rel=0.05)
    assert left_storm == pytest.approx(1 / 15.5, rel=0.05)


def test_spells_have_their_frequency_and_length():
    law = p.Spells(0.002, 6.7, 45)
    inside = p.spells(NUMPY, p.draw(NUMPY, 4, 1, 2000, 300), law)
    starts = (np.diff(inside, axis=0) == 1).sum()
    assert inside.mean() == pytest.approx(0.002 * 6.6, rel=0.05)
    assert inside.sum() / starts == pytest.approx(6.7, rel=0.05)
    assert p.spells(NUMPY, p.draw(NUMPY, 4, 1, 500, 3), law, 0.0).sum() == 0.0


def test_one_world_and_many_agree():
    one = p.draw(NUMPY, 2**40 + 5, 7, 20, 3)
    many = p.draw(XP, torch.tensor([1, 2**40 + 5]), 7, 20, 3)
    np.testing.assert_array_equal(one, many[..., 1])
    np.testing.assert_allclose(p.student(NUMPY, one, 4.0), p.student(XP, many, 4.0)[..., 1], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(p.two_states(NUMPY, one, (0.1, 0.2)), p.two_states(XP, many, (0.1, 0.2))[..., 1])
    law = p.Spells(0.1, 3.0, 9)
    np.testing.assert_array_equal(p.spells(NUMPY, one, law), p.spells(XP, many, law)[..., 1])
