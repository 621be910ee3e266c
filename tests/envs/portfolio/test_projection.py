"""The projection keeps what the mandate and the market allow, and passes gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.portfolio.projection import Limits, Tradable, project

weights = (
    st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5).map(lambda w: np.array(w) + 1e-3).map(lambda w: w / w.sum())
)
flags = st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=4).map(np.array)


@settings(max_examples=200, deadline=None)
@given(weights, weights, st.sampled_from([0.15, 0.4, 1.0]), st.sampled_from([0.0, 0.1]), st.sampled_from([None, 0.3]))
def test_the_mandate_holds(target, held, cap, floor, turnover):
    got, fixed = project(target, held, Limits(cap, floor, turnover), None, NUMPY)
    assert fixed is None
    assert got.sum() == pytest.approx(1.0)
    assert (got >= -1e-12).all()
    traded = np.abs(got[1:] - held[1:]).sum()
    if turnover is None:
        assert (got[1:] <= cap + 1e-12).all()
        assert got[0] >= floor - 1e-9
    else:
        assert traded <= turnover + 1e-9


@settings(max_examples=300, deadline=None)
@given(weights, weights, flags, flags, st.sampled_from([0.0, 0.1]))
def test_what_cannot_be_traded_is_left_alone(target, held, buy, sell, floor):
    got, fixed = project(target, held, Limits(cash_floor=floor), Tradable(buy, sell), NUMPY)
    change = got[1:] - held[1:]
    assert got.sum() == pytest.approx(1.0)
    assert (got >= -1e-9).all()
    assert (change[buy == 0] <= 1e-12).all()
    assert (change[sell == 0] >= -1e-12).all()
    np.testing.assert_allclose(got[1:][fixed == 1], held[1:][fixed == 1], atol=1e-12)
    assert (fixed[(buy == 0) & (sell == 0)] == 1).all()
    assert got[0] >= min(held[0], floor) - 1e-9


def test_nothing_bound_returns_the_target_itself():
    target = np.array([0.2, 0.5, 0.3])
    assert project(target, target[::-1], Limits(), None, NUMPY)[0] is target


def test_exact_cases():
    held, target = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.7, 0.3])
    np.testing.assert_allclose(project(target, held, Limits(cap=0.4), None, NUMPY)[0], [0.3, 0.4, 0.3])
    np.testing.assert_allclose(project(target, held, Limits(cash_floor=0.5), None, NUMPY)[0], [0.5, 0.35, 0.15])
    np.testing.assert_allclose(project(target, held, Limits(turnover=0.1), None, NUMPY)[0], [0.9, 0.07, 0.03])
    # A sale that cannot be made leaves no money for the purchase.
    stuck, _ = project(
        np.array([0.0, 0.0, 1.0]),
        np.array([0.0, 1.0, 0.0]),
        Limits(),
        Tradable(np.ones(2), np.array([0.0, 1.0])),
        NUMPY,
    )
    np.testing.assert_allclose(stuck, [0.0, 1.0, 0.0])


def test_gradients_pass():
    xp = torch_namespace("cpu")
    generator = torch.Generator().manual_seed(0)
    target, held = (torch.rand(5, 7, dtype=torch.float64, generator=generator) + 0.1 for _ in range(2))
    buy, sell = ((torch.rand(4, 7, generator=generator) < 0.7).double() for _ in range(2))

    def go(t, h):
        t, h = t / t.sum(0), h / h.sum(0)
        return project(t, h, Limits(0.3, 0.05, 0.5), Tradable(buy, sell), xp)[0]

    assert torch.autograd.gradcheck(go, (target.requires_grad_(), held.requires_grad_()), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"cap": 0.0}, "cap is 0.0"), ({"cash_floor": 1.0}, "cash_floor is 1.0"), ({"turnover": 0.0}, "turnover is 0.0")],
)
def test_limits_out_of_range_are_refused(limits, message):
    with pytest.raises(ScenariumError, match=message):
        Limits(**limits)
