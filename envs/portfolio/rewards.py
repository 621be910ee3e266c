"""Rewards of a day, from what it brought.

All are functions of the outcome, for `reward=` by name or, with other constants, as the function that is returned:
`reward=mean_variance(8.0)`.
"""

from __future__ import annotations

import math

from scenarium.envs.core.model import Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace

DAYS_PER_YEAR = 252
"""As the paper counts; the Chinese exchanges trade on about 242 days."""
DECAY = 1.0 / 64.0
"""Step of the moving moments behind the differential Sharpe ratio."""
PRIOR_VARIANCE = 1.2e-4
"""Their second moment at the start: with 0 the first rewards explode."""


def log_growth(outcome: Outcome, xp: Namespace) -> Array:
    """The log return of the day after costs; its sum is the log of wealth."""
    return outcome.info["log_return"]


def differential_sharpe(outcome: Outcome, xp: Namespace) -> Array:
    """The differential Sharpe ratio, D = (B dA - A dB / 2) / (B - A^2)^(3/2), about unit scale.

    A and B are moving moments of the log return before the day, dA = R - A, dB = R^2 - B (Moody and Saffell, "Learning
    to trade via direct reinforcement", IEEE Transactions on Neural Networks 12, 2001, eq. 15).
    """
    a, b, r = outcome.info["moving_mean"], outcome.info["moving_square"], outcome.info["log_return"]
    variance = xp.maximum(b - a * a, 1e-8)
    return (b * (r - a) - 0.5 * a * (r * r - b)) / (variance * xp.sqrt(variance))


def average_sharpe(least: int = 1, floor: float = 0.0) -> RewardFunction:
    """The annual Sharpe ratio of the episode so far over the number of its days: their sum is the average Sharpe ratio.

    The reward of Huang, Zhou and Song (arXiv 2412.18563; their code): population deviation plus 1e-7, and a first
    return of 0 before the first day, so that the first reward is +-sqrt(252) / T whatever was done.

    Args:
        least: Days before which the reward is 0.
        floor: Smallest daily deviation to divide by.
    """

    def reward(outcome: Outcome, xp: Namespace) -> Array:
        info = outcome.info
        count = info["day"] + 2.0
        mean = info["sum"] / count
        variance = xp.maximum(info["sum_square"] / count - mean * mean, 1e-14)
        ratio = math.sqrt(DAYS_PER_YEAR) * mean / (xp.maximum(xp.sqrt(variance), floor) + 1e-7)
        return xp.where(info["day"] + 1.0 >= least, ratio / info["horizon"], ratio * 0.0)

    return reward


def mean_variance(aversion: float = 5.0) -> RewardFunction:
    """The log return less half the risk aversion times its squared distance from the moving mean before the day."""

    def reward(outcome: Outcome, xp: Namespace) -> Array:
        r = outcome.info["log_return"]
        distance = r - outcome.info["moving_mean"]
        return r - 0.5 * aversion * distance * distance

    return reward


def log_less_drawdown(aversion: float = 0.5) -> RewardFunction:
    """The log return less the aversion times what the day adds to the drawdown (log of peak over wealth)."""

    def reward(outcome: Outcome, xp: Namespace) -> Array:
        deeper = outcome.info["drawdown"] - outcome.info["drawdown_before"]
        return outcome.info["log_return"] - aversion * xp.maximum(deeper, 0.0)

    return reward


REWARDS: dict[str, RewardFunction] = {
    "log": log_growth,
    "differential_sharpe": differential_sharpe,
    "average_sharpe": average_sharpe(),
    "average_sharpe_late": average_sharpe(least=20, floor=0.002),
    "mean_variance": mean_variance(),
    "log_less_drawdown": log_less_drawdown(),
}
