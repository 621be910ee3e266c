"""Sequences that were played, drawn again by how much there was to learn from them.

Schaul et al., "Prioritized Experience Replay" (ICLR 2016), for whole sequences as in R2D2 (Kapturowski et al., ICLR
2019). New ones have the largest priority so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.sequences import Sequence
from scenarium.agents.retrieval.store import LANE, Windows


class SequenceReplay:
    """A ring of sequences.

    Args:
        room: Sequences remembered.
        lanes: Lanes they come from.
        steps: Steps from the start of a lane's sequence to that of its next.
        device: Where they are.

    Attributes:
        added: Sequences added so far.
        playing: Episode that each lane was in at the end of its last sequence [lanes].
    """

    def __init__(self, room: int, lanes: int, steps: int, device: torch.device) -> None:
        self.room, self.added, self._steps, self.device = room, 0, steps, device
        self._first = torch.arange(lanes, device=device) * LANE
        self.playing = self._first.clone()
        self._kept: dict[str, Tensor] = {}
        self._priority = torch.zeros(room, device=device)

    @property
    def filled(self) -> int:
        """Sequences remembered now."""
        return min(self.added, self.room)

    def restart(self) -> None:
        """All lanes play new episodes from here on."""
        self._first = self.playing = self.playing + 1

    def add(self, played: Sequence) -> None:
        """One sequence of every lane."""
        ended = played.terminated | played.truncated
        inside = self._first + ended[:-1].sum(0)
        row = {name: part.transpose(0, 1) for name, part in played._asdict().items() if part is not None}
        row["episode"] = torch.stack([self._first, inside], -1)
        self._first, self.playing = self._first + ended[: self._steps].sum(0), inside + ended[-1]
        lanes = len(inside)
        if not self._kept:
            self._kept = {name: part.new_zeros((self.room, *part.shape[1:])) for name, part in row.items()}
        where = (self.added + torch.arange(lanes, device=self.device)) % self.room
        for name, part in row.items():
            self._kept[name][where] = part
        self._priority[where] = self._priority.max().clamp(min=1.0) if self.added else 1.0
        self.added += lanes

    def draw(
        self, count: int, exponent: float, importance: float, generator: torch.Generator
    ) -> tuple[Tensor, Sequence, Tensor, Tensor]:
        """Sequences by priority.

        Args:
            count: How many.
            exponent: Of the priorities.
            importance: Exponent of the weights that make up for it.
            generator: On the device.

        Returns:
            Where they are [count], the sequences, their weights [count] of at most 1, and their episodes [count, 2].
        """
        mass = self._priority[: self.filled] ** exponent
        where = torch.multinomial(mass, count, replacement=True, generator=generator)
        weight = (mass[where] / mass.sum() * self.filled) ** -importance
        parts = {name: self._kept[name][where].transpose(0, 1) for name in Sequence._fields if name in self._kept}
        absent = {name: None for name in Sequence._fields if name not in parts}
        sequence = Sequence(**parts, **absent)  # type: ignore[arg-type]
        return where, sequence, weight / weight.max(), self._kept["episode"][where]

    def rank(self, where: Tensor, priority: Tensor) -> None:
        """Sets the priorities of sequences."""
        self._priority[where] = priority + 1e-6

    def windows(self, count: int, span: int, generator: torch.Generator) -> Windows:
        """Beginnings of sequences, drawn uniformly: up to `span` steps of the episode that they begin in."""
        where = torch.randint(self.filled, (count,), generator=generator, device=self.device)

        def part(name: str) -> Tensor:
            return self._kept[name][where, :span].transpose(0, 1)

        ended = part("terminated") | part("truncated")
        before = torch.cat([torch.zeros_like(ended[:1]), ended[:-1]])
        valid = before.cumsum(0) == 0
        first = self._kept["episode"][where, :1].expand(-1, 2)
        return Windows(part("seen"), part("choice"), part("reward"), valid, first)

    def tensors(self) -> dict[str, Tensor]:
        """What `load` needs."""
        state: dict[str, Any] = {"added": torch.tensor(self.added), "first": self._first, "playing": self.playing}
        return {**state, "priority": self._priority, **with_prefix("kept", self._kept)}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        self.added, self._first, self.playing = int(tensors["added"]), tensors["first"], tensors["playing"]
        self._priority, self._kept = tensors["priority"], under_prefix("kept", tensors)
