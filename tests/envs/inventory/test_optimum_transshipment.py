import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.optimum import system_order_up_to, transshipment_bound, water_filling
from scenarium.envs.inventory.paper import paper_parameters

BOUNDS = {3: 8.533674, 5: 7.902133, 10: 8.296968, 20: 8.731082, 30: 8.377327, 50: 8.118102}
CASES = ((2, 4.0), (2, 9.0), (6, 4.0), (6, 9.0))
TABLE = {
    (0.5, 3): (5.7537, 7.2136, 7.7172, 9.6753),
    (0.5, 5): (5.2964, 6.6402, 7.1695, 8.9886),
    (0.5, 10): (5.5359, 6.9405, 7.5462, 9.4609),
    (0.0, 3): (5.1514, 6.4585, 7.2792, 9.1261),
    (0.0, 5): (4.5912, 5.7561, 6.6655, 8.3567),
    (0.0, 10): (4.6735, 5.8593, 6.9384, 8.6989),
}


@pytest.mark.parametrize("n", BOUNDS)
def test_bound_is_the_published_one(n: int) -> None:
    assert transshipment_bound(paper_parameters(n).std) == pytest.approx(BOUNDS[n], abs=1.0e-6)


@pytest.mark.parametrize(("rho", "n"), TABLE)
def test_bound_by_lead_time_cost_and_correlation(rho: float, n: int) -> None:
    std = paper_parameters(n).std
    found = [transshipment_bound(std, correlation=rho, store_lead_time=lead, underage=p) for lead, p in CASES]
    assert found == pytest.approx(TABLE[rho, n], abs=6e-5)


def test_formula_by_hand() -> None:
    # V = 2 (1 + 3)^2 + 3 (1 + 9 + 2 * .5 * 3) = 71; p = h: z = 0, phi(0) = 1 / sqrt(2 pi).
    options = {"store_lead_time": 1, "underage": 1.0, "holding": 1.0}
    bound = transshipment_bound([1.0, 3.0], correlation=[[1.0, 0.5], [0.5, 1.0]], **options)
    assert bound == pytest.approx(2.0 / np.sqrt(2.0 * np.pi) * np.sqrt(71.0) / 2.0, rel=1e-12)
    assert system_order_up_to([2.0, 5.0], [1.0, 3.0], **options) == pytest.approx(35.0, rel=1e-12)


def test_system_level_is_the_newsvendor_quantile_of_the_relaxation() -> None:
    # z of p = 9, h = 1 is 1.2815515655446; sqrt(V) = 3 sqrt(8) as one store sees all 8 periods alone.
    assert system_order_up_to([5.0], [3.0]) == pytest.approx(40.0 + 1.2815515655446 * 3.0 * np.sqrt(8.0), rel=1e-12)


def test_water_filling_by_hand() -> None:
    position, stock = [[0.0, 0.0, 9.0], [0.0, 6.0, 6.0]], [3.0, 3.0]
    shares = water_filling(position, [0.0, 0.0, 0.0], [1.0, 2.0, 1.0], stock)
    assert shares == pytest.approx(np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]]), abs=1e-12)


VALUES = st.lists(st.floats(-50.0, 50.0), min_size=4, max_size=4)


@settings(deadline=None, max_examples=200)
@given(VALUES, VALUES, st.lists(st.floats(0.1, 9.0), min_size=4, max_size=4), st.floats(0.0, 200.0))
def test_water_filling_equalises_fractiles(
    position: list[float], mean: list[float], std: list[float], stock: float
) -> None:
    shares = water_filling([position] * 2, mean, std, stock)
    assert (shares[0] == shares[1]).all()
    assert (shares >= 0.0).all()
    assert shares[0].sum() == pytest.approx(stock, abs=1e-8)
    cover = (np.array(position) + shares[0] - np.array(mean)) / np.array(std)
    served = shares[0] > 1e-9
    if served.any():
        assert np.ptp(cover[served]) < 1e-6
        assert (cover[~served] >= cover[served].min() - 1e-6).all()


def test_one_world_is_a_batch_of_one() -> None:
    batch = water_filling([[1.0, 4.0]], [2.0, 2.0], [1.0, 1.0], [5.0])
    assert (water_filling([1.0, 4.0], [2.0, 2.0], [1.0, 1.0], 5.0) == batch[0]).all()
    assert batch[0] == pytest.approx([4.0, 1.0])


def test_simulated_policy_attains_the_bound() -> None:
    p, worlds, hub, lead = paper_parameters(5), 2000, 3, 4
    level, chol = (
        system_order_up_to(p.mean, p.std),
        np.linalg.cholesky(np.outer(p.std, p.std) * (0.5 + 0.5 * np.eye(5))),
    )
    on_hand = np.tile(p.mean * 1.5, (worlds, 1))
    way = [np.tile(p.mean, (worlds, 1)) for _ in range(lead - 1)]
    upstream = [np.full(worlds, p.mean.sum()) for _ in range(hub)]
    rng, costs = np.random.default_rng(1), []
    for t in range(300):
        position = on_hand + sum(way)
        shares = water_filling(position, p.mean * (lead + 1), p.std * np.sqrt(lead + 1), upstream[0])
        ordered = np.maximum(level - position.sum(1) - sum(upstream), 0.0)
        on_hand = on_hand - (p.mean + rng.standard_normal((worlds, 5)) @ chol.T)
        if t >= 50:
            costs.append(np.mean(np.maximum(on_hand, 0.0) + 9.0 * np.maximum(-on_hand, 0.0)))
        way.append(shares)
        on_hand = on_hand + way.pop(0)
        upstream = [*upstream[1:], ordered]
    assert np.mean(costs) == pytest.approx(transshipment_bound(p.std), rel=6e-3)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ScenariumError, match="standard deviation"):
        transshipment_bound([1.0, 0.0])
    with pytest.raises(ScenariumError, match="one per store"):
        transshipment_bound([])
    with pytest.raises(ScenariumError, match="correlation must be"):
        transshipment_bound([1.0, 1.0], correlation=np.eye(3))
    with pytest.raises(ScenariumError, match="semidefinite"):
        transshipment_bound([1.0, 1.0, 1.0], correlation=-0.9)
    with pytest.raises(ScenariumError, match="must be the same"):
        system_order_up_to([1.0], [1.0, 1.0])
    with pytest.raises(ScenariumError, match="stock to share"):
        water_filling([0.0, 0.0], [1.0, 1.0], [1.0, 1.0], -1.0)
    with pytest.raises(ScenariumError, match="stock has shape"):
        water_filling([[0.0, 0.0]], [1.0, 1.0], [1.0, 1.0], [1.0, 2.0])
    with pytest.raises(ScenariumError, match="position is"):
        water_filling([[0.0, 0.0]], [1.0, 1.0, 1.0], [1.0, 1.0], 1.0)
