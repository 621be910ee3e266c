"""Pictures of policies: prices against context, conversion against revenue, and how a flight sells.

`python benchmarks/pricing_pictures.py` draws the three for the policies of the suite; the functions take any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenarium.envs.pricing.canvas import (
    BEST,
    CUSTOMER,
    HEIGHT,
    INK,
    MUTED,
    PALETTE,
    WIDTH,
    Image,
    canvas,
    legend,
    pixels,
    style,
)

if TYPE_CHECKING:
    from scenarium.envs.core.rollout import Act
    from scenarium.envs.pricing.capacity import CapacityPricing
    from scenarium.envs.pricing.model import AncillaryPricing

Floats = npt.NDArray[np.float64]
_BINS = 28


class Result(NamedTuple):
    """One policy in the plane of conversion and revenue.

    Attributes:
        name: What it is called.
        conversion: Share of sessions that buy.
        revenue: Revenue per offer, the list price's being 1.
        error: Half width of the revenue's interval, 0 if unknown.
        shown_only: A value nobody can attain (it knows the customer), drawn hollow.
    """

    name: str
    conversion: float
    revenue: float
    error: float = 0.0
    shown_only: bool = False


def price_picture(model: AncillaryPricing, policies: Mapping[str, Act], sessions: int = 6000, seed: int = 0) -> Image:
    """Prices against what the context says of the trip's purpose; points are customers at their own best prices.

    Args:
        model: A problem without memory.
        policies: Policies of the model by name; each is drawn as the mean price of contexts with a similar signal.
        sessions: How many contexts.
        seed: Where they come from.

    Returns:
        uint8 [680, 1200, 3].
    """
    import torch

    from scenarium.envs.core.namespace import torch_namespace
    from scenarium.envs.pricing import features
    from scenarium.envs.pricing.context import signals
    from scenarium.envs.pricing.demand import optimal_price

    xp = torch_namespace("cpu")
    drawn = model.scenario(torch.arange(seed, seed + sessions)).sessions(0, 1)
    purpose = signals(drawn.context, xp).purpose[0].numpy()
    observation = torch.stack(features.encode(drawn.context, xp), -1)[0]
    best = optimal_price(drawn.latent.median, drawn.latent.spread, 0.0, 0.0, 10.0, xp)[0].numpy()
    offers = {}
    for name, act in policies.items():
        with torch.no_grad():
            offers[name] = model.prices.price(act(observation, None, 0)[0], xp).numpy()
    return _draw_prices(purpose, best, offers, (model.prices.low, model.prices.high))


def _draw_prices(purpose: Floats, best: Floats, offers: Mapping[str, Floats], legal: tuple[float, float]) -> Image:
    figure = canvas()
    axes = figure.add_axes((0.08, 0.11, 0.88, 0.78))
    axes.scatter(purpose, best, s=5, color=CUSTOMER, alpha=0.45, linewidth=0, label="a customer's own best price")
    axes.axhspan(*legal, color=BEST, alpha=0.06, linewidth=0)
    axes.text(2.75, legal[1] - 0.02, "legal prices", color=BEST, fontsize=9, ha="right", va="top")
    edges = np.quantile(purpose, np.linspace(0.0, 1.0, _BINS + 1))
    middle = 0.5 * (edges[1:] + edges[:-1])
    cell = np.clip(np.searchsorted(edges, purpose) - 1, 0, _BINS - 1)
    for (name, price), colour in zip(offers.items(), PALETTE, strict=False):
        mean = np.array([price[cell == k].mean() for k in range(_BINS)])
        low, high = (np.array([np.quantile(price[cell == k], q) for k in range(_BINS)]) for q in (0.1, 0.9))
        axes.fill_between(middle, low, high, color=colour, alpha=0.13, linewidth=0)
        axes.plot(middle, mean, color=colour, linewidth=2.4, label=name)
    axes.set(xlim=(-2.8, 2.8), ylim=(0.0, 1.9))
    style(
        axes, "Prices against context (mean, and 10 % to 90 % of sessions)",
        "what the context says of the trip's purpose (standard normal; right: hardly minds the price)", "list prices",
    )  # fmt: skip
    legend(axes, loc="upper left", markerscale=4)
    return pixels(figure)


def plane_picture(results: Sequence[Result], title: str = "Conversion and revenue of all policies") -> Image:
    """The plane of conversion and revenue; the best policy is at the top, not at the right.

    Args:
        results: Policies; the list price itself should be among them.
        title: Of the picture.

    Returns:
        uint8 [680, 1200, 3].
    """
    figure = canvas()
    axes = figure.add_axes((0.08, 0.11, 0.88, 0.78))
    conversions = [100.0 * r.conversion for r in results]
    for k, (r, x) in enumerate(zip(results, conversions, strict=True)):
        colour = MUTED if r.shown_only else PALETTE[k % len(PALETTE)]
        axes.errorbar(x, r.revenue, r.error or None, color=colour, capsize=3, linewidth=1.2)
        axes.plot(x, r.revenue, "o", color=colour, markersize=9, markerfacecolor="none" if r.shown_only else colour)
    axes.axhline(1.0, color=INK, linewidth=0.8, linestyle=":")
    span = max(conversions) - min(conversions) or 1.0
    axes.set_xlim(min(conversions) - 0.08 * span, max(conversions) + 0.22 * span)
    low, high = min(r.revenue - r.error for r in results), max(r.revenue + r.error for r in results)
    axes.set_ylim(low - 0.08 * (high - low) - 0.01, high + 0.08 * (high - low) + 0.01)
    style(axes, title, "conversion (% of sessions)", "revenue per offer (list price = 1)")
    _label(figure, axes, results)
    return pixels(figure)


_PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 2), (0, -2), (1, 2), (1, -2))
"""Where a name may stand, in steps right and up of its point, the better places first."""
Box = tuple[float, float, float, float]


def _label(figure: Any, axes: Any, results: Sequence[Result]) -> None:
    """Names beside their points, where they cover no point and no other name."""
    figure.canvas.draw()
    points = axes.transData.transform([(100.0 * r.conversion, r.revenue) for r in results])
    taken: list[Box] = [(x - 7.0, x + 7.0, y - 7.0, y + 7.0) for x, y in points]
    frame = axes.get_window_extent()
    taken += [(-WIDTH, frame.x0, -HEIGHT, 2 * HEIGHT), (frame.x1, 2 * WIDTH, -HEIGHT, 2 * HEIGHT)]
    for (x, y), r in zip(points, results, strict=True):
        boxes = [_text_box(x, y, 7.2 * len(r.name) + 12.0, *place) for place in _PLACES]
        best = min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken))
        taken.append(best)
        axes.text(
            0.5 * (best[0] + best[1]), 0.5 * (best[2] + best[3]), r.name, transform=None,
            fontsize=9, color=MUTED if r.shown_only else INK, va="center", ha="center",
        )  # fmt: skip


def _text_box(x: float, y: float, width: float, right: int, up: int) -> Box:
    centre = x + right * (0.5 * width + 12.0)
    middle = y + up * (14.0 if right else 17.0)
    return centre - 0.5 * width, centre + 0.5 * width, middle - 7.0, middle + 7.0


def _overlap(a: Box, b: Box) -> float:
    """Shared area of two boxes, pixels."""
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[2], b[2]))


def booking_picture(model: CapacityPricing, policies: Mapping[str, Act], worlds: int = 512, seed: int = 0) -> Image:
    """How a flight sells: units left and the price charged over the sessions, and what it earned.

    Args:
        model: The problem.
        policies: Policies of the model by name.
        worlds: Flights each policy plays; all play the same ones.
        seed: Of the first.

    Returns:
        uint8 [680, 1200, 3].
    """
    figure = canvas()
    left = figure.add_axes((0.07, 0.11, 0.40, 0.78))
    right = figure.add_axes((0.56, 0.11, 0.40, 0.78))
    for (name, act), colour in zip(policies.items(), PALETTE, strict=False):
        units, price, earned = _flights(model, act, worlds, seed)
        at = np.arange(len(units))
        if colour == PALETTE[0]:
            left.fill_between(at, *np.quantile(units, [0.1, 0.9], axis=1), color=colour, alpha=0.12, linewidth=0)
        left.plot(at, units.mean(1), color=colour, linewidth=2.2, label=f"{name}: {earned:.2f}")
        right.plot(at[:-1], price, color=colour, linewidth=2.2)
    left.set(xlim=(0, model.horizon), ylim=(0, model.units))
    right.set_xlim(0, model.horizon)
    right.set_ylim(0.9 * model.prices.low, 1.05 * model.prices.high)
    style(left, "Units left", "sessions", "units (mean; shaded: 10 % to 90 % of the flights of the first policy)")
    style(right, "Price", "sessions", "list prices (mean of offers while something is left)")
    legend(left, loc="upper right", title="revenue of a flight", title_fontsize=9)
    return pixels(figure)


def _flights(model: CapacityPricing, act: Act, worlds: int, seed: int) -> tuple[Floats, Floats, float]:
    """Units left [T + 1, B], mean price of open offers [T] and mean revenue of a flight."""
    import torch

    from scenarium.envs.core.rollout import unroll

    units, prices, total = [], [], 0.0
    with torch.no_grad():
        for moment in unroll(model, model.scenario(torch.arange(seed, seed + worlds)), act):
            open_ = (moment.state.units > 0).float()
            units.append(moment.state.units.numpy())
            offered = (moment.outcome.info["price"] * open_).sum() / open_.sum().clamp_min(1.0)
            prices.append(float(offered) if float(open_.sum()) >= 0.05 * worlds else np.nan)
            total += float(moment.outcome.reward.mean())
        units.append(moment.after.units.numpy())
    return np.stack(units).astype(np.float64), _smooth(np.array(prices)), total


def _smooth(x: Floats, reach: int = 4) -> Floats:
    """Means of each value and its neighbours."""
    return np.array([x[max(0, k - reach) : k + reach + 1].mean() for k in range(len(x))])
