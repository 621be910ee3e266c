"""N worlds as a Stable-Baselines3 `VecEnv`: NumPy arrays, and one dict of information per world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv


class ScenariumVecEnv(VecEnv):
    """A `ScenariumVectorEnv` as Stable-Baselines3 expects its environments.

    This is the compatible path, not the fast one: a Python dict per world and step costs more than most dynamics.

    Args:
        envs: Worlds in mode "same_step".
        seed: Seed of the first reset; lane i plays worlds seed + i, seed + i + N, ...

    Raises:
        ScenariumError: The vector environment does not reset by itself.
    """

    def __init__(self, envs: ScenariumVectorEnv, seed: int | None = None) -> None:
        if envs.metadata["autoreset_mode"].name != "SAME_STEP":
            raise ScenariumError("Stable-Baselines3 needs autoreset_mode='same_step'")
        self.envs = envs
        self.render_mode: str | None = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)
        self._seed = seed
        self._actions: Any = None

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Sets the seed of the next reset; lane i will play worlds seed + i, seed + i + N, ..."""
        self._seed = seed
        return [None if seed is None else seed + lane for lane in range(self.num_envs)]

    def reset(self) -> Any:
        """Starts new worlds on all lanes and returns their observations as float32."""
        observation, info = self.envs.reset(seed=self._seed)
        self._seed = None
        self.reset_infos = self._split(info)
        return _numpy(observation)

    def step_async(self, actions: Any) -> None:
        self._actions = actions

    def step_wait(self) -> Any:
        observation, reward, terminated, truncated, info = self.envs.step(self._actions)
        final = info.pop("final_obs")
        ended, cut = _numpy(info.pop("_final_obs")), _numpy(truncated)
        infos = self._split(info)
        if ended.any():
            final = _numpy(final)
            for lane in np.flatnonzero(ended):
                infos[lane]["terminal_observation"] = _take(final, int(lane))
                infos[lane]["TimeLimit.truncated"] = bool(cut[lane]) and not self.envs.model.time_limit_is_terminal
        return _numpy(observation), _numpy(reward).astype(np.float32), ended, infos

    def _split(self, info: dict[str, Any]) -> list[dict[str, Any]]:
        arrays = {name: _numpy(value) for name, value in info.items()}
        return [{name: _take(value, lane) for name, value in arrays.items()} for lane in range(self.num_envs)]

    def close(self) -> None:
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of this object, of the vector environment or of the model, once per lane asked for."""
        return [self._find(attr_name)] * len(list(self._get_indices(indices)))

    def _find(self, name: str) -> Any:
        if name in self.__dict__ and name != "envs":
            return self.__dict__[name]
        for owner in (self.envs, self.envs.model):
            if hasattr(owner, name):
                return getattr(owner, name)
        raise AttributeError(f"neither the worlds nor their model have an attribute {name!r}")

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets an attribute of the vector environment, which all lanes share.

        Raises:
            ScenariumError: Only some lanes were asked for.
        """
        if len(list(self._get_indices(indices))) != self.num_envs:
            raise ScenariumError("worlds share their attributes; set_attr works on all lanes at once (indices=None)")
        setattr(self if attr_name == "render_mode" else self.envs, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Calls a method of the vector environment once and gives each lane its share of the answer."""
        lanes = list(self._get_indices(indices))
        answer = getattr(self.envs, method_name)(*args, **kwargs)
        if answer is None:
            return [None] * len(lanes)
        if method_name != "action_masks":
            return [answer] * len(lanes)
        masks = _numpy(answer)
        return [_take(masks, lane) for lane in lanes]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Nothing is wrapped around a single lane."""
        return [False] * len(list(self._get_indices(indices)))

    def has_attr(self, attr_name: str) -> bool:
        """Whether `get_attr` would find the attribute."""
        try:
            self._find(attr_name)
        except AttributeError:
            return False
        return True

    def get_images(self) -> Sequence[np.ndarray | None]:
        """No pictures: batches draw nothing."""
        return [None] * self.num_envs


def _numpy(tree: Any) -> Any:
    return tree_map(lambda leaf: leaf.detach().cpu().numpy() if hasattr(leaf, "detach") else np.asarray(leaf), tree)


def _take(tree: Any, lane: int) -> Any:
    return tree_map(lambda leaf: leaf[lane] if leaf.ndim else leaf, tree)


def make_vec_env(model: Model, num_envs: int, seed: int = 0, device: str = "cpu") -> VecEnv:
    """Worlds of a model for Stable-Baselines3.

    Args:
        model: A problem with one lone agent.
        num_envs: Number of worlds N.
        seed: Lane i plays worlds seed + i, seed + i + N, ...
        device: Where the worlds are computed; what comes out is on the CPU.
    """
    return ScenariumVecEnv(ScenariumVectorEnv(model, num_envs, device), seed)
