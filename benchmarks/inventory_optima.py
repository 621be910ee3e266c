"""Our exact optima and bounds beside the reference values: `python benchmarks/inventory_optima.py`.

Reference: the test bed of Zipkin (2008) for lost sales, and the experiments of Alvo et al. (arXiv 2306.11246).
Ends with the largest deviation of each table, relative to the reference value.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from scenarium.envs.inventory.optimum import (
    backlog_base_stock,
    best_base_stock,
    best_capped_base_stock,
    clark_scarf,
    lost_sales_optimum,
    transshipment_bound,
)
from scenarium.envs.inventory.paper import paper_parameters

UNDERAGE = (4.0, 9.0, 19.0, 39.0)

LOST_SALES = {
    1: ((4.0407, 4.1630, 4.0658), (5.4382, 5.5477, 5.4813), (6.6758, 6.7279, 6.6877), (7.8359, 7.8630, 7.8423)),
    2: ((4.3953, 4.6388, 4.4057), (6.0936, 6.3165, 6.1193), (7.6644, 7.8423, 7.7210), (9.1064, 9.1907, 9.1326)),
    3: ((4.5987, 4.9750, 4.6305), (6.5314, 6.8639, 6.6161), (8.3625, 8.6044, 8.4009), (10.0385, 10.2178, 10.0854)),
    4: ((4.7285, 5.1977, 4.7979), (6.8360, 7.2707, 6.9122), (8.8872, 9.2315, 8.9545), (10.7944, 11.0620, 10.8928)),
}
"""By lead time and p: optimal, best base-stock and best capped base-stock cost."""

BACKLOG = {
    1: (3.1674, 3.9711, 4.6674, 5.2898),
    4: (5.0081, 6.2788, 7.3798, 8.3640),
    7: (6.3348, 7.9421, 9.3348, 10.5797),
    10: (7.4282, 9.3130, 10.9460, 12.4058),
    15: (8.9588, 11.2319, 13.2014, 14.9619),
    20: (10.2636, 12.8678, 15.1241, 17.1411),
}

SERIAL_BY_LEAD = {
    1: (6.8986, 8.3669, 9.6080, 10.7009),
    2: (7.5984, 9.2610, 10.6703, 11.9130),
    3: (8.2059, 10.0367, 11.5919, 12.9648),
    4: (8.7525, 10.7339, 12.4201, 13.9100),
}
SERIAL_BY_COUNT = {3: 9.8688, 4: 10.7339, 5: 10.9865, 6: 11.7071, 7: 12.2890}

HUB = {3: 8.533674, 5: 7.902133, 10: 8.296968, 20: 8.731082, 30: 8.377327, 50: 8.118102}
"""At store lead time 4, p = 9 and correlation .5, by number of stores."""
HUB_CASES = ((2, 4.0), (2, 9.0), (6, 4.0), (6, 9.0))
HUB_BY_CASE = {
    (0.5, 3): (5.7537, 7.2136, 7.7172, 9.6753),
    (0.5, 5): (5.2964, 6.6402, 7.1695, 8.9886),
    (0.5, 10): (5.5359, 6.9405, 7.5462, 9.4609),
    (0.0, 3): (5.1514, 6.4585, 7.2792, 9.1261),
    (0.0, 5): (4.5912, 5.7561, 6.6655, 8.3567),
    (0.0, 10): (4.6735, 5.8593, 6.9384, 8.6989),
}


class Table:
    """Prints rows as they come, and remembers the largest deviation."""

    def __init__(self, title: str) -> None:
        print(f"\n{title}\n{'':26}{'ours':>12}{'reference':>12}{'deviation':>11}")
        self.title, self.worst, self._start = title, 0.0, time.perf_counter()

    def row(self, label: str, ours: float, reference: float) -> None:
        """One value."""
        deviation = ours / reference - 1.0
        self.worst = max(self.worst, abs(deviation))
        print(f"{label:26}{ours:12.6f}{reference:12.6f}{deviation:+11.1e}")

    def summary(self) -> str:
        """The largest deviation, and the time since the title."""
        return f"{self.title:34}{self.worst:9.1e}{time.perf_counter() - self._start:8.1f} s"


def lost_sales() -> list[str]:
    """One store, lost sales, Poisson(5)."""
    summaries = []
    makers: tuple[Callable[[int, float], Any], ...] = (lost_sales_optimum, best_base_stock, best_capped_base_stock)
    for i, (name, make) in enumerate(zip(("optimal", "base stock", "capped base stock"), makers, strict=True)):
        table = Table(f"Lost sales, {name}")
        for lead, row in LOST_SALES.items():
            for p, reference in zip(UNDERAGE, row, strict=True):
                table.row(f"L={lead} p={p:g}", make(lead, p).cost, reference[i])
        summaries.append(table.summary())
    return summaries


def backlog() -> list[str]:
    """One store, backlog, N(5, 1.6)."""
    table = Table("Backlog")
    for lead, row in BACKLOG.items():
        for p, reference in zip(UNDERAGE, row, strict=True):
            table.row(f"L={lead} p={p:g}", backlog_base_stock(lead, p).cost, reference)
    return [table.summary()]


def serial() -> list[str]:
    """Serial systems, max(N(5, 2), 0)."""
    table = Table("Serial")
    for lead, row in SERIAL_BY_LEAD.items():
        for p, reference in zip(UNDERAGE, row, strict=True):
            cost = clark_scarf([lead, 3, 4, 2], [1.0, 0.5, 0.2, 0.1], p).cost
            table.row(f"K=4 L={lead} p={p:g}", cost, reference)
    for count, reference in SERIAL_BY_COUNT.items():
        leads, rates = [2, 4, 1, 3, 2][: count - 2], [0.1, 0.2, 0.25, 0.3, 0.4][: count - 2]
        table.row(f"K={count} L=4 p=9", clark_scarf([4, 3, *leads[::-1]], [1.0, 0.5, *rates[::-1]]).cost, reference)
    return [table.summary()]


def hub() -> list[str]:
    """Stores behind a hub that keeps nothing: the lower bound."""
    table = Table("Transshipment bound")
    for n, reference in HUB.items():
        table.row(f"n={n} l=4 p=9 rho=.5", transshipment_bound(paper_parameters(n).std), reference)
    for (rho, n), row in HUB_BY_CASE.items():
        for (lead, p), reference in zip(HUB_CASES, row, strict=True):
            std = paper_parameters(n).std
            bound = transshipment_bound(std, correlation=rho, store_lead_time=lead, underage=p)
            table.row(f"n={n} l={lead} p={p:g} rho={rho:g}", bound, reference)
    return [table.summary()]


def main() -> None:
    """Prints all tables."""
    summaries = [*lost_sales(), *backlog(), *serial(), *hub()]
    print("\nLargest deviation\n" + "\n".join(summaries))


if __name__ == "__main__":
    main()
