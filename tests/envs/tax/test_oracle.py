"""A second implementation of a period, in plain Python lists, that the model must agree with exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.tax.economy import Economy
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.scenario import split_draws

MOVES = {46: (0, -1), 47: (0, 1), 48: (-1, 0), 49: (1, 0)}


class Oracle:
    """One world; resources are "S" and "W", orders (owner, price, age) tuples."""

    def __init__(self, model: TaxWorld, start: Economy) -> None:
        self.p, self.layout, n = model.parameters, model.layout, model.parameters.workers
        self.n = n
        self.at = [divmod(int(tile), model.layout.size[1]) for tile in start.location]
        self.coin, self.escrow = [float(c) for c in start.coin], [0.0] * n
        self.goods = {"S": [0] * n, "W": [0] * n}
        self.labor, self.pay = [0.0] * n, [float(x) for x in start.pay]
        self.full = dict.fromkeys(model.layout.sources, True)
        self.kind = {**dict.fromkeys(model.layout.stone, "S"), **dict.fromkeys(model.layout.wood, "W")}
        self.houses: dict[tuple[int, int], int] = {}
        self.bids: dict[str, list[tuple[int, int, int]]] = {"S": [], "W": []}
        self.asks: dict[str, list[tuple[int, int, int]]] = {"S": [], "W": []}
        self.rates = [0.0] * len(self.p.cutoffs)
        self.last = list(self.coin)
        self.trades = 0

    def step(self, actions: Any, levels: Any, draws: Any, t: int) -> None:
        for i, action in enumerate(actions):
            self._build(i, int(action))
        for k, what in enumerate("SW"):
            for i, action in enumerate(actions):
                self._order(i, int(action) - 2 - 22 * k, what)
            self._match(what, draws.tie)
            self._age(what)
        for i in np.argsort(draws.turn):
            self._go(int(i), int(actions[i]), int(draws.lucky[i]))
        if t % self.p.period == 0:
            self.rates = [0.05 * (k - 1) if k else old for k, old in zip(levels, self.rates, strict=True)]
        if t % self.p.period == self.p.period - 1:
            self._tax()
        for tile, again in zip(self.layout.sources, draws.regrown, strict=True):
            self.full[tile] = self.full[tile] or bool(again)

    def _build(self, i: int, action: int) -> None:
        here = self.at[i]
        able = self.goods["S"][i] > 0 and self.goods["W"][i] > 0
        if action == 1 and able and here not in self.houses and here not in self.kind:
            self.houses[here] = i
            self.goods["S"][i] -= 1
            self.goods["W"][i] -= 1
            self.coin[i] += self.pay[i]
            self.labor[i] += 10.0

    def _order(self, i: int, number: int, what: str) -> None:
        if not 0 <= number < 22:
            return
        price = number % 11
        count = sum(order[0] == i for order in [*self.bids[what], *self.asks[what]])
        if count >= 5:
            return
        if number < 11 and self.coin[i] >= price:
            self.coin[i] -= price
            self.escrow[i] += price
            self.bids[what].append((i, price, 0))
            self.labor[i] += 0.25
        elif number >= 11 and self.goods[what][i] > 0:
            self.goods[what][i] -= 1
            self.asks[what].append((i, price, 0))
            self.labor[i] += 0.25

    def _match(self, what: str, tie: Any) -> None:
        ruled_out: set[int] = set()
        while True:
            bids = [b for b in self.bids[what] if b[0] not in ruled_out]
            if not bids:
                return
            bid = min(bids, key=lambda b: (-b[1], -b[2], -tie[b[0]]))
            asks = [a for a in self.asks[what] if a[0] != bid[0]]
            ask = min(asks, key=lambda a: (a[1], -a[2], -tie[a[0]]), default=None)
            if ask is None or bid[1] < ask[1]:
                ruled_out.add(bid[0])
                continue
            price = ask[1] if bid[2] <= ask[2] else bid[1]
            self.bids[what].remove(bid)
            self.asks[what].remove(ask)
            self.escrow[bid[0]] -= bid[1]
            self.coin[bid[0]] += bid[1] - price
            self.coin[ask[0]] += price
            self.goods[what][bid[0]] += 1
            self.trades += 1

    def _age(self, what: str) -> None:
        for name in ("bids", "asks"):
            book = getattr(self, name)
            older = [(i, price, age + 1) for i, price, age in book[what]]
            for i, price, age in older:
                if age > 50 and name == "bids":
                    self.escrow[i] -= price
                    self.coin[i] += price
                elif age > 50:
                    self.goods[what][i] += 1
            book[what] = [order for order in older if order[2] <= 50]

    def _go(self, i: int, action: int, lucky: int) -> None:
        down, along = MOVES.get(action, (0, 0))
        goal = (self.at[i][0] + down, self.at[i][1] + along)
        inside = 0 <= goal[0] < self.layout.size[0] and 0 <= goal[1] < self.layout.size[1]
        free = goal not in self.layout.water and goal not in self.at and self.houses.get(goal, i) == i
        if action in MOVES and inside and free:
            self.at[i] = goal
            self.labor[i] += 1.0
        if self.full.get(self.at[i], False):
            self.full[self.at[i]] = False
            self.goods[self.kind[self.at[i]]][i] += 1 + lucky
            self.labor[i] += 1.0

    def _tax(self) -> None:
        income = [c + e - last for c, e, last in zip(self.coin, self.escrow, self.last, strict=True)]
        ends = [*self.p.cutoffs[1:], np.inf]
        paid = []
        for i, z in enumerate(income):
            parts = zip(self.rates, self.p.cutoffs, ends, strict=True)
            paid.append(min(self.coin[i], sum(r * min(high - low, max(0.0, z - low)) for r, low, high in parts)))
        for i in range(self.n):
            self.coin[i] += sum(paid) / self.n - paid[i]
            self.last[i] = self.coin[i] + self.escrow[i]


def _orders(economy: Economy, k: int) -> tuple[list[Any], list[Any]]:
    """The open bids and asks of one resource as sorted (owner, price, age)."""
    bids, asks = [], []
    for code, owner in ((int(c), i) for slot in economy.orders for i, c in enumerate(slot[k])):
        if code > 0:
            bids.append((owner, (code - 1) // 64, (code - 1) % 64))
        elif code < 0:
            asks.append((owner, 10 - (-code - 1) // 64, (-code - 1) % 64))
    return sorted(bids), sorted(asks)


def _agree(oracle: Oracle, economy: Economy, model: TaxWorld) -> None:
    assert [model.layout.number(tile) for tile in oracle.at] == list(economy.location)
    np.testing.assert_allclose(economy.coin, oracle.coin, atol=1e-9)
    np.testing.assert_array_equal(economy.bid_coin, oracle.escrow)
    np.testing.assert_array_equal(economy.goods, [oracle.goods["S"], oracle.goods["W"]])
    np.testing.assert_array_equal(economy.labor, oracle.labor)
    np.testing.assert_array_equal(economy.stock[:-1], [oracle.full[tile] for tile in model.layout.sources])
    houses = {model.layout.number(tile): owner + 1 for tile, owner in oracle.houses.items()}
    assert {int(tile): int(economy.houses[tile]) for tile in np.flatnonzero(economy.houses)} == houses
    np.testing.assert_allclose(economy.rates, oracle.rates, atol=1e-15)
    np.testing.assert_allclose(economy.last_wealth, oracle.last, atol=1e-9)
    for k, what in enumerate("SW"):
        assert _orders(economy, k) == (sorted(oracle.bids[what]), sorted(oracle.asks[what]))


@pytest.mark.parametrize(
    ("layout", "workers", "compat"),
    [("open_quadrant_25", 4, "foundation"), ("split_25", 5, "fixed"), ("open_quadrant_40", 10, "fixed")],
)
def test_every_period_agrees_with_the_oracle(layout: str, workers: int, compat: Any) -> None:
    parameters = Parameters(workers=workers, compat=compat, horizon=300, start_coin=15.0, regeneration=0.1)
    model = TaxWorld(parameters, layout)
    rng = np.random.default_rng(workers)
    scenario = model.scenario(workers)
    state = model.initial(scenario, NUMPY)
    oracle = Oracle(model, state)
    for t in range(model.horizon):
        mask = model.action_mask(state, t, NUMPY)["worker"]
        # Mostly allowed actions, trading and building more often than chance would, and some that are not allowed.
        wish = rng.random(mask.shape) * np.where(np.arange(50) < 46, 1.0, 0.9) + (np.arange(50) == 1)
        actions = np.where(
            rng.random(workers) < 0.9, np.where(mask, wish, -1.0).argmax(1), rng.integers(0, 50, workers)
        )
        levels = rng.integers(0, 22, 7)
        exogenous = scenario.at(t)
        state, _ = model.step(state, {"worker": actions, "planner": levels}, exogenous, t, NUMPY)
        oracle.step(actions, levels, split_draws(exogenous, workers), t)
        _agree(oracle, state, model)
    assert oracle.trades > 50
    assert len(oracle.houses) > 3
