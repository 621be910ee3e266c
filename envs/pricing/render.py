"""The picture of one world: what the context of the present session tells about its customer, and the last offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.model import Outcome
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.pricing import features
from scenarium.envs.pricing.canvas import (
    BEST,
    CUSTOMER,
    INK,
    LOST,
    MUTED,
    OFFER,
    PANEL,
    PAPER,
    Image,
    canvas,
    pixels,
    style,
)
from scenarium.envs.pricing.context import Context, signals
from scenarium.envs.pricing.demand import Latents, Residuals, expected_revenue, latents
from scenarium.envs.pricing.products import MultiProductPricing, worths

if TYPE_CHECKING:
    from scenarium.envs.pricing.model import AncillaryPricing

_CUSTOMERS, _SHOWN = 600, 14
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FARES = ("light", "standard", "flexible")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def draw(model: AncillaryPricing | MultiProductPricing, state: Any, outcome: Outcome | None, t: int) -> Image:
    """Expected revenue against price for customers who could be behind the present context, and the last offer.

    Thin lines are single customers, the thick one their mean, which is all that can be known; its peak is the best
    price for the context. Where demand drifts, the curves are those before any drift.

    Args:
        model: The problem.
        state: State of one unbatched world, before session t.
        outcome: What the last session brought, or None before the first.
        t: The session.

    Returns:
        uint8 [680, 1200, 3].
    """
    context = features.decode(np.asarray(state.context), NUMPY)
    figure = canvas()
    _draw_curves(figure.add_axes((0.07, 0.10, 0.60, 0.80)), model, context)
    side = figure.add_axes((0.72, 0.0, 0.28, 1.0))
    side.set_facecolor(PANEL)
    side.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
    for spine in side.spines.values():
        spine.set_visible(False)
    _draw_facts(side, context, t)
    _draw_stock(side, model, state)
    _draw_offer(side, outcome)
    return pixels(figure)


def possible_customers(model: Any, context: Context) -> Latents:
    """Latents of `_CUSTOMERS` customers who could be behind a context, by drawing what it does not tell."""
    count = rng.counters(NUMPY, 0, _CUSTOMERS, len(Residuals._fields))
    unknown = rng.normal(NUMPY, rng.words(rng.stream_key(0, 9), count))
    known = signals(Context(*(np.asarray(x, np.float32)[None] for x in context)), NUMPY)
    return latents(model.demand, known, Residuals(*unknown.T), NUMPY)


def _draw_curves(axes: Any, model: Any, context: Context) -> None:
    several = isinstance(model, MultiProductPricing)
    customers = possible_customers(model, context)
    low, high = (0.0, 1.6) if several else (model.prices.low, model.prices.high)
    at = np.linspace(low, high, 160, dtype=np.float32)
    if several:
        curves = _margin_curves(model, context, customers, at)
    else:
        curves = expected_revenue(at, Latents(*(np.asarray(x)[:, None] for x in customers)), NUMPY)
    mean = curves.mean(0)
    for curve in curves[:_SHOWN]:
        axes.plot(at, curve, color=CUSTOMER, linewidth=0.8, alpha=0.7)
    axes.plot(at, mean, color=INK, linewidth=2.6)
    best = int(mean.argmax())
    axes.plot([at[best]] * 2, [0.0, mean[best]], color=BEST, linewidth=1.6, linestyle="--")
    axes.plot(at[best], mean[best], "o", color=BEST, markersize=9)
    axes.annotate(
        f"best for this context: {at[best]:.2f}", (at[best], mean[best]), (0, 12), textcoords="offset points",
        ha="center", fontsize=10, color=BEST, weight="bold",
        bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.85},
    )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(0.0, 1.25 * float(max(np.quantile(curves[:_SHOWN].max(1), 0.85), mean.max())))
    x = "margin on every product (list prices of the bag)" if several else "price (list prices)"
    title = "Customers who could be behind this context, and their mean"
    style(axes, title, x, "expected margin per session" if several else "expected revenue per session")


def _margin_curves(model: MultiProductPricing, context: Context, customers: Latents, margins: Any) -> Any:
    """Expected margin of equal margins on all products, [customers, margins]."""
    few = Latents(*(np.asarray(x)[:, None] for x in customers))
    worth = np.stack(np.broadcast_arrays(*worths(few, context, NUMPY)), 0)
    prices = np.stack([margins[None] + cost for cost in model.costs], 0)
    return model.expected(prices, worth, few, NUMPY)


def _write(axes: Any, y: float, text: str, size: float = 10, colour: str = INK, x: float = 0.10, **more: Any) -> None:
    axes.text(x, y, text, fontsize=size, color=colour, va="center", **more)


def _draw_facts(axes: Any, context: Context, t: int) -> None:
    stay = "one way" if float(context.stay) == 0.0 else f"{float(context.stay):.0f} days"
    facts = {
        "departure in": f"{float(context.days):.0f} days",
        "stay": stay,
        "group": f"{float(context.group):.0f}",
        "stops": f"{float(context.stops):.0f}",
        "fare": _FARES[int(context.fare)],
        "leaves": f"{_DAYS[int(context.weekday)]}, {_MONTHS[int(context.month)]}, {int(context.departure_hour)} h",
        "market": f"{int(context.market) + 1} of 15",
        "against same flight": f"{float(context.same_flight):+.1f} sd",
        "against classes": f"{float(context.across_classes):+.1f} sd",
        "popularity": f"{float(context.popularity):+.1f} sd",
    }
    _write(axes, 0.06, "session", 9, MUTED)
    _write(axes, 0.105, f"{t}", 24, weight="bold")
    for k, (name, value) in enumerate(facts.items()):
        _write(axes, 0.175 + 0.036 * k, name, 9, MUTED)
        _write(axes, 0.175 + 0.036 * k, value, 10, x=0.93, ha="right")


def _draw_stock(axes: Any, model: Any, state: Any) -> None:
    """Units left, as dots, where they are limited."""
    units = getattr(state, "units", None)
    if units is None:
        return
    left, total = round(float(units)), model.units
    _write(axes, 0.575, f"units left: {left} of {total}", 9, MUTED)
    across = max(12, total)
    for k in range(total):
        full = {"facecolor": OFFER if k < left else "none", "edgecolor": OFFER if k < left else MUTED}
        axes.scatter([0.10 + 0.83 * (k + 0.5) / across], [0.61], s=min(90.0, 1300.0 / across), linewidth=1, **full)


def _draw_offer(axes: Any, outcome: Outcome | None) -> None:
    if outcome is None:
        return
    info = outcome.info
    bought = float(np.sum(info["purchased"])) > 0.5
    _write(axes, 0.68, "last offer", 9, MUTED)
    price = np.atleast_1d(info["prices"] if "prices" in info else info["price"])
    _write(axes, 0.725, "  ".join(f"{float(p):.2f}" for p in price), 20, OFFER, weight="bold")
    verdict, colour = ("bought", BEST) if bought else ("declined", LOST)
    _write(axes, 0.68, verdict, 12, colour, x=0.93, ha="right", weight="bold")
    best = "  ".join(f"{float(p):.2f}" for p in np.atleast_1d(info["optimal_price"]))
    chance = float(np.sum(info["purchase_probability"]))
    rows = {
        "best for this customer": best,
        "purchase probability": f"{100.0 * chance:.1f} %",
        "expected revenue": f"{float(info['expected_revenue']):.4f}",
        "regret": f"{float(info['regret']):.4f}",
        "propensity q": f"{float(info['propensity']):.3f}",
    }
    for k, (name, value) in enumerate(rows.items()):
        _write(axes, 0.78 + 0.036 * k, name, 9, MUTED)
        _write(axes, 0.78 + 0.036 * k, value, 10, x=0.93, ha="right")
