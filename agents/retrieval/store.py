"""Single steps that were played, in a ring, and what is drawn from them: transitions, and pieces of episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.agents.data.dataset import Dataset
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.tree import tree_map

LANE = 1 << 40
"""Episodes of lane i are numbered from i times this."""


class Transitions(NamedTuple):
    """Single steps.

    Attributes:
        seen: Prepared observations [B, ...].
        choice: int64 [B, branches].
        reward: Scaled rewards [B].
        after: What was seen next [B, ...].
        after_mask: What was allowed then, bool [B, branches, choices], or None.
        ended: bool [B]: nothing follows.
        episode: First and last episode that a step is from, both the same, int64 [B, 2].
    """

    seen: Any
    choice: Tensor
    reward: Tensor
    after: Any
    after_mask: Tensor | None
    ended: Tensor
    episode: Tensor


class Windows(NamedTuple):
    """Pieces of episodes, time first.

    Attributes:
        seen: Prepared observations [T, N, features].
        choice: int64 [T, N, branches].
        reward: Scaled rewards [T, N].
        valid: bool [T, N]: the first steps of each; beyond there is nothing.
        episode: First and last episode that a piece is from, int64 [N, 2].
    """

    seen: Tensor
    choice: Tensor
    reward: Tensor
    valid: Tensor
    episode: Tensor


def own_trajectory(query: Tensor, episode: Tensor) -> Tensor:
    """Whether a trajectory has steps of a query's own episode, bool [..., B, N].

    Args:
        query: First and last episode of each query [..., B, 2].
        episode: First and last episode of each trajectory [..., N, 2].
    """
    first, last = query[..., :, None, :].unbind(-1)
    begins, ends = episode[..., None, :, :].unbind(-1)
    return (first <= ends) & (begins <= last)


class Store:
    """A ring of steps for each lane.

    Args:
        lanes: Lanes side by side.
        room: Steps that each remembers.
        device: Where they are.

    Attributes:
        added: Steps that each lane was given so far.
        playing: Number of the episode each lane plays [lanes].
    """

    def __init__(self, lanes: int, room: int, device: torch.device) -> None:
        self.lanes, self.room, self.device, self.added = lanes, room, device, 0
        self.playing = torch.arange(lanes, device=device) * LANE
        self._age = torch.zeros(lanes, dtype=torch.int64, device=device)
        self._kept: dict[str, Any] = {}

    @property
    def filled(self) -> int:
        """Steps that each lane remembers."""
        return min(self.added, self.room)

    def add(self, step: Mapping[str, Any]) -> None:
        """One step of all lanes: `seen`, `choice`, `reward`, `after`, `after_mask`, `ended` and `last` (of an episode).

        Args:
            step: Tensors, or trees of tensors for observations, [lanes, ...]; `after_mask` may be None.
        """
        row = {name: part for name, part in step.items() if name != "last" and part is not None}
        row |= {"episode": self.playing, "age": self._age, "task": torch.zeros_like(self._age)}
        if not self._kept:
            self._kept = tree_map(lambda leaf: leaf.new_zeros((self.lanes, self.room, *leaf.shape[1:])), row)
            self._kept["episode"].fill_(-1)
        where = self.added % self.room

        def write(kept: Tensor, new: Tensor) -> None:
            kept[:, where] = new

        tree_map(write, self._kept, row)
        self.added += 1
        self.playing = self.playing + step["last"]
        self._age = torch.where(step["last"], 0, self._age + 1)

    def restart(self) -> None:
        """All lanes play new episodes from here on."""
        self.playing, self._age = self.playing + 1, torch.zeros_like(self._age)

    @classmethod
    def of(
        cls,
        data: Dataset,
        prepare: Callable[[Any], Any],
        choose: Callable[[Tensor], Tensor],
        grid_mask: Callable[[Tensor | None], Tensor | None],
        scale: float,
        limit_is_terminal: bool,
        device: torch.device,
    ) -> Store:
        """All steps of a dataset, as one lane.

        Args:
            data: Recorded episodes.
            prepare: From observations to what the network takes.
            choose: From the environment's actions to choices [S, branches].
            grid_mask: From flat masks to those of the grid.
            scale: Factor on rewards.
            limit_is_terminal: Whether nothing follows the last step of an episode that was cut off.
            device: Where the steps shall be.
        """
        owner = torch.repeat_interleave(torch.arange(data.episodes), data.lengths)
        row = torch.arange(data.steps) + owner
        last = torch.zeros(data.steps, dtype=torch.bool).index_fill_(0, data.start[1:] - 1, True)
        seen = tree_map(lambda leaf: leaf.to(device), prepare(data.observation))
        parts = {
            "seen": tree_map(lambda leaf: leaf[row], seen), "after": tree_map(lambda leaf: leaf[row + 1], seen),
            "choice": choose(data.action), "reward": scale * data.reward,
            "ended": last & (data.terminated[owner] | limit_is_terminal),
            "episode": owner, "age": torch.arange(data.steps) - data.start[owner], "task": data.task[owner],
        }  # fmt: skip
        mask = grid_mask(None if data.mask is None else data.mask[row + 1])
        if mask is not None:
            parts["after_mask"] = mask.expand(data.steps, *mask.shape[-2:])
        store = cls(1, data.steps, device)
        store._kept, store.added = tree_map(lambda leaf: leaf.to(device)[None].contiguous(), parts), data.steps
        return store

    # Drawing ------------------------------------------------------------------------------------------------------

    def tasks(self) -> list[int]:
        """The tasks that steps are from."""
        return sorted(set(self._kept["task"].flatten().tolist())) if self.lanes == 1 else [0]

    def rows(self, task: int | None, count: int, generator: torch.Generator) -> Tensor:
        """Steps drawn uniformly with replacement, as places in the ring int64 [count].

        Args:
            task: Only steps of this task, which lie one after the other; None for all.
            count: How many.
            generator: On the store's device.
        """
        first, last = (0, self.lanes * self.filled) if task is None else self._span(task)
        drawn = torch.randint(first, last, (count,), generator=generator, device=self.device)
        lane, where = drawn // self.filled, drawn % self.filled
        return lane * self.room + where

    def _span(self, task: int) -> tuple[int, int]:
        found = (self._kept["task"][0] == task).nonzero()[:, 0]
        if not len(found):
            raise ScenariumError(f"no recorded step is of task {task}; there are tasks {self.tasks()}")
        return int(found[0]), int(found[-1]) + 1

    def transitions(self, rows: Tensor) -> Transitions:
        """The steps at these places [B]."""
        part = {name: tree_map(lambda leaf: leaf.flatten(0, 1)[rows], kept) for name, kept in self._kept.items()}
        names = ("seen", "choice", "reward", "after", "after_mask", "ended")
        parts = {name: part.get(name) for name in names}
        return Transitions(episode=part["episode"][:, None].expand(-1, 2), **parts)  # type: ignore[arg-type]

    def windows(self, rows: Tensor, span: int) -> Windows:
        """The pieces of episodes that these steps [N] lie in; episodes are cut every `span` steps from their start."""
        flat = {name: self._kept[name].flatten(0, 1) for name in ("episode", "age", "choice", "reward", "seen")}
        episode = flat["episode"][rows]
        start = self._moved(rows, -(flat["age"][rows] % span))
        # What came before may have been overwritten: the piece then begins with the step itself.
        start = torch.where(flat["episode"][start] == episode, start, rows)
        places = self._moved(start[None], torch.arange(span, device=self.device)[:, None])
        valid = (flat["episode"][places] == episode).cumprod(0).bool()
        age = flat["age"][start] + torch.arange(span, device=self.device)[:, None]
        valid &= flat["age"][places] == age
        seen, choice, reward = (flat[name][places] for name in ("seen", "choice", "reward"))
        return Windows(seen, choice, reward, valid, episode[:, None].expand(-1, 2))

    def _moved(self, rows: Tensor, steps: Tensor) -> Tensor:
        """Places so many steps later in the same lane."""
        return rows // self.room * self.room + (rows % self.room + steps) % self.room

    # Files --------------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """What `load` needs."""
        state = {"added": torch.tensor(self.added), "playing": self.playing, "age": self._age}
        flat: dict[str, Tensor] = {}
        for name, kept in self._kept.items():
            flat |= with_prefix(f"{name}", kept) if isinstance(kept, dict) else {name: kept}
        return {**with_prefix("state", state), **with_prefix("kept", flat)}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        state, flat = under_prefix("state", tensors), under_prefix("kept", tensors)
        self.added, self.playing, self._age = int(state["added"]), state["playing"], state["age"]
        self._kept = {name: part for name, part in flat.items() if "." not in name}
        for name in {name.split(".")[0] for name in flat if "." in name}:
            self._kept[name] = under_prefix(name, flat)
