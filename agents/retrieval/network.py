"""Action-value networks that read what was retrieved before their head, with memory and without."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
from torch import Tensor, nn

from scenarium.agents.networks.values import QNetwork, RecurrentQNetwork
from scenarium.agents.retrieval.config import RetrievalConfig
from scenarium.agents.retrieval.process import Read, RetrievalProcess
from scenarium.agents.retrieval.store import Windows
from scenarium.agents.retrieval.summariser import Summaries, Summariser, in_groups


class _Retrieving(nn.Module):
    """Mixin: a summariser and a retrieval process behind a network's encoder."""

    encoder: nn.Sequential
    shape: tuple[int, int]

    def add_retrieval(self, width: int, encoded: int, config: RetrievalConfig, carried: bool) -> None:
        """Makes both, after the network itself: with the same seed, that is the one without retrieval.

        Args:
            width: Width of the agent's state.
            encoded: Width of the encoder's output.
            config: Settings of retrieval.
            carried: Whether slots go on from decision to decision.
        """
        c = self.settings = config
        summariser = Summariser(encoded, self.shape, c.summary_width, c.key_width, c.inputs)
        process = RetrievalProcess(width, c, carried)
        self.retrieval = nn.ModuleDict({"summariser": summariser, "process": process})

    @property
    def summariser(self) -> Summariser:
        """What summarises trajectories."""
        found = self.retrieval["summariser"]
        assert isinstance(found, Summariser)
        return found

    @property
    def process(self) -> RetrievalProcess:
        """What retrieves."""
        found = self.retrieval["process"]
        assert isinstance(found, RetrievalProcess)
        return found

    def trunk(self) -> nn.ModuleList:
        """The network without retrieval."""
        return nn.ModuleList([part for name, part in self.named_children() if name not in ("prepare", "retrieval")])

    def summarise(self, windows: Windows) -> tuple[Tensor, Tensor]:
        """Summaries of past and future [T, N, summary width]."""
        encoded = self.encoder(windows.seen.flatten(0, 1)).unflatten(0, windows.reward.shape)
        if not self.settings.through_encoder:
            encoded = encoded.detach()
        past, future = self.summariser(encoded, windows)
        return past, future


class RetrievalQNetwork(QNetwork, _Retrieving):
    """Values of all choices from features and what was retrieved for them; arguments are those of `QNetwork`.

    Args:
        space: Observation space of one world.
        shape: (branches, choices) of the values.
        scale: Typical magnitudes of observations.
        config: Settings of retrieval.
        **options: The other arguments of `QNetwork`.
    """

    def __init__(
        self, space: gymnasium.Space[Any], shape: tuple[int, int], scale: Any, config: RetrievalConfig, **options: Any
    ) -> None:
        super().__init__(space, shape, scale, **options)
        width = self.head.in_features
        self.add_retrieval(width, width, config, carried=False)

    def read(
        self, features: Tensor, summaries: Summaries, episode: Tensor | None, noise: Tensor | None
    ) -> tuple[Tensor, Read]:
        """Values [B, branches, choices], and what was retrieved.

        Args:
            features: Prepared observations [B, features], in as many equal parts as there are groups.
            summaries: What there is to find.
            episode: The episodes that they are from [B, 2], or None.
            noise: Of the slots and codes [1 + rounds, B, K, slot width], or None for none.
        """
        groups = len(summaries.valid)
        state = in_groups(self.encoder(features), groups)
        slots = self.process.fresh(None if noise is None else noise[0])
        slots = slots[None] if len(slots) == 1 else in_groups(slots, groups)
        own = None if episode is None else in_groups(episode, groups)
        codes = None if noise is None else torch.stack([in_groups(one, groups) for one in noise[1:]])
        read = self.process(state, slots, summaries, own, codes)
        return self._valued(read.state.flatten(0, 1)), read


class RecurrentRetrievalQNetwork(RecurrentQNetwork, _Retrieving):
    """Values from a recurrent state and what was retrieved for it; arguments as `RetrievalQNetwork`."""

    def __init__(
        self, space: gymnasium.Space[Any], shape: tuple[int, int], scale: Any, config: RetrievalConfig, **options: Any
    ) -> None:
        super().__init__(space, shape, scale, **options)
        self.add_retrieval(self.width, self.width, config, carried=True)

    def look(
        self, hidden: Tensor, slots: Tensor, summaries: Summaries, episode: Tensor | None, noise: Tensor | None
    ) -> Read:
        """What is retrieved for recurrent states [B, width]; `values` of its state are those of the choices.

        Args:
            hidden: Recurrent states.
            slots: [B, K, slot width].
            summaries: What there is to find, in one group.
            episode: The episodes that the states are from [B, 2], or None.
            noise: Of the codes [rounds, B, K, slot width], or None.
        """
        own = None if episode is None else episode[None]
        codes = None if noise is None else noise[:, None]
        read: Read = self.process(hidden[None], slots[None], summaries, own, codes)
        return read._replace(state=read.state[0], slots=read.slots[0])


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers of a module."""
    return sum(part.numel() for part in module.parameters() if part.requires_grad)


def widened(make: Any, parameters: int) -> int:
    """The width at which a network has about this many parameters.

    Args:
        make: From a width to a network.
        parameters: How many it should have.
    """
    low, high = 1, 2
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        while count_parameters(make(high)) < parameters:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if count_parameters(make(middle)) < parameters else (low, middle)
        under, over = (abs(count_parameters(make(width)) - parameters) for width in (low, high))
    return low if under < over else high
