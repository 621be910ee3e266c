"""What can be set in HDPO."""

from __future__ import annotations

from dataclasses import dataclass

from scenarium.agents.core.config import Config
from scenarium.agents.core.schedules import Schedule, parse_schedule


@dataclass(frozen=True)
class HDPOConfig(Config):
    """Settings of HDPO; sources are Alvo et al. (arXiv 2306.11246) and its code unless named otherwise."""

    learning_rate: float | str | Schedule = "cosine 0.003 0.0001"
    """Step size of Adam over the run: a number, or a text such as "cosine 0.01 0.0001" or "linear 0.01"."""

    batch_size: int = 256
    """Worlds per gradient step, at least 1."""

    horizon: int | None = None
    """Periods per gradient step, at least 1; None takes the model's horizon."""

    train_worlds: int | None = None
    """Size of a fixed pool of training worlds, passed over in a new order each time; None draws fresh worlds."""

    carry_over: bool = False
    """Start each gradient step where the last one left its worlds, so that training sees the stationary states.
    For problems whose long-run average is measured; not with `train_worlds`, nor where worlds end early."""

    restart_every: int = 50
    """With `carry_over`: gradient steps after which the worlds start afresh, at least 1."""

    skip: int = 0
    """First periods of each gradient step that count for nothing, 0 up to below `horizon`; 0 in the source."""

    max_grad_norm: float | None = 1.0
    """Gradients longer than this are shortened to it; None never. Positive."""

    beta1: float = 0.9
    """Adam's decay of the mean gradient, in [0, 1)."""

    beta2: float = 0.999
    """Adam's decay of the squared gradient, in [0, 1)."""

    weight_average: float = 0.0
    """Decay per gradient step of an exponential average of the weights, in [0, 1); the average is what is evaluated
    and kept. 0 turns it off. (Polyak and Juditsky, 1992.)"""

    dev_every: int = 50
    """Gradient steps between evaluations on the development worlds, after which the best weights are kept; 0 keeps
    the last weights."""

    dev_worlds: int = 256
    """Number of development worlds, at least 1."""

    dev_horizon: int | None = None
    """Periods of a development evaluation; None takes the model's horizon."""

    dev_warm_up: int = 0
    """First periods of a development evaluation that are not counted, 0 up to below `dev_horizon`."""

    truncate: int | None = None
    """Periods after which the gradient through the state is cut, at least 1; None cuts nowhere."""

    checkpoint_segments: bool = False
    """Recompute activations in segments of about sqrt(horizon) periods: less memory for a third more time."""

    plateau_restarts: int = 3
    """How often training may start over with a third of the step size because the policy fell to its lowest or its
    highest action and its gradient vanished."""

    compile: bool = False
    """Compile one period of policy and model; pays off on CUDA with many worlds, and takes a while to begin."""

    def __post_init__(self) -> None:
        parse_schedule(self.learning_rate)
        for name in ("batch_size", "horizon", "train_worlds", "restart_every", "dev_worlds", "dev_horizon", "truncate"):
            self._check(name, lambda v: int(v) == v and v >= 1, "a whole number of at least 1")
        for name in ("dev_every", "dev_warm_up", "plateau_restarts", "skip"):
            self._check(name, lambda v: int(v) == v and v >= 0, "a whole number of at least 0")
        for name in ("beta1", "beta2", "weight_average"):
            self._check(name, lambda v: 0 <= v < 1, "in [0, 1)")
        self._check("max_grad_norm", lambda v: v > 0, "positive or None")
        self._check("carry_over", lambda v: not (v and self.train_worlds), "false when train_worlds is set")
