"""Policies that learned by selling: logistic Thompson sampling, and a router between pricing models."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scenarium.baselines.pricing.bandits import BetaBernoulli, LogisticThompson
from scenarium.baselines.pricing.fitted import Tensors, as_tensors
from scenarium.baselines.pricing.learned import LearnedPricing
from scenarium.baselines.pricing.log import Log, customers
from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.pricing.features import SIZE

Floats = npt.NDArray[np.float64]
CURVED = 8
"""The first so many features are not one-hot; their squares are features too."""


class Learning(NamedTuple):
    """How sales went while learning, one entry a batch of sessions.

    Attributes:
        revenue: Mean revenue of a session, in list prices.
        conversion: Share of sessions that bought.
    """

    revenue: list[float]
    conversion: list[float]


class OnlineBase(LearnedPricing):
    """A policy that meets `sessions` customers one batch after the other before it is judged."""

    batch: ClassVar[int]

    def fit(self) -> Tensors:
        return self.learn()[0]

    def _fit(self, log: Log) -> Tensors:
        raise NotImplementedError("online policies choose their own prices; use learn()")

    def learn(self) -> tuple[Tensors, Learning]:
        """Sells to the training customers from the beginning; returns what was learned and how sales went."""
        raise NotImplementedError


class LogisticThompsonPricing(OnlineBase):
    """Thompson sampling with a logistic demand model, judged greedily by its posterior mean.

    The logit is linear in a term for every price of the menu, and in the features (squares of the continuous ones
    included) times 1, u and u^2, u the price scaled to [-1, 1]. Every session draws weights from the posterior and
    offers the price that would earn most if they were true. The log-odds of a mixture of customers are not linear in
    anything, which limits it.

    Args:
        sessions: Sold to while learning.
        seed: Of the customers and the draws.
    """

    name = "logistic_thompson"
    default_sessions = 500_000
    batch = 5000

    def learn(self) -> tuple[Tensors, Learning]:
        people = customers(self.model, self.sessions, self.seed + 1)
        context, limit = people.context.numpy().astype(np.float64), people.limit.numpy()
        prices = self._menu.numpy().astype(np.float64)
        learner = LogisticThompson(len(prices) + 3 * (SIZE + CURVED), seed=self.seed)
        log = Learning([], [])
        for first in range(0, self.sessions, self.batch):
            x = _extended(context[first : first + self.batch])
            rung = _greedy(learner.sample(len(x)), x, prices)
            bought = prices[rung] <= limit[first : first + self.batch]
            learner.learn(_design(x, rung, prices), bought)
            log.revenue.append(float((bought * prices[rung]).mean()))
            log.conversion.append(float(bought.mean()))
        return as_tensors({"mean": learner.mean}), log

    def price(self, observation: Tensor) -> Tensor:
        weights, menu = self._weight("mean", observation.device), self._menu.to(observation.device)
        context = self.shown(observation)
        x = torch.cat([context, context[:, :CURVED] ** 2], -1)
        by_power = weights[len(menu) :].reshape(3, -1) @ x.T
        powers = torch.as_tensor(_powers(self._menu.numpy()), dtype=x.dtype, device=x.device)
        logit = weights[: len(menu)] + by_power.T @ powers.T
        return menu[(menu * torch.sigmoid(logit)).argmax(-1)]


class ModelRouter(OnlineBase):
    """A Beta-Bernoulli bandit that routes every session to one of several pricing models.

    Source: "Model selection bandit" (arXiv 1905.08874): Thompson sampling over models, rewarded by conversion.
    After `sessions` sessions it keeps routing at random, each model with the probability that it is the best by the
    posterior. Rewarding conversion favours the cheapest model; rewarding revenue counts a sale by its price.

    Args:
        sessions: Routed while learning.
        seed: Of the customers and the draws.
        reward: "conversion" as published, or "revenue".
        arms: Names of the models.
    """

    name = "model_router"
    default_sessions = 50_000
    batch = 50
    ARMS: ClassVar[tuple[str, ...]] = ("app_lm", "app_des", "dnn_cl")

    def _configure(
        self, sessions: int | None = None, seed: int = 0, reward: str = "conversion", arms: Any = None
    ) -> dict[str, Any]:
        if reward not in ("conversion", "revenue"):
            raise unknown_name("reward of model_router:", reward, ("conversion", "revenue"))
        self.reward, self.arms = reward, tuple(self.ARMS if arms is None else arms)
        if not self.arms or self.name in self.arms:
            raise ScenariumError(f"{self.name}: arms are {list(self.arms)}; name at least one model, not the router")
        return {**super()._configure(sessions, seed), "reward": reward, "arms": list(self.arms)}

    @cached_property
    def models(self) -> list[Any]:
        """The models that sessions are routed to."""
        from scenarium.baselines.registry import make_baseline

        return [make_baseline(name, self.model) for name in self.arms]

    @property
    def key(self) -> str:
        return "-".join((super().key, self.reward, *self.arms))

    def learn(self) -> tuple[Tensors, Learning]:
        people = customers(self.model, self.sessions, self.seed + 2)
        with torch.no_grad():
            offers = torch.stack([self._legal(model.price(people.context)) for model in self.models], -1)
        bought, prices = (people.limit[:, None] >= offers).double().numpy(), offers.double().numpy()
        success = bought if self.reward == "conversion" else bought * prices / self.model.prices.high
        router, log = BetaBernoulli(len(self.arms), seed=self.seed), Learning([], [])
        for first in range(0, self.sessions, self.batch):
            rows = np.arange(first, min(first + self.batch, self.sessions))
            arm = router.choose(len(rows))
            router.learn(arm, success[rows, arm])
            log.revenue.append(float((bought * prices)[rows, arm].mean()))
            log.conversion.append(float(bought[rows, arm].mean()))
        best = np.bincount(router.choose(20_000), minlength=len(self.arms)) / 20_000
        return as_tensors({"share": best, "pulls": router.pulls}), log

    def price(self, observation: Tensor) -> Tensor:
        offers = torch.stack([model.price(observation) for model in self.models], -1)
        xp = torch_namespace(str(observation.device))
        uniform = rng.uniform(xp, rng.words(self.customer_key(observation), self.seed))
        bounds = self._weight("share", observation.device).cumsum(0)[:-1]
        return offers.gather(-1, torch.bucketize(uniform, bounds)[:, None])[:, 0]

    def _legal(self, price: Tensor) -> Tensor:
        native = self.native
        xp = torch_namespace(str(price.device))
        charged: Tensor = native.prices.price(price[:, None], xp)  # type: ignore[attr-defined]
        return charged


def _powers(prices: npt.ArrayLike) -> Floats:
    """1, u and u^2 of prices scaled to [-1, 1] [K, 3]."""
    p = np.asarray(prices, dtype=np.float64)
    u = 2.0 * (p - p[0]) / (p[-1] - p[0]) - 1.0
    return np.stack([np.ones_like(u), u, u * u], -1)


def _extended(context: Floats) -> Floats:
    return np.concatenate([context, context[:, :CURVED] ** 2], -1)


def _design(x: Floats, rung: npt.NDArray[np.int64], prices: Floats) -> Floats:
    """Features of sessions at the prices they were offered [n, K + 3 F]."""
    products = _powers(prices)[rung][:, :, None] * x[:, None, :]
    return np.concatenate([np.eye(len(prices))[rung], products.reshape(len(x), -1)], -1)


def _greedy(weights: Floats, x: Floats, prices: Floats) -> npt.NDArray[np.int64]:
    """The rung that earns most under each session's own weights [n]."""
    from scipy.special import expit

    by_power = np.einsum("npf,nf->np", weights[:, len(prices) :].reshape(len(x), 3, -1), x)
    logit = weights[:, : len(prices)] + by_power @ _powers(prices).T
    return np.asarray((prices * expit(logit)).argmax(-1), dtype=np.int64)
