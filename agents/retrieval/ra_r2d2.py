"""Retrieval-augmented R2D2: the agent's own replay is looked up, by slots that remember through an episode.

Goyal et al., "Retrieval-Augmented Reinforcement Learning" (ICML 2022, arXiv 2202.08417).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from scenarium.agents.core.sequences import Memory, Sequence
from scenarium.agents.networks.values import QNetwork
from scenarium.agents.retrieval.config import RAR2D2Config
from scenarium.agents.retrieval.lookup import Lookup
from scenarium.agents.retrieval.network import RecurrentRetrievalQNetwork
from scenarium.agents.retrieval.r2d2 import R2D2
from scenarium.agents.retrieval.store import Windows
from scenarium.agents.retrieval.summariser import Summaries


class RAR2D2(Lookup, R2D2):
    """R2D2 that retrieves from its own replay; see `Agent` for the arguments and `RAR2D2Config` for the fields.

    Slots start afresh with every episode, and with every replayed sequence, whose burn-in renews them too.
    """

    name: ClassVar[str] = "ra_r2d2"
    config_class = RAR2D2Config
    config: RAR2D2Config
    network: RecurrentRetrievalQNetwork
    _target: RecurrentRetrievalQNetwork

    def _make_network(self, kind: type[QNetwork], space: Any, shape: tuple[int, int], scale: Any) -> nn.Module:
        return RecurrentRetrievalQNetwork(space, shape, scale, self.config, **self.policy_kwargs)

    # Training -----------------------------------------------------------------------------------------------------

    def _others(self, seq: Sequence, episode: Tensor) -> tuple[Any, ...]:
        """Trajectories, the episodes of the sequences, and noise [2, steps, 1 + rounds, n, K, slot width]."""
        c, generator = self.config, self._generator
        windows = self._replay.windows(c.trajectories, c.span, generator)
        shape = (2, len(seq.reward), 1 + c.rounds, len(episode), c.slots, c.slot_width)
        return windows, episode, torch.randn(shape, generator=generator, device=self.device)

    def _both_values(self, seq: Sequence, *others: Any) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        windows, episode, noise = others
        summaries, past, future = self._summarised(windows, self.network, 1)
        values, cost, _ = self._read_along(seq, self.network, summaries, episode, noise[0])
        with torch.no_grad():
            if self.config.target_summaries == "own":
                summaries, _, _ = self._summarised(windows, self._target, 1)
            target, _, final = self._read_along(seq, self._target, summaries, episode, noise[1])
        return values, target, final, self._retrieval_losses(cost, past, future, windows)

    def _read_along(
        self, seq: Sequence, network: RecurrentRetrievalQNetwork, summaries: Summaries, episode: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Values after the burn-in, the mean cost of what was retrieved, and values of what was seen before resets."""
        count = self.config.burn_in
        front = seq.each(lambda part: part[:count])
        with torch.no_grad():
            hidden = self._unrolled(front, network) if count else seq.hidden
            _, _, slots, _ = self._along(front, hidden, None, network, summaries, episode, noise[:count], False)
        hidden = self._burnt_in(seq, network)
        back = seq.each(lambda part: part[count:])
        looks = network is self._target and self._may_bootstrap(back.truncated[:-1])
        values, cost, _, final = self._along(back, hidden, slots, network, summaries, episode, noise[count:], looks)
        return values, cost, final

    def _along(
        self,
        seq: Sequence,
        hidden: Tensor,
        moved: Tensor | None,
        network: RecurrentRetrievalQNetwork,
        summaries: Summaries,
        episode: Tensor,
        noise: Tensor,
        looks: bool,
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """One retrieval after the other; `moved` is how far slots are from fresh ones.

        Returns:
            Values [T, n, ...], the mean cost, how far the slots are at the end, and, if it `looks`, values of what was
            seen before resets [T - 1, n, ...].
        """
        states, costs, beyond = [], [], []
        for t in range(len(seq.reward)):
            fresh = network.process.fresh(noise[t, 0])
            slots = fresh.expand(len(episode), -1, -1) if moved is None else fresh + moved
            read = network.look(hidden[t], slots, summaries, episode, noise[t, 1:])
            moved = read.slots - fresh
            if looks and t + 1 < len(seq.reward):
                last = self._after(seq.choice[t], {"hidden": hidden[t]})["last"]
                then = network.remember(network.drive(seq.final[t], last), hidden[t])
                beyond.append(network.look(then, read.slots, summaries, episode, noise[t, 1:]).state)
            ended = (seq.terminated[t] | seq.truncated[t])[:, None, None]
            moved = torch.where(ended, 0.0, moved)
            states.append(read.state)
            costs.append(read.cost)
        if not states:
            return hidden, hidden.new_zeros(()), moved, None
        final = network.values(torch.stack(beyond)) if beyond else None
        return network.values(torch.stack(states)), torch.stack(costs).mean(), moved, final

    def _improve_on(self, sequence: Sequence) -> Tensor:
        measured = super()._improve_on(sequence)
        self._forget()
        return measured

    # Acting -------------------------------------------------------------------------------------------------------

    def _drawn_windows(self, count: int, generator: torch.Generator) -> Windows | None:
        return self._replay.windows(count, self.config.span, generator) if self._replay.filled else None

    def _blank(self, lanes: int) -> Memory:
        c = self.config
        slots = torch.zeros((lanes, c.slots, c.slot_width), device=self.device)
        return {**super()._blank(lanes), "slots": slots}

    def _values(self, seen: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """As without retrieval, and "slots": how far they are from fresh ones."""
        hidden = self.network.remember(self.network.drive(seen, memory["last"]), memory["hidden"])
        summaries = self.acting_summaries()
        if summaries is None:  # nothing to retrieve from
            return self.network.values(hidden), {"hidden": hidden, "slots": memory["slots"]}
        noise = self._acting_noise(len(seen))
        fresh = self.network.process.fresh(None if noise is None else noise[0])
        slots, codes = fresh + memory["slots"], None if noise is None else noise[1:]
        read = self.network.look(hidden, slots, summaries, self._own(), codes)
        return self.network.values(read.state), {"hidden": hidden, "slots": read.slots - fresh}

    def _own(self) -> Tensor | None:
        """Lanes do not look at the episodes that they are in, nor at later ones."""
        if not self._playing:
            return None
        return torch.stack([self._replay.playing, self._replay.playing + self.config.steps + self.config.window], -1)

    def _play(self, steps: int) -> Sequence:
        with self._at_play():
            return super()._play(steps)
