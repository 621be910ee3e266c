"""Demand laws: moments, agreement of the backends, and that any period can be drawn alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.inventory.own import ArrayDemand
from scenarium.envs.inventory.retail import CHRISTMAS_WEEK, WEEKS, RetailDemand
from scenarium.envs.inventory.scenario import (
    Demand,
    InventoryScenario,
    NegativeBinomialDemand,
    NormalDemand,
    PoissonDemand,
)

TORCH = torch_namespace("cpu")
WORLDS = 4096
CORRELATION = [[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]]

LAWS: dict[str, Demand] = {
    "poisson": PoissonDemand([5.0, 0.5, 60.0]),
    "poisson, one rate": PoissonDemand(5.0, stores=3),
    "negative binomial": NegativeBinomialDemand([5.0, 1.0, 30.0], [1.5, 3.0, 8.0]),
    "normal": NormalDemand([5.0, 3.0, 2.0], [1.6, 1.5, 2.0], 0.5),
    "normal, independent": NormalDemand([5.0, 1.0, -0.5], [1.6, 2.0, 1.0]),
    "normal, unclipped": NormalDemand([5.0, 3.0, 2.0], [1.6, 1.5, 2.0], 0.5, clip=False),
    "normal, matrix": NormalDemand([5.0, 3.0, 2.0], [1.6, 1.5, 2.0], CORRELATION, clip=False),
    "retail": RetailDemand([20.0, 60.0, 5.0], returns=0.05),
    "array": ArrayDemand(np.random.default_rng(0).integers(0, 9, (5, 60, 3)), start=30),
}
law_names = pytest.mark.parametrize("name", LAWS)


def sample(law: Demand, periods: int = 24, first: int = 0, worlds: int = WORLDS) -> torch.Tensor:
    """Draws [periods, S, worlds]."""
    draws: torch.Tensor = law.draw(torch.arange(worlds), first, periods, TORCH)
    return draws


@pytest.mark.parametrize("name", [name for name in LAWS if name not in ("retail", "array")])
def test_moments_are_those_stated(name: str) -> None:
    law, draws = LAWS[name], sample(LAWS[name]).double().numpy()
    count = draws.shape[0] * draws.shape[2]
    error = 4.5 * law.std / math.sqrt(count)
    assert (np.abs(draws.mean((0, 2)) - law.mean) < error).all()
    np.testing.assert_allclose(draws.std((0, 2)), law.std, rtol=0.03)


def test_the_poisson_probabilities() -> None:
    draws = sample(PoissonDemand(5.0, stores=1)).flatten()
    for k in range(12):
        p = math.exp(-5.0) * 5.0**k / math.factorial(k)
        assert float((draws == k).float().mean()) == pytest.approx(p, abs=4.5 * math.sqrt(p / len(draws)))


def test_demand_is_correlated_as_stated() -> None:
    for name, expected in (("normal, unclipped", 0.5), ("normal, matrix", None), ("normal, independent", 0.0)):
        law = LAWS[name]
        assert isinstance(law, NormalDemand)
        draws = sample(law).double()
        found = np.corrcoef(draws.permute(1, 0, 2).reshape(3, -1).numpy())
        wanted = np.array(CORRELATION) if expected is None else np.where(np.eye(3), 1.0, expected)
        if not law.clip:
            np.testing.assert_allclose(found, wanted, atol=0.02)
            np.testing.assert_allclose(law.covariance(), wanted * np.outer(law.scale, law.scale))
        else:
            assert np.abs(found - np.eye(3)).max() < 0.02


def test_demand_is_independent_over_time_and_worlds() -> None:
    draws = sample(NormalDemand([5.0, 3.0], [1.0, 1.0], 0.5, clip=False), 50).double()
    centred = (draws - draws.mean((0, 2), keepdim=True))[:, 0]
    assert abs(float((centred[1:] * centred[:-1]).mean())) < 0.02
    assert abs(float((centred[:, 1:] * centred[:, :-1]).mean())) < 0.02


def test_clipping_is_at_zero_and_only_if_asked() -> None:
    assert float(sample(LAWS["normal"]).min()) == 0.0
    assert float(sample(LAWS["normal, unclipped"]).min()) < -1.0


@law_names
@settings(max_examples=15)
@given(seed=st.integers(0, 2**62), first=st.integers(-16, 20), length=st.integers(1, 9))
def test_numpy_and_torch_draw_the_same(name: str, seed: int, first: int, length: int) -> None:
    law = LAWS[name]
    alone = law.draw(seed, first, length, NUMPY)
    batch = law.draw(torch.tensor([3, seed]), first, length, TORCH)
    assert alone.shape == (length, 3)
    assert alone.dtype == np.float32
    assert batch.shape == (length, 3, 2)
    if law.integer and name != "retail":
        assert np.array_equal(batch[..., 1].numpy(), alone)
    else:
        # Rounding may flip where the last bits of an exponential differ.
        slack = 1.0 if name == "retail" else 1e-5
        np.testing.assert_allclose(batch[..., 1], alone, rtol=1e-5, atol=slack)


@law_names
@settings(max_examples=15)
@given(first=st.integers(-16, 10), length=st.integers(1, 12), skip=st.integers(0, 11))
def test_any_period_can_be_drawn_alone(name: str, first: int, length: int, skip: int) -> None:
    law, skip = LAWS[name], min(skip, length - 1)
    seeds = torch.tensor([7, 8, 9])
    whole = law.draw(seeds, first, length, TORCH)
    assert torch.equal(law.draw(seeds, first + skip, length - skip, TORCH), whole[skip:])
    # A matrix product of one column may round its last bit otherwise than one of many.
    alone, among = law.draw(7, first + skip, 1, NUMPY)[0], law.draw(7, first, length, NUMPY)[skip]
    np.testing.assert_allclose(alone, among, rtol=0.0 if law.integer else 1e-6, atol=0.0)
    lanes = law.draw(seeds, torch.tensor([first, first + skip, first]), 1, TORCH)
    assert torch.equal(lanes[0, :, 1], whole[skip, :, 1])
    assert torch.equal(lanes[0, :, 2], whole[0, :, 2])


@law_names
def test_a_scenario_streams_what_the_law_draws(name: str) -> None:
    law = LAWS[name]
    for seeds in (5, torch.arange(64)):
        scenario = InventoryScenario(seeds, law, 30)
        scenario._length = 7  # several blocks
        for t in [*range(25), 3, 0, 24, -2]:
            # A matrix product of another size may differ in its last bits.
            np.testing.assert_allclose(scenario.at(t), law.draw(seeds, t, 1, scenario.xp)[0], rtol=1e-5, atol=1e-5)
        window = law.draw(seeds, -2, 6, scenario.xp)
        np.testing.assert_allclose(scenario.until(4).window(6), window, rtol=1e-5, atol=1e-5)


def test_worlds_and_starts_differ_by_seed_and_repeat_by_seed() -> None:
    first, second, again = (InventoryScenario(seed, LAWS["normal"], 10) for seed in (1, 2, 1))
    assert not np.array_equal(first.at(0), second.at(0))
    assert np.array_equal(first.span(0, 8), again.span(0, 8))
    assert np.array_equal(first.starting_uniforms(3, 4), again.starting_uniforms(3, 4))
    batch = InventoryScenario(torch.tensor([2, 1]), LAWS["normal"], 10)
    assert np.array_equal(batch.starting_uniforms(3, 4)[..., 1].numpy(), first.starting_uniforms(3, 4))


def year(**kwargs: Any) -> np.ndarray[Any, Any]:
    """Mean retail demand of store 0 in the 52 weeks of a year, over many worlds."""
    law = RetailDemand(200.0, 1, growth=0.0, **kwargs)
    mean: np.ndarray[Any, Any] = sample(law, WEEKS, worlds=8192)[:, 0].double().mean(1).numpy()
    return mean


def test_retail_has_a_season_a_christmas_and_a_mean() -> None:
    weeks = year(noise=0.3, spread=0.3)
    assert weeks.mean() == pytest.approx(200.0, rel=0.015)
    assert int(weeks.argmax()) == CHRISTMAS_WEEK
    assert weeks[CHRISTMAS_WEEK] > 1.5 * weeks[40]
    assert weeks[26] > 1.3 * weeks[5]
    flat = year(noise=0.3, spread=0.3, season=0.0, christmas=0.0)
    assert flat.std() < 0.02 * flat.mean()
    assert np.argmax(year(start_week=10)) == CHRISTMAS_WEEK - 10


def test_retail_grows_varies_and_is_shared_as_stated() -> None:
    plain: dict[str, Any] = {"season": 0.0, "christmas": 0.0}
    grown = sample(RetailDemand(200.0, 1, growth=0.5, **plain), 2, first=WEEKS)
    assert float(grown.mean()) == pytest.approx(300.0, rel=0.05)
    law = RetailDemand(500.0, 2, growth=0.0, spread=0.4, noise=0.5, common=0.6, **plain)
    draws = sample(law, 8, worlds=8192).double()
    assert float(draws.std()) == pytest.approx(law.std[0], rel=0.1)
    logs = draws.clamp_min(1.0).log()
    found = np.corrcoef(logs.permute(1, 0, 2).reshape(2, -1).numpy())[0, 1]
    assert found == pytest.approx((0.4**2 + 0.6 * 0.5**2) / (0.4**2 + 0.5**2), abs=0.02)


def test_retail_comes_in_whole_units_with_returns_only_if_asked() -> None:
    plain, returns = sample(RetailDemand(60.0, 2)), sample(RetailDemand(60.0, 2, returns=0.1))
    assert torch.equal(plain, plain.round())
    assert float(plain.min()) >= 0.0
    assert torch.equal(returns, returns.round())
    assert float((returns < 0).float().mean()) == pytest.approx(0.1, abs=0.005)
    law = RetailDemand(60.0, 2, returns=0.1, growth=0.0)
    assert float(sample(law, WEEKS, worlds=8192).mean()) == pytest.approx(law.mean[0], rel=0.015)


def test_the_calendar_counts_down_to_christmas() -> None:
    law = RetailDemand(60.0, 1)
    assert law.calendar(CHRISTMAS_WEEK) == 0.0
    assert law.calendar(CHRISTMAS_WEEK - 1) == pytest.approx(-1 / 26)
    assert law.calendar(CHRISTMAS_WEEK + WEEKS + 2) == pytest.approx(2 / 26)
    values = law.calendar(torch.arange(-60, 200))
    assert float(values.min()) == -1.0
    assert float(values.max()) < 1.0
    assert RetailDemand(60.0, 1, start_week=CHRISTMAS_WEEK).calendar(0) == 0.0
    assert PoissonDemand(5.0, 1).calendar(3) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoissonDemand([1.0, math.nan]), "demand rate is [1.0, nan]; every value must be finite and >= 0"),
        (lambda: NegativeBinomialDemand(0.0, 2.0, 1), "demand mean is [0.0]; every value must be finite and >= 1e-09"),
        (lambda: NormalDemand([5.0, 5.0], -1.0), "demand std is [-1.0, -1.0]; every value must be finite and >= 0"),
        (lambda: NormalDemand([5.0, 5.0], 1.0, -0.1), "demand correlation is -0.1; it must lie in [0, 1)"),
        (
            lambda: NormalDemand([5.0, 5.0], 1.0, [[1.0, 0.5], [0.4, 1.0]]),
            "demand correlation must be a symmetric [2, 2] matrix with a unit diagonal",
        ),
        (
            lambda: NormalDemand([5.0] * 3, 1.0, [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]),
            "demand correlation is not positive definite",
        ),
        (lambda: RetailDemand(60.0, 1, season=1.0), "retail demand season is 1.0; it must lie in [0, 1)"),
        (lambda: RetailDemand(-1.0, 1), "demand mean is [-1.0]; every value must be finite and >= 1e-09"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(ScenariumError) as caught:
        make()
    assert str(caught.value) == message
