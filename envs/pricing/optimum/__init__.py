"""What is best in the pricing problems, by what the decision maker knows.

* `full_information`, `by_context`, `best_static`: sale and revenue of a session for somebody who knows the customer,
  the context (the Bayes oracle), or nothing;
* `full_information_margin`, `context_margin`, `blind_margin`: the same as functions of the opportunity cost of a unit;
* `capacity_program`: the best revenue from limited units, from one of these functions; `best_static_price` and
  `stationary_value`: what policies that ignore scarcity, or never change the price, earn there;
* `ContextDemand`: purchase probabilities given the context; `PriceGrid`: the best price on a curve of them;
* `multinomial_optimum`, `ProductBelief`: several products;
* `refined`: a value with the error of the grid it was computed on.

Values are in list prices. Nothing is simulated: expectations are quadratures over the latent normals or the signals.
"""

from scenarium.envs.pricing.optimum.bayes import (
    ContextDemand,
    SignalGrid,
    observed_signals,
    signal_grid,
)
from scenarium.envs.pricing.optimum.capacity import (
    CapacityOptimum,
    Margin,
    best_static_price,
    capacity_program,
    expected_sales,
    sampled_margin,
    stationary_value,
    tabulated,
)
from scenarium.envs.pricing.optimum.curves import PriceGrid, price_grid
from scenarium.envs.pricing.optimum.margins import (
    Offer,
    Stated,
    best_static,
    blind_margin,
    by_context,
    context_margin,
    full_information,
    full_information_margin,
    refined,
    static_conversion,
)
from scenarium.envs.pricing.optimum.multinomial import CommonMargin, multinomial_optimum, multinomial_profit
from scenarium.envs.pricing.optimum.products import ProductBelief, best_prices_gap

__all__ = [
    "CapacityOptimum",
    "CommonMargin",
    "ContextDemand",
    "Margin",
    "Offer",
    "PriceGrid",
    "ProductBelief",
    "SignalGrid",
    "Stated",
    "best_prices_gap",
    "best_static",
    "best_static_price",
    "blind_margin",
    "by_context",
    "capacity_program",
    "context_margin",
    "expected_sales",
    "full_information",
    "full_information_margin",
    "multinomial_optimum",
    "multinomial_profit",
    "observed_signals",
    "price_grid",
    "refined",
    "sampled_margin",
    "signal_grid",
    "static_conversion",
    "stationary_value",
    "tabulated",
]
