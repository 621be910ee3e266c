"""The paper's parameter draws and networks, digit by digit."""

from __future__ import annotations

import numpy as np
import pytest

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.paper import (
    WAREHOUSE_HOLDING,
    WAREHOUSE_UNIT_COST,
    many_warehouse_lead_times,
    paper_parameters,
)


@pytest.mark.parametrize("n", [3, 10, 50])
def test_every_parameter_has_its_own_seed(n: int) -> None:
    # Drawn with the global generator, as the published code does; more stores only add to the row.
    drawn = {}
    for name, seed, low, high in (
        ("mean", 33, 2.5, 7.5),
        ("variation", 92, 0.25, 0.5),
        ("underage", 28, 6.3, 11.7),
        ("holding", 73, 0.7, 1.3),
    ):
        np.random.seed(seed)  # noqa: NPY002
        drawn[name] = np.random.uniform(low, high, n)  # noqa: NPY002
    found = paper_parameters(n)
    assert np.array_equal(found.mean, drawn["mean"].round(3))
    assert np.array_equal(found.std, (found.mean * drawn["variation"]).round(3))
    assert np.array_equal(found.underage, drawn["underage"])
    assert np.array_equal(found.holding, drawn["holding"])
    np.random.seed(41)  # noqa: NPY002
    assert np.array_equal(found.lead_time, np.random.randint(2, 6, n))  # noqa: NPY002
    assert found.lead_time.max() <= 5
    assert np.array_equal(found.std[:3], paper_parameters(3).std)


def test_ranges_can_be_changed_one_by_one() -> None:
    default, wide = paper_parameters(4), paper_parameters(4, underage=(0.0, 1.0), lead_time=(1, 2))
    assert np.array_equal(default.mean, wide.mean)
    assert np.array_equal(default.holding, wide.holding)
    assert default.underage == pytest.approx(6.3 + 5.4 * wide.underage)
    assert wide.lead_time.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("warehouses", "warehouse", "row"),
    [
        (2, 0, "0066606560"),
        (2, 1, "2122120222"),
        (3, 2, "50566606664605656560"),
        (4, 3, "000300300303002230000000202033"),
        (5, 4, "0540005500050050045004000005050505405034"),
        (6, 0, "00066600060000666056006606000005500606006000000060"),
        (6, 5, "00004033303344004004000044303040000424430344200302"),
    ],
)
def test_rows_of_the_lead_time_matrices(warehouses: int, warehouse: int, row: str) -> None:
    assert "".join(map(str, many_warehouse_lead_times(warehouses)[warehouse])) == row


@pytest.mark.parametrize(("warehouses", "edges"), [(2, 15), (3, 42), (4, 58), (5, 86), (6, 94)])
def test_numbers_of_edges(warehouses: int, edges: int) -> None:
    assert int((many_warehouse_lead_times(warehouses) > 0).sum()) == edges


def test_warehouse_costs_are_given_for_every_network() -> None:
    assert WAREHOUSE_HOLDING == (0.3, 0.4, 0.2, 0.5, 0.1, 0.6)
    assert WAREHOUSE_UNIT_COST == (0.5, 1.5, 0.7, 1.3, 0.9, 1.1)
    with pytest.raises(ScenariumError, match="no network of 7 warehouses"):
        many_warehouse_lead_times(7)
