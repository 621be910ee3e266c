"""Datasets to and from Minari, the Gymnasium project's format (extra `datasets`)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.data.dataset import Dataset
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.tree import tree_map


def to_minari(data: Dataset, name: str, env: Any = None) -> Any:
    """Writes a dataset to Minari's local folder.

    Args:
        data: Recorded episodes; their tasks are not kept.
        name: Minari's name for it, such as ``"inventory/base-stock-v0"``.
        env: The environment they are from; by default that of the first task, where it has an id.

    Returns:
        Minari's dataset.

    Raises:
        ScenariumError: Minari is not installed, or refuses the name or the environment.
    """
    import gymnasium

    minari = _minari()
    env = gymnasium.make(**_described(data)) if env is None else env
    buffers = [_buffer(minari, data, number) for number in range(data.episodes)]
    try:
        with warnings.catch_warnings():  # about authors and the like, which may be left out
            warnings.simplefilter("ignore")
            return minari.create_dataset_from_buffers(
                dataset_id=name, buffer=buffers, env=env, data_format="arrow", description=_told(data)
            )
    except (ValueError, AssertionError) as error:
        raise ScenariumError(f"Minari cannot take the dataset {name!r}: {error}") from None


def from_minari(name: str) -> Dataset:
    """Reads a dataset of Minari's; Box, Discrete and Dict observations.

    Raises:
        ScenariumError: Minari is not installed or has no such dataset on this machine, or it cannot be read.
    """
    minari = _minari()
    try:
        source = minari.load_dataset(name)
        episodes = list(source.iterate_episodes())
    except (FileNotFoundError, ValueError) as error:
        raise ScenariumError(f"Minari has no dataset {name!r} here: {error}") from None
    if not episodes:
        raise ScenariumError(f"Minari's dataset {name!r} has no episodes")
    lengths = torch.tensor([len(episode.rewards) for episode in episodes])
    spec = source.spec.env_spec
    env: dict[str, Any] = {"id": "" if spec is None else spec.id, "kwargs": {}, "fingerprint": ""}
    return Dataset(
        observation=tree_map(lambda *leaves: torch.cat([_tensor(leaf) for leaf in leaves]), *_observations(episodes)),
        action=torch.cat([_tensor(episode.actions) for episode in episodes]),
        reward=torch.cat([_tensor(episode.rewards).float() for episode in episodes]),
        terminated=torch.tensor([bool(episode.terminations[-1]) for episode in episodes]),
        start=torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]),
        task=torch.zeros(len(episodes), dtype=torch.int64),
        seed=torch.full((len(episodes),), -1),
        mask=None,
        about={"tasks": [{"env": env, "policy": f"minari {name}", "epsilon": []}]},
    )


def _told(data: Dataset) -> str:
    return "; ".join(f"{task['env']['id']}, {task['policy']}" for task in data.about["tasks"])


def _minari() -> Any:
    try:
        import minari
    except ImportError:
        raise ScenariumError("Minari is not installed; pip install 'scenarium[datasets]'") from None
    return minari


def _described(data: Dataset) -> dict[str, Any]:
    env = data.about["tasks"][0]["env"]
    if not env["id"]:
        raise ScenariumError("this dataset's environment has no id; pass env=")
    return {"id": env["id"], **env["kwargs"]}


def _observations(episodes: list[Any]) -> list[Any]:
    return [episode.observations for episode in episodes]


def _buffer(minari: Any, data: Dataset, number: int) -> Any:
    """One episode as Minari's buffer."""
    first, last = int(data.start[number]), int(data.start[number + 1])
    ends = np.zeros(last - first, dtype=bool)
    ends[-1] = True
    ended = bool(data.terminated[number])
    rows = slice(first + number, last + number + 1)
    return minari.data_collector.EpisodeBuffer(
        id=number,
        seed=int(data.seed[number]) if int(data.seed[number]) >= 0 else None,
        observations=tree_map(lambda leaf: leaf[rows].numpy(), data.observation),
        actions=data.action[first:last].numpy(),
        rewards=data.reward[first:last].tolist(),
        terminations=(ends & ended).tolist(),
        truncations=(ends & (not ended)).tolist(),
    )


def _tensor(array: Any) -> Tensor:
    array = np.asarray(array)
    return torch.as_tensor(array.astype(np.float32) if array.dtype == np.float64 else array.copy())
