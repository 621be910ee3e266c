"""Learners that improve while they sell: Thompson sampling over arms, and over a logistic model of demand.

Both keep plain numbers and take any source of customers, so that they run inside a simulation, behind a log, or in a
test with coins. Source of the router: "Model selection bandit" (arXiv 1905.08874), which routes sessions between
pricing models by their conversion.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scenarium.envs.core.errors import ScenariumError

Floats = npt.NDArray[np.float64]


class BetaBernoulli:
    """Thompson sampling over arms that succeed or fail, with independent Beta posteriors.

    Args:
        arms: Number of arms.
        prior: The a and b of every arm's Beta prior.
        seed: Of the draws.

    Attributes:
        successes: a of each arm's posterior, prior included [arms].
        failures: b of each arm's posterior, prior included [arms].

    Raises:
        ScenariumError: There is no arm, or the prior is not positive.
    """

    def __init__(self, arms: int, prior: tuple[float, float] = (1.0, 1.0), seed: int = 0) -> None:
        if arms < 1 or min(prior) <= 0.0:
            raise ScenariumError(f"a router needs at least one arm and a positive prior, got {arms} and {prior}")
        self.successes = np.full(arms, prior[0])
        self.failures = np.full(arms, prior[1])
        self._prior = prior
        self._rng = np.random.default_rng(seed)

    @property
    def pulls(self) -> Floats:
        """How often each arm was tried [arms]."""
        return np.asarray(self.successes + self.failures - sum(self._prior), dtype=np.float64)

    def choose(self, sessions: int = 1) -> npt.NDArray[np.int64]:
        """The arm of each session: the largest of a draw from every posterior [sessions]."""
        draws = self._rng.beta(self.successes, self.failures, (sessions, len(self.successes)))
        return np.asarray(draws.argmax(-1), dtype=np.int64)

    def learn(self, arm: npt.ArrayLike, success: npt.ArrayLike) -> None:
        """Counts outcomes.

        Args:
            arm: Arms tried [n].
            success: What came of each, 0/1 or a share in between [n].
        """
        tried, won = np.atleast_1d(np.asarray(arm)), np.atleast_1d(np.asarray(success, dtype=np.float64))
        np.add.at(self.successes, tried, won)
        np.add.at(self.failures, tried, 1.0 - won)

    def run(self, pull: Callable[[int], float], steps: int) -> Floats:
        """Chooses and learns session by session, and returns the pulls."""
        for _ in range(steps):
            arm = int(self.choose()[0])
            self.learn(arm, pull(arm))
        return self.pulls


class LogisticThompson:
    """Thompson sampling over a Bayesian logistic regression with a Laplace approximation.

    The posterior is normal. A batch of sessions moves its mean to the minimum of the negative log posterior and adds
    the batch's Fisher information to its precision. Source: Chapelle and Li, "An empirical evaluation of Thompson
    sampling" (NeurIPS 2011), algorithm 3, with the whole matrix instead of its diagonal: features of prices are
    strongly correlated, and a diagonal is then far too sure.

    Args:
        features: Number of features.
        precision: Of the normal prior, centred at zero, > 0.
        seed: Of the draws.

    Attributes:
        mean: Of the posterior [features].
        precision: Of the posterior [features, features].

    Raises:
        ScenariumError: Not a single feature, or the precision is not positive.
    """

    def __init__(self, features: int, precision: float = 1.0, seed: int = 0) -> None:
        if features < 1 or precision <= 0.0:
            raise ScenariumError(f"features {features} must be >= 1 and precision {precision} positive")
        self.mean = np.zeros(features)
        self.precision = float(precision) * np.eye(features)
        self._rng = np.random.default_rng(seed)

    def sample(self, count: int = 1) -> Floats:
        """Weights drawn from the posterior [count, features]."""
        from scipy.linalg import cholesky, solve_triangular

        noise = self._rng.standard_normal((len(self.mean), count))
        spread = solve_triangular(cholesky(self.precision), noise)
        return np.asarray(self.mean + spread.T, dtype=np.float64)

    def learn(self, features: Floats, bought: npt.ArrayLike) -> None:
        """Takes in a batch of sessions.

        Args:
            features: Of each session and the price it was offered [n, features].
            bought: 0/1 [n].
        """
        from scipy.optimize import minimize

        target, prior = np.asarray(bought, dtype=np.float64), self.mean.copy()

        def loss(w: Floats) -> tuple[float, Floats]:
            logit, pull = features @ w, self.precision @ (w - prior)
            value = np.logaddexp(0.0, logit).sum() - float(target @ logit)
            return float(value + 0.5 * (w - prior) @ pull), features.T @ (_sigmoid(logit) - target) + pull

        def curvature(w: Floats) -> Floats:
            p = _sigmoid(features @ w)
            return np.asarray(features.T @ (features * (p * (1.0 - p))[:, None]) + self.precision)

        found = minimize(loss, prior, jac=True, hess=curvature, method="trust-exact", options={"maxiter": 20})
        self.mean = np.asarray(found.x, dtype=np.float64)
        self.precision = curvature(self.mean)


def _sigmoid(x: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(x), dtype=np.float64)
