"""Rationing: by hand, as shares, and in whole units."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.inventory.model import InventoryNet
from scenarium.envs.inventory.network import Edge, Kind, Network, Node
from scenarium.envs.inventory.scenario import PoissonDemand
from scenarium.envs.inventory.shipping import largest_remainder, ship

TORCH = torch_namespace("cpu")


def model(
    stock: float, kind: Kind = "stock", stores: int = 3, waves: bool = False, rounding: bool = False
) -> InventoryNet:
    """One warehouse (or hub) with `stock` units; `waves` adds an empty node it serves within the period."""
    nodes = [Node("s", "supplier"), Node("w", kind, initial=stock)]
    nodes += [Node(f"x{i}", "store") for i in range(stores)]
    edges = [Edge("s", "w", 1), *(Edge("w", f"x{i}", 1 + i) for i in range(stores))]
    if waves:
        nodes.append(Node("v", "stock"))
        edges += [Edge("w", "v", 0), Edge("v", "x0", 1)]
    return InventoryNet(Network(tuple(nodes), tuple(edges)), PoissonDemand(5.0, stores=stores), rounding=rounding)


def shipped(m: InventoryNet, request: list[float], xp: Any = NUMPY) -> tuple[list[float], list[float]]:
    """Shipments per edge and stock left when `request` meets the starting stock."""
    state = m.initial(m.scenario(0 if xp is NUMPY else torch.tensor([0])), xp)
    asked = xp.constant(request) if xp is NUMPY else xp.constant(request)[:, None]
    units, left, _ = ship(state.on_hand, asked, m.constants(xp), xp, m.rounding)
    return units.reshape(-1).tolist(), left.reshape(-1).tolist()


@pytest.mark.parametrize("xp", [NUMPY, TORCH], ids=["numpy", "torch"])
@pytest.mark.parametrize("waves", [False, True])
class TestByHand:
    """The supplier's edge comes first and is never cut; with waves the node v asks for nothing."""

    def check(
        self, kind: Kind, stock: float, request: list[float], expected: list[float], left: float, xp: Any, waves: bool
    ) -> None:
        extra = [0.0, 0.0] if waves else []
        if waves:  # canonical order: s->w, w->v, w->x0, w->x1, w->x2, v->x0
            request, expected = [request[0], 0.0, *request[1:], 0.0], [expected[0], 0.0, *expected[1:], 0.0]
        units, stock_left = shipped(model(stock, kind, waves=waves), request, xp)
        assert units == pytest.approx(expected, abs=1e-4)
        assert stock_left == pytest.approx([left, *extra[1:]], abs=1e-4)

    def test_enough(self, xp: Any, waves: bool) -> None:
        self.check("stock", 10.0, [50.0, 2.0, 3.0, 4.0], [50.0, 2.0, 3.0, 4.0], 1.0, xp, waves)

    def test_short(self, xp: Any, waves: bool) -> None:
        self.check("stock", 6.0, [50.0, 2.0, 6.0, 4.0], [50.0, 1.0, 3.0, 2.0], 0.0, xp, waves)

    def test_nothing_there(self, xp: Any, waves: bool) -> None:
        self.check("stock", 0.0, [50.0, 2.0, 6.0, 4.0], [50.0, 0.0, 0.0, 0.0], 0.0, xp, waves)

    def test_nothing_asked(self, xp: Any, waves: bool) -> None:
        self.check("stock", 6.0, [0.0] * 4, [0.0] * 4, 6.0, xp, waves)

    def test_a_hub_ships_all_it_has(self, xp: Any, waves: bool) -> None:
        self.check("hub", 12.0, [0.0, 1.0, 3.0, 2.0], [0.0, 2.0, 6.0, 4.0], 0.0, xp, waves)
        self.check("hub", 3.0, [0.0, 1.0, 3.0, 2.0], [0.0, 0.5, 1.5, 1.0], 0.0, xp, waves)


@pytest.mark.parametrize("xp", [NUMPY, TORCH], ids=["numpy", "torch"])
def test_a_hub_that_is_asked_for_nothing_splits_evenly(xp: Any) -> None:
    units, left = shipped(model(12.0, "hub"), [0.0] * 4, xp)
    assert units == pytest.approx([0.0, 4.0, 4.0, 4.0])
    assert left == pytest.approx([0.0], abs=1e-5)


@pytest.mark.parametrize("xp", [NUMPY, TORCH], ids=["numpy", "torch"])
def test_goods_of_lead_time_zero_travel_on_within_the_period(xp: Any) -> None:
    nodes = (Node("s", "supplier"), Node("a", "stock", initial=1.0), Node("b", "hub", initial=2.0), Node("x", "store"))
    edges = (Edge("s", "a", 0), Edge("a", "b", 0), Edge("b", "x", 0))
    m = InventoryNet(Network(nodes, edges), PoissonDemand(5.0, stores=1))
    # 4 reach a (5 there), 3 go on to b (5 there), which ships them all.
    units, left = shipped(m, [4.0, 3.0, 1.0], xp)
    assert units == pytest.approx([4.0, 3.0, 5.0], abs=1e-4)
    assert left == pytest.approx([2.0, 0.0], abs=1e-4)


@pytest.mark.parametrize("xp", [NUMPY, TORCH], ids=["numpy", "torch"])
@pytest.mark.parametrize("waves", [False, True])
def test_whole_units_by_largest_remainder(xp: Any, waves: bool) -> None:
    # Shares of 7 units for 2, 6, 4: 1 1/6, 3 1/2, 2 1/3; the seventh goes to the largest remainder.
    request, expected = [3.4, 2.0, 6.0, 4.0], [3.0, 1.0, 4.0, 2.0]
    if waves:
        request, expected = [3.4, 0.0, 2.0, 6.0, 4.0, 0.0], [3.0, 0.0, 1.0, 4.0, 2.0, 0.0]
    units, left = shipped(model(7.0, waves=waves, rounding=True), request, xp)
    assert units == expected
    assert left[0] == 0.0


SHARES = st.lists(st.integers(0, 400), min_size=1, max_size=12)


@given(SHARES, st.integers(0, 5000))
def test_largest_remainder_is_exact(asked: list[int], stock: int) -> None:
    total = sum(asked)
    fraction = np.float32(min(1.0, stock / max(total, 1)))
    shares = [np.float32(q) * fraction for q in asked]
    whole = [float(q) for q in largest_remainder(shares, NUMPY)]
    assert all(q == int(q) for q in whole)
    assert sum(whole) == min(stock, total)
    assert all(math.floor(s + 1e-3) <= q <= math.ceil(s - 1e-3) for s, q in zip(shares, whole, strict=True))
    batched = largest_remainder([torch.tensor([float(s)]) for s in shares], TORCH)
    assert [float(q) for q in batched] == whole


@given(SHARES.filter(lambda q: len(q) >= 2), st.integers(0, 3000), st.booleans())
def test_rounding_ships_whole_units_and_never_too_many(asked: list[int], stock: int, hub: bool) -> None:
    m = model(float(stock), "hub" if hub else "stock", stores=len(asked), rounding=True)
    units, left = shipped(m, [0.0, *(q + 0.3 for q in asked)])
    assert all(q == int(q) >= 0 for q in units)
    assert sum(units) == (stock if hub else min(stock, sum(asked)))
    assert left == [stock - sum(units)]


def test_ties_go_to_the_earlier_edge() -> None:
    assert [float(q) for q in largest_remainder([np.float32(0.5)] * 4, NUMPY)] == [1.0, 1.0, 0.0, 0.0]
