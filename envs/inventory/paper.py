"""Parameter draws and network data of the paper's experiments, so that its numbers can be compared with.

Source: Alvo, Russo, Kanoria and Lee (arXiv 2306.11246) and their published code (MIT licence): one legacy NumPy
generator, seeded anew before every parameter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SEEDS = {"underage": 28, "holding": 73, "mean": 33, "variation": 92, "lead_time": 41}


class PaperParameters(NamedTuple):
    """Parameters of n stores.

    Attributes:
        mean: Demand location [n].
        std: Demand scale [n].
        underage: p [n].
        holding: h [n].
        lead_time: Periods [n].
    """

    mean: Floats
    std: Floats
    underage: Floats
    holding: Floats
    lead_time: Integers


def _draw(name: str) -> Any:
    return np.random.RandomState(SEEDS[name])


def paper_parameters(
    n: int,
    *,
    mean: tuple[float, float] = (2.5, 7.5),
    variation: tuple[float, float] = (0.25, 0.5),
    underage: tuple[float, float] = (6.3, 11.7),
    holding: tuple[float, float] = (0.7, 1.3),
    lead_time: tuple[int, int] = (2, 6),
) -> PaperParameters:
    """Draws the parameters of n stores as the paper's code does.

    Args:
        n: Number of stores, >= 1.
        mean: Range of the mean demand, units per period.
        variation: Range of the coefficient of variation.
        underage: Range of p, cost per unit short.
        holding: Range of h, cost per unit held.
        lead_time: Range of the lead time, upper end excluded, periods.

    Raises:
        ScenariumError: n is below 1.
    """
    if n < 1:
        raise ScenariumError(f"number of stores is {n}; it must be >= 1")
    means = _draw("mean").uniform(*mean, n).round(3)
    return PaperParameters(
        mean=means,
        std=(means * _draw("variation").uniform(*variation, n)).round(3),
        underage=_draw("underage").uniform(*underage, n),
        holding=_draw("holding").uniform(*holding, n),
        lead_time=_draw("lead_time").randint(*lead_time, n).astype(np.int64),
    )


WAREHOUSE_HOLDING = (0.3, 0.4, 0.2, 0.5, 0.1, 0.6)
"""Holding cost of warehouse 1, 2, ... in the many-warehouse experiments."""
WAREHOUSE_UNIT_COST = (0.5, 1.5, 0.7, 1.3, 0.9, 1.1)
"""Cost per unit shipped out of warehouse 1, 2, ... in the many-warehouse experiments."""

_MANY_WAREHOUSES = {
    2: "0066606560 2122120222",
    3: "00666005606506060060 22222210212222100202 50566606664605656560",
    4: "665505560565506600666660066056 202222220012020001112201010122 "
    "060006056000000000006000000000 000300300303002230000000202033",
    5: "0000000606050060000000060060000600066606 0000122202020020102210110020202120012102 "
    "6005600656506664000600066560500056000600 3230000003332330000003000001020002300033 "
    "0540005500050050045004000005050505405034",
    6: "00066600060000666056006606000005500606006000000060 00000020001122000000000000200000020000020120000102 "
    "00005060000000006005506664606060000565000005600006 10130000000003300300000000000000033000000000022000 "
    "04000000000055000500050000040500054000000040000000 00004033303344004004000044303040000424430344200302",
}


def many_warehouse_lead_times(warehouses: int) -> Integers:
    """Lead times [warehouses, stores] of the many-warehouse experiments; 0 means that there is no edge.

    Args:
        warehouses: 2 to 6, for 10, 20, 30, 40 and 50 stores.

    Raises:
        ScenariumError: The paper has no such network.
    """
    if warehouses not in _MANY_WAREHOUSES:
        raise ScenariumError(f"no network of {warehouses} warehouses; use one of {sorted(_MANY_WAREHOUSES)}")
    rows = _MANY_WAREHOUSES[warehouses].split()
    return np.array([[int(digit) for digit in row] for row in rows], dtype=np.int64)
