from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.optimum.multinomial import multinomial_optimum, multinomial_profit


def test_multinomial_optimum_beats_every_price_of_a_grid() -> None:
    appeal, slope, cost = np.array([1.2, 0.4, -0.5]), 2.0, np.array([0.1, 0.0, 0.3])
    best = multinomial_optimum(appeal, slope, cost)
    grid = np.arange(0.3, 1.9, 0.02)
    combinations = np.array(list(itertools.product(grid, grid, grid)))
    profits = multinomial_profit(combinations, appeal, slope, cost)
    assert profits.max() <= best.profit
    assert profits.max() == pytest.approx(float(best.profit), rel=2e-4)
    np.testing.assert_allclose(combinations[profits.argmax()], best.prices, atol=0.02)


def test_one_product_without_cost_by_hand() -> None:
    # W(e) = W(1 e^1) = 1, so appeal 2 and slope 1 give margin 2 and profit 1.
    best = multinomial_optimum([2.0])
    assert (float(best.margin), float(best.profit)) == pytest.approx((2.0, 1.0))


@given(
    st.lists(st.floats(-3, 6), min_size=1, max_size=5),
    st.floats(0.3, 9.0),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60)
def test_profit_is_attained_and_no_small_change_helps(appeal: list[float], slope: float, cost: float) -> None:
    best = multinomial_optimum(appeal, slope, cost)
    assert float(multinomial_profit(best.prices, appeal, slope, cost)) == pytest.approx(float(best.profit), rel=1e-9)
    for k in range(len(appeal)):
        for change in (-0.01, 0.01):
            other = best.prices.copy()
            other[k] += change
            assert float(multinomial_profit(other, appeal, slope, cost)) <= float(best.profit) + 1e-12


def test_a_batch_is_solved_row_by_row() -> None:
    rng = np.random.default_rng(0)
    appeal, slope = rng.normal(size=(7, 3)), rng.uniform(1, 3, 7)
    together = multinomial_optimum(appeal, slope)
    for row in range(7):
        alone = multinomial_optimum(appeal[row], slope[row])
        np.testing.assert_allclose(together.prices[row], alone.prices)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ScenariumError, match="slope positive"):
        multinomial_optimum([1.0], 0.0)
    with pytest.raises(ScenariumError, match="product axis"):
        multinomial_optimum(1.0)
