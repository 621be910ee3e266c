"""Fingerprints: a short text that changes when a problem's dynamics, rewards, observations or draws change."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import gymnasium
import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.model import Model
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.core.tree import tree_leaves

_WORLDS = (0, 1, 2**40 + 7)
_PERIODS = 12
_TOLERANCE = 1e-4


def fingerprint(model: Model) -> str:
    """The fingerprint of a model: a hash of what it looks like, and golden numbers of three short trajectories.

    Rewards and observations are real numbers that differ in the last bits between machines; they are kept as numbers
    to five digits, to be compared with a tolerance (`same_fingerprint`), not hashed. A problem made of data shows the
    first digits of its hash: "3f2a...-data:9c41...|...".
    """
    spaces = [
        (role.name, role.count, role.every, str(role.observation_space), str(role.action_space)) for role in model.roles
    ]
    looks = json.dumps([model.env_id.rsplit("-v", 1)[-1], type(model).__name__, model.horizon, spaces])
    digest = hashlib.sha256(looks.encode()).hexdigest()[:12]
    if model.data_hash:
        digest += f"-data:{model.data_hash[:16]}"
    golden = [number for world in _WORLDS for number in _golden(model, world)]
    return digest + "|" + ",".join(f"{number:.5g}" for number in golden)


def same_fingerprint(a: str, b: str) -> bool:
    """Whether two fingerprints are of the same problem."""
    (head_a, _, tail_a), (head_b, _, tail_b) = a.partition("|"), b.partition("|")
    try:
        numbers_a, numbers_b = ([float(x) for x in tail.split(",")] for tail in (tail_a, tail_b))
    except ValueError:
        return False
    return (
        head_a == head_b
        and len(numbers_a) == len(numbers_b)
        and all(math.isclose(x, y, rel_tol=_TOLERANCE, abs_tol=1e-6) for x, y in zip(numbers_a, numbers_b, strict=True))
    )


def _golden(model: Model, world: int) -> list[float]:
    """Sums of rewards and observations over a scripted trajectory."""
    seen: list[Any] = []

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        seen.append(observation)
        return scripted_action(model, t), None

    moments = list(unroll(model, model.scenario(world), act, min(_PERIODS, model.horizon)))
    rewards = [_size(moment.outcome.reward) for moment in moments]
    return [math.fsum(rewards), rewards[-1], _size(seen[-1]), math.fsum(_size(o) for o in seen)]


def _size(tree: Any) -> float:
    """A weighted sum of all numbers in a tree, so that a swap of two shows."""
    leaves = [np.asarray(leaf, np.float64).ravel() for leaf in tree_leaves(tree)]
    flat = np.concatenate(leaves)
    return float(flat @ (1.0 + 0.1 * np.arange(len(flat))))


def scripted_action(model: Model, t: int) -> Any:
    """A fixed pseudo-random action of one world in period t; a dict by role for several roles.

    Numbers lie in the part of their Box that the model names in `scripted`.
    """
    actions: dict[str, Any] = {}
    for number, role in enumerate(model.roles):
        one = [_sample(role.action_space, 1000 * number + copy, t, model.scripted) for copy in range(role.count or 1)]
        actions[role.name] = one[0] if role.count is None else np.stack(one)
    return actions if len(model.roles) > 1 else next(iter(actions.values()))


def _sample(space: gymnasium.Space[Any], stream: int, t: int, part: tuple[float, float]) -> Any:
    width = int(np.prod(space.shape or (1,)))
    words = rng.words(rng.stream_key(stream, 77), rng.counters(NUMPY, t, 1, width))[0]
    u = rng.uniform_double(NUMPY, words).reshape(space.shape or ())
    if isinstance(space, gymnasium.spaces.Box):
        low, high = np.maximum(space.low, -10.0), np.minimum(space.high, 10.0)
        u = part[0] + (part[1] - part[0]) * u
        return (low + (high - low) * u).astype(space.dtype)
    sizes = space.nvec if isinstance(space, gymnasium.spaces.MultiDiscrete) else getattr(space, "n", 2)
    return np.floor(u * sizes).astype(np.int64)
