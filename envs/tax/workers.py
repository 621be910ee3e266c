"""Workers by rule, who answer to taxes: a fixed policy for the worker role.

Each worker weighs every act by itself. With marginal utility of coin m = max(C, 1)^-eta, marginal tax rate tau and
labor cost k, a coin is worth v = m (1 - tau), so labor L costs k L / v coins before tax. A house is worth its pay less
the labor of building; half of that is what a worker would give for a unit of material, and its own units are worth as
much to it. From this follow, in this order:

1. build, if allowed and worth more than its labor and than selling the material;
2. with material for a house in hand but no room here, step aside;
3. sell to the best bid if it pays more than the unit is worth here, or offer it at the going price;
4. buy what is missing for a house at the best ask if that is below its worth, or bid;
5. gather what is not at hand in plenty: walk to the nearest unit if it is worth more than the way;
6. rest.

Under high marginal rates v falls, the ways that are worth it get shorter, and work stops. The rule is myopic: it
neither saves for the tax day nor shelters income.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.tax.actions import FIRST_MOVE, FIRST_ORDER, PRICES
from scenarium.envs.tax.insight import NO_ASK, Insight
from scenarium.envs.tax.model import TaxWorld
from scenarium.envs.tax.paths import FAR, Paths

_STREAM = 9
_SLOTS = 128


@dataclass(frozen=True)
class Rule:
    """What can be tuned.

    Raises:
        ScenariumError: A number is out of its range.
    """

    shade: float = 0.9
    """A bid that waits offers this share of the unit's worth, 0 to 1."""
    least_gain: float = 1.0
    """A sale must bring this many times what the unit is worth to its owner and the labor of the order, >= 0."""
    waiting: int = 2
    """Most orders of one kind that wait, 1 to 5."""
    keep: int = 1
    """Units of each resource a worker that builds keeps, >= 0."""
    most: int = 1
    """With so many units of a resource, in hand and on offer, a worker gathers no more of it, >= 1."""
    patience: float = 1.5
    """A way is worth it if the unit's worth is this many times its labor, > 0."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.shade <= 1.0 or self.least_gain < 0.0 or self.patience <= 0.0:
            raise ScenariumError(f"{self}: shade must be from 0 to 1, least_gain >= 0, patience > 0")
        if not 1 <= self.waiting <= 5 or self.keep < 0 or self.most < 1:
            raise ScenariumError(f"{self}: waiting must be from 1 to 5, keep >= 0 and most >= 1")


class _Worth(NamedTuple):
    """Values in coins before tax, float32 [..., n].

    Attributes:
        house: A house less the labor of building it.
        unit: A unit of material to its owner.
        labor: One unit of labor.
    """

    house: Array
    unit: Array
    labor: Array


class RuleWorkers:
    """The rule as a policy of the worker role; needs a model with ``observation="insight"``.

    Args:
        model: The model it will play in.
        rule: Its numbers.

    Raises:
        ScenariumError: The model shows its workers something else.
    """

    def __init__(self, model: TaxWorld, rule: Rule | None = None) -> None:
        if model.observation != "insight":
            raise ScenariumError(f"observation is {model.observation!r}; workers by rule need 'insight'")
        self.model, self.rule = model, Rule() if rule is None else rule
        self._paths: dict[str, Paths] = {}

    def initial(self, scenario: Scenario, xp: Namespace) -> Array:
        """The memory is the key of the world's own coin tosses, which settle ties between ways."""
        self.paths(xp)
        return rng.stream_key(scenario.seeds, _STREAM)

    def paths(self, xp: Namespace) -> Paths:
        """The map's distances on one backend, built once."""
        found = self._paths.get(xp.key)
        if found is None:
            found = self._paths[xp.key] = Paths(self.model.layout, xp)
        return found

    def act(self, observation: dict[str, Any], memory: Array, mask: Any, t: Array, xp: Namespace) -> tuple[Any, Any]:
        """One action per worker, int32 [n] or [B, n]."""
        seen = Insight(**observation)
        worth = self._worth(seen, xp)
        tosses = self._tosses(seen, memory, t, xp)
        action = self._gather(seen, worth, mask, tosses, xp)
        for k in (0, 1):
            action = self._buy(seen, worth, mask, action, k, xp)
        for k in (0, 1):
            action = self._sell(seen, worth, mask, action, k, xp)
        sold = xp.cast(seen.offers[..., 0] + seen.offers[..., 2], "float")
        ready = (xp.smallest(seen.goods, -1) > 0) & (worth.house > xp.maximum(sold, 0.0))
        aside = self._least(tosses, mask[..., FIRST_MOVE:], xp)
        action = xp.where(ready, aside, action)
        return xp.where(ready & mask[..., 1], 1, action), memory

    def _worth(self, seen: Insight, xp: Namespace) -> _Worth:
        p = self.model.parameters
        _, wealth, pay, _, marginal = xp.unstack(seen.money, -1)
        value = xp.maximum(xp.maximum(wealth, 1.0) ** (-p.eta) * (1.0 - marginal), 1e-6)
        labor = p.labor_cost * p.labor_scale / value
        house = pay - labor * p.build_labor
        return _Worth(house, xp.maximum(house * 0.5, 0.0), labor)

    def _tosses(self, seen: Insight, key: Array, t: Array, xp: Namespace) -> Array:
        """Random numbers 0..255 per worker and move, int32 [..., n, 4]."""
        n = self.model.parameters.workers
        counter = t if isinstance(t, int) else t[..., None]
        word = rng.words(key[:, None] if xp.batched else key, counter * n + xp.constant(range(n), "index"))
        return xp.stack([xp.cast((word >> shift) & 255, "int") for shift in (8, 16, 24, 32)], -1)

    def _least(self, cost: Array, allowed: Array, xp: Namespace) -> Array:
        """The allowed move of least cost, 0 (rest) if none is allowed."""
        cost = xp.where(allowed, cost, 1 << 30)
        best = xp.smallest(cost, -1)
        move = xp.cast(xp.smallest(xp.where(cost == best[..., None], xp.constant(range(4), "int"), 9), -1), "int")
        return xp.where(best < (1 << 30), move + FIRST_MOVE, 0)

    def _gather(self, seen: Insight, worth: _Worth, mask: Array, tosses: Array, xp: Namespace) -> Array:
        """A step towards the nearest unit, if a unit is worth the way."""
        paths, here = self.paths(xp), xp.cast(seen.tile, "index")
        slots = xp.constant(range(paths.sources), "int")
        held = xp.where(seen.goods + seen.mine[..., 1::2] < self.rule.most, 0, FAR)
        unwanted = xp.where(slots < paths.stones, held[..., :1], held[..., 1:])
        key = (paths.steps[here] + xp.maximum(unwanted, xp.where(seen.stock > 0, 0, FAR))) * _SLOTS + slots
        nearest = xp.smallest(key, -1)
        steps, slot = nearest // _SLOTS, xp.cast(nearest % _SLOTS, "index")
        ways = []
        for goals in xp.unstack(paths.goals, 0):
            ways.append(paths.flat[goals[here] * paths.sources + slot])
        way = self._least(xp.stack(ways, -1) * 256 + tosses, mask[..., FIRST_MOVE:], xp)
        price = xp.largest(seen.rate, -1)
        gain = xp.maximum(worth.unit, price) * (1.0 + seen.money[..., 3])
        effort = (xp.cast(steps, "float") + 1.0) * worth.labor * self.rule.patience
        return xp.where((steps < FAR) & (steps > 0) & (gain > effort), way, 0)

    def _buy(self, seen: Insight, worth: _Worth, mask: Array, action: Array, k: int, xp: Namespace) -> Array:
        """A bid for resource k, if it is missing and worth more than it costs."""
        limit = worth.unit - worth.labor * self.model.parameters.order_labor
        ask, waiting = seen.offers[..., 2 * k + 1], seen.mine[..., 2 * k]
        now = (ask < NO_ASK) & (xp.cast(ask, "float") <= limit)
        patient = xp.cast(xp.floor(xp.minimum(limit * self.rule.shade, PRICES - 1.0)), "int")
        price = xp.where(now, ask, xp.maximum(patient, 0))
        wanted = (seen.goods[..., k] < self.rule.keep) & (now | ((patient > 0) & (waiting < self.rule.waiting)))
        return self._ordered(wanted, FIRST_ORDER + 2 * PRICES * k, price, mask, action, xp)

    def _sell(self, seen: Insight, worth: _Worth, mask: Array, action: Array, k: int, xp: Namespace) -> Array:
        """An ask for resource k: units beyond those kept for a house, or all where houses are not worth it."""
        least = (worth.unit + worth.labor * self.model.parameters.order_labor) * self.rule.least_gain
        bid, waiting = seen.offers[..., 2 * k], seen.mine[..., 2 * k + 1]
        now = (bid >= 0) & (xp.cast(bid, "float") >= least)
        going = xp.maximum(seen.rate[..., k], least)
        patient = xp.cast(-xp.floor(-xp.minimum(going, PRICES * 1.0)), "int")
        price = xp.where(now, bid, xp.minimum(patient, PRICES - 1))
        spare = seen.goods[..., k] > xp.where(worth.house > 0.0, self.rule.keep, 0)
        wanted = ((seen.goods[..., k] > 0) & now) | (spare & (patient < PRICES) & (waiting < self.rule.waiting))
        return self._ordered(wanted, FIRST_ORDER + PRICES * (2 * k + 1), price, mask, action, xp)

    def _ordered(self, wanted: Array, first: int, price: Array, mask: Array, action: Array, xp: Namespace) -> Array:
        """Replaces the action by an order where it is wanted and allowed."""
        price = xp.cast(price, "int")
        allowed = xp.pick(mask[..., first : first + PRICES], xp.cast(price, "index"))
        return xp.where(wanted & allowed, first + price, action)
