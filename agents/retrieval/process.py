"""The retrieval process: slots that ask, find, and tell each other and the agent.

Goyal et al., "Retrieval-Augmented Reinforcement Learning" (ICML 2022, arXiv 2202.08417), section 2. Everything is the
same for all slots, so that slots in another order are answered in that order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from scenarium.agents.retrieval.bottleneck import Bottleneck
from scenarium.agents.retrieval.config import RetrievalConfig
from scenarium.agents.retrieval.search import search
from scenarium.agents.retrieval.store import own_trajectory
from scenarium.agents.retrieval.summariser import Summaries


class Read(NamedTuple):
    """What one decision retrieved.

    Attributes:
        state: The agent's states with what was retrieved [G, B, width].
        slots: The slots afterwards [G, B, K, slot width].
        cost: What the bottleneck let through, 0-dim.
        place: Kept states n T + t, int64 [G, B, K, k].
        weight: Attention on these [G, B, K, k].
        share: The agent's attention on the slots [G, B, K], mean of the heads.
    """

    state: Tensor
    slots: Tensor
    cost: Tensor
    place: Tensor
    weight: Tensor
    share: Tensor


class Gate(nn.Module):
    """A residual x + y, through a gated recurrent unit and layer normalisation of y (Parisotto et al., ICML 2020).

    Args:
        width: Of both.
        gating: False for the plain sum.
    """

    def __init__(self, width: int, gating: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if gating else None
        self.cell = nn.GRUCell(width, width) if gating else None
        if self.cell is not None:
            # Starts near the identity: the update gate keeps x.
            with torch.no_grad():
                self.cell.bias_ih[width : 2 * width] += 2.0

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the shape of both [..., width]."""
        if self.cell is None or self.norm is None:
            return x + y
        mixed: Tensor = self.cell(self.norm(y).flatten(0, -2), x.flatten(0, -2))
        return mixed.reshape(x.shape)


class Attention(nn.Module):
    """Attention of queries [..., M, a] on values [..., N, b], with heads; also returns the mean weights [..., M, N]."""

    def __init__(self, asking: int, answering: int, key_width: int, heads: int, out: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(asking, key_width, bias=False)
        self.key = nn.Linear(answering, key_width, bias=False)
        self.value = nn.Linear(answering, out, bias=False)

    def forward(self, asking: Tensor, answering: Tensor) -> tuple[Tensor, Tensor]:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
            for part in (self.query(asking), self.key(answering), self.value(answering))
        )
        weight = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).softmax(-1)
        return (weight @ value).transpose(-3, -2).flatten(-2), weight.mean(-3)


