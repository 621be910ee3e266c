"""Action-value networks: hidden layers of linear map, normalisation and ReLU, and a linear head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import gymnasium
import torch
from torch import Tensor, nn

from scenarium.agents.networks.features import FlatFeatures
from scenarium.envs.core.errors import ScenariumError, unknown_name

NORMS = ("layer_norm", "batch_norm", "none")
INITS = ("lecun_normal", "orthogonal")
_MOMENTUM = 0.01
_TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a standard normal cut off at plus and minus 2."""


class QNetwork(nn.Module):
    """Values of all choices, from flattened features.

    The normalisation stands between the linear map and the ReLU; with it, Q-learning is stable without a target network
    (Gallici et al., arXiv 2407.04811). The head has none.

    Args:
        space: Observation space of one world.
        shape: (branches, choices) of the values.
        scale: Typical magnitudes of observations; see `FlatFeatures`.
        hidden: Width of each hidden layer; (256, 256) for CartPole in the source.
        norm_type: "layer_norm" (with gain and offset), "batch_norm" or "none".
        norm_input: Batch normalisation of the features, which then need no scaling by hand.
        symlog: Features x enter as sign(x) log(1 + |x|) (Hafner et al., arXiv 2301.04104), where a few worlds may go
            far beyond the usual: their size would otherwise decide how the others are normalised.
        init: "lecun_normal" (truncated, biases 0) or "orthogonal" (gain sqrt 2, the head included).
        dueling: The head gives each branch a value of the state and advantages of the choices around it (Wang et al.,
            ICML 2016). Worth having where all choices are worth nearly the same: otherwise those that are rarely played
            lag behind what every choice has in common, while that still moves.

    Raises:
        ScenariumError: The observation space cannot be flattened, or an option is unknown.
    """

    recurrent = False

    def __init__(
        self,
        space: gymnasium.Space[Any],
        shape: tuple[int, int],
        scale: Any = None,
        hidden: Sequence[int] = (256, 256),
        norm_type: str = "layer_norm",
        norm_input: bool = False,
        symlog: bool = False,
        init: str = "lecun_normal",
        dueling: bool = False,
    ) -> None:
        super().__init__()
        if init not in INITS:
            raise unknown_name("init", init, INITS)
        self.prepare = FlatFeatures(space, scale, symlog)
        self.shape = shape
        self.encoder, width = encoder(self.prepare.size, hidden, norm_type, norm_input, init)
        width = self._body(width, init)
        self.head = linear(width, shape[0] * shape[1], init)
        self.level = linear(width, shape[0], init) if dueling else None

    def _body(self, width: int, init: str) -> int:
        """What stands between encoder and head; returns the head's inputs."""
        return width

    def forward(self, features: Tensor) -> Tensor:
        """Values [B, branches, choices] of prepared observations [B, features]."""
        return self._valued(self.encoder(features))

    def _valued(self, hidden: Tensor) -> Tensor:
        values: Tensor = self.head(hidden)
        values = values.reshape(*hidden.shape[:-1], *self.shape)
        if self.level is None:
            return values
        level: Tensor = self.level(hidden)
        return values - values.mean(-1, keepdim=True) + level[..., None]


class RecurrentQNetwork(QNetwork):
    """Values of all choices, from features, the last action and a memory of everything before them.

    Encoder, then a gated recurrent unit on its output and the last action one-hot, then the head. Arguments are those
    of `QNetwork`; the memory is as wide as the last hidden layer.
    """

    recurrent = True

    def _body(self, width: int, init: str) -> int:
        self.width, self.actions = width, self.shape[0] * self.shape[1]
        self.inward = linear(width + self.actions, 3 * width, init)
        self.onward = linear(width, 3 * width, "orthogonal", gates=3)
        return width

    def drive(self, features: Tensor, last: Tensor) -> Tensor:
        """What the recurrent unit gets from outside [..., 3 width], for all steps of a sequence at once.

        Args:
            features: Prepared observations [..., features].
            last: The last action one-hot [..., actions], zeros at the start of an episode.
        """
        encoded = self.encoder(features.flatten(0, -2)).reshape(*features.shape[:-1], -1)
        driven: Tensor = self.inward(torch.cat([encoded, last], -1))
        return driven

    def remember(self, driven: Tensor, memory: Tensor) -> Tensor:
        """The next memory [..., width] (Cho et al., 2014, with the reset gate after the product, as in cuDNN)."""
        inner = self.onward(memory)
        size = 2 * self.width
        reset, keep = (driven[..., :size] + inner[..., :size]).sigmoid().chunk(2, -1)
        fresh: Tensor = (driven[..., size:] + reset * inner[..., size:]).tanh()
        return torch.lerp(fresh, memory, keep)

    def values(self, memory: Tensor) -> Tensor:
        """Values [..., branches, choices]."""
        return self._valued(memory)


class OwnNetwork(nn.Module):
    """A module of the user's, from batched observations to values."""

    recurrent = False

    def __init__(self, module: nn.Module, shape: tuple[int, int]) -> None:
        super().__init__()
        self.module, self.shape = module, shape

    @staticmethod
    def prepare(observation: Any) -> Any:
        """Observations as they are."""
        return observation

    def forward(self, observation: Any) -> Tensor:
        """Values [B, branches, choices].

        Raises:
            ScenariumError: The module gives another number of values.
        """
        values: Tensor = self.module(observation)
        if values[0].numel() != math.prod(self.shape):
            expected = f"(batch, {self.shape[0]}, {self.shape[1]})"
            raise ScenariumError(f"the policy gives values of shape {tuple(values.shape)}; expected {expected}")
        return values.reshape(-1, *self.shape)


def encoder(
    inputs: int, hidden: Sequence[int], norm_type: str, norm_input: bool, init: str
) -> tuple[nn.Sequential, int]:
    """Hidden layers, and the width of the last.

    Raises:
        ScenariumError: `norm_type` is unknown.
    """
    layers: list[nn.Module] = [nn.BatchNorm1d(inputs, momentum=_MOMENTUM)] if norm_input else []
    for width in hidden:
        layers += [linear(inputs, width, init), norm(norm_type, width), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers), inputs


def norm(kind: str, width: int) -> nn.Module:
    """A normalisation of hidden features by its name.

    Raises:
        ScenariumError: The name is unknown.
    """
    if kind not in NORMS:
        raise unknown_name("norm_type", kind, NORMS)
    if kind == "none":
        return nn.Identity()
    return nn.LayerNorm(width) if kind == "layer_norm" else nn.BatchNorm1d(width, momentum=_MOMENTUM)


def linear(inputs: int, outputs: int, init: str, gates: int = 1) -> nn.Linear:
    """A linear map whose bias starts at 0.

    Args:
        inputs: Width in.
        outputs: Width out.
        init: "lecun_normal": variance 1 / inputs, cut off at two standard deviations of the normal; "orthogonal".
        gates: Parts of the outputs that are made orthogonal each on its own, without gain, where more than one.
    """
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.bias)
    if init == "lecun_normal":
        std = math.sqrt(1.0 / inputs) / _TRUNCATED_STD
        nn.init.trunc_normal_(layer.weight, std=std, a=-2.0 * std, b=2.0 * std)
    else:
        for part in layer.weight.data.chunk(gates):
            nn.init.orthogonal_(part, 1.0 if gates > 1 else math.sqrt(2.0))
    return layer
