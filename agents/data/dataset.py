"""Recorded episodes on disk: one JSON file that says what they are, one safetensors file with the numbers.

Reading executes nothing, and maps the file into memory: what is not looked at is not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scenarium.agents.core.checkpoint import under_prefix, with_prefix
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import read_json, write_atomic
from scenarium.envs.core.tree import tree_leaves, tree_map

FORMAT = 1
HEADER, NUMBERS = "dataset.json", "steps.safetensors"


@dataclass(frozen=True)
class Dataset:
    """Episodes one after the other: E of them, S steps in all.

    Attributes:
        observation: A tensor [S + E, ...], or a dict of them for a Dict space: every episode has one more than steps,
            the last being what was seen when it had ended.
        action: What was done [S, ...], in the environment's action space.
        reward: float32 [S].
        terminated: bool [E]: the episode ended by itself; otherwise it was cut off.
        start: First step of every episode, and S at the end, int64 [E + 1].
        task: Which task of a set an episode belongs to, int64 [E]; 0 where there is one only.
        seed: The world of an episode, int64 [E]; -1 where it is not known.
        mask: Which actions were allowed, bool [S + E, choices]; None if all were.
        about: Plain data: ``tasks``, a list with the problem (``id``, ``kwargs``, ``fingerprint``) and the ``policy``
            of each task.
    """

    observation: Any
    action: Tensor
    reward: Tensor
    terminated: Tensor
    start: Tensor
    task: Tensor
    seed: Tensor
    mask: Tensor | None
    about: Mapping[str, Any]

    def __post_init__(self) -> None:
        episodes, steps = len(self.terminated), len(self.reward)
        rows = {len(leaf) for leaf in tree_leaves(self.observation)}
        lengths = [len(self.start) - 1, len(self.task), len(self.seed)]
        fits = episodes > 0 and lengths == [episodes] * 3 and rows == {steps + episodes} and len(self.action) == steps
        if not fits or int(self.start[0]) != 0 or int(self.start[-1]) != steps or bool((self.lengths < 1).any()):
            raise ScenariumError("the parts of this dataset do not fit together: it is damaged, or was made by hand")

    @property
    def lengths(self) -> Tensor:
        """Steps of every episode, int64 [E]."""
        return self.start.diff()

    @property
    def episodes(self) -> int:
        """How many episodes E."""
        return len(self.terminated)

    @property
    def steps(self) -> int:
        """How many steps S."""
        return len(self.reward)

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of every episode, float64 [E]."""
        owner = torch.repeat_interleave(torch.arange(self.episodes), self.lengths)
        return torch.zeros(self.episodes, dtype=torch.float64).index_add_(0, owner, self.reward.double())

    def as_task(self, about: Mapping[str, Any]) -> Dataset:
        """The same episodes as those of a single task."""
        return replace(self, task=torch.zeros_like(self.task), about=about)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the dataset; an earlier one in the folder is replaced.

        Raises:
            ScenariumError: `folder` is a file.
        """
        from safetensors.torch import save

        seen = self.observation if isinstance(self.observation, dict) else {"": self.observation}
        names = ("action", "reward", "terminated", "start", "task", "seed")
        tensors = {name: getattr(self, name) for name in names} | with_prefix("observation", seen)
        tensors |= {} if self.mask is None else {"mask": self.mask}
        content: bytes = save({name: one.cpu().contiguous().clone() for name, one in tensors.items()})
        write_atomic(Path(folder) / NUMBERS, content)
        header = {"format": FORMAT, "episodes": self.episodes, "steps": self.steps, **self.about}
        write_atomic(Path(folder) / HEADER, json.dumps(header, indent=2))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Dataset:
        """Opens a dataset; the numbers stay on disk until they are used.

        Raises:
            ScenariumError: There is none, or it is damaged or of another format.
        """
        about = _header(Path(folder) / HEADER)
        tensors = _mapped(Path(folder) / NUMBERS)
        seen: Any = under_prefix("observation", tensors)
        try:
            names = ("action", "reward", "terminated", "start", "task", "seed")
            parts = {name: tensors[name] for name in names}
            observation = seen[""] if "" in seen else {name: seen[name] for name in seen}
        except KeyError as error:
            raise ScenariumError(f"{Path(folder) / NUMBERS} is damaged: {error} is missing") from None
        return cls(observation=observation, mask=tensors.get("mask"), about=about, **parts)

    @classmethod
    def join(cls, parts: Sequence[Dataset]) -> Dataset:
        """One dataset of several, whose tasks are numbered on.

        Raises:
            ScenariumError: They have different observations or actions, or there are none.
        """
        if not parts:
            raise ScenariumError("there are no datasets to join")
        counts = [len(part.about["tasks"]) for part in parts]
        masks = [part.mask for part in parts if part.mask is not None]
        if len(masks) not in (0, len(parts)):
            raise ScenariumError("some of these datasets have action masks and some have none")
        kinds = {tuple(part.observation) if isinstance(part.observation, dict) else () for part in parts}
        if len(kinds) > 1:
            raise ScenariumError("these datasets are of different problems: their observations have other parts")
        try:
            observation = tree_map(lambda *leaves: torch.cat(leaves), *(part.observation for part in parts))
            action = torch.cat([part.action for part in parts])
        except RuntimeError as error:
            raise ScenariumError(f"these datasets are of different problems: {str(error).splitlines()[0]}") from None
        shift = torch.tensor([sum(counts[:i]) for i in range(len(parts))])
        lengths = torch.cat([part.lengths for part in parts])
        return cls(
            observation,
            action,
            torch.cat([part.reward for part in parts]),
            torch.cat([part.terminated for part in parts]),
            torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]),
            torch.cat([part.task + int(n) for part, n in zip(parts, shift, strict=True)]),
            torch.cat([part.seed for part in parts]),
            torch.cat(masks) if masks else None,
            {"tasks": [task for part in parts for task in part.about["tasks"]]},
        )


def _header(path: Path) -> dict[str, Any]:
    header = read_json(path, "dataset", FORMAT, "; see scenarium collect")
    if not isinstance(header.get("tasks"), list):
        raise ScenariumError(f"{path} is damaged: it needs tasks, a list")
    return {"tasks": header["tasks"]}


def _mapped(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, backed by it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise ScenariumError(f"{path} is missing") from None
    except (SafetensorError, OSError, ValueError):
        raise ScenariumError(f"{path} is damaged or cut off; collect or download it again") from None
