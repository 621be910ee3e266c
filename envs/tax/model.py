"""Gather-Trade-Build: the two-level tax game of the AI Economist as one pure batched model.

A period is, in this order: build, trade (double auction), move and gather, tax day, regrowth, rewards (Zheng et al.,
arXiv 2108.02755, and Foundation 1.7.1). Workers act in every period; the planner sets the tax rates of a tax period in
its first. State arrays carry the batch last, observations and actions first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.model import Model, Outcome, RewardFunction, Role
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.tax import auction, insight, observe, windows
from scenarium.envs.tax.actions import LEVELS, WORKER_ACTIONS, set_rates
from scenarium.envs.tax.build import build
from scenarium.envs.tax.economy import Economy, Tables, column
from scenarium.envs.tax.layouts import Layout, layout
from scenarium.envs.tax.move import gather, regrow, walk
from scenarium.envs.tax.parameters import Parameters
from scenarium.envs.tax.scenario import TaxScenario, split_draws
from scenarium.envs.tax.taxes import TaxDay, tax_day
from scenarium.envs.tax.utility import OBJECTIVES, Objective, utility

WORKER, PLANNER = "worker", "planner"


class TaxWorld(Model):
    """Workers who gather, trade and build, and a planner who taxes their income.

    Rewards are differences: a worker's of its utility, the planner's of its objective, so that they sum to where the
    episode ends less where it began.

    Args:
        parameters: Numbers of the game; `None` for the paper's.
        layout: A name in `layouts.LAYOUTS`, or a `Layout`.
        rates: What the planner acts with: "levels" (for each bracket 0, keep, or one of 21 rates in steps of 5 %) or
            "shares" (each rate as a number from 0 to 1).
        observation: "flat" (numbers only), "spatial" (workers also see the map around them), or "insight" (workers see
            the numbers that rules reason with, `insight.Insight`).
        reward: The planner's objective, a name in `utility.OBJECTIVES`, or a function of the outcome that gives the
            rewards of both roles.

    Reward:
        Of a worker the change of its utility, isoelastic in coin minus the cost of labour; of the planner the change of
        its objective.

    Start:
        Workers without coin or goods at the map's edges, skills by rank, resources on their source tiles; skills and
        places are drawn for each world.

    Optimum:
        Not known; the published learned planner reaches 1664, US federal rates 1261 and no taxes 1278 (equality times
        productivity, four workers).

    References:
        - S. Zheng, A. Trott, S. Srinivasa, D. C. Parkes, R. Socher, "The AI Economist: Taxation policy design via
          two-level deep multiagent reinforcement learning", Science Advances 8, 2022,
          [arXiv 2108.02755](https://arxiv.org/abs/2108.02755), and its published code.
        - E. Saez, "Using elasticities to derive optimal income tax rates", Review of Economic Studies 68, 2001.

    Raises:
        ScenariumError: An argument is unknown, or the workers do not fit the map.
    """

    batch_axis = -1
    gradient = "none"
    presentation: ClassVar[frozenset[str]] = frozenset({"observation"})

    def __init__(
        self,
        parameters: Parameters | None = None,
        layout: str | Layout = "open_quadrant_25",
        *,
        rates: str = "levels",
        observation: str = "flat",
        reward: str | RewardFunction = "eq_prod",
    ) -> None:
        self.parameters = Parameters() if parameters is None else parameters
        self.layout = _layout(layout)
        if rates not in ("levels", "shares"):
            raise ScenariumError(f"rates {rates!r} is unknown; use 'levels' or 'shares'")
        if observation not in ("flat", "spatial", "insight"):
            raise ScenariumError(f"observation {observation!r} is unknown; use 'flat', 'spatial' or 'insight'")
        self.rates, self.observation, self.horizon = rates, observation, self.parameters.horizon
        self.objective, self._custom = _objective(reward)
        self._tables: dict[str, Tables] = {}
        self._lenses: dict[str, windows.Lens] = {}
        _check_room(self.layout, self.parameters)
        self._roles = (
            Role(WORKER, self._worker_space(), spaces.Discrete(WORKER_ACTIONS), count=self.parameters.workers),
            Role(PLANNER, self._planner_space(), self._planner_actions(), every=self.parameters.period),
        )

    @property
    def roles(self) -> tuple[Role, ...]:
        return self._roles

    def tables(self, xp: Namespace) -> Tables:
        """The map's constants on one backend, built once."""
        found = self._tables.get(xp.key)
        if found is None:
            found = self._tables[xp.key] = Tables(self.parameters, self.layout, xp)
        return found

    def lens(self, xp: Namespace) -> windows.Lens:
        """The map's windows on one backend, built once."""
        found = self._lenses.get(xp.key)
        if found is None:
            found = self._lenses[xp.key] = windows.Lens(self.layout, self.parameters.workers, xp)
        return found

    def scenario(self, seeds: Array) -> TaxScenario:
        return TaxScenario(seeds, self.parameters, self.layout)

    def initial(self, scenario: TaxScenario, xp: Namespace) -> Economy:  # type: ignore[override]
        p, tables = self.parameters, self.tables(xp)
        if self.observation == "spatial":
            self.lens(xp)  # built here, so that a compiled step finds it
        given, location = scenario.start()
        zero, none = given.pay * 0.0, location * 0
        coin = zero + p.start_coin
        goods = xp.stack([none, none], 0)
        stock = [1] * tables.sources + [0]
        economy = Economy(
            location=location, coin=coin, bid_coin=zero, goods=goods, ask_goods=goods, labor=zero,
            pay=given.pay, skill=given.observed, bonus=xp.cast(given.bonus, "float"),
            stock=column(xp, stock, "byte") + xp.cast(none[0], "byte"),
            houses=column(xp, [0] * (tables.tiles + 1), "byte") + xp.cast(none[0], "byte"),
            orders=xp.stack([goods] * p.orders_most, 0),
            price_history=xp.cast(column(xp, [[0.0] * 11] * 2, "float") + xp.cast(zero[0], "float"), "float"),
            rates=tables.cutoffs * 0.0 + zero[0],
            last_wealth=coin, last_income=zero, last_marginal=zero,
            utility=utility(coin, zero, p, xp), welfare=zero[0],
        )  # fmt: skip
        return economy._replace(welfare=self.objective(coin, economy.utility, p, xp))

    def step(
        self, state: Economy, action: Mapping[str, Array], exogenous: Array, t: Array, xp: Namespace
    ) -> tuple[Economy, Outcome]:
        p, tables = self.parameters, self.tables(xp)
        draws = split_draws(exogenous, p.workers)
        choice = tables.codebook.decode(xp.cast(xp.batch_last(action[WORKER]), "index"))
        economy, built = build(state, choice.build, tables, p, xp)
        economy = auction.post(economy, choice, tables, p, xp)
        trades = auction.match(economy.orders, draws.tie, tables, p, xp)
        economy = auction.settle(economy, trades, p, xp)
        economy, _ = walk(economy, choice.move, draws.turn, tables, p, xp)
        economy, gathered = gather(economy, draws.lucky, tables, p, xp)
        economy = self._planned(economy, action[PLANNER], t, xp)
        day = t % p.period == p.period - 1
        economy, taxes = tax_day(economy, day, tables, xp)
        economy = regrow(economy, draws.regrown, xp)
        utilities = utility(economy.wealth, economy.labor, p, xp)
        economy = economy._replace(utility=utilities, welfare=self.objective(economy.wealth, utilities, p, xp))
        return economy, self._outcome(state, economy, built, gathered, trades, taxes, xp)

    def _planned(self, economy: Economy, action: Array, t: Array, xp: Namespace) -> Economy:
        """The planner's rates, in the first period of a tax period."""
        first = t % self.parameters.period == 0
        if first is False:
            return economy
        chosen = xp.batch_last(action)
        if self.rates == "levels":
            wanted = set_rates(economy.rates, xp.cast(chosen, "int"), self.parameters, xp)
        else:
            wanted = xp.minimum(xp.maximum(xp.cast(chosen, "double"), 0.0), self.parameters.rate_cap)
        return economy._replace(rates=wanted if first is True else xp.where(first, wanted, economy.rates))

    def _outcome(
        self, before: Economy, after: Economy, built: Array, gathered: Array, trades: auction.Market, taxes: TaxDay,
        xp: Namespace,
    ) -> Outcome:  # fmt: skip
        reward = {
            WORKER: xp.cast(xp.batch_first(after.utility - before.utility), "float"),
            PLANNER: xp.cast(after.welfare - before.welfare, "float"),
        }
        info = {
            "built": built,
            "gathered": gathered,
            "bought": trades.bought,
            "sold": trades.sold,
            "trades": trades.prices,
            "income": taxes.income,
            "tax_due": taxes.due,
            "tax_paid": taxes.paid,
            "wealth": after.wealth,
            "utility": after.utility,
            "labor": after.labor,
        }
        info = {name: xp.batch_first(value) for name, value in info.items()}
        outcome = Outcome(reward, False, {**info, "lump": taxes.lump, "welfare": after.welfare})
        return outcome if self._custom is None else outcome._replace(reward=self._custom(outcome, xp))

    def observe(self, state: Economy, past: Past | None, t: Array, xp: Namespace) -> dict[str, Any]:
        p, tables = self.parameters, self.tables(xp)
        seen = observe.shared(state, t, tables, p, xp)
        flat, workers = observe.planner_flat(state, seen, p, xp)
        planner = {"flat": flat, "workers": workers}
        if self.observation == "insight":
            mine: Any = insight.insight(state, tables, p, xp)._asdict()
            return {WORKER: mine, PLANNER: _joined(planner, xp)}
        mine = observe.worker_flat(state, seen, tables, p, xp)
        if self.observation == "spatial":
            channels, indices = windows.look(state, self.lens(xp), xp)
            mine = {"map": channels, "index": indices, "flat": mine}
            return {WORKER: mine, PLANNER: planner}
        return {WORKER: mine, PLANNER: _joined(planner, xp)}

    def action_mask(self, state: Economy, t: Array, xp: Namespace) -> dict[str, Array]:
        masks = {WORKER: observe.worker_mask(state, self.tables(xp), self.parameters, xp)}
        if self.rates == "levels":
            masks[PLANNER] = observe.planner_mask(state, t, self.tables(xp), self.parameters, xp)
        return masks

    def render(self, state: Economy, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.tax.render import draw

        return draw(self, state, outcome, t)

    def _worker_space(self) -> spaces.Space[Any]:
        flat = _box(observe.width(observe.worker_fields(self.parameters)))
        if self.observation == "flat":
            return flat
        if self.observation == "insight":
            return insight.space(len(self.layout.sources))
        side, most = windows.SIDE, self.parameters.workers + 1
        channels = spaces.Box(0, 1, (len(windows.CHANNELS), side, side), np.int8)
        indices = spaces.Box(0, most, (len(windows.INDICES), side, side), np.int8)
        return spaces.Dict({"map": channels, "index": indices, "flat": flat})

    def _planner_space(self) -> spaces.Space[Any]:
        n = self.parameters.workers
        length = observe.width(observe.planner_fields(self.parameters))
        if self.observation != "spatial":
            return _box(length)
        return spaces.Dict({"flat": _box(length - 6 * n), "workers": _box(n, 6)})

    def _planner_actions(self) -> spaces.Space[Any]:
        brackets = len(self.parameters.cutoffs)
        if self.rates == "levels":
            return spaces.MultiDiscrete([LEVELS] * brackets)
        return spaces.Box(0.0, 1.0, (brackets,), np.float32)


def _box(*shape: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, shape, np.float32)


def _joined(planner: dict[str, Array], xp: Namespace) -> Array:
    flat, workers = planner["flat"], planner["workers"]
    return xp.concat([flat, workers.reshape(*flat.shape[:-1], -1)], -1)


def _layout(given: str | Layout) -> Layout:
    return layout(given) if isinstance(given, str) else given


def _objective(reward: str | RewardFunction) -> tuple[Objective, RewardFunction | None]:
    if not isinstance(reward, str):
        return OBJECTIVES["eq_prod"], reward
    if reward not in OBJECTIVES:
        raise unknown_name("reward", reward, OBJECTIVES)
    return OBJECTIVES[reward], None


def _check_room(where: Layout, parameters: Parameters) -> None:
    corner = min(where.size) // 2
    if where.split is None and corner * 4 < -(-parameters.workers // 4):
        raise ScenariumError(f"{parameters.workers} workers do not fit the corners of layout {where.name!r}")
