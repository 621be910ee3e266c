"""N worlds as a `gymnasium.vector.VectorEnv`: torch tensors in and out, on one device, with autoreset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from scenarium.envs.core.env import horizon_of
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.rollout import absorbing_step
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_leaves, tree_map, tree_select

_MODES = {"same_step": AutoresetMode.SAME_STEP, "disabled": AutoresetMode.DISABLED}


class ScenariumVectorEnv(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """N worlds of a model, advanced together under `torch.no_grad`.

    ``reset(seed=s)`` plays world s + i on lane i; a lane that ends goes on to s + i + N, s + i + 2 N, ..., whatever
    its neighbours do. In mode "same_step" an ended lane is reset within the step: `obs` is the new world's first
    observation, and ``info["final_obs"]`` (always there, for the whole batch) is what was seen before the reset, with
    ``info["final_action_mask"]`` where the problem has masks. In mode "disabled" the caller resets with
    ``reset(options={"reset_mask": mask})``; until then a lane that ended is absorbing: its state stands still, its
    flags stay up and its reward is 0.

    Args:
        model: A problem with one lone agent.
        num_envs: Number of worlds N.
        device: "auto" (CUDA where there is one), "cpu", "cuda", ...
        max_episode_steps: A shorter (or longer) horizon than the model's.
        autoreset_mode: "same_step" or "disabled".
        to_numpy: Give and take NumPy arrays, for clients that know no torch.

    Raises:
        ScenariumError: The model has several roles, or an argument is invalid.
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        model: Model,
        num_envs: int = 1,
        device: str = "auto",
        max_episode_steps: int | None = None,
        autoreset_mode: str = "same_step",
        to_numpy: bool = False,
    ) -> None:
        if len(model.roles) > 1 or model.roles[0].count is not None:
            raise ScenariumError(
                "this problem has several agents; use ScenariumParallelEnv, or WithPolicies for a view"
            )
        if num_envs < 1:
            raise ScenariumError(f"num_envs is {num_envs}; it must be >= 1")
        if autoreset_mode not in _MODES:
            raise ScenariumError(f"autoreset_mode {autoreset_mode!r} is unknown; use one of {', '.join(_MODES)}")
        self.model, self.num_envs, self.to_numpy = model, num_envs, to_numpy
        self.device = _device(device)
        self.xp = torch_namespace(str(self.device))
        self.horizon = horizon_of(model, max_episode_steps)
        self.metadata = {**self.metadata, "autoreset_mode": _MODES[autoreset_mode]}
        self._autoreset = autoreset_mode == "same_step"
        self.lockstep = not model.terminates and self._autoreset
        """Whether all lanes are in the same period, which then is a Python integer."""
        self.single_observation_space, self.single_action_space = model.observation_space, model.action_space
        self.observation_space = batch_space(model.observation_space, num_envs)
        self.action_space = batch_space(model.action_space, num_envs)
        self.render_mode = None
        self.seeds: torch.Tensor | None = None
        """Worlds being played, int64 [N]."""
        self._scenario: Scenario
        self._state: Any
        self._t: Any = 0
        self._start: Any = None
        self._terminated = self._alive = torch.zeros(num_envs, dtype=torch.bool, device=self.device)
        self._range = _integer_range(model.action_space)

    @torch.no_grad()
    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts new worlds on all lanes, or on those of ``options["reset_mask"]`` (bool [N])."""
        mask = (options or {}).get("reset_mask")
        if mask is not None and self.seeds is not None:
            if self.lockstep:
                raise ScenariumError("these lanes run in lockstep; reset_mask needs autoreset_mode='disabled'")
            return self._reset_some(torch.as_tensor(mask, device=self.device), seed)
        super().reset(seed=seed if isinstance(seed, int) else None)
        self.seeds = self._first_seeds(seed)
        self._scenario = self.model.scenario(self.seeds)
        self._state = self._start = self.model.initial(self._scenario, self.xp)
        self._alive, self._terminated = torch.ones_like(self._alive), torch.zeros_like(self._alive)
        self._t = 0 if self.lockstep else torch.zeros(self.num_envs, dtype=torch.int64, device=self.device)
        return self._out(self._observe()), self._info({})

    def _first_seeds(self, seed: Any) -> torch.Tensor:
        if seed is None and self.seeds is not None:
            return self.seeds + self.num_envs
        if seed is None:
            seed = int(self.np_random.integers(1 << 31))
        if isinstance(seed, (int, np.integer)):
            return torch.arange(self.num_envs, dtype=torch.int64, device=self.device) + int(seed)
        if len(seed) != self.num_envs or any(one is None for one in seed):
            raise ScenariumError(f"seed has {len(seed)} entries; give one integer, or one per lane ({self.num_envs})")
        return torch.tensor([int(one) for one in seed], dtype=torch.int64, device=self.device)

    def _reset_some(self, mask: torch.Tensor, seed: Any) -> tuple[Any, dict[str, Any]]:
        if mask.shape != (self.num_envs,) or mask.dtype != torch.bool:
            raise ScenariumError(
                f"reset_mask must be bool of shape ({self.num_envs},), got {mask.dtype} {tuple(mask.shape)}"
            )
        assert self.seeds is not None
        fresh = self.seeds + self.num_envs if seed is None else self._first_seeds(seed)
        self._renew(mask, fresh)
        return self._out(self._observe()), self._info({})

    @torch.no_grad()
    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Plays one period in every world.

        Args:
            actions: [N, ...], tensors or arrays.

        Raises:
            ScenariumError: The actions have the wrong shape, or reset() was not called.
        """
        if self.seeds is None:
            raise ScenariumError("step() before reset(); call reset() first")
        actions = self._checked(actions)
        terminated, truncated, outcome = self._advance(actions)
        observation = final = self._observe()
        final_mask = self.action_masks()
        if self._autoreset:
            observation = self._after_reset(terminated | truncated, final)
        info = self._info(outcome.info)
        if final_mask is not None:
            info["final_action_mask"] = self._out(final_mask)
        info["final_obs"], info["_final_obs"] = self._out(final), self._out(terminated | truncated)
        flags = self._out(terminated), self._out(truncated)
        return self._out(observation), self._out(outcome.reward), *flags, info

    def _advance(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Outcome]:
        if not self._autoreset:
            return self._advance_absorbing(actions)
        self._state, outcome = self.model.step(self._state, actions, self._scenario.at(self._t), self._t, self.xp)
        self._t = self._t + 1
        return *self._ends(outcome), outcome

    def _advance_absorbing(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Outcome]:
        """A step in which lanes that ended and were not reset stay as they are."""
        alive, t = self._alive, self._t.clamp(max=self.horizon - 1)  # a scenario may have no period beyond the last
        self._state, outcome = absorbing_step(
            self.model, self._state, self._start, alive, actions, self._scenario.at(t), t, self.xp
        )
        self._t = t + 1
        # absorbing_step counts every lane that is not alive as terminated; some were truncated.
        self._terminated = torch.where(alive, outcome.terminated, self._terminated)
        truncated = (self._t >= self.horizon) & ~self._terminated
        self._alive = ~(self._terminated | truncated)
        return self._terminated, truncated, outcome

    def _ends(self, outcome: Outcome) -> tuple[torch.Tensor, torch.Tensor]:
        if self.lockstep:
            no = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
            return no, no | (self._t >= self.horizon)
        terminated = torch.as_tensor(outcome.terminated, device=self.device).expand(self.num_envs)
        return terminated, (self._t >= self.horizon) & ~terminated

    def _after_reset(self, done: torch.Tensor, final: Any) -> Any:
        """Resets the lanes that ended; without any, the observation is the one at hand."""
        assert self.seeds is not None
        if self.lockstep:
            if self._t < self.horizon:
                return final
            self.reset()
            return self._observe()
        # Reading the flags would stall a GPU's queue; there the masked reset runs every step.
        if self.device.type == "cpu" and not bool(done.any()):
            return final
        self._renew(done, self.seeds + self.num_envs)
        return self._observe()

    def _renew(self, mask: torch.Tensor, fresh: torch.Tensor) -> None:
        """Puts fresh worlds on the lanes of the mask and leaves the others as they are."""
        self.seeds = torch.where(mask, fresh, self.seeds)  # type: ignore[arg-type]
        self._scenario = self.model.renew(self._scenario, self.seeds, mask)
        start = self.model.initial(self._scenario, self.xp)
        self._state = tree_select(self.xp, mask, start, self._state, self.model.batch_axis)
        self._start, self._alive, self._terminated = start, self._alive | mask, self._terminated & ~mask
        self._t = torch.where(mask, 0, self._t)

    def action_masks(self) -> Any:
        """Which actions are allowed now, bool [N, n], or None if all are."""
        return self.model.action_mask(self._state, self._t, self.xp)

    def _observe(self) -> Any:
        return self.model.observe(self._state, self._scenario.until(self._t), self._t, self.xp)

    def _info(self, info: dict[str, Any]) -> dict[str, Any]:
        mask = self.action_masks()
        info = info if mask is None else {**info, "action_mask": mask}
        return {name: self._out(value) for name, value in info.items()}

    def _out(self, tree: Any) -> Any:
        return tree_map(lambda leaf: leaf.cpu().numpy(), tree) if self.to_numpy else tree

    def _checked(self, actions: Any) -> torch.Tensor:
        dtype = torch.float32 if isinstance(self.single_action_space, gymnasium.spaces.Box) else torch.int64
        tensor = torch.as_tensor(actions, device=self.device)
        if self._range is not None:
            self._check_integers(tensor)
        tensor = tensor.to(dtype) if dtype == torch.float32 else tensor
        shape = (self.num_envs, *(self.single_action_space.shape or ()))
        if tuple(tensor.shape) != shape:
            raise ScenariumError(
                f"actions have shape {tuple(tensor.shape)}; {self.num_envs} worlds of {self._name} expect {shape}"
            )
        if self.device.type == "cpu" and not bool(torch.isfinite(tensor.sum())):
            raise ScenariumError(f"actions are not finite; {self._name} expects finite numbers of shape {shape}")
        return tensor

    def _check_integers(self, tensor: torch.Tensor) -> None:
        """The type always, the range where looking does not stall the device."""
        assert self._range is not None
        if tensor.dtype == torch.bool or tensor.is_floating_point():
            raise ScenariumError(f"actions are {tensor.dtype}; {self._name} expects integers")
        low, high = self._range
        if self.device.type == "cpu" and bool(((tensor < low) | (tensor > high)).any()):
            raise ScenariumError(f"actions are out of range; {self._name} expects {self.single_action_space}")

    def snapshot(self) -> dict[str, torch.Tensor]:
        """Everything `restore` needs to go on from here, as tensors.

        Raises:
            ScenariumError: reset() was not called.
        """
        if self.seeds is None:
            raise ScenariumError("snapshot() before reset(); call reset() first")
        time = torch.as_tensor(self._t, device=self.device)
        own = {"seeds": self.seeds, "time": time, "alive": self._alive, "terminated": self._terminated}
        return {**own, **{f"state.{i}": leaf for i, leaf in enumerate(tree_leaves(self._state))}}

    @torch.no_grad()
    def restore(self, snapshot: Mapping[str, torch.Tensor]) -> tuple[Any, dict[str, Any]]:
        """Goes on from a snapshot of an environment like this one; returns what `reset` would.

        Raises:
            ScenariumError: It is of another number of worlds or of another problem.
        """
        tensors = {name: value.to(self.device) for name, value in snapshot.items()}
        if tensors["seeds"].shape != (self.num_envs,):
            raise ScenariumError(f"snapshot has {len(tensors['seeds'])} worlds; this environment has {self.num_envs}")
        self.seeds = tensors["seeds"].clone()
        self._scenario = self.model.scenario(self.seeds)
        self._start = self.model.initial(self._scenario, self.xp)
        leaves = list(tree_leaves(self._start))
        saved = [tensors.get(f"state.{i}") for i in range(len(leaves))]
        if any(new is None or new.dtype != old.dtype for new, old in zip(saved, leaves, strict=True)):
            raise ScenariumError(f"snapshot is not of {self._name}: its state differs")
        parts = iter(saved)
        self._state = tree_map(lambda _: next(parts), self._start)
        self._alive, self._terminated = tensors["alive"], tensors["terminated"]
        self._t = int(tensors["time"]) if self.lockstep else tensors["time"].clone()
        return self._out(self._observe()), self._info({})

    @property
    def _name(self) -> str:
        return self.model.env_id or type(self.model).__name__

    @property
    def time(self) -> Any:
        """Period each lane is in: an int in lockstep, else int64 [N]."""
        return self._t

    def leaves(self) -> list[torch.Tensor]:
        """The tensors of the present state, for tests and memory counts."""
        return list(tree_leaves(self._state))


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ScenariumError(f"device {name!r} is unknown; use 'auto', 'cpu' or 'cuda'") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ScenariumError(f"device {name!r} is not there; use 'cpu', or 'auto'")
    return device


def _integer_range(space: gymnasium.Space[Any]) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Least and greatest action of a discrete space, on the CPU; None for a Box."""
    if isinstance(space, gymnasium.spaces.MultiBinary):
        return torch.tensor(0), torch.tensor(1)
    if not isinstance(space, (gymnasium.spaces.Discrete, gymnasium.spaces.MultiDiscrete)):
        return None
    count = space.n if isinstance(space, gymnasium.spaces.Discrete) else space.nvec
    low = torch.as_tensor(space.start)
    return low, low + torch.as_tensor(count) - 1


def make(env_id: str, num_envs: int = 1, **kwargs: Any) -> ScenariumVectorEnv:
    """Gymnasium's vector entry point of every id; `device`, `max_episode_steps`, ... as in `ScenariumVectorEnv`."""
    own = {"device", "max_episode_steps", "autoreset_mode", "to_numpy"}
    settings = {name: kwargs.pop(name) for name in own & kwargs.keys()}
    if kwargs.pop("render_mode", None) is not None:
        raise ScenariumError("vector environments draw nothing; render one world made by gym.make")
    return ScenariumVectorEnv(make_model(env_id, **kwargs), num_envs, **settings)
