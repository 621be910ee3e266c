"""Settings of two-level training."""

from __future__ import annotations

from dataclasses import dataclass

from scenarium.agents.core.config import Config
from scenarium.agents.core.schedules import parse_schedule
from scenarium.envs.core.errors import ScenariumError


@dataclass(frozen=True)
class TwoLevelConfig(Config):
    """Settings of two-level training; the two phases and their annealing are the paper's (Zheng et al., 2022)."""

    num_envs: int = 256
    """Worlds played side by side, at least 1; they begin in different tax periods, so that all are learnt from."""

    steps: int = 50
    """Periods played between updates, at least 1; a tax period is a multiple of it."""

    phase_one: float = 0.5
    """Share of the steps in which workers learn without taxes, in [0, 1]; the rest is phase two. 0.02 in the paper."""

    labor_annealing: float = 0.8
    """Share of phase one over which the cost of labor rises from `first_labor` to `last_labor`, in [0, 1]. Without it
    workers stop to work before they know what work is good for."""

    first_labor: float = 0.2
    """The share of the cost of labor that counts at the start, in [0, 1]; 0 in the paper."""

    last_labor: float = 1.0
    """The share that counts once the annealing is over and in phase two, in [0, 1]; 1 in the paper."""

    tax_annealing: float = 0.4
    """Share of phase two over which the cap on tax rates rises from `first_cap` to 1, in [0, 1]; 900 episodes of each
    lane in the paper."""

    first_cap: float = 0.1
    """The cap on tax rates at the start of phase two, in [0, 1]; 0.1 in the paper."""

    imitation: float = 0.25
    """Share of phase one in which workers learn what the rule would do where they are, in [0, 1]; in the first half of
    it the rule plays every second world. Help that the paper's workers do not get: from nothing, these find no market
    within millions of steps. 0 leaves it out."""

    epochs: int = 1
    """Passes of the workers over each rollout, at least 1."""

    minibatches: int = 32
    """Parts into which such a pass divides the rollout, at least 1."""

    learning_rate: float | str = "linear 0.0005 0.0001"
    """Step size of the workers: a number or a schedule over each phase."""

    imitation_rate: float = 0.001
    """Step size of the workers while they imitate, above 0."""

    gamma: float = 0.995
    """Discount factor of the workers by period, in [0, 1]; 0.998 in the paper."""

    trace: float = 0.9
    """Lambda of the workers' returns, in [0, 1]."""

    temperature: float = 0.2
    """Of the workers' softmax policy, in scaled rewards, above 0."""

    memory: float = 0.99
    """Share of the log-probability of an action that is added to its reward, in [0, 1] (Munchausen): 0 is soft
    Q-learning, and the nearer to 1, the slower the policy moves and the less it is drawn to chance. 0.9 in the
    source."""

    epsilon: float = 0.005
    """Probability of a random action of a worker, in [0, 1]."""

    reward_scale: float = 1.0
    """Factor on the workers' rewards, above 0."""

    planner_learning_rate: float | str = "linear 0.001 0.0001"
    """Step size of the planner: a number or a schedule over phase two."""

    planner_gamma: float = 1.0
    """Discount factor of the planner by tax period, in [0, 1]."""

    planner_trace: float = 0.9
    """Lambda of the planner's returns, in [0, 1]."""

    planner_rollout: int = 2
    """Tax periods between updates of the planner, at least 1."""

    planner_epochs: int = 4
    """Passes of the planner over each of its rollouts, at least 1."""

    planner_minibatches: int = 8
    """Parts into which such a pass divides the rollout, at least 1."""

    planner_epsilon_end: float = 0.1
    """Probability, by bracket, of a random rate once the schedule has ended, in [0, 1]; it falls from 1."""

    planner_epsilon_fraction: float = 0.7
    """Share of phase two over which that probability falls linearly, in [0, 1]."""

    planner_reward_scale: float = 0.02
    """Factor on the planner's rewards, above 0."""

    max_grad_norm: float | None = 10.0
    """Gradients longer than this are shortened to it; None never. Positive."""

    def __post_init__(self) -> None:
        parse_schedule(self.learning_rate)
        parse_schedule(self.planner_learning_rate)
        whole = ("num_envs", "steps", "epochs", "minibatches", "planner_rollout", "planner_epochs")
        for name in (*whole, "planner_minibatches"):
            self._check(name, lambda v: int(v) == v and v >= 1, "a whole number of at least 1")
        shares = (
            "phase_one",
            "labor_annealing",
            "first_labor",
            "last_labor",
            "tax_annealing",
            "first_cap",
            "imitation",
            "gamma",
        )
        more = ("trace", "epsilon", "memory", "planner_gamma", "planner_trace")
        for name in (*shares, *more, "planner_epsilon_end", "planner_epsilon_fraction"):
            self._check(name, lambda v: 0 <= v <= 1, "in [0, 1]")
        for name in ("reward_scale", "temperature", "imitation_rate", "planner_reward_scale", "max_grad_norm"):
            self._check(name, lambda v: v > 0, "above 0")
        self._check_minibatches()

    def _check_minibatches(self) -> None:
        if self.num_envs * self.planner_rollout % self.planner_minibatches:
            total = f"num_envs * planner_rollout = {self.num_envs * self.planner_rollout}"
            raise ScenariumError(f"{total} must be a multiple of planner_minibatches, {self.planner_minibatches}")
