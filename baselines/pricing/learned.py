"""The base of the policies that are fitted on logged sessions, and those that forecast demand and search the prices."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from scenarium.baselines.pricing.fitted import Tensors, fitted, problem_key
from scenarium.baselines.pricing.log import Log, log_value, training_log
from scenarium.baselines.pricing.losses import interval_loss, purchase_loss, unweighted
from scenarium.baselines.pricing.networks import MonotoneNet, PriceNet, PurchaseNet, train
from scenarium.baselines.pricing.policy import PricingBaseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.demand import LIST_PRICE
from scenarium.envs.pricing.features import SIZE
from scenarium.envs.pricing.optimum import PriceGrid

SESSIONS = 1_000_000
"""Logged sessions a model is fitted on. The published data sets have 41,000 to 72,000; the signal of a session is weak,
and agents that learn by selling get two million."""


class LearnedPricing(PricingBaseline):
    """A policy whose parameters are fitted on a log of the problem; those of registered problems are shipped.

    Args:
        sessions: Logged sessions it is fitted on.
        seed: Of the log and of the fit.
    """

    track = "model-free"
    default_sessions = SESSIONS

    def _configure(self, sessions: int | None = None, seed: int = 0) -> dict[str, Any]:
        sessions = self.default_sessions if sessions is None else sessions
        for label, value, least in (("sessions", sessions, 1000), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ScenariumError(f"{self.name}: {label} is {value!r}; expected a whole number >= {least}")
        self.sessions, self.seed = sessions, seed
        return {"sessions": sessions, "seed": seed}

    @cached_property
    def weights(self) -> Tensors:
        """The fitted parameters."""
        return fitted(self.name, self.key, self.fit)

    @property
    def key(self) -> str:
        """What the parameters depend on, in one word."""
        return problem_key(self.model, self.sessions, self.seed)

    def fit(self) -> Tensors:
        """Fits the parameters anew."""
        return self._fit(training_log(self.model, self.sessions, self.seed))

    @abstractmethod
    def _fit(self, log: Log) -> Tensors:
        """Parameters by name, float32."""

    def _weight(self, name: str, device: torch.device) -> Tensor:
        return self._on(device, name, self.weights[name])

    @cached_property
    def _menu(self) -> Tensor:
        return torch.as_tensor(self.model.prices.menu(), dtype=torch.float32)

    @cached_property
    def _at(self) -> PriceGrid:
        prices = self.model.prices
        return PriceGrid(prices.menu(), prices.ladder is None)


class _NetworkPricing(LearnedPricing):
    """A policy that is a network; its parameters are the module's."""

    @abstractmethod
    def _make(self) -> nn.Module:
        """The network, untrained."""

    def _network(self, device: torch.device) -> nn.Module:
        networks: dict[str, nn.Module] = self.__dict__.setdefault("_networks", {})
        if str(device) not in networks:
            net = self._make()
            net.load_state_dict(self.weights)
            networks[str(device)] = net.eval().to(device)
        return networks[str(device)]


class _Forecasting(_NetworkPricing):
    """A policy that forecasts the purchase at every price of the menu and offers the one that earns most."""

    @abstractmethod
    def chances(self, observation: Tensor) -> Tensor:
        """Purchase probability at every price of the menu [B, K]."""

    def price(self, observation: Tensor) -> Tensor:
        return self._at.best(self.chances(observation))[0]

    def propensity(self, observation: Tensor) -> Tensor:
        """Estimated probability of a purchase at list price [B]."""
        return self.chances(observation)[:, int((self._menu - LIST_PRICE).abs().argmin())]


class AppDes(_Forecasting):
    """APP-DES: a network forecasts the purchase at every legal price, and the price that earns most is offered.

    Source: Shukla et al. (KDD 2019): a classifier trained by weighted cross-entropy, evaluated at all discrete prices.
    Sales count `SALE_WEIGHT` times in training, and the weight is taken out of the probabilities again. Nothing makes
    the forecast fall in the price; the authors found later that it did not.
    """

    name = "app_des"
    SALE_WEIGHT = 5.0

    def _make(self) -> nn.Module:
        return PurchaseNet(SIZE)

    def _fit(self, log: Log) -> Tensors:
        net = train(self._make, log, lambda out, rows: purchase_loss(out, rows.bought, self.SALE_WEIGHT), self.seed)
        return dict(net.state_dict())

    def chances(self, observation: Tensor) -> Tensor:
        net, context = self._network(observation.device), self.shown(observation)
        menu = self._menu.to(observation.device)
        wide = context[:, None].expand(-1, len(menu), -1)
        return unweighted(net(wide, menu.expand(len(context), -1)), self.SALE_WEIGHT)


class MonotonePricing(_Forecasting):
    """As APP-DES, with a network whose forecast falls in the price by construction, trained by plain cross-entropy.

    That demand falls in the price is known; a penalty for breaking it is the way of "PenDer: incorporating shape
    constraints via penalized derivatives" (Gupta et al., AAAI 2021), a sum of falling steps cannot break it.
    """

    name = "monotone_network"

    def _make(self) -> nn.Module:
        return MonotoneNet(SIZE, self._menu)

    def _fit(self, log: Log) -> Tensors:
        net = train(self._make, log, lambda out, rows: purchase_loss(out, rows.bought), self.seed)
        return dict(net.state_dict())

    def chances(self, observation: Tensor) -> Tensor:
        net = self._network(observation.device)
        assert isinstance(net, MonotoneNet)
        return torch.sigmoid(net.curve(self.shown(observation), net.knots))


class DnnCl(_NetworkPricing):
    """DNN-CL: a network names the price directly, trained by an interval loss instead of a forecast of demand.

    Source of the idea: Shukla et al. (KDD 2019); of the loss: Ye et al. (KDD 2018). The literal formula of the former
    pushes prices the wrong way, see `losses.interval_loss`. The bounds c1, c2 and the weight of a sale, for which no
    values are published, are those of `CHOICES` that would have earned most on the log.
    """

    name = "dnn_cl"
    CHOICES = ((0.5, 1.3, 8.0), (0.5, 1.5, 6.0), (0.4, 1.3, 12.0), (0.3, 1.3, 8.0), (0.5, 1.2, 12.0))

    def _make(self) -> nn.Module:
        return PriceNet(SIZE, self.model.prices.low, self.model.prices.high)

    def _fit(self, log: Log) -> Tensors:
        candidates = [self._candidate(log, *choice) for choice in self.CHOICES]
        return max(candidates, key=lambda found: found[0])[1]

    def _candidate(self, log: Log, lower: float, upper: float, weight: float) -> tuple[float, Tensors]:
        net = train(
            self._make,
            log,
            lambda out, rows: interval_loss(out, rows.price, rows.bought, lower, upper, weight),
            self.seed,
        )
        with torch.no_grad():
            return log_value(log, net(log.context)), dict(net.state_dict())

    def price(self, observation: Tensor) -> Tensor:
        price: Tensor = self._network(observation.device)(self.shown(observation))
        return price
