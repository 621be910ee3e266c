"""InventoryNet: a supply network of suppliers, stock nodes, hubs and stores, as one pure batched model.

Event order of a period: observe, order, ration and ship, demand, cost, arrivals (Alvo, Russo, Kanoria and Lee,
"Deep Reinforcement Learning for Inventory Networks", arXiv 2306.11246, and its published code). Inside the step arrays
are node- or edge-first with the batch last, so that slices are contiguous and one source serves [n] and [n, B].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.inventory.actions import ACTION_MODES, ActionSpace
from scenarium.envs.inventory.constants import Constants
from scenarium.envs.inventory.network import Network
from scenarium.envs.inventory.scenario import Demand, InventoryScenario
from scenarium.envs.inventory.shipping import ship


class State(NamedTuple):
    """Inventory at the start of a period.

    Attributes:
        on_hand: Units usable now [N] or [N, B]; negative where demand is backlogged.
        transit: For k = 1, 2, ...: units on each edge usable k periods from now, each [E] or [E, B].
    """

    on_hand: Array
    transit: tuple[Array, ...]


def _cost_reward(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.reward


def _profit_reward(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.reward + outcome.info["margin_of_demand"]


def _check_recorded(demand: Demand, horizon: int, history: int) -> None:
    before, after = demand.recorded or (history, horizon)
    if horizon > after:
        raise ScenariumError(f"horizon {horizon} is longer than the {after} recorded periods of demand")
    if history > before:
        raise ScenariumError(f"history {history} reaches further back than the {before} periods before the start")


class InventoryNet(Model):
    """Order and allocate in a supply network.

    Args:
        network: Nodes and edges.
        demand: Demand law over the network's stores.
        horizon: Periods of an episode.
        action_mode: "normalised" (each edge in [-1, 1], -1 orders nothing), "quantity" (units), "order_up_to" (the
            target's inventory position to raise to) or "integer" (whole units, discrete).
        observation: "dict" or "flat".
        history: How many periods of past demand are observed.
        rounding: Ship whole units: orders are rounded to the nearest, rationed ones by largest remainder.
        reward: "cost" (minus holding, underage and shipping cost), "profit" (margin of sales minus holding and
            shipping cost), each per store and period, or a function of the outcome.

    Reward:
        "cost" (the default): minus the holding cost of stock left at the period's end, the underage cost of demand not
        met at once, and shipping, all divided by the number of stores. "profit": the margin of what is sold, minus
        holding and shipping.

    Start:
        Stock and pipelines as the network's nodes say, given in units or drawn for each world (`Node`).

    Optimum:
        One store with lost sales: dynamic programming on the pipeline, lead times up to 4. One store with backlog: the
        newsvendor's quantile in closed form. A serial chain: the recursion of Clark and Scarf (1960). A hub that keeps
        nothing: the lower bound of Federgruen and Zipkin (1984). Networks with a warehouse: no optimum is known; the
        best policy known is HDPO trained long, the simple one a tuned base-stock policy.

    References:
        - M. Alvo, D. Russo, Y. Kanoria, M. Lee, "Deep Reinforcement Learning for Inventory Networks: Toward Reliable
          Policy Optimization", [arXiv 2306.11246](https://arxiv.org/abs/2306.11246).
        - A. J. Clark, H. Scarf, "Optimal policies for a multi-echelon inventory problem", Management Science 6, 1960.
        - A. Federgruen, P. Zipkin, "Approximations of dynamic, multilocation production and inventory problems",
          Management Science 30, 1984.
        - P. Zipkin, "Old and new methods for lost-sales inventory systems", Operations Research 56, 2008.

    Raises:
        ScenariumError: The demand does not fit the network, or an argument is invalid.
    """

    batch_axis = -1
    presentation: ClassVar[frozenset[str]] = frozenset({"action_mode", "observation"})
    rewards: ClassVar[Mapping[str, RewardFunction]] = {"cost": _cost_reward, "profit": _profit_reward}

    def __init__(
        self,
        network: Network,
        demand: Demand,
        *,
        horizon: int = 100,
        action_mode: str = "normalised",
        observation: str = "dict",
        history: int = 0,
        rounding: bool = False,
        reward: str | RewardFunction = "cost",
    ) -> None:
        if demand.stores != len(network.stores):
            raise ScenariumError(f"demand is for {demand.stores} stores but the network has {len(network.stores)}")
        if horizon < 1 or history < 0:
            raise ScenariumError(f"horizon {horizon} must be >= 1 and history {history} >= 0")
        _check_recorded(demand, horizon, history)
        if action_mode not in ACTION_MODES:
            raise ScenariumError(f"action_mode {action_mode!r} is unknown; use one of {', '.join(ACTION_MODES)}")
        if observation not in ("dict", "flat"):
            raise ScenariumError(f"observation {observation!r} is unknown; use 'dict' or 'flat'")
        self.network, self.demand, self.horizon = network, demand, int(horizon)
        self.history, self.rounding, self.observation = int(history), bool(rounding), observation
        self.stock_count, self.store_count = len(network.stocks), len(network.stores)
        self.actions = ActionSpace(network, demand, action_mode)
        self.action_space = self.actions.space
        self._custom = self._reward(reward, "cost")
        self._options: dict[str, Any] = {
            "horizon": horizon,
            "observation": observation,
            "history": history,
            "rounding": rounding,
        }
        self._options["reward"] = reward
        self._constants: dict[str, Constants] = {}
        self.has_calendar = demand.calendar(0) is not None
        self.observation_space = self._observation_space()

    @property
    def action_mean(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Mean flow an edge must carry per period [E], the natural scale of its order."""
        return self.actions.mean

    @property
    def action_centre(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Where a policy had best start [E]: the mean flow; as a level, the mean flow over lead time plus one."""
        leads = np.array([edge.lead_time for edge in self.network.edges])
        return self.action_mean * (leads + 1.0) if self.actions.mode == "order_up_to" else self.action_mean

    def constants(self, xp: Namespace) -> Constants:
        """The network's numbers as arrays of one backend, built once."""
        found = self._constants.get(xp.key)
        if found is None:
            found = self._constants[xp.key] = Constants(self.network, self.demand, self.actions.high.tolist(), xp)
        return found

    def relaxed(self) -> InventoryNet:
        """The same without rounding, through which no gradient passes."""
        if not self.rounding:
            return self
        options = {**self._options, "rounding": False}
        twin = InventoryNet(self.network, self.demand, action_mode=self.actions.mode, **options)
        return twin.made_from(self.env_id, self.env_kwargs)

    def native(self) -> InventoryNet:
        if self.actions.mode in ("quantity", "order_up_to"):
            return self
        twin = InventoryNet(self.network, self.demand, action_mode="quantity", **self._options)
        return twin.made_from(self.env_id, self.env_kwargs)

    def encode(self, action: Array, xp: Namespace) -> Array:
        return self.actions.encode(action, xp)

    def scenario(self, seeds: Array) -> InventoryScenario:
        return InventoryScenario(seeds, self.demand, self.horizon + self.history)

    def initial(self, scenario: InventoryScenario, xp: Namespace) -> State:  # type: ignore[override]
        k = self.constants(xp)
        slots, stores = self.network.slots, self.store_count
        draws = scenario.starting_uniforms(stores, slots) * k.sampled
        on_hand = xp.concat([xp.batch(k.start_stock, scenario.size), k.start_store + draws[0]], 0)
        first_edge = k.first_edge_of_store
        zero = draws[0][:1] * 0.0
        transit = tuple(
            xp.concat([draws[slot][e : e + 1] if e is not None else zero for e in first_edge], 0)
            for slot in range(1, slots)
        )
        return State(on_hand, transit)

    def step(self, state: State, action: Array, exogenous: Array, t: Array, xp: Namespace) -> tuple[State, Outcome]:
        k, stocks = self.constants(xp), self.stock_count
        request = self.actions.decode(action, state, k, xp)
        shipped, stock, stores = ship(state.on_hand, request, k, xp, self.rounding)
        net = stores - exogenous
        held = xp.maximum(net, k.zero)
        unmet = held - net
        left = held if k.all_lost else net if k.all_backlog else held - k.backlog * unmet
        ending = xp.concat([stock, left], 0) if stocks else left
        positive = ending if k.all_lost else xp.concat([stock, held], 0) if stocks else held
        holding = xp.weighted(k.holding, positive)
        underage = xp.weighted(k.underage, unmet)
        cost = holding + underage
        first = xp.batch_first
        info = {
            "requested": first(request),
            "shipped": first(shipped),
            "demand": first(exogenous),
            "unmet": first(unmet),
            "holding_cost": holding,
            "underage_cost": underage,
        }
        if k.has_unit_cost:
            info["shipping_cost"] = xp.weighted(k.unit_cost, shipped)
            cost = cost + info["shipping_cost"]
        outcome = Outcome(cost * k.per_store, False, info)
        if self._custom is not None:
            info["margin_of_demand"] = xp.weighted(k.underage, exogenous) * (1.0 / self.store_count)
            outcome = outcome._replace(reward=self._custom(outcome, xp))
        return self._arrive(ending, state.transit, shipped, k, xp), outcome

    def _arrive(self, ending: Array, transit: tuple[Array, ...], shipped: Array, k: Constants, xp: Namespace) -> State:
        """Moves the pipeline one period on and adds what was shipped at its lead time."""
        moved: list[Array] = []
        for lead, mask in enumerate(k.lead_masks, start=1):
            waiting = transit[lead - 1] if lead <= len(transit) else None
            if mask is None:
                moved.append(shipped * 0.0 if waiting is None else waiting)
            elif waiting is None:
                moved.append(shipped if k.same_lead else shipped * mask)
            else:
                moved.append(xp.add_product(waiting, mask, shipped))
        return State(ending + k.into.total(moved[0], xp), tuple(moved[1:]))

    def observe(self, state: State, past: Past, t: Array, xp: Namespace) -> Any:
        parts: dict[str, Array] = {"on_hand": state.on_hand if xp.batched else state.on_hand.copy()}
        if state.transit:
            parts["pipeline"] = xp.concat(state.transit, 0)
        if self.history:
            window = past.window(self.history)
            flat = window.reshape(self.history * self.store_count, *window.shape[2:])
            parts["demand_history"] = flat if xp.batched else flat.copy()
        if self.has_calendar:
            parts["calendar"] = state.on_hand[:1] * 0.0 + xp.cast(self.demand.calendar(t), "float")
        if self.observation == "flat":
            return xp.batch_first(xp.concat(list(parts.values()), 0))
        for name, (rows, columns) in self._tables.items():
            value = parts[name]
            parts[name] = value.reshape(columns, rows, *value.shape[1:]).swapaxes(0, 1)
        return {name: xp.batch_first(value) for name, value in parts.items()} if xp.batched else parts

    def _observation_space(self) -> gymnasium.Space[Any]:
        backlog = any(store.unmet == "backlog" for store in self.network.stores)
        shapes: dict[str, tuple[tuple[int, ...], float]] = {
            "on_hand": ((self.stock_count + self.store_count,), -np.inf if backlog else 0.0)
        }
        if self.network.slots > 1:
            shapes["pipeline"] = ((len(self.network.edges), self.network.slots - 1), 0.0)
        if self.history:
            shapes["demand_history"] = ((self.store_count, self.history), -np.inf)
        if self.has_calendar:
            shapes["calendar"] = ((1,), -1.0)
        self._tables = {name: shape for name, (shape, _) in shapes.items() if len(shape) == 2}
        if self.observation == "flat":
            low = np.concatenate([np.full(int(np.prod(shape)), low) for shape, low in shapes.values()])
            return gymnasium.spaces.Box(low.astype(np.float32), np.float32(np.inf), dtype=np.float32)
        boxes: dict[str, gymnasium.Space[Any]] = {
            name: gymnasium.spaces.Box(low, np.inf, shape, np.float32) for name, (shape, low) in shapes.items()
        }
        return gymnasium.spaces.Dict(boxes)

    def render(self, state: State, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.inventory.render import draw

        return draw(self, state, outcome, t)
