"""From what a user passes to `predict` to batched tensors, and back."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.tree import tree_leaves, tree_map


def as_batch(space: gymnasium.Space[Any], observation: Any, device: torch.device) -> tuple[Any, bool]:
    """Turns one observation or a batch of them into batched tensors.

    Args:
        space: Of a single observation.
        observation: Arrays, tensors or dicts of them, with or without a leading batch axis.
        device: Where the tensors should be.

    Returns:
        The tensors, batch first, and whether the observation was a single one.

    Raises:
        ScenariumError: Keys or shapes do not fit the space.
    """
    if isinstance(space, spaces.Dict):
        missing = sorted(set(space.spaces) - set(observation)) if isinstance(observation, dict) else list(space.spaces)
        if missing:
            raise ScenariumError(
                f"observation must be a dict with keys {', '.join(space.spaces)}; missing: {missing[0]}"
            )
        parts = {key: as_batch(part, observation[key], device) for key, part in space.spaces.items()}
        singles = {single for _, single in parts.values()}
        if len(singles) > 1:
            raise ScenariumError("observation mixes single and batched entries")
        return {key: tensor for key, (tensor, _) in parts.items()}, singles.pop()
    shape = space.shape or ()
    tensor = (observation if isinstance(observation, torch.Tensor) else _from_numpy(observation)).to(device)
    if tensor.ndim not in (len(shape), len(shape) + 1) or tuple(tensor.shape[tensor.ndim - len(shape) :]) != shape:
        raise ScenariumError(f"observation must have shape {shape} or (batch, *{shape}), got {tuple(tensor.shape)}")
    single = tensor.ndim == len(shape)
    return (tensor[None] if single else tensor), single


def _from_numpy(values: Any) -> torch.Tensor:
    array = np.asarray(values)
    # A tensor cannot share the memory of an array that must not be written to.
    return torch.as_tensor(array if array.flags.writeable else array.copy())


def is_torch(observation: Any) -> bool:
    """Whether an observation consists of tensors."""
    return any(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(observation))


def as_action(space: gymnasium.Space[Any], action: torch.Tensor, single: bool, to_numpy: bool) -> Any:
    """Turns a batch of actions into what the environment takes.

    Args:
        space: Action space of a single world.
        action: [B, ...].
        single: Drop the batch axis.
        to_numpy: Return a NumPy array of the space's type instead of a tensor.
    """
    if isinstance(space, spaces.Box):
        low, high = (
            torch.as_tensor(bound, dtype=action.dtype, device=action.device) for bound in (space.low, space.high)
        )
        action = torch.minimum(torch.maximum(action, low), high)
    result: Any = action.detach()
    if to_numpy:
        result = result.cpu().numpy().astype(space.dtype or np.float32)
    return result[0] if single else result


def reset_memory(memory: Any, episode_start: Any) -> Any:
    """Memory with zeros in the worlds that have just started; tensors batch first."""
    if memory is None or episode_start is None:
        return memory

    def clear(leaf: Any) -> Any:
        tensor = torch.as_tensor(leaf)
        keep = ~torch.as_tensor(np.atleast_1d(np.asarray(episode_start, dtype=bool)), device=tensor.device)
        return torch.where(keep.reshape(keep.shape + (1,) * (tensor.ndim - 1)), tensor, torch.zeros_like(tensor))

    return tree_map(clear, memory)
