"""What can be set in the streaming agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scenarium.agents.core.config import Config


@dataclass(frozen=True)
class StreamConfig(Config):
    """Settings all streaming agents have; values and names are those of Elsayed et al. (arXiv 2410.14606)."""

    gamma: float = 0.99
    """Discount factor, in [0, 1]."""

    trace: float = 0.8
    """Lambda, the decay of the eligibility traces beyond gamma, in [0, 1]."""

    alpha: float = 1.0
    """Step size before the bound, positive. At 1 the bound is nearly always active and alpha does not matter."""

    kappa: float = 2.0
    """How far below the bound the steps of the value network stay, above 1 in the paper; positive."""

    beta: float | None = None
    """Decay of the mean square in Adaptive ObGD, in [0, 1), 0.999 in the paper; None is plain ObGD."""

    sparsity: float = 0.9
    """Share of each unit's input weights that start at zero, in [0, 1)."""

    exact_sparsity: bool = False
    """Round that share up even where it leaves a unit without inputs (up to 9 inputs), as the paper's rule does."""

    normalize_observations: bool = True
    """Scale each feature by its running mean and deviation."""

    scale_rewards: bool = True
    """Divide rewards by the running deviation of their discounted sum."""

    time_feature: bool = False
    """One more input: -0.5 at the start of an episode, growing by 1 over the time limit (the paper's classic control
    and MuJoCo agents have it). Only for environments with a time limit."""

    learners: int = 1
    """Independent learners advanced as one batch, each with its own weights, traces, statistics and lane, at least 1.
    Learner k is the one that seed + k would give alone; on environments that are not of this suite, so is its lane."""

    steps_per_iteration: int = 100
    """Steps of every learner between two calls of the callbacks, at least 1."""

    def __post_init__(self) -> None:
        for name in ("gamma", "trace"):
            self._check(name, lambda v: 0 <= v <= 1, "in [0, 1]")
        for name in ("beta", "sparsity"):
            self._check(name, lambda v: 0 <= v < 1, "in [0, 1)")
        for name in ("alpha", "kappa"):
            self._check(name, lambda v: v > 0, "positive")
        for name in ("learners", "steps_per_iteration"):
            self._check(name, lambda v: int(v) == v and v >= 1, "a whole number of at least 1")


@dataclass(frozen=True)
class StreamQConfig(StreamConfig):
    """Settings of Stream Q(lambda) and SARSA(lambda)."""

    epsilon_start: float = 1.0
    """Probability of a random action at the start of the run, in [0, 1]."""

    epsilon_end: float = 0.01
    """Probability of a random action once the schedule has ended, in [0, 1]."""

    epsilon_fraction: float = 0.2
    """Part of the run over which the probability falls linearly, in [0, 1]: 0.05 or 0.2 in the paper, by problem."""

    trace_cut: str = "official"
    """What an exploratory action that is not the greedy one does to the trace, in Q(lambda) only. "official" (the
    authors' code): its error still reaches the earlier pairs, then the trace is cut. "watkins" (Watkins, 1989): the
    trace is cut before, so that the error reaches the exploratory pair alone, which keeps its trace."""

    levels: int | None = None
    """For continuous actions: evenly spaced levels per axis, at least 2."""

    menu: Sequence[Any] | None = None
    """For continuous actions: the actions to choose from, instead of `levels`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epsilon_start", "epsilon_end", "epsilon_fraction"):
            self._check(name, lambda v: 0 <= v <= 1, "in [0, 1]")
        self._check("trace_cut", lambda v: v in ("official", "watkins"), "'official' or 'watkins'")
        self._check("levels", lambda v: int(v) == v and v >= 2, "a whole number of at least 2")


@dataclass(frozen=True)
class StreamACConfig(StreamConfig):
    """Settings of Stream AC(lambda)."""

    kappa_policy: float = 3.0
    """As `kappa`, for the policy network."""

    entropy: float = 0.01
    """Weight of the entropy in the policy's objective, at least 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("kappa_policy", lambda v: v > 0, "positive")
        self._check("entropy", lambda v: v >= 0, "at least 0")
