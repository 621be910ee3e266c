"""The small animation of every environment, made once and kept until its sources change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import MultiDiscrete

from scenarium.envs.core.registry import Entry, make_model

FRAMES, WIDTH, PAUSE, SHORT = 14, 640, 350, 140
"""Pictures per animation, their width in pixels, how long each stays in milliseconds, and how many periods of a game
of several agents are played."""


def animation(entry: Entry, folder: Path) -> Path:
    """The path of an environment's animation (WebP), made now if it is not there yet."""
    from scenarium.envs.core.files import sha256_file

    sources = sorted(Path(_home(entry)).glob("*.py"))
    key = "".join(sha256_file(source)[:4] for source in sources)[-40:]
    path = folder / f"{entry.id}-{key}.webp"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _write(_frames(entry), path)
    return path


def _home(entry: Entry) -> str:
    import importlib

    return str(Path(importlib.import_module(f"scenarium.envs.{entry.family}").__file__ or "").resolve().parent)


def _frames(entry: Entry) -> list[Any]:
    """Pictures of world 0, spread over the episode."""
    every = max(1, make_model(entry.id).horizon // FRAMES)
    if entry.several:
        every = min(every, SHORT // FRAMES)
    played = _random_play(entry) if entry.several else _play(entry)
    return [frame() for t, frame in enumerate(played, 1) if t % every == 0][:FRAMES]


def _play(entry: Entry) -> Iterator[Callable[[], Any]]:
    """World 0 under a classical policy: after every step a function that draws it."""
    import gymnasium

    from scenarium.baselines import make_baseline

    env = gymnasium.make(entry.id, render_mode="rgb_array")
    policy = make_baseline(_player(entry.id), entry.id)
    (observation, _), state, over = env.reset(seed=0), None, False
    while not over:
        action, state = policy.predict(observation, state)
        observation, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        yield env.render


def _random_play(entry: Entry) -> Iterator[Callable[[], Any]]:
    """World 0 with several agents, who draw among the actions they are allowed."""
    import scenarium

    env = scenarium.parallel_env(entry.id, render_mode="rgb_array")
    seen, _ = env.reset(seed=0)
    for number, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(number)
    for _ in range(SHORT):
        masks = {
            agent: seen[agent].get("action_mask") if isinstance(seen[agent], dict) else None for agent in env.agents
        }
        seen = env.step({agent: _allowed(env.action_space(agent), masks[agent]) for agent in env.agents})[0]
        yield env.render


def _allowed(space: Any, mask: Any) -> Any:
    if mask is None:
        return space.sample()
    parts = np.asarray(mask, np.int8)
    if isinstance(space, MultiDiscrete):
        sizes = np.cumsum(space.nvec)[:-1]
        return space.sample(tuple(np.split(parts.ravel(), sizes)))
    return space.sample(parts)


def _player(env_id: str) -> str:
    """A classical policy that does something to look at: the last that plays by the rules."""
    from scenarium.baselines import baselines_for

    plain = [b.name for b in baselines_for(env_id) if not b.clairvoyant]
    return next((name for name in PREFERRED if name in plain), plain[-1])


PREFERRED = (
    "echelon_base_stock", "base_stock", "hub_order_up_to", "constant_escapement", "business_rules",
    "best_static_menu", "inverse_volatility", "us_federal",
)  # fmt: skip
"""Policies worth watching; the first that plays the environment is shown."""


def _write(frames: list[Any], path: Path) -> None:
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    pictures = [p.resize((WIDTH, round(p.height * WIDTH / p.width))) for p in pictures]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=PAUSE, loop=0, quality=60, method=2)
