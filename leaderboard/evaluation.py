"""Evaluating a policy on given worlds: the one way a number reaches a user, a result file or the README."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from scenarium.agents.core.evaluation import episode_returns
from scenarium.agents.core.foreign import ForeignModel
from scenarium.agents.core.problem import resolve_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.registry import as_model
from scenarium.envs.core.rollout import AnyAct, MaskedAct, counted_rewards
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.core.tree import tree_map
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.seeds import held_out_seeds

Aggregate = Literal["mean", "sum"]
CHUNK = 256
"""Worlds evaluated together unless told otherwise; part of a score, since batch size moves a network's last bits."""


class Evaluation(NamedTuple):
    """What a policy earned.

    Attributes:
        returns: Per world, the mean (or sum) of its counted rewards, float64 [worlds].
        mean: Their mean.
        std_error: Standard error of the mean over worlds.
    """

    returns: npt.NDArray[np.float64]
    mean: float
    std_error: float


def evaluate(
    policy: Any,
    env: str | Model,
    seeds: Iterable[int] = range(1000),
    *,
    periods: int | None = None,
    warm_up: int = 0,
    aggregate: Aggregate = "mean",
    chunk: int = CHUNK,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
    **env_kwargs: Any,
) -> Evaluation:
    """Plays a policy, without exploration, in the worlds of these seeds.

    Args:
        policy: An agent, a baseline, a Stable-Baselines3 model, or any object with Stable-Baselines3's
            ``predict(observation, state, episode_start, deterministic) -> (action, state)``; foreign ones get NumPy
            batches.
        env: Registered id or a model; also a Gymnasium id or environment that is not of this suite: then as many whole
            episodes as there are seeds are played, and a return is the undiscounted sum of an episode's rewards.
        seeds: One world each.
        periods: Periods played; the horizon by default.
        warm_up: First periods that are played but not counted.
        aggregate: "mean" reward per counted period, or their "sum".
        chunk: Worlds evaluated together.
        device: Torch device the worlds live on.
        progress: Called with the number of worlds done.
        **env_kwargs: Keyword arguments of the id.

    Raises:
        ScenariumError: The policy has no `predict`, its actions do not fit, or there is nothing to count.
    """
    model = resolve_model(env, env_kwargs, foreign=True)
    if isinstance(model, ForeignModel):
        return _evaluate_foreign(policy, model, list(seeds), device)
    periods = model.horizon if periods is None else periods
    if not 0 <= warm_up < periods:
        raise ScenariumError(f"warm_up {warm_up} must lie in [0, {periods}), the periods played")
    worlds = torch.as_tensor(list(seeds), dtype=torch.int64)
    if not len(worlds):
        raise ScenariumError("seeds is empty; give at least one world")
    parts = []
    for part in torch.split(worlds, chunk):
        parts.append(_play(policy, model, part.to(device), periods, warm_up))
        if progress is not None:
            progress(sum(len(done) for done in parts))
    returns = np.concatenate(parts) * (1.0 if aggregate == "sum" else 1.0 / (periods - warm_up))
    return _summary(returns)


def _evaluate_foreign(policy: Any, model: ForeignModel, seeds: list[int], device: str) -> Evaluation:
    if not seeds:
        raise ScenariumError("seeds is empty; give at least one episode")
    return _summary(episode_returns(policy, model, len(seeds), seeds[0], device=device).cpu().numpy())


def _summary(returns: npt.NDArray[np.float64]) -> Evaluation:
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return Evaluation(returns, float(returns.mean()), spread / len(returns) ** 0.5)


def evaluate_task(policy: Any, task: Task, model: Model | None = None, device: str = "cpu") -> Evaluation:
    """Plays a policy on a task's held-out worlds, at its chunk.

    Args:
        policy: As for `evaluate`.
        task: The task.
        model: The task's model as the policy wants to see it (`task_model`); the task's own by default.
        device: Torch device.
    """
    seeds = held_out_seeds(task.env_id, "test", task.known_salt, task.worlds)
    model = model or task_model(task, {})
    return evaluate(
        policy,
        model,
        [int(seed) for seed in seeds],
        periods=task.horizon,
        warm_up=task.warm_up,
        aggregate=task.aggregate,
        chunk=task.chunk,
        device=device,
    )


def task_model(task: Task, kwargs: dict[str, Any]) -> Model:
    """The task's model, presented as an agent was trained to see it.

    Args:
        task: The task; its own keyword arguments always win.
        kwargs: The agent's; only those that change how the problem is shown (not what it is) are kept.
    """
    plain = as_model(task.env_id, **task.env_kwargs)
    shown = {name: value for name, value in kwargs.items() if name in plain.presentation}
    return as_model(task.env_id, **{**shown, **task.env_kwargs}) if shown else plain


@torch.no_grad()
def _play(policy: Any, model: Model, seeds: torch.Tensor, periods: int, warm_up: int) -> npt.NDArray[np.float64]:
    """Sum of the counted rewards of each world."""
    scenario = model.scenario(seeds)
    model, act = played_by(policy, model, scenario)
    total: torch.Tensor = counted_rewards(model, scenario, act, periods, warm_up)
    if not bool(torch.isfinite(total).all()):
        raise ScenariumError(
            f"the policy earned a return that is not finite in world {int(seeds[~total.isfinite()][0])}"
        )
    return total.cpu().numpy()


def played_by(policy: Any, model: Model, scenario: Scenario) -> tuple[Model, AnyAct]:
    """The model a policy plays and how a rollout calls it; one that sees its world acts in natural units."""
    if getattr(policy, "clairvoyant", False):
        return model.native(), policy.act_on(scenario)
    return model, as_act(policy, model)


def as_act(policy: Any, model: Model) -> AnyAct:
    """The policy as a rollout calls it, with actions checked against the model's action space."""
    if not callable(getattr(policy, "predict", None)):
        raise ScenariumError(
            f"{type(policy).__name__} has no predict(observation, state, episode_start, deterministic)"
        )
    native = type(policy).__module__.startswith("scenarium.")
    shape = model.action_space.shape or ()

    masks = bool(getattr(policy, "masks", False))

    def act(observation: Any, memory: Any, t: int, mask: Any = None) -> tuple[Any, Any]:
        device = next(iter(_leaves(observation))).device
        start = None
        if not native:
            observation = tree_map(lambda leaf: leaf.cpu().numpy(), observation)
            start = np.full(len(next(iter(_leaves(observation)))), t == 0)
        allowed = {"action_masks": mask} if masks else {}
        action, memory = policy.predict(observation, memory, start, deterministic=True, **allowed)
        action = torch.as_tensor(action, device=device)
        if tuple(action.shape[1:]) != shape:
            raise ScenariumError(
                f"the policy's action has shape {tuple(action.shape)}; {model.env_id or 'the model'} expects (worlds, "
                f"{', '.join(map(str, shape))})"
            )
        return action, memory

    return MaskedAct(act) if masks else act


def _leaves(observation: Any) -> Iterable[Any]:
    return observation.values() if isinstance(observation, dict) else (observation,)


def as_single_act(policy: Any) -> AnyAct:
    """The policy as a rollout of one unbatched NumPy world calls it."""
    masks = bool(getattr(policy, "masks", False))

    def act(observation: Any, memory: Any, t: int, mask: Any = None) -> tuple[Any, Any]:
        allowed = {"action_masks": mask} if masks else {}
        action, memory = policy.predict(observation, memory, np.array([t == 0]), deterministic=True, **allowed)
        return action, memory

    return MaskedAct(act) if masks else act
