"""Rationing: what each node ships when the requests on its edges exceed what it has."""

from __future__ import annotations

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.inventory.constants import TINY, Constants


def ship(on_hand: Array, request: Array, k: Constants, xp: Namespace, rounding: bool) -> tuple[Array, Array, Array]:
    """Ships the requests of one period.

    Suppliers ship what is asked. A stock node with too little ships the same fraction min(1, on hand / requested) of
    every request; a hub ships all it has in proportion to the requests. Shipments of lead time 0 are usable at once.

    Args:
        on_hand: Units per node [N] or [N, B] at the start of the period.
        request: Units requested per edge, >= 0.
        k: The network's numbers.
        xp: Namespace.
        rounding: Ship whole units.

    Returns:
        Units shipped per edge, stock left at stock nodes and hubs, and units at the stores before demand.
    """
    if rounding:
        request = xp.round(request)
    stocks = len(k.hubs)
    if k.in_waves:
        shipped, stock = _ship_in_waves(on_hand[:stocks], request, k, xp, rounding)
    elif not stocks:
        shipped, stock = request, on_hand[:0]
    else:
        asked = request[k.supply :]
        if k.any_hub:
            asked = asked + k.tiny
        allotted, stock = _ration(on_hand[:stocks], asked, k, xp, rounding)
        shipped = xp.concat([request[: k.supply], allotted], 0)
    stores = on_hand[stocks:]
    if k.immediate_mask is not None:
        stores = stores + k.into.total(shipped * k.immediate_mask, xp)[stocks:]
    return shipped, stock, stores


def _ration(available: Array, asked: Array, k: Constants, xp: Namespace, rounding: bool) -> tuple[Array, Array]:
    """Proportional rationing at every stock node at once: shipments and the stock left."""
    total = k.out.total(asked, xp)
    fraction = available / xp.maximum(total, k.tiny)
    if not k.any_hub:
        fraction = xp.minimum(fraction, k.one)
    elif not k.all_hubs:
        parts = [f if hub else xp.minimum(f, k.one) for f, hub in zip(xp.unstack(fraction, 0), k.hubs, strict=True)]
        fraction = xp.stack(parts, 0)
    allotted = asked * k.out.spread(fraction, xp)
    if not rounding:
        return allotted, xp.maximum(available - total * fraction, k.zero)
    rows = list(xp.unstack(allotted, 0))
    for node in range(len(k.hubs)):
        edges = [edge for edge, source in enumerate(k.source) if source == node]
        for edge, whole in zip(edges, largest_remainder([rows[edge] for edge in edges], xp), strict=True):
            rows[edge] = whole
    allotted = xp.stack(rows, 0)
    return allotted, xp.maximum(available - k.out.total(allotted, xp), 0.0)


def largest_remainder(shares: list[Array], xp: Namespace) -> list[Array]:
    """Rounds shares to whole units without exceeding the whole units of their sum.

    Every share gets its floor; the units that remain go to the largest remainders, the earlier share first in a tie.
    """
    floors = [xp.floor(share + TINY) for share in shares]
    remainders = [share - floor for share, floor in zip(shares, floors, strict=True)]
    total = sum(shares)
    left = xp.floor(total + (2.0 * total + len(shares)) * TINY) - sum(floors)
    whole = []
    for i, (floor, mine) in enumerate(zip(floors, remainders, strict=True)):
        ahead = [(other > mine) if j > i else (other >= mine) for j, other in enumerate(remainders) if j != i]
        rank = sum((xp.cast(flag, "float") for flag in ahead), start=floor * 0.0)
        whole.append(floor + xp.cast(rank < left, "float"))
    return whole


def _ship_in_waves(
    available: Array, request: Array, k: Constants, xp: Namespace, rounding: bool
) -> tuple[Array, Array]:
    """Node by node, upstream first, so that goods of lead time 0 can be shipped on within the period."""
    requests = xp.unstack(request, 0)
    shipped: list[Array] = [*requests[: k.supply], *[None] * len(k.source)]
    left: list[Array] = []
    for node, here in enumerate(xp.unstack(available, 0)):
        arriving = [s for s, now, to in zip(shipped, k.immediate, k.target, strict=True) if now and to == node]
        here = here + sum(arriving) if arriving else here
        edges = [k.supply + edge for edge, source in enumerate(k.source) if source == node]
        asked = [requests[edge] + TINY if k.hubs[node] else requests[edge] for edge in edges]
        fraction = here / xp.maximum(sum(asked), TINY)
        fraction = fraction if k.hubs[node] else xp.minimum(fraction, 1.0)
        allotted = [quantity * fraction for quantity in asked]
        allotted = largest_remainder(allotted, xp) if rounding else allotted
        for edge, quantity in zip(edges, allotted, strict=True):
            shipped[edge] = quantity
        left.append(xp.maximum(here - sum(allotted), 0.0))
    return xp.stack(shipped, 0), xp.stack(left, 0)
