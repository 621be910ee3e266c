"""Playing portfolio policies through the same worlds, and keeping what a backtest is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scenarium.envs import make_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.portfolio.metrics import Path, path_of
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.leaderboard.evaluation import CHUNK, played_by

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """What one policy did in all worlds; days first, worlds last.

    Attributes:
        returns: Arithmetic, after costs [D, B].
        weights: After each close, cash first [D, N + 1, B].
        turnover: Value bought plus value sold over wealth [D, B].
        cost: Part of wealth paid for it [D, B].
    """

    returns: Floats
    weights: npt.NDArray[np.float32]
    turnover: Floats
    cost: Floats

    @property
    def wealth(self) -> Floats:
        """Over that at the start, after each day [D, B]."""
        return np.asarray(np.cumprod(1.0 + self.returns, 0))

    @property
    def drawdown(self) -> Floats:
        """Wealth below its highest value so far, start included, as a part of it, <= 0 [D, B]."""
        wealth = self.wealth
        return np.asarray(wealth / np.maximum(np.maximum.accumulate(wealth, 0), 1.0) - 1.0)

    def path(self, world: int) -> Path:
        """The series of one world."""
        weights = self.weights[..., world]
        return path_of(self.returns[:, world], weights, self.turnover[:, world], self.cost[:, world])


@dataclass(frozen=True)
class Played:
    """Several policies in the same worlds.

    Attributes:
        tracks: By the policy's label.
        dates: Of the bars, days since 1970-01-01, int32 [D, B].
        index: Arithmetic returns of the market index [D, B].
    """

    tracks: Mapping[str, Track]
    dates: npt.NDArray[np.int32]
    index: Floats


@torch.no_grad()
def play(
    policies: Mapping[str, Any], model: PortfolioAllocation, seeds: Sequence[int], periods: int, device: str = "cpu"
) -> Played:
    """Plays each policy, without exploration and without restarts, in the worlds of the seeds.

    Args:
        policies: By label; each as for `evaluate`.
        model: The problem.
        seeds: One world each.
        periods: Days played.
        device: Torch device the worlds live on.

    Raises:
        ScenariumError: A policy cannot play the problem, or earned returns that are not finite.
    """
    shown = {label: as_seen_by(policy, model) for label, policy in policies.items()}
    parts: dict[str, list[Track]] = {label: [] for label in policies}
    outside = []
    for part in torch.split(torch.as_tensor(list(seeds), dtype=torch.int64), CHUNK):
        scenario = model.scenario(part.to(device))
        for label, policy in policies.items():
            track, dates, index = _one(label, policy, shown[label], scenario, periods)
            parts[label].append(track)
        outside.append((dates, index))
    tracks = {label: _joined(some) for label, some in parts.items()}
    dates, index = (np.concatenate(some, 1) for some in zip(*outside, strict=True))
    return Played(tracks, dates.astype(np.int32), np.expm1(index.astype(np.float64)))


def as_seen_by(policy: Any, model: PortfolioAllocation) -> PortfolioAllocation:
    """The problem, presented as a policy was made to see it (its view of observations and actions)."""
    own = getattr(getattr(policy, "model", None), "env_kwargs", {})
    shown = {name: value for name, value in own.items() if name in model.presentation}
    if not shown or not model.env_id:
        return model
    made = make_model(model.env_id, **{**shown, **model.env_kwargs})
    return made if isinstance(made, PortfolioAllocation) else model


def _one(
    label: str, policy: Any, model: PortfolioAllocation, scenario: Scenario, periods: int
) -> tuple[Track, Any, Any]:
    """One policy in some worlds; dates and index returns are the same for all policies."""
    played, act = played_by(policy, model, scenario)
    rows: dict[str, list[Any]] = {name: [] for name in ("log_return", "turnover", "cost", "date", "index_return")}
    weights = []
    for moment in unroll(played, scenario, act, periods):
        for name, kept in rows.items():
            kept.append(moment.outcome.info[name])
        weights.append(moment.after.weights)
    series = {name: torch.stack(kept).cpu().numpy() for name, kept in rows.items()}
    returns = np.expm1(series["log_return"].astype(np.float64))
    if not np.isfinite(returns).all():
        raise ScenariumError(f"{label} earned a return that is not finite; the first day was {returns[0, 0]}")
    traded, paid = (series[name].astype(np.float64) for name in ("turnover", "cost"))
    track = Track(returns, torch.stack(weights).cpu().numpy(), traded, paid)
    return track, series["date"], series["index_return"]


def _joined(parts: list[Track]) -> Track:
    return Track(*(np.concatenate([getattr(part, name) for part in parts], -1) for name in Track.__annotations__))
