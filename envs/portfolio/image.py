"""What an agent sees: the price image, its own weights, what can be traded, and a few numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.portfolio.scenario import PRICES, Layout

AUX = 8
"""Elapsed part of the episode; mean and deviation of log returns so far; their moving mean and deviation; drawdown
(log); cost of purchases and of sales on the next day. All but the first and the drawdown are in percent."""


class Seen(NamedTuple):
    """The parts of an observation, names first and batch last (window first in the image).

    Attributes:
        image: [W, F, N] or [W, B, F, N].
        weights: [N + 1] or [N + 1, B], cash first.
        flags: Whether each name traded, and closed below its upper and above its lower limit: [3, N] or [3, N, B].
        aux: [8] or [8, B].
    """

    image: Array
    weights: Array
    flags: Array
    aux: Array


_PRICE_ROWS: dict[tuple[str, tuple[str, ...]], Array] = {}


def _price_rows(features: tuple[str, ...], xp: Namespace) -> Array:
    """1.0 for the features that are prices, [F, 1]; built once for a backend."""
    key = (xp.key, features)
    if key not in _PRICE_ROWS:
        _PRICE_ROWS[key] = xp.constant([[float(name in PRICES)] for name in features])
    return _PRICE_ROWS[key]


def image_of(rows: Array, layout: Layout, xp: Namespace) -> Array:
    """The image of a window of rows: prices as log over the last close, log-volume as it is.

    Args:
        rows: What a scenario shows of W days, [W, X] or [W, B, X].
        layout: Of the rows.
        xp: Namespace.

    Returns:
        [W, F, N] or [W, B, F, N].
    """
    levels, place = rows[..., : layout.pixels], layout.names * layout.features.index("close")
    close = levels[-1, ..., None, place : place + layout.names] * _price_rows(layout.features, xp)
    # Subtracted in long rows, then cut into features: short ones take twice the time.
    image = levels - close.reshape(*levels.shape[1:])
    return image.reshape(*rows.shape[:-1], len(layout.features), layout.names)


def see(rows: Array, weights: Array, numbers: list[Array], layout: Layout, xp: Namespace) -> Seen:
    """Puts an observation together; `numbers` are those of aux without the costs, which are in the rows."""
    last, end = rows[-1], layout.pixels + 3 * layout.names
    aux = xp.stack([*numbers, last[..., end], last[..., end + 1]], 0)
    flags = xp.batch_last(last[..., layout.pixels : end])
    return Seen(image_of(rows, layout, xp), weights, flags.reshape(3, layout.names, *flags.shape[1:]), aux)


def _image_first(image: Array, xp: Namespace) -> Array:
    """[F, N, W] or [B, F, N, W]."""
    return image.permute(1, 2, 3, 0) if xp.batched else image.transpose(1, 2, 0)


def as_dict(seen: Seen, layout: Layout, xp: Namespace) -> dict[str, Array]:
    """Image [F, N, W], weights [N + 1], mask [N, 3], aux [8]; batch first."""
    first, flags, weights = xp.batch_first, seen.flags.swapaxes(0, 1), seen.weights
    if not xp.batched:  # whoever gets these may write into them
        flags, weights = flags.copy(), weights.copy()
    image = _image_first(seen.image, xp)
    return {"image": image, "weights": first(weights), "mask": first(flags), "aux": first(seen.aux)}


def as_flat(seen: Seen, layout: Layout, xp: Namespace) -> Array:
    """The parts of `as_dict`, each flattened, one after the other."""
    parts = as_dict(seen, layout, xp).values()
    lead = 1 if xp.batched else 0
    return xp.concat([part.reshape(*part.shape[:lead], -1) for part in parts], lead)


def as_paper(seen: Seen, layout: Layout, xp: Namespace) -> Array:
    """The paper's image [F, W + 1, N]: the weights of the risky assets in row 0, then prices over the last close."""
    ratios = xp.exp(seen.image)
    weights = xp.batch_first(seen.weights[1:])[None, ..., None, :]
    image = xp.concat([ratios[:1] * 0.0 + weights, ratios], 0)
    return image.permute(1, 2, 0, 3) if xp.batched else image.transpose(1, 0, 2)


VIEWS: dict[str, Callable[[Seen, Layout, Namespace], Any]] = {"dict": as_dict, "flat": as_flat, "paper": as_paper}


def space_of(view: str, layout: Layout) -> gymnasium.Space[Any]:
    """The observation space of a view."""
    names, days, features = layout.names, layout.window, len(layout.features)
    box = gymnasium.spaces.Box
    if view == "paper":
        return box(-10.0, 10.0, (features, days + 1, names), np.float32)
    if view == "flat":
        size = layout.pixels * days + names + 1 + 3 * names + AUX
        return box(-np.inf, np.inf, (size,), np.float32)
    return gymnasium.spaces.Dict(
        {
            "image": box(-np.inf, np.inf, _image_shape(layout), np.float32),
            "weights": box(0.0, 1.0, (names + 1,), np.float32),
            "mask": box(0.0, 1.0, (names, 3), np.float32),
            "aux": box(-np.inf, np.inf, (AUX,), np.float32),
        }
    )


def scale_of(view: str, layout: Layout) -> Any:
    """Typical magnitudes in a view: an array of its shape, or a dict of them."""
    scale = {
        "image": np.broadcast_to(
            [[[0.08 if name in PRICES else 0.5]] for name in layout.features], _image_shape(layout)
        ),
        "weights": np.full(layout.names + 1, 0.3),
        "mask": np.ones((layout.names, 3)),
        "aux": np.array([1.0, 0.3, 1.5, 0.3, 1.5, 0.1, 0.1, 0.1]),
    }
    if view == "paper":
        return np.ones((len(layout.features), layout.window + 1, layout.names))
    return scale if view == "dict" else np.concatenate([part.ravel() for part in scale.values()])


def _image_shape(layout: Layout) -> tuple[int, int, int]:
    return len(layout.features), layout.names, layout.window
