"""`scenarium.backtest`: portfolio policies on the same days, and the folder that reports on them."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenarium.agents.core.problem import resolve_model
from scenarium.baselines import make_baseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.envs.portfolio.calendar import day_text
from scenarium.envs.portfolio.data.worlds import PanelMarket
from scenarium.envs.portfolio.metrics import DAYS_PER_YEAR, Interval
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.leaderboard.backtest.figures import CATALOGUE, as_numbers, figures_of, written
from scenarium.leaderboard.backtest.play import Played, Track, play

WORLDS = 128
"""Synthetic worlds played unless told otherwise; a panel has one history and is one world."""


@dataclass(frozen=True)
class Backtest:
    """What policies did on the same days.

    Attributes:
        env_id: The problem, with `env_kwargs`.
        env_kwargs: Its keyword arguments.
        seeds: The worlds played.
        names: Of the stocks.
        against: Label of the benchmark, or None.
        trials: Strategies tried before one was chosen, for the deflated Sharpe ratio.
        clairvoyant: Labels of the policies that see the future of their world.
        played: Every policy's series.
        figures: By the policy's label and the name of the figure, with 95 % intervals.
        data_sha256: Hash of the recorded prices; "" for synthetic ones.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    seeds: tuple[int, ...]
    names: tuple[str, ...]
    against: str | None
    trials: int
    clairvoyant: tuple[str, ...]
    played: Played
    figures: Mapping[str, Mapping[str, Interval]]
    data_sha256: str = ""

    @property
    def tracks(self) -> Mapping[str, Track]:
        """Every policy's series, by its label."""
        return self.played.tracks

    @property
    def days(self) -> int:
        """Days of a world."""
        return len(self.played.dates)

    def dates(self, world: int = 0) -> list[str]:
        """ISO dates of the days of a world."""
        return [day_text(day) for day in self.played.dates[:, world]]

    def table(self, width: int = 120) -> str:
        """The figures as plain text: one row each, one column per policy, in blocks no wider than `width`."""
        labels = list(self.figures)
        column = max(12, *(len(label) + 2 for label in labels))
        fit = max(1, (width - 26) // column)
        blocks = [labels[i : i + fit] for i in range(0, len(labels), fit)]
        return "\n\n".join(self._block(block, column) for block in blocks)

    def _block(self, labels: list[str], column: int) -> str:
        lines = [" " * 26 + "".join(f"{label:>{column}}" for label in labels)]
        for name, shown in CATALOGUE.items():
            found = [self.figures[label].get(name) for label in labels]
            cells = [written(name, np.nan if interval is None else interval.value) for interval in found]
            title = f"{shown.title}, {shown.unit}" if shown.unit else shown.title
            lines.append(f"{title:26}" + "".join(f"{cell:>{column}}" for cell in cells))
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Everything but the series, as JSON data."""
        return {
            "format": 1, "env": {"id": self.env_id, "kwargs": dict(self.env_kwargs)},
            "data_sha256": self.data_sha256, "worlds": len(self.seeds),
            "seeds": list(self.seeds), "days": self.days, "first_day": self.dates()[0], "last_day": self.dates()[-1],
            "names": list(self.names), "against": self.against, "trials": self.trials,
            "clairvoyant": list(self.clairvoyant), "days_per_year": DAYS_PER_YEAR,
            "figures": {label: as_numbers(found) for label, found in self.figures.items()},
        }  # fmt: skip

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Writes `index.html`, `backtest.json`, `series.csv` (every day of every world) and `weights.csv`.

        The page loads nothing from elsewhere. Weights are those of the first world, which the page draws.

        Returns:
            The page.
        """
        from scenarium.leaderboard.backtest.page import render

        target = Path(folder)
        data = json.dumps(self.as_json(), indent=2, default=str, allow_nan=False)
        write_atomic(target / "backtest.json", data)
        write_atomic(target / "series.csv", _csv(self._series()))
        write_atomic(target / "weights.csv", _csv(self._weights()))
        return write_atomic(target / "index.html", render(self))

    def _series(self) -> Iterable[Sequence[Any]]:
        yield "policy", "seed", "day", "date", "return", "wealth", "drawdown", "turnover", "cost"
        for label, track in self.tracks.items():
            columns = (track.returns, track.wealth, track.drawdown, track.turnover, track.cost)
            for world, seed in enumerate(self.seeds):
                for day, date in enumerate(self.dates(world)):
                    yield label, seed, day, date, *(f"{x[day, world]:.7g}" for x in columns)

    def _weights(self) -> Iterable[Sequence[Any]]:
        yield "policy", "seed", "day", "date", "cash", *self.names
        for label, track in self.tracks.items():
            for day, date in enumerate(self.dates()):
                yield label, self.seeds[0], day, date, *(f"{x:.7g}" for x in track.weights[day, :, 0])


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def backtest(
    policies: Any,
    env: str | PortfolioAllocation,
    seeds: Iterable[int] | None = None,
    *,
    against: Any = "equal_weight",
    split: str | None = None,
    periods: int | None = None,
    trials: int | None = None,
    device: str = "cpu",
    **env_kwargs: Any,
) -> Backtest:
    """Plays policies through the same days, deterministically and without restarts, and measures them.

    A problem on recorded prices has one history: it is one path, resampled in blocks of days for the intervals. A
    synthetic problem has any number of worlds: figures are means over them, with intervals over worlds.

    Args:
        policies: A policy (an agent, a baseline, a Stable-Baselines3 model, anything `evaluate` takes), the name of a
            baseline, a sequence of these, or a mapping from labels to them.
        env: Registered id of a portfolio problem, or a model.
        seeds: One world each; by default 0 to 127. Recorded prices are one world, whose seed draws the names.
        against: Benchmark, a policy or the name of a baseline; None for none.
        split: Part of the recorded days, passed to the id as `split`; all of it is one episode.
        periods: Days played; the horizon by default.
        trials: How many strategies were tried, those not shown included; by default those shown, benchmark aside.
        device: Torch device the worlds live on.
        **env_kwargs: Keyword arguments of the id.

    Raises:
        ScenariumError: The problem is no portfolio problem, a policy cannot play it, or an argument is invalid.
    """
    model = _portfolio(env, _with_split(env_kwargs, split))
    players, benchmark = _with_benchmark(_labelled(policies, model), against, model)
    worlds = _seeds_of(model, seeds)
    periods = model.horizon if periods is None else periods
    if not 2 <= periods <= model.horizon:
        raise ScenariumError(f"periods is {periods}; a world of this problem has 2 to {model.horizon} days")
    count = max(1, len(players) - (benchmark is not None)) if trials is None else trials
    played = play(players, model, worlds, periods, device)
    figures = _measured(played, benchmark, count)
    seers = tuple(label for label, policy in players.items() if getattr(policy, "clairvoyant", False))
    made = (model.env_id or type(model).__name__, dict(model.env_kwargs))
    return Backtest(
        *made, worlds, _names_of(model, worlds[0]), benchmark, count, seers, played, figures, model.data_hash
    )


def _with_benchmark(
    players: dict[str, Any], against: Any, model: PortfolioAllocation
) -> tuple[dict[str, Any], str | None]:
    """The policies with the benchmark first, and its label; None without one."""
    if against is None:
        return players, None
    ((label, rival),) = _labelled(against, model).items()
    return {label: players.get(label, rival), **players}, label


def _measured(played: Played, benchmark: str | None, trials: int) -> dict[str, dict[str, Interval]]:
    rival = None if benchmark is None else played.tracks[benchmark]
    return {
        label: figures_of(track, None if label == benchmark else rival, trials, DAYS_PER_YEAR)
        for label, track in played.tracks.items()
    }


def _with_split(kwargs: dict[str, Any], split: str | None) -> dict[str, Any]:
    return kwargs if split is None else {"horizon": None, **kwargs, "split": split}


def _portfolio(env: Any, kwargs: dict[str, Any]) -> PortfolioAllocation:
    """The problem; recorded prices in one episode from the first day to the last, unless a horizon is given."""
    model = resolve_model(env, kwargs)
    if not isinstance(model, PortfolioAllocation):
        raise ScenariumError(f"{model.env_id or type(model).__name__} is no portfolio problem; a backtest needs one")
    if isinstance(env, str) and recorded(model) and "horizon" not in kwargs:
        return _portfolio(env, {**kwargs, "horizon": None})
    return model


def recorded(model: PortfolioAllocation) -> bool:
    """Whether the prices are recorded ones, of which there is one history."""
    return isinstance(model.market, PanelMarket)


def _seeds_of(model: PortfolioAllocation, seeds: Iterable[int] | None) -> tuple[int, ...]:
    """The worlds to play.

    Raises:
        ScenariumError: There is none, or there are several of one history.
    """
    if seeds is None:
        return tuple(range(1 if recorded(model) else WORLDS))
    worlds = tuple(int(seed) for seed in seeds)
    if not worlds:
        raise ScenariumError("seeds is empty; give at least one world")
    if recorded(model) and len(worlds) > 1:
        raise ScenariumError(
            f"{len(worlds)} worlds of recorded prices share their days, so that no interval over them would be right; "
            "give one seed, which draws the names, or names=None for all"
        )
    return worlds


def _names_of(model: PortfolioAllocation, seed: int) -> tuple[str, ...]:
    """The symbols of the stocks of a world, or numbers from 1 where they have none."""
    if not isinstance(model.market, PanelMarket):
        return tuple(str(i + 1) for i in range(model.names))
    symbols, columns = model.market.panel.symbols, getattr(model.scenario(seed), "names", None)
    return tuple(symbols[i] for i in (range(len(symbols)) if columns is None else np.ravel(columns).tolist()))


def _labelled(policies: Any, model: PortfolioAllocation) -> dict[str, Any]:
    """Policies by label, with names of baselines made into baselines."""
    if isinstance(policies, Mapping):
        pairs = [(str(label), policy) for label, policy in policies.items()]
    else:
        some = policies if isinstance(policies, list | tuple) else [policies]
        pairs = [(policy if isinstance(policy, str) else _label(policy), policy) for policy in some]
    if not pairs:
        raise ScenariumError("no policies to test; give at least one")
    found: dict[str, Any] = {}
    for label, policy in pairs:
        count = 2
        free = label
        while free in found:
            free, count = f"{label} {count}", count + 1
        found[free] = make_baseline(policy, model) if isinstance(policy, str) else policy
    return found


def _label(policy: Any) -> str:
    name = getattr(policy, "name", None)
    return name if isinstance(name, str) and name else type(policy).__name__.lower()
