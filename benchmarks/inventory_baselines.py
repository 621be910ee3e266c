"""Long-run cost of the classical inventory policies, next to exact optima, bounds and published figures.

`python benchmarks/inventory_baselines.py [--worlds 8192 --periods 5000 --warm-up 3000 --block 1024] [--only TEXT]`

Every policy is played through the batched model, worlds streaming through in blocks; a cost is the mean over worlds
and periods after the warm-up, per store, with its standard error over worlds. Whole-unit demand is played with whole
orders. References: one store with lost sales, value iteration (Zipkin, 2008, has the same table); backlog, the closed
form; chain, the recursion of Clark and Scarf (1960); hub, the lower bound of Federgruen and Zipkin (1984); one
warehouse, the same policies tuned by a second implementation. The first four must agree within 0.3 %.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from common import long_run_cost
from scipy.stats import norm

from scenarium.baselines import make_baseline

BAR = 0.3
"""Per cent."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        policy: Baseline.
        env_id: Problem.
        kwargs: Keyword arguments of the problem.
        reference: What the cost is compared with.
        barred: Whether it must agree within `BAR` per cent (else the deviation is only shown).
        parameters: Of the policy; those tuned or computed, if empty.
    """

    policy: str
    env_id: str
    kwargs: Mapping[str, Any]
    reference: float
    barred: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """A line to find it by."""
        settings = " ".join(f"{key}={value}" for key, value in self.kwargs.items())
        return f"{self.env_id.removeprefix('InventoryNet-').removesuffix('-v0')} {settings}: {self.policy}"


LOST_SALES: Mapping[tuple[int, int], tuple[float, tuple[float, int], tuple[float, int, int]]] = {
    (1, 4): (4.0407, (4.1630, 12), (4.0658, 12, 6)),
    (2, 9): (6.0936, (6.3165, 19), (6.1193, 19, 6)),
    (3, 19): (8.3625, (8.6044, 26), (8.4009, 26, 6)),
    (4, 9): (6.8360, (7.2707, 28), (6.9122, 29, 5)),
    (4, 39): (10.7944, (11.0620, 33), (10.8928, 34, 6)),
}
"""By lead time and p: cost of the optimum, of the best base stock with S, of the best capped one with S and r."""
CHAIN = {3: 9.8688, 4: 10.7339, 5: 10.9865, 6: 11.7071, 7: 12.2890}
"""Optimum by number of locations; L = 4, p = 9."""
HUB = {3: 5.7537, 5: 5.2964, 10: 5.5359}
"""Lower bound by number of stores; l = 2, p = 4, correlation 0.5."""
WAREHOUSE = {3: 5.91, 5: 5.56, 10: 6.13}
"""Tuned echelon base stock by number of stores (n = 10: with two parameters only)."""


def closed_form(lead_time: int, underage: float, holding: float = 1.0, std: float = 1.6) -> float:
    """Optimal cost of one store with backlog: (p + h) phi(z) std sqrt(L + 1)."""
    z = norm.ppf(underage / (underage + holding))
    return float((underage + holding) * norm.pdf(z) * std * math.sqrt(lead_time + 1))


def rows() -> list[Row]:
    """All measurements."""
    table = [
        Row("newsvendor", "InventoryNet-OneStoreBacklog-v0", {"lead_time": lead, "underage": p}, closed_form(lead, p))
        for lead, p in ((1, 4), (4, 9), (10, 19), (20, 39))
    ]
    table += [Row("echelon_base_stock", "InventoryNet-Serial-v0", {"locations": k}, c) for k, c in CHAIN.items()]
    table += [Row("hub_order_up_to", "InventoryNet-Transshipment-v0", {"n": n}, bound) for n, bound in HUB.items()]
    for (lead, p), (optimum, (base, level), (capped, top, cap)) in LOST_SALES.items():
        problem = ("InventoryNet-OneStoreLost-v0", {"lead_time": lead, "underage": p, "rounding": True})
        table.append(Row("base_stock", *problem, base, parameters={"levels": level}))
        table.append(Row("capped_base_stock", *problem, capped, parameters={"levels": top, "caps": cap}))
        table.append(Row("lost_sales_optimal", *problem, optimum))
    table += [
        Row("echelon_base_stock", "InventoryNet-OneWarehouse-v0", {"n": n}, cost, False)
        for n, cost in WAREHOUSE.items()
    ]
    return table


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Long-run cost of the classical inventory policies.")
    parser.add_argument("--worlds", type=int, default=8192)
    parser.add_argument("--periods", type=int, default=5000)
    parser.add_argument("--warm-up", type=int, default=3000)
    parser.add_argument("--block", type=int, default=1024, help="worlds at a time")
    parser.add_argument("--seed-base", type=int, default=1_000_000, help="seed of the first world")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="", help="only rows whose title contains this text")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{chosen.worlds} worlds, {chosen.periods} periods, the first {chosen.warm_up} not counted")
    print(f"{'':66s}{'cost':>9s}{'s.e.':>9s}{'reference':>11s}{'off by':>9s}{'':>6s}{'seconds':>9s}")
    for row in rows():
        if chosen.only not in row.title:
            continue
        start = time.perf_counter()
        policy = make_baseline(row.policy, row.env_id, env_kwargs=row.kwargs, **row.parameters)
        size = (chosen.worlds, chosen.periods, chosen.warm_up, chosen.block, chosen.seed_base, chosen.device)
        cost, error = long_run_cost(policy.native, policy.act, *size)
        off = 100.0 * (cost / row.reference - 1.0)
        verdict = "" if not row.barred else "ok" if abs(off) <= BAR else "MISS"
        seconds = time.perf_counter() - start
        print(
            f"{row.title:66s}{cost:9.4f}{error:9.4f}{row.reference:11.4f}{off:8.2f}%{verdict:>6s}{seconds:9.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
