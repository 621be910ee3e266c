"""Settings of DQN and R2D2, and of what retrieval adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarium.agents.core.value_config import ValueConfig, whole
from scenarium.envs.core.errors import ScenariumError, unknown_name


@dataclass(frozen=True)
class DQNConfig(ValueConfig):
    """Settings of double DQN (van Hasselt et al., AAAI 2016).

    Values are those of the retrieval paper's grid world (Goyal et al., arXiv 2202.08417) where it has some.
    """

    num_envs: int = 16
    steps: int = 16
    learning_rate: float | str = 0.0003
    epsilon_end: float = 0.05

    dataset: str | None = None
    """Folder of recorded episodes to learn from, and from nothing else; steps then count as if they had been played.
    None plays and learns from what was played."""

    batch_size: int = 256
    """Transitions per gradient step, at least 1."""

    updates: int = 16
    """Gradient steps after every `num_envs` times `steps` environment steps, at least 1."""

    capacity: int = 100_000
    """Most recent environment steps that are remembered, at least `num_envs`; a dataset is held whole."""

    learning_starts: int = 1000
    """Environment steps played before the first gradient step, at least 1."""

    target_period: int = 2500
    """Gradient steps between copies of the weights to the target network, at least 1."""

    double: bool = True
    """Whether the online network chooses the action whose target value is bootstrapped from."""

    huber: float = 1.0
    """Error beyond which the loss grows linearly, positive."""

    conservative: float = 0.0
    """Weight of keeping values of what was not done below those of what was (CQL(H) of Kumar et al., NeurIPS 2020), at
    least 0; for learning from recorded episodes alone. Zero is DQN."""

    keep_replay: bool = True
    """Whether checkpoints hold what was played, so that resumed learning goes on exactly; it may be large."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "updates", "learning_starts", "target_period"):
            self._check(name, whole(1), "a whole number of at least 1")
        self._check("capacity", whole(self.num_envs), f"a whole number of at least num_envs, {self.num_envs}")
        self._check("huber", lambda v: v > 0, "positive")
        self._check("conservative", lambda v: v >= 0, "at least 0")


@dataclass(frozen=True)
class RetrievalConfig:
    """What retrieval adds; values are those of the paper's grid world. The paper leaves some open, as said there."""

    trajectories: int = 64
    """Trajectories drawn and summarised for every gradient step, at least 1."""

    span: int = 50
    """Steps of a trajectory, at least 2: longer episodes are cut to pieces of this length."""

    acting_trajectories: int = 64
    """Trajectories summarised for acting, at least 1. Open: as in training, drawn anew after gradient steps."""

    slots: int = 4
    """Slots of the retrieval process, at least 1; each asks for something of its own."""

    slot_width: int = 256
    """Numbers of a slot and of a retrieved code, at least 1. Open: as wide as the summaries."""

    summary_width: int = 256
    """Units of either summariser, at least 1."""

    key_width: int = 256
    """Width in which queries and keys meet, at least 1. Open: as wide as the summaries."""

    heads: int = 1
    """Heads of the attention among slots and of the readout, dividing `slot_width` and `key_width`. Open: one, as the
    paper's equations have it."""

    k_trajectories: int = 10
    """Trajectories that a slot keeps, at least 1."""

    k_states: int = 10
    """States that a slot keeps of these, at least 1."""

    select: str = "learned"
    """How trajectories are kept: "learned" by their attention, or "return": those with the highest return, as the paper
    does in its grid world, where that suits every task."""

    inputs: str = "all"
    """What is summarised: "state", as in the paper's algorithm, or "all": the actions and rewards too, as its Atari
    encoder does. Open: all, or rewards could be told from what was done only."""

    query_from: str = "slots"
    """What asks: "slots", or the "agent" state itself (the paper's ablation A-1)."""

    query_layers: int = 1
    """Layers of the query's network, at least 1. Open: a linear map."""

    readout: str = "code"
    """What the agent reads: the retrieved "code", as in the paper, or the "slots" after attending to each other."""

    rounds: int = 1
    """Retrieval steps per decision, at least 1; from the second, slots know what all of them found. Open: one."""

    slot_start: str = "learned"
    """Slots at the start of an episode: "learned" vectors that start at random, or "random" ones around a learned mean,
    drawn anew. Open: learned, so that acting has no noise. A single replayed state starts from them too."""

    bottleneck_weight: float = 0.3
    """Weight of the information that slots retrieve, at least 0."""

    auxiliary_weight: float = 0.1
    """Weight of predicting actions, rewards and returns from the summaries, at least 0."""

    gating: bool = True
    """Residuals through a gate and layer normalisation; otherwise plain sums."""

    through_encoder: bool = True
    """Whether gradients reach the agent's encoder through summaries. Open: yes, as its algorithm implies."""

    target_summaries: str = "shared"
    """Whose summaries target values are retrieved from: those of the online network, "shared", or the target network's
    "own". Open: shared, because they describe data rather than values, and own ones cost a fifth more."""

    sample_acting: bool = False
    """Whether acting draws the codes at random, as training does. Open: no, it takes their mean."""

    same_task: bool = True
    """Whether retrieval is confined to trajectories of the task at hand, as in the paper's grid world; its language
    tasks retrieve from all."""

    task_groups: int = 1
    """Tasks per gradient step where `same_task`, dividing `batch_size` and `trajectories`. Open: one."""

    def check_retrieval(self, batch: int) -> None:
        """Raises `ScenariumError` where a field is out of range; `batch` is divided among the groups."""
        check: Any = self._check  # type: ignore[attr-defined]
        counts = (
            "trajectories", "acting_trajectories", "slots", "slot_width", "summary_width", "key_width", "heads",
            "k_trajectories", "k_states", "query_layers", "rounds", "task_groups",
        )  # fmt: skip
        for name in counts:
            check(name, whole(1), "a whole number of at least 1")
        check("span", whole(2), "a whole number of at least 2")
        for name in ("bottleneck_weight", "auxiliary_weight"):
            check(name, lambda v: v >= 0, "at least 0")
        for name, known in _WORDS.items():
            if getattr(self, name) not in known:
                raise unknown_name(name, str(getattr(self, name)), known)
        if self.slot_width % self.heads or self.key_width % self.heads:
            raise ScenariumError(f"heads {self.heads} must divide slot_width and key_width")
        if batch % self.task_groups or self.trajectories % self.task_groups:
            raise ScenariumError(f"task_groups {self.task_groups} must divide the batch, {batch}, and trajectories")


