"""What agents with a recurrent memory share: playing in overlapping sequences, and unrolling them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenarium.agents.core.callbacks import Metrics
from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.core.greedy import greedy, masked_max, random_choice
from scenarium.agents.core.sequences import Memory, Sequence, join, stack_sequence
from scenarium.agents.core.values import ValueAgent
from scenarium.agents.networks.values import RecurrentQNetwork
from scenarium.envs.core.errors import ScenariumError


class RecurrentValueAgent(ValueAgent):
    """Plays `steps` periods at a time; what it learns from begins with the last `window` steps of the time before.

    `policy` is "mlp": the hidden layers, then the recurrent unit. `predict` takes and returns its memory.
    """

    network: RecurrentQNetwork
    config: Any

    def _build(self, policy: str | nn.Module) -> None:
        super()._build(policy)
        self._memory: Memory | None = None
        self._before: Sequence | None = None
        self._tail_start: Tensor

    def _improve_on(self, sequence: Sequence) -> Tensor:
        """Gradient steps after a sequence was played; returns mean loss and gradient length [2]."""
        raise NotImplementedError

    def _network(self, policy: str | nn.Module) -> nn.Module:
        if isinstance(policy, nn.Module):
            raise ScenariumError(f"{self.name} needs its own network, which has a memory; use policy='mlp'")
        return self._named_network(RecurrentQNetwork, policy)

    # Pure functions of tensors ----------------------------------------------------------------------------------

    def _choose(  # type: ignore[override]
        self, seen: Tensor, memory: Memory, mask: Tensor | None, uniforms: Tensor, epsilon: Tensor
    ) -> tuple[Tensor, Memory]:
        """Epsilon-greedy choices [N, branches] and the memory after them."""
        values, carried = self._values(seen, memory)
        mixed = random_choice(uniforms[:, 1:], self._grid.shape[1], mask)
        index = torch.where(uniforms[:, :1] < epsilon, mixed, greedy(values, mask))
        return index, self._after(index, carried)

    def _values(self, seen: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Values [B, branches, choices], and what is carried on beside the last action."""
        hidden = self.network.remember(self.network.drive(seen, memory["last"]), memory["hidden"])
        return self.network.values(hidden), {"hidden": hidden}

    def _after(self, index: Tensor, carried: Memory) -> Memory:
        one_hot = functional.one_hot(index, self._grid.shape[1]).flatten(-2).to(carried["hidden"].dtype)
        return {**carried, "last": one_hot}

    @torch.compiler.disable(recursive=False)  # type: ignore[no-untyped-call, untyped-decorator]
    def _unrolled(self, seq: Sequence, network: RecurrentQNetwork | None = None) -> Tensor:
        """Memories after each step [L, n, width], from the one before the first.

        Compiled, the loop stays a loop over one compiled step: unrolled, it would take minutes to compile.
        """
        network = self.network if network is None else network
        driven = network.drive(seq.seen, seq.last)
        started = torch.cat([torch.zeros_like(seq.terminated[:1]), (seq.terminated | seq.truncated)[:-1]])[..., None]
        hidden, hiddens = seq.hidden[0], []
        for step, start in zip(driven.unbind(), started.unbind(), strict=True):
            hidden = network.remember(step, torch.where(start, 0.0, hidden))
            hiddens.append(hidden)
        return torch.stack(hiddens)

    def _final_values(self, seq: Sequence, hidden: Tensor) -> Tensor:
        """Values of what was seen before a reset [L - 1, n], remembering what led there."""
        memory = self._after(seq.choice[:-1], {"hidden": hidden[:-1]})
        values, _ = self._values(seq.final[:-1], memory)
        return masked_max(values, None if seq.final_mask is None else seq.final_mask[:-1])

    # One iteration ----------------------------------------------------------------------------------------------

    def _iterate(self) -> Metrics:
        c = self.config
        if self._played is None:
            self._begin()
        new = self._play(c.steps if self._before is not None else c.steps + c.window)
        sequence = new if self._before is None else join(self._before, new)
        tail = sequence.each(lambda part: part[len(part) - c.window :].clone())
        self._before = tail._replace(hidden=self._tail_start[None])
        measured = self._improve_on(sequence)
        metrics = self._metrics(new.reward, new.terminated | new.truncated, measured)
        self.num_timesteps += c.num_envs * len(new.reward)
        return metrics

    def _begin(self) -> None:
        super()._begin()
        assert self._worlds is not None
        self._memory, self._before = self._blank(self._worlds.num_envs), None

    def _blank(self, lanes: int) -> Memory:
        sizes = {"hidden": self.network.width, "last": self.network.actions}
        return {name: torch.zeros((lanes, size), device=self.device) for name, size in sizes.items()}

    @torch.no_grad()
    def _play(self, steps: int) -> Sequence:
        """Plays under the present weights, and notes the memory before the steps that the next sequence begins with."""
        assert self._worlds is not None
        assert self._played is not None
        assert self._memory is not None
        shape = (steps, self._worlds.num_envs, 1 + self._grid.shape[0])
        uniforms = torch.rand(shape, generator=self._generator, device=self.device)
        epsilon = torch.full((), self._epsilon(), device=self.device)
        first, rows = self._memory["hidden"], []
        for t in range(steps):
            if t == steps - self.config.window:
                self._tail_start = self._memory["hidden"]
            rows.append(self._play_once(uniforms[t], epsilon))
        if not self.config.window:
            self._tail_start = self._memory["hidden"]
        return stack_sequence(first, rows)

    def _play_once(self, uniforms: Tensor, epsilon: Tensor) -> dict[str, Tensor | None]:
        """One step of all lanes, as the parts of a `Sequence`."""
        assert self._worlds is not None
        assert self._played is not None
        assert self._memory is not None
        seen, mask, memory = self._sight(self._played.observation), self._grid.mask(self._played.mask), self._memory
        index, after = self._choose_now(seen, memory, mask, uniforms, epsilon)
        self._played = played = self._worlds.step(self._actions.decode(index))
        going = ~(played.terminated | played.truncated)[:, None]
        self._memory = {
            name: torch.where(going.reshape(-1, *[1] * (part.ndim - 1)), part, 0.0) for name, part in after.items()
        }
        final_mask = self._grid.mask(played.final_mask)
        lanes = (len(index), *self._grid.shape)  # a mask of padding only has no lanes yet
        return {
            "seen": seen, "last": memory["last"], "mask": None if mask is None else mask.expand(lanes), "choice": index,
            "reward": self.config.reward_scale * played.reward, "terminated": played.terminated,
            "truncated": played.truncated, "final": self._sight(played.final_observation),
            "final_mask": None if final_mask is None else final_mask.expand(lanes),
        }  # fmt: skip

    # Acting and files -------------------------------------------------------------------------------------------

    def _pick(self, seen: Any, memory: Any, mask: Tensor | None, deterministic: bool) -> tuple[Tensor, Any]:
        if memory is None:
            memory = self._blank(len(seen))
        values, carried = self._values(seen, memory)
        index = greedy(values, mask)
        if not deterministic:
            index = self._explored(index, mask)
        return index, self._after(index, carried)

    def _trainer_tensors(self) -> dict[str, Tensor]:
        tensors = super()._trainer_tensors()
        if self._memory is not None and any(name.startswith("worlds.") for name in tensors):
            tensors |= with_prefix("memory", self._memory)
        if self._before is not None and any(name.startswith("worlds.") for name in tensors):
            there = {name: part for name, part in self._before._asdict().items() if part is not None}
            tensors |= with_prefix("before", there)
        return tensors

    def _load_tensors(self, policy: Mapping[str, Tensor], trainer: Mapping[str, Tensor]) -> None:
        super()._load_tensors(policy, trainer)
        memory, before = under_prefix("memory", trainer), under_prefix("before", trainer)
        self._memory = memory or None
        self._before = Sequence(*(before.get(name) for name in Sequence._fields)) if before else None  # type: ignore[arg-type]
