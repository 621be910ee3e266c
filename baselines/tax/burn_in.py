"""What Saez's formula has seen before it is judged: incomes of earlier episodes, and the rates they were taxed at.

In Foundation the formula keeps the last 500 incomes over all episodes. It sets random rates until it has them, and then
the formula's, under a cap that training raises from 10 % to 100 % ("tax annealing"). A policy that starts with a
memory of random rates alone is another one, and fails: under random rates up to 100 % a quarter of the workers earn
nothing, so the formula taxes the first coins at 90 %, nobody works, and the zeros it then sees keep it there. Here the
history is played in a number of rounds of side-by-side training worlds, the cap rising from round to round.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.evaluation import derived_seeds
from scenarium.baselines.tuning import TRAIN_STREAM
from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import unroll
from scenarium.envs.tax.saez import estimate_elasticity

Floats = np.ndarray[Any, np.dtype[np.float64]]
SAMPLES = 500
"""Incomes kept, as in Foundation."""
ROUNDS, RISING, WORLDS, FIRST_CAP = 14, 10, 16, 0.1
"""Rounds played, those in which the cap rises, worlds of a round, and the cap of the first."""
FILE = Path(__file__).resolve().with_name("saez.json")


class History(NamedTuple):
    """What has been seen.

    Attributes:
        samples: Incomes and the marginal rates on them, the latest last, [SAMPLES, 2].
        elasticity: The estimate so far, or the fixed one.
    """

    samples: Floats
    elasticity: float


class _Learner:
    """The formula at work on a common history of all worlds of a round."""

    def __init__(self, formula: Callable[[Floats, float, float], Floats], brackets: int, elasticity: float | None):
        self.formula, self.brackets = formula, brackets
        self.fixed, self.elasticity = elasticity is not None, 0.5 if elasticity is None else elasticity
        self.seen = np.zeros((0, 2))
        self.cap, self._random = FIRST_CAP, np.random.default_rng(0)

    def act(self, observation: Any, memory: Any, t: int) -> tuple[Tensor, Any]:
        """Rates for every world: random ones each while the history is short, else the formula's for all."""
        if len(self.seen) < SAMPLES:
            rates = self._random.random((WORLDS, self.brackets)) * self.cap
        else:
            if not self.fixed:
                self.elasticity = estimate_elasticity(self.seen[:, 0], self.seen[:, 1], self.elasticity)
            rates = np.tile(self.formula(self.seen, self.elasticity, self.cap), (WORLDS, 1))
        return torch.as_tensor(rates, dtype=torch.float32), memory

    def see(self, economy: Any) -> None:
        """Keeps what a tax day brought."""
        new = torch.stack([economy.last_income, economy.last_marginal], -1).reshape(-1, 2).double().numpy()
        self.seen = np.concatenate([self.seen, new])[-SAMPLES:]


@torch.no_grad()
def burn_in(
    model: Model, formula: Callable[[Floats, float, float], Floats], brackets: int, elasticity: float | None = None,
    rounds: int = ROUNDS,
) -> History:  # fmt: skip
    """Plays the history of a formula.

    Args:
        model: The planner's view of the tax game.
        formula: From samples [n, 2], elasticity and cap to the rates of the brackets.
        brackets: Number of brackets.
        elasticity: A fixed one; estimated if left out, from 0.5 on.
        rounds: Rounds to play, or more until the history is long enough.
    """
    learner, played = _Learner(formula, brackets, elasticity), 0
    while played < rounds or len(learner.seen) < SAMPLES:
        learner.cap = min(1.0, FIRST_CAP + (1.0 - FIRST_CAP) * played / RISING)
        seeds = derived_seeds(0, TRAIN_STREAM, played, WORLDS, torch.device("cpu"))
        for moment in unroll(model, model.scenario(seeds), learner.act):
            learner.see(moment.after.inner)
        played += 1
    return History(learner.seen, learner.elasticity)


@cache
def _entries() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))["entries"] if FILE.exists() else []


def recorded(model: Model, settings: Mapping[str, Any]) -> History | None:
    """The history played before for a model's id and the formula's settings, if one was (`recipes`)."""
    for entry in _entries():
        if (entry["id"], entry["kwargs"], entry["settings"]) == (model.env_id, dict(model.env_kwargs), dict(settings)):
            return History(np.array(entry["samples"], np.float64), float(entry["elasticity"]))
    return None


def entry_of(model: Model, settings: Mapping[str, Any], history: History) -> dict[str, Any]:
    """What the file says of a history: incomes to three digits, rates to six."""
    samples = [[round(float(income), 3), round(float(rate), 6)] for income, rate in history.samples]
    found = {"elasticity": round(history.elasticity, 4), "samples": samples}
    return {"id": model.env_id, "kwargs": dict(model.env_kwargs), "settings": dict(settings), **found}