_WORDS = {
    "select": ("learned", "return"),
    "inputs": ("all", "state"),
    "query_from": ("slots", "agent"),
    "readout": ("code", "slots"),
    "slot_start": ("learned", "random"),
    "target_summaries": ("own", "shared"),
}


@dataclass(frozen=True)
class RADQNConfig(RetrievalConfig, DQNConfig):
    """Settings of DQN with retrieval."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_retrieval(self.batch_size)
        if self.compile:
            raise ScenariumError("retrieval is not compiled; use compile=False")


@dataclass(frozen=True)
class R2D2Config(ValueConfig):
    """Settings of R2D2 (Kapturowski et al., ICLR 2019).

    Values are those of the retrieval paper's Atari where a single process can have them.
    """

    num_envs: int = 16
    steps: int = 40
    learning_rate: float | str = 0.0001
    gamma: float = 0.997
    epsilon_end: float = 0.05
    max_grad_norm: float | None = 40.0

    window: int = 40
    """Steps before the new ones that a sequence begins with, from 0 up to `steps`: sequences overlap by so many."""

    burn_in: int = 20
    """First steps of a sequence that only renew the memory, at least 0 and less than `window` plus `steps` minus 1."""

    batch_size: int = 32
    """Sequences per gradient step, at least 1."""

    updates: int = 4
    """Gradient steps after every `steps` periods, at least 1."""

    capacity: int = 2000
    """Most recent sequences that are remembered, at least `num_envs`."""

    learning_starts: int = 64
    """Sequences played before the first gradient step, at least 1."""

    target_period: int = 400
    """Gradient steps between copies of the weights to the target network, at least 1."""

    trace: float = 0.8
    """Lambda of the returns, in [0, 1]."""

    rescale: bool = True
    """Whether values are learnt on the scale sign(x)(sqrt(|x| + 1) - 1) + 0.001 x (Pohlen et al., arXiv 1805.11593)."""

    priority: float = 0.9
    """Exponent of a sequence's priority, at least 0; 0 draws uniformly."""

    priority_mix: float = 0.9
    """Weight of the largest error of a sequence in its priority, in [0, 1]; the mean error has the rest."""

    importance: float = 0.6
    """Exponent of the weights that make up for drawing by priority, in [0, 1]."""

    keep_replay: bool = True
    """Whether checkpoints hold what was played, so that resumed learning goes on exactly; it may be large."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "updates", "learning_starts", "target_period"):
            self._check(name, whole(1), "a whole number of at least 1")
        self._check("window", lambda v: int(v) == v and 0 <= v <= self.steps, "a whole number from 0 to steps")
        length = self.window + self.steps
        self._check("burn_in", lambda v: int(v) == v and 0 <= v < length - 1, f"from 0 to {length - 2}")
        self._check("capacity", whole(self.num_envs), f"a whole number of at least num_envs, {self.num_envs}")
        self._check("priority", lambda v: v >= 0, "at least 0")
        for name in ("trace", "priority_mix", "importance"):
            self._check(name, lambda v: 0 <= v <= 1, "in [0, 1]")


@dataclass(frozen=True)
class RAR2D2Config(RetrievalConfig, R2D2Config):
    """Settings of R2D2 with retrieval."""

    slots: int = 8
    summary_width: int = 512
    bottleneck_weight: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_retrieval(self.batch_size)
        if self.compile:
            raise ScenariumError("retrieval is not compiled; use compile=False")
