"""The one-step economy: published table, exact answers, the search, Saez's formula, and the smooth twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.tax.one_step import OneStepParameters, TaxOneStep, small
from scenarium.envs.tax.optimum.one_step import saez_schedule, search, welfare_of
from scenarium.envs.tax.parameters import CUTOFFS, US_FEDERAL
from scenarium.envs.tax.saez import estimate_elasticity, saez_rates

XP = torch_namespace("cpu")
HUNDRED = OneStepParameters()
FLAT = OneStepParameters(workers=100, most=3.0, labor_cost=0.012, labor_power=2.0, cutoffs=CUTOFFS)
FREE, BEST = (0.0,) * 7, (0.8, 0.9, 0.85, 0.85, 0.75, 0.8, 0.55)


@pytest.mark.parametrize(
    ("parameters", "rates", "product", "weighted"),
    [
        (HUNDRED, FREE, 435_217, 280.7),
        (HUNDRED, US_FEDERAL, 368_074, 1344.6),
        (HUNDRED, BEST, 281_740, 2069.5),
        (HUNDRED, (0.0, 0.5, 0.6, 0.6, 0.65, 0.65, 0.5), 319_210, 1915.9),
        (small(), FREE, 451.6, 43.33),
        (small(), US_FEDERAL, 344.5, 45.74),
        (small(), (0.6, 0.0, 0.0, 0.45, 0.0, 0.8, 1.0), 412.9, 48.69),
        (FLAT, FREE, 11_176.5, 40.02),
        (FLAT, US_FEDERAL, 8_661.4, 44.48),
    ],
)
def test_published_table(parameters: OneStepParameters, rates: Any, product: float, weighted: float) -> None:
    model = TaxOneStep(parameters)
    found = model.respond(np.array(rates), NUMPY)
    assert found.income.sum() == pytest.approx(product, abs=0.5 if product > 1e5 else 0.05)
    assert float(model.welfare(found, NUMPY)) == pytest.approx(weighted, abs=0.051 if weighted > 100 else 0.005)


def test_equality_times_productivity_of_four() -> None:
    model = TaxOneStep(small(), reward="eq_prod")
    assert model.skills == pytest.approx([1.128, 1.321, 1.650, 2.256], abs=5e-4)
    assert welfare_of(model, np.array([FREE, US_FEDERAL])) == pytest.approx([69.70, 61.53], abs=0.005)


def test_answers_are_best_and_free_of_income_effects() -> None:
    model, rng = TaxOneStep(small()), np.random.default_rng(0)
    for _ in range(20):
        rates = rng.random(7)
        found = model.respond(rates, NUMPY)
        for i, wage in enumerate(model.skills):
            income = wage * np.arange(101)
            ends = np.append(CUTOFFS[1:], np.inf)
            tax = [
                sum(r * max(0.0, min(z, b) - a) for r, a, b in zip(rates, CUTOFFS, ends, strict=True)) for z in income
            ]
            best = np.argmax(income - tax - 0.012 * np.arange(101) ** 2.0)
            assert found.income[i] == pytest.approx(income[best])
        assert found.coin.sum() == pytest.approx(found.income.sum())
        assert found.tax.sum() == pytest.approx((found.income - found.coin).sum() + found.tax.sum())


def test_linear_tax_has_the_closed_form() -> None:
    model = TaxOneStep()
    p = model.parameters
    assert p.elasticity == pytest.approx(0.4)
    for rate in (0.0, 0.3, 0.6):
        hours = model.respond(np.full(7, rate), NUMPY).income / model.skills
        exact = ((1.0 - rate) * model.skills / (p.labor_cost * p.labor_power)) ** p.elasticity
        np.testing.assert_allclose(hours, np.minimum(exact, 100.0), atol=0.51)


def test_no_single_change_beats_the_best_known_schedule() -> None:
    model, best = TaxOneStep(), np.array(BEST)
    tried = np.repeat(best[None], 7 * 21, 0)
    tried[np.arange(147), np.repeat(np.arange(7), 21)] = np.tile(np.arange(21) / 20.0, 7)
    assert float(welfare_of(model, tried).max()) == pytest.approx(float(welfare_of(model, best)), abs=1e-9)


@pytest.mark.slow
def test_search_finds_the_best_known_schedule() -> None:
    found = search(TaxOneStep(), restarts=1)
    assert found.welfare == pytest.approx(2069.45, abs=0.01)
    np.testing.assert_allclose(found.rates, BEST, atol=1e-12)


def test_search_between_the_grid_points_is_no_worse() -> None:
    model = TaxOneStep(small())
    grid, fine = search(model, restarts=4), search(model, restarts=4, finest=0.001)
    assert grid.welfare == pytest.approx(48.689, abs=0.001)
    assert fine.welfare > 49.0
    assert float(welfare_of(model, fine.rates)) == fine.welfare


def test_saez_schedule_of_a_hundred() -> None:
    found = saez_schedule(TaxOneStep())
    assert found.welfare == pytest.approx(1982.5, abs=1.0)
    assert (np.diff(found.rates[:6]) < 0.0).all()


@pytest.mark.parametrize(
    ("elasticity", "expected"),
    [
        (0.2, [0.164, 0.446, 0.326, 0.182, 0.087, 0.559, 1.0]),
        (0.5, [0.089, 0.250, 0.167, 0.087, 0.048, 0.542, 1.0]),
        (1.0, [0.051, 0.144, 0.092, 0.047, 0.033, 0.537, 1.0]),
    ],
)
def test_saez_formula_golden(elasticity: float, expected: list[float]) -> None:
    incomes = [20.0, 30.0, 60.0, 180.0]
    np.testing.assert_allclose(saez_rates(incomes, elasticity, CUTOFFS), expected, atol=6e-4)
    ours = saez_rates(incomes, elasticity, CUTOFFS, top="last")
    np.testing.assert_allclose(ours[:4], expected[:4], atol=6e-4)
    assert ours[-1] < 0.1
    assert saez_rates(incomes, elasticity, CUTOFFS, cap=0.3).max() == 0.3


def test_elasticity_is_recovered() -> None:
    rng = np.random.default_rng(0)
    tau = rng.random(400) * 0.9
    incomes = 100.0 * (1.0 - tau) ** 0.7
    assert estimate_elasticity(incomes, tau, keep=0.0) == pytest.approx(0.7, abs=1e-6)
    assert estimate_elasticity(incomes, tau) == pytest.approx(0.98 * 0.5 + 0.02 * 0.7)
    assert estimate_elasticity(incomes[:9], tau[:9], before=0.3) == 0.3
    assert estimate_elasticity(incomes, tau * 0.0, before=0.3) == 0.3
    assert estimate_elasticity(1.0 / incomes, tau, keep=0.0) == 0.0


def test_many_worlds_agree_with_one_and_levels_with_shares() -> None:
    shares, levels = TaxOneStep(), TaxOneStep(rates="levels")
    choices = torch.randint(0, 21, (5, 7), generator=torch.Generator().manual_seed(0))
    scenario = shares.scenario(torch.arange(5))
    state = shares.initial(scenario, XP)
    assert shares.observe(state, None, 0, XP).shape == (5, 1)
    _, many = shares.step(state, choices / 20.0, None, 0, XP)
    _, same = levels.step(state, choices, None, 0, XP)
    torch.testing.assert_close(many.reward, same.reward)
    for lane in range(5):
        _, one = levels.step(levels.initial(levels.scenario(lane), NUMPY), choices[lane].numpy(), None, 0, NUMPY)
        assert float(one.reward) == pytest.approx(float(many.reward[lane]), rel=1e-5)


def test_the_smooth_twin_has_a_gradient_and_is_close() -> None:
    model = TaxOneStep()
    smooth = model.relaxed()
    assert smooth.smoothing > 0.0
    assert smooth.relaxed() is smooth
    rates = torch.full((1, 7), 0.5, dtype=torch.float64, requires_grad=True)
    value = smooth.welfare(smooth.respond(rates, XP), XP).sum()
    (gradient,) = torch.autograd.grad(value, rates)
    bumped = torch.full((1, 7), 0.5, dtype=torch.float64)
    bumped[0, 3] += 1e-5
    slope = (smooth.welfare(smooth.respond(bumped, XP), XP).sum() - value) / 1e-5
    assert float(gradient[0, 3]) == pytest.approx(float(slope.detach()), rel=1e-3)
    exact = float(welfare_of(model, np.full(7, 0.5)))
    assert float(value.detach()) == pytest.approx(exact, rel=0.02)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ScenariumError, match="rates"):
        TaxOneStep(rates="high")
    with pytest.raises(ScenariumError, match="reward"):
        TaxOneStep(reward="growth")
    with pytest.raises(ScenariumError, match="labor_power"):
        OneStepParameters(labor_power=1.0)
    with pytest.raises(ScenariumError, match="at least one income"):
        saez_rates([], 0.5, CUTOFFS)
    with pytest.raises(ScenariumError, match="top rule"):
        saez_rates([1.0], 0.5, CUTOFFS, top="none")  # type: ignore[arg-type]