class RetrievalProcess(nn.Module):
    """Slots, and what they do in a retrieval step.

    Args:
        width: Width of the agent's state.
        config: What is asked how.
        carried: Whether slots go on to the next decision; otherwise what they would take along is not computed.

    Attributes:
        readout: From the agent's state to what the slots tell it; its `value` is the W_v of the paper.
    """

    def __init__(self, width: int, config: RetrievalConfig, carried: bool) -> None:
        super().__init__()
        c = self._config = config
        self._last = carried or c.readout == "slots"
        self.start_mean = nn.Parameter(torch.zeros(c.slot_width))
        # Slots that start alike would stay alike.
        self.start = nn.Parameter(torch.randn(c.slots, c.slot_width))
        self.memory = nn.GRUCell(width, c.slot_width)
        asking = c.slot_width if c.query_from == "slots" else width
        hidden = [layer for _ in range(c.query_layers - 1) for layer in (nn.Linear(asking, asking), nn.ReLU())]
        self.query = nn.Sequential(*hidden, nn.Linear(asking, c.key_width, bias=False))
        self.value = nn.Linear(c.summary_width, c.slot_width, bias=False)
        self.bottleneck = Bottleneck(c.slot_width, c.slot_width)
        if self._last or c.rounds > 1:
            self.take, self.tell = Gate(c.slot_width, c.gating), Gate(c.slot_width, c.gating)
            self.among = Attention(c.slot_width, c.slot_width, c.key_width, c.heads, c.slot_width)
        out = -(-width // c.heads) * c.heads
        self.readout = Attention(width, c.slot_width, c.key_width, c.heads, out)
        self.narrow = nn.Identity() if out == width else nn.Linear(out, width, bias=False)
        self.agent = Gate(width, c.gating)

    def fresh(self, noise: Tensor | None) -> Tensor:
        """Slots at the start of an episode [1 or B, K, slot width]: one for all, or drawn with `noise` [B, ...]."""
        start = self.start[None] if noise is None or self._config.slot_start == "learned" else noise
        return self.start_mean + start

    def forward(
        self, state: Tensor, slots: Tensor, summaries: Summaries, episode: Tensor | None, noise: Tensor | None
    ) -> Read:
        """One decision.

        Args:
            state: [G, B, width].
            slots: [G, B, K, slot width], or [1, 1, K, slot width] where they are the same for all.
            summaries: What there is to find.
            episode: The episodes that the states are from, int64 [G, B, 2], whose trajectories they may not look at;
                None if they are from none of these.
            noise: Of the codes [rounds, G, B, K, slot width]; None for their means.
        """
        allowed = None if episode is None else ~own_trajectory(episode, summaries.episode)
        cost = state.new_zeros(())
        for i in range(self._config.rounds):
            mixed = self._moved(state, slots)
            found, place, weight = self._find(state, mixed, summaries, allowed)
            code, paid = self.bottleneck(found, slots, None if noise is None else noise[i])
            cost = cost + paid.mean()
            if i + 1 < self._config.rounds or self._last:
                slots = self._told(mixed, code)
        heard, share = self.readout(state[..., None, :], code if self._config.readout == "code" else slots)
        state = self.agent(state, self.narrow(heard[..., 0, :]))
        return Read(state, slots, cost, place, weight, share[..., 0, :])

    def _moved(self, state: Tensor, slots: Tensor) -> Tensor:
        """Slots that have seen the state."""
        # The input's part of the unit is the same for all slots.
        drive = nn.functional.linear(state, self.memory.weight_ih, self.memory.bias_ih)[..., None, :]
        inner = nn.functional.linear(slots, self.memory.weight_hh, self.memory.bias_hh)
        size = slots.shape[-1]
        reset, keep = (drive[..., : 2 * size] + inner[..., : 2 * size]).sigmoid().chunk(2, -1)
        fresh = (drive[..., 2 * size :] + reset * inner[..., 2 * size :]).tanh()
        return torch.lerp(fresh, slots.expand_as(fresh), keep)

    def _find(
        self, state: Tensor, slots: Tensor, summaries: Summaries, allowed: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What every slot finds [G, B, K, slot width], where [G, B, K, k], and how much of it."""
        c, (groups, batch, count) = self._config, slots.shape[:3]
        asking = slots if c.query_from == "slots" else state[..., None, :].expand(-1, -1, count, -1)
        query = self.query(asking).flatten(1, 2)
        allowed = None if allowed is None else allowed.repeat_interleave(count, 1)
        rank = summaries.gain if c.select == "return" else None
        place, there = search(query, summaries.key, summaries.valid, allowed, c.k_trajectories, c.k_states, rank)
        # From here on with gradients, on the kept states alone.
        shift = torch.arange(groups, device=place.device)[:, None, None] * summaries.valid[0].numel()
        rows = (place + shift).flatten(0, 1)
        keys = nn.functional.embedding(rows, summaries.key.flatten(0, 2))
        # Sums rather than products of small matrices, whose batches are slow.
        scores = (keys * query.flatten(0, 1)[:, None]).sum(-1) / math.sqrt(c.key_width)
        there = there.flatten(0, 1)
        # A large number instead of infinity: where there is nothing to find, gradients stay numbers.
        weight = torch.where(there, scores, -1e30).softmax(-1) * there
        future = nn.functional.embedding(rows, summaries.future.flatten(0, 2))
        found = self.value((weight[..., None] * future).sum(1))
        shape = (groups, batch, count, -1)
        return found.reshape(shape), place.reshape(shape), weight.reshape(shape)

    def _told(self, mixed: Tensor, code: Tensor) -> Tensor:
        """Slots that have taken up their codes and attended to each other."""
        taken: Tensor = self.take(mixed, code)
        heard, _ = self.among(taken, taken)
        told: Tensor = self.tell(taken, heard)
        return told
