"""Learning to a known target with the presets; targets and how they were found are in the docstrings."""

from __future__ import annotations

import pytest

from scenarium.agents import HDPO

pytestmark = pytest.mark.slow


def _long_run_cost(agent: HDPO) -> float:
    return -agent.mean_reward(range(10**6, 10**6 + 4096), 500, 100)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_store_with_lost_sales_comes_within_half_a_percent_of_the_optimum(seed: int) -> None:
    """Lead time 4, underage 9: value iteration gives 6.836 (Zipkin, 2008)."""
    agent = HDPO("InventoryNet-OneStoreLost-v0", seed=seed, device="cpu").learn(400 * 512 * 50)
    assert _long_run_cost(agent) <= 6.87


def test_one_warehouse_and_five_stores_beat_the_published_network() -> None:
    """Alvo et al. publish 5.29 for a vanilla network on 1,024 scenarios and 5.26 for their best."""
    agent = HDPO("InventoryNet-OneWarehouse-v0", device="cpu").learn(500 * 256 * 50)
    assert _long_run_cost(agent) <= 5.28


def test_a_serial_system_comes_within_one_percent_of_the_optimum() -> None:
    """Four locations, lead time 4, underage 9: Clark and Scarf's recursion gives 10.734."""
    agent = HDPO("InventoryNet-Serial-v0", device="cpu").learn(600 * 256 * 50)
    assert _long_run_cost(agent) <= 10.734 * 1.01
