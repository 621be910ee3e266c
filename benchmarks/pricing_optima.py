"""The optima of ancillary pricing beside the reference values: `python benchmarks/pricing_optima.py`.

Nothing is simulated: values are quadratures over the latent normals (full information) or over the signals of the
context (Bayes oracle), and dynamic programs on them. Reference: simulations of the same calibration by a second
implementation. All that have a reference must agree within 1 %. Revenues of a session are relative to the list price
for everybody (HUMAN); those of a flight are in list prices.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing import presets
from scenarium.envs.pricing.calibration import conversion, normal_grid
from scenarium.envs.pricing.demand import Demand, sigmoid
from scenarium.envs.pricing.optimum import (
    Margin,
    PriceGrid,
    ProductBelief,
    best_prices_gap,
    best_static,
    best_static_price,
    blind_margin,
    by_context,
    capacity_program,
    context_margin,
    full_information,
    full_information_margin,
    static_conversion,
    stationary_value,
    tabulated,
)
from scenarium.envs.pricing.prices import Prices

BAR = 1.0
"""Per cent."""
SESSIONS, UNITS = 180, 12


def row(label: str, value: float, reference: float | None = None, error: float | None = None) -> None:
    """One line: value, reference, deviation, and the change a refined grid makes."""
    text = f"{label:58}{value:10.4f}"
    if reference is not None:
        off = 100.0 * (value / reference - 1.0)
        text += f"{reference:11.4f}{off:8.2f}% {'ok' if abs(off) <= BAR else 'MISS':>5}"
    if error is not None:
        text += f"{'':{26 if reference is None else 0}}   refining the grid moves it by {100 * error / value:.4f} %"
    print(text, flush=True)


def sessions() -> None:
    """Revenue of a session relative to HUMAN, calibrated customers."""
    demand = presets.CALIBRATED
    human = conversion(demand, 1.0)
    print(f"\nA session, relative to HUMAN ({100 * human:.2f} % of sessions buy at list price)")
    ladder, discount, both = presets.ancillary_pricing().prices, Prices(None, (0.2, 1.0)), Prices(None, (0.2, 1.5))
    row("full information, discounts only", full_information(demand, discount).revenue / human, 1.171)
    row("full information, ladder of nine", full_information(demand, ladder).revenue / human, 1.168)
    row("full information, 0.2 to 1.5", full_information(demand, both).revenue / human, 1.270)
    price, offer = best_static(demand, both)
    row(f"best static price ({price:.3f})", offer.revenue / human, 1.003)
    row("logistic map on the true probability, k = 40, x0 = .01", mapped(demand) / human, 1.143)
    for label, prices in (("ladder of nine", ladder), ("0.2 to 1.5", both)):
        found = by_context(demand, prices).revenue
        fine = float(context_margin(demand, prices, 2)(np.zeros(1))[0])
        row(f"Bayes oracle on the context, {label}", found / human, None, abs(fine - found) / human)


def mapped(demand: Demand, steepness: float = 40.0, midpoint: float = 0.01) -> float:
    """Revenue of a session under the logistic map of APP-LM applied to the true probability at list price."""
    z, weights = normal_grid(401)
    total = 0.0
    for segment, share in ((demand.insensitive, demand.share), (demand.sensitive, 1.0 - demand.share)):
        median = segment.median * np.exp(segment.median_sd * z)[:, None]
        need = sigmoid(np.log(segment.need / (1.0 - segment.need)) + segment.need_sd * z, NUMPY)
        listed = need * sigmoid((median - 1.0) / segment.spread, NUMPY)
        price = np.maximum(sigmoid(steepness * (listed - midpoint), NUMPY), 0.2)
        earned = price * need * sigmoid((median - price) / segment.spread, NUMPY)
        total += share * float(weights @ earned @ weights)
    return total


def flight() -> None:
    """Revenue of a flight of 12 units and 180 sessions, prices 0.2 to 1.5."""
    model = presets.capacity()
    demand, prices = model.demand, model.prices
    print("\nA flight of 12 units and 180 sessions, in list prices")
    exact = flight_value(full_information_margin(demand, prices))
    row("dynamic program, full information (14.85 to 14.95)", exact, 14.90)
    coarse = flight_value(context_margin(demand, prices))
    fine = flight_value(context_margin(demand, prices, 2), 25)
    row("dynamic program, observable context", coarse, None, abs(fine - coarse))
    row("dynamic program without context", flight_value(blind_margin(demand, prices)))
    grid = PriceGrid.of(prices).values
    price, value = best_static_price(static_conversion(demand, grid), grid, SESSIONS, UNITS)
    row(f"best static price ({price:.2f}; 13.50 to 13.65)", value, 13.575)
    row("myopic, full information", stationary_value(*full_information(demand, prices), SESSIONS, UNITS), 11.0)
    row("myopic, observable context", stationary_value(*by_context(demand, prices), SESSIONS, UNITS))
    row("list price", stationary_value(conversion(demand, 1.0), conversion(demand, 1.0), SESSIONS, UNITS))
    row("as many units as customers, full information", SESSIONS * full_information(demand, prices).revenue, 22.8)


def flight_value(margin: Margin, nodes: int = 49) -> float:
    """Value of the whole flight for a margin function."""
    return float(capacity_program(tabulated(margin, 1.5, nodes), SESSIONS, UNITS).value[0, UNITS])


def products(contexts: int = 4000) -> None:
    """Margin of a session with a bag, a seat and priority boarding, over a sample of contexts."""
    from scenarium.envs.pricing.context import Context

    model = presets.multi_product()
    scenario = model.scenario(torch.arange(contexts))
    belief = ProductBelief(model)
    context = Context(*(x[0] for x in scenario.sessions(0, 1).context))
    _, profit = belief.margin(context)
    equal, gain = best_prices_gap(belief, Context(*(x[:1000] for x in context)))
    print(f"\nThree products, margin of a session in list prices, {contexts} contexts")
    row("equal margins, full information", float(scenario.at(0).best_revenue.mean()))
    row("equal margins, observable context", float(profit.mean()))
    print(f"free prices earn {100.0 * gain / equal:.4f} % more than equal margins on the observable context")


def main() -> None:
    """Prints all tables."""
    torch.set_num_threads(1)
    start = time.process_time()
    sessions()
    flight()
    products()
    print(f"\n{time.process_time() - start:.1f} CPU-seconds")


if __name__ == "__main__":
    main()
