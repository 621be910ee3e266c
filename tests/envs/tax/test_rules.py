"""Skills, taxes, utility and social welfare against published numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.tax import taxes
from scenarium.envs.tax.economy import Tables
from scenarium.envs.tax.layouts import layout
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.parameters import US_FEDERAL, Parameters
from scenarium.envs.tax.scenario import TaxScenario
from scenarium.envs.tax.skills import ranked_multiples
from scenarium.envs.tax.utility import OBJECTIVES, equality, utility

P = Parameters()
TABLES = Tables(P, layout("open_quadrant_25"), NUMPY)
US = np.array(US_FEDERAL)
amounts = st.lists(st.floats(0.0, 2000.0), min_size=2, max_size=12)


def due(*incomes: float) -> Any:
    return taxes.tax_due(np.array(incomes), US, TABLES, NUMPY)


def test_fixed_skills_are_the_published_ones() -> None:
    four = [10.0 * m for m in ranked_multiples(4, 3.0)]
    assert four == pytest.approx([11.3316, 13.2671, 16.4724, 22.2496], abs=5e-5)
    ten = [10.512, 11.098, 11.780, 12.586, 13.568, 14.805, 16.442, 18.768, 22.158, 26.573]
    assert [10.0 * m for m in ranked_multiples(10, 3.0)] == pytest.approx(ten, abs=6e-4)


def test_skill_laws() -> None:
    skills, _ = TaxScenario(torch.arange(100_000), Parameters(skills="pareto"), layout("open_quadrant_25")).start()
    pay, bonus = skills.pay.numpy().ravel(), skills.bonus.numpy().ravel()
    assert pay.mean() == pytest.approx(15.83, abs=0.03)
    assert np.median(pay) == pytest.approx(13.78, abs=0.03)
    assert (pay == 30.0).mean() == pytest.approx(1 / 16, abs=0.002)
    assert bonus.mean() == pytest.approx(2.0 / 9.0, abs=0.002)
    assert np.median(bonus) == pytest.approx(0.130, abs=0.002)
    assert (bonus == 1.0).mean() == pytest.approx(1 / 27, abs=0.002)


@pytest.mark.parametrize("kind", ["lognormal", "none"])
def test_other_skill_laws(kind: Any) -> None:
    skills, _ = TaxScenario(torch.arange(20_000), Parameters(skills=kind), layout("open_quadrant_25")).start()
    observed, bonus = skills.observed.numpy().ravel(), skills.bonus.numpy().ravel()
    if kind == "none":
        assert set(skills.pay.numpy().ravel()) == {10.0}
        assert bonus.max() == 0.0
    else:
        logs = np.log(observed)
        assert (logs.mean(), logs.std()) == pytest.approx((-1.0, 0.5), abs=0.01)
        assert np.median(bonus) == pytest.approx(np.exp(-2.022) / 2.0, abs=0.003)


def test_observed_skill_belongs_to_the_pay_unless_foundation() -> None:
    where = layout("open_quadrant_25")
    ours, _ = TaxScenario(torch.arange(50), P, where).start()
    theirs, _ = TaxScenario(torch.arange(50), Parameters(compat="foundation"), where).start()
    np.testing.assert_allclose(ours.observed, (ours.pay / 10.0 - 1.0) / 2.0, atol=1e-6)
    assert bool((ours.pay == theirs.pay).all())
    assert np.corrcoef(theirs.observed.ravel(), theirs.pay.ravel())[0, 1] < 0.3


def test_us_federal_tax_golden() -> None:
    expected = [0.5, 0.97, 6.8585, 18.1745, 45.3165, 153.7985, 334.9875, 0.0]
    np.testing.assert_allclose(due(5, 9.7, 50, 100, 200, 510.3, 1000, -5), expected, atol=1e-12)


def test_marginal_rates() -> None:
    incomes = np.array([-1.0, 0.0, 9.69, 9.7, 204.0, 204.1, 510.3, 9999.0])
    rates = taxes.marginal_rate(incomes, US, TABLES, NUMPY)
    np.testing.assert_allclose(rates, [0.0, 0.10, 0.10, 0.12, 0.32, 0.35, 0.37, 0.37], atol=1e-12)


@given(amounts, st.integers(0, 2**32 - 1))
def test_a_tax_day_moves_coin_and_makes_none(coin: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = len(coin)
    model = TaxWorld(Parameters(workers=n), "open_quadrant_40")
    economy = model.initial(model.scenario(0), NUMPY)._replace(
        coin=np.array(coin), bid_coin=np.floor(rng.random(n) * 50.0), last_wealth=rng.random(n) * 300.0,
        rates=rng.random(7),
    )  # fmt: skip
    after, day = taxes.collect(economy, model.tables(NUMPY), NUMPY)
    assert after.wealth.sum() == pytest.approx(economy.wealth.sum(), abs=1e-9)
    assert (day.paid <= economy.coin).all()
    assert (day.paid <= day.due + 1e-12).all()
    assert (day.due <= np.maximum(day.income, 0.0) + 1e-9).all()
    np.testing.assert_array_equal(after.bid_coin, economy.bid_coin)
    np.testing.assert_array_equal(after.last_wealth, after.coin + after.bid_coin)


def test_coin_in_bids_is_income_but_cannot_be_taxed() -> None:
    model = TaxWorld()
    economy = model.initial(model.scenario(0), NUMPY)
    economy = economy._replace(coin=np.array([1.0, 0, 0, 0]), bid_coin=np.array([49.0, 0, 0, 0]), rates=US)
    _, day = taxes.collect(economy, model.tables(NUMPY), NUMPY)
    assert day.due[0] == pytest.approx(6.8585)
    assert day.paid[0] == 1.0


def test_welfare_golden() -> None:
    coin = np.array([100.0, 200.0, 300.0, 800.0])
    none = coin * 0.0
    assert equality(coin, NUMPY) == pytest.approx(0.4761905, abs=5e-8)
    assert OBJECTIVES["eq_prod"](coin, none, P, NUMPY) == pytest.approx(166.6667, abs=5e-5)
    half = Parameters(equality_weight=0.5)
    assert OBJECTIVES["eq_prod"](coin, none, half, NUMPY) == pytest.approx(258.3333, abs=5e-5)
    assert OBJECTIVES["iiw_coin"](coin, none, P, NUMPY) == pytest.approx(204.2553, abs=5e-5)
    utilities = np.array([4.0, 3.0, 2.0, -1.0])
    assert OBJECTIVES["utilitarian"](coin, utilities, P, NUMPY) == 2.0
    assert OBJECTIVES["rawlsian"](coin, utilities, P, NUMPY) == -1.0
    weights = 1.0 / coin
    expected = (weights * utilities).sum() / weights.sum()
    assert OBJECTIVES["iiw_utility"](coin, utilities, P, NUMPY) == pytest.approx(expected)


def test_utility_golden() -> None:
    found = utility(np.array([1000.0, 0.0]), np.array([500.0, 0.0]), P, NUMPY)
    np.testing.assert_allclose(found, [158.86207, -1.2987013], atol=5e-6)
    logarithmic = utility(np.array([np.e]), np.array([2.0]), Parameters(eta=1.0, labor_scale=0.5), NUMPY)
    assert logarithmic[0] == pytest.approx(1.0 - 0.21)


@given(amounts)
def test_equality_is_one_minus_the_scaled_gini(coin: list[float]) -> None:
    c, n = np.array(coin), len(coin)
    gini = np.abs(c[:, None] - c[None]).sum() / (2.0 * n * c.sum() + 1e-10)
    found = equality(c, NUMPY)
    assert found == pytest.approx(1.0 - gini * n / (n - 1.0), abs=1e-9)
    assert -1e-9 <= found <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"workers": 1}, "workers"),
        ({"period": 7}, "divide"),
        ({"skills": "great"}, "skills"),
        ({"compat": "exact"}, "compat"),
        ({"regeneration": 1.5}, "regeneration"),
        ({"start_coin": -1.0}, "start_coin"),
        ({"cutoffs": (0.0, 5.0, 5.0)}, "cutoffs"),
        ({"cutoffs": (1.0, 5.0)}, "cutoffs"),
        ({"orders_most": 0}, "orders_most"),
        ({"price_most": 12}, "price_most"),
    ],
)
def test_bad_numbers_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ScenariumError, match=complaint):
        P.but(**changes)
