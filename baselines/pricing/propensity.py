"""APP-LM: the probability of a purchase at list price by naive Bayes, mapped to a price by a logistic curve."""

from __future__ import annotations

import itertools
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scenarium.baselines.pricing.fitted import Tensors, as_tensors
from scenarium.baselines.pricing.learned import LearnedPricing
from scenarium.baselines.pricing.log import Log, log_value
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.demand import LIST_PRICE
from scenarium.envs.pricing.features import NAMES

Floats = npt.NDArray[np.float64]

FACTS: tuple[tuple[int, ...], ...] = (
    *((NAMES.index(name),) for name in ("days", "group", "stops", "same_flight", "across_classes", "popularity")),
    (NAMES.index("stay"), NAMES.index("one_way")),
    *((NAMES.index(f"{name}_sin"), NAMES.index(f"{name}_cos")) for name in ("month", "departure", "shopping")),
    *(tuple(k for k, name in enumerate(NAMES) if name.startswith(kind)) for kind in ("fare_", "weekday_", "market_")),
)
"""The features of each fact of a session."""
BINS, CLUSTERS, FLOOR = 15, 60, 1e-2
"""Clusters of a fact, clusters of sessions, and the floor of a variance relative to the largest."""


class AppLm(LearnedPricing):
    """APP-LM: Gaussian naive Bayes on clustered features, and a logistic map from probability to price.

    Every fact of a session is clustered (k-means) and stands for the log-odds of a purchase in its cluster, so that
    categories and humps become numbers; the sessions are clustered once more, and each cluster has Gaussians of its
    own for buyers and others. Probabilities are those at list price, from the traffic that saw it. The map is

        P = L / (1 + exp(-k (p - x0))),   L the list price,

    with k and x0 chosen by what they would have earned on the whole log. Source: Shukla et al. (KDD 2019), "GNBC" and
    equation of the logistic map, whose k and x0 are not published; the reading of "clustered features" is ours.

    A price that rises with the propensity to buy is right where those who buy are those who do not mind the price. It
    is wrong where needs differ and the willingness to pay does not.

    Args:
        sessions: Logged sessions it is fitted on.
        seed: Of the log and of the fit.
        steepness: k, instead of the fitted one.
        midpoint: x0, instead of the fitted one.
    """

    name = "app_lm"

    def _configure(
        self, sessions: int | None = None, seed: int = 0, steepness: float | None = None, midpoint: float | None = None
    ) -> dict[str, Any]:
        if (steepness is None) != (midpoint is None):
            raise ScenariumError(f"{self.name}: give steepness and midpoint together, or neither")
        self._map = None if steepness is None or midpoint is None else (float(steepness), float(midpoint))
        return {**super()._configure(sessions, seed), "steepness": steepness, "midpoint": midpoint}

    def _fit(self, log: Log) -> Tensors:
        _check_library()
        context, bought = log.context.numpy(), log.bought.numpy()
        listed = np.asarray(log.price.numpy() == np.float32(LIST_PRICE))
        model = _fact_scores(context[listed], bought[listed], self.seed)
        model |= _class_gaussians(scores(as_tensors(model), log.context)[listed].numpy(), bought[listed], self.seed)
        weights = as_tensors(model)
        return weights | as_tensors({"map": _best_map(log, probability(weights, log.context))})

    def propensity(self, observation: Tensor) -> Tensor:
        """Estimated probability of a purchase at list price [B]."""
        weights = {name: self._weight(name, observation.device) for name in self.weights}
        return probability(weights, self.shown(observation))

    def price(self, observation: Tensor) -> Tensor:
        steepness, midpoint = self._map or (float(x) for x in self.weights["map"])
        return logistic_map(self.propensity(observation), steepness, midpoint)


def _check_library() -> None:
    """Raises where scikit-learn, which only a new fit needs, is missing."""
    if find_spec("sklearn") is None:
        raise ScenariumError("fitting app_lm needs scikit-learn: pip install 'scenarium[learn]'")


def logistic_map(propensity: Tensor, steepness: float, midpoint: float) -> Tensor:
    """L / (1 + exp(-k (p - x0))) with L the list price: the price rises with the propensity to buy."""
    return LIST_PRICE * torch.sigmoid(steepness * (propensity - midpoint))


def scores(weights: Tensors, context: Tensor) -> Tensor:
    """The log-odds of the cluster each fact falls in [n, facts]."""
    columns = []
    for fact, place in enumerate(FACTS):
        distance = torch.cdist(context[:, list(place)], weights[f"centres_{fact}"])
        columns.append(weights[f"odds_{fact}"][distance.argmin(-1)])
    return torch.stack(columns, -1)


def probability(weights: Tensors, context: Tensor) -> Tensor:
    """Posterior probability of a purchase [n]: a softmax over classes, summed over those of buyers."""
    x, mean, variance = scores(weights, context), weights["mean"], weights["variance"]
    constant = weights["log_prior"] - 0.5 * torch.log(variance).sum(-1) - 0.5 * (mean * mean / variance).sum(-1)
    joint = x @ (mean / variance).T - 0.5 * (x * x) @ (1.0 / variance).T + constant
    return torch.softmax(joint, -1) @ weights["buyers"]


def _fact_scores(context: npt.NDArray[np.float32], bought: npt.NDArray[np.float32], seed: int) -> dict[str, Any]:
    """Centres of each fact's clusters, and the smoothed log-odds of a purchase there."""
    from sklearn.cluster import KMeans

    found: dict[str, Any] = {}
    for fact, place in enumerate(FACTS):
        values = context[:, list(place)]
        count = min(BINS, len(np.unique(values[:5000], axis=0)))
        means = KMeans(count, n_init=1, random_state=seed).fit(values[:20_000])
        cluster = means.predict(values)
        sold, seen = (np.bincount(cluster, w, minlength=count) for w in (bought, None))
        rate = (sold + 10.0 * bought.mean()) / (seen + 10.0)
        found |= {f"centres_{fact}": means.cluster_centers_, f"odds_{fact}": np.log(rate / (1.0 - rate))}
    return found


def _class_gaussians(x: npt.NDArray[np.float32], bought: npt.NDArray[np.float32], seed: int) -> dict[str, Any]:
    """Gaussian naive Bayes over pairs of cluster and outcome."""
    from sklearn.cluster import KMeans
    from sklearn.naive_bayes import GaussianNB

    cluster = KMeans(CLUSTERS, n_init=1, random_state=seed).fit(x[:50_000]).predict(x)
    bayes = GaussianNB(var_smoothing=FLOOR).fit(x, 2 * cluster + bought.astype(np.int64))
    return {
        "mean": bayes.theta_,
        "variance": bayes.var_,
        "log_prior": np.log(bayes.class_prior_),
        "buyers": bayes.classes_ % 2,
    }


def _best_map(log: Log, propensity: Tensor) -> tuple[float, float]:
    """The k and x0 of a grid that would have earned most on the log."""
    middles = torch.quantile(propensity[:100_000], torch.tensor([0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])).tolist()
    choices = itertools.product((10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0), middles)
    low = float(log.menu[0])
    return max(choices, key=lambda pair: log_value(log, logistic_map(propensity, *pair).clamp_min(low)))
