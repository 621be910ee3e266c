"""What the streaming benchmarks share: a stack of learners trained at once, one seed each.

Learner k of a stack is the run that seed k would be alone (the tests show it), so one process trains all seeds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from curves import Line

from scenarium.agents.core.registry import make_agent


@dataclass
class Run:
    """What one learner did.

    Attributes:
        steps: Its own steps at the end of each episode.
        returns: Undiscounted returns of the episodes, as played while learning.
    """

    steps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)

    def last(self, episodes: int) -> float:
        """Mean return of the last episodes."""
        return float(np.mean(self.returns[-episodes:]))


def train(name: str, env_id: str, seeds: int, steps: int, **settings: Any) -> tuple[Any, list[Run], float]:
    """Trains a stack with the presets of the environment.

    Args:
        name: Agent.
        env_id: Environment.
        seeds: Learners, with seeds 0, 1, ...
        steps: Steps of each learner.
        **settings: Config fields over the presets.

    Returns:
        The agent, a run per learner, and CPU-seconds of learning.
    """
    runs, clock = [Run() for _ in range(seeds)], [0] * seeds

    def note(agent: Any, metrics: Any) -> None:
        for episode in agent.episodes:
            clock[episode.learner] += episode.length
            runs[episode.learner].steps.append(clock[episode.learner])
            runs[episode.learner].returns.append(episode.total)

    agent = make_agent(name, env_id, seed=0, device="cpu", learners=seeds, **settings)
    start = time.process_time()
    agent.learn(steps * seeds, note)
    return agent, runs, time.process_time() - start


def running(runs: Sequence[Run], window: int) -> list[Line]:
    """Running means of the returns over so many episodes, a line per seed."""
    drawn = []
    for seed, run in enumerate(runs):
        width = min(window, len(run.returns))
        mean = np.convolve(run.returns, np.ones(width) / width, "valid")
        drawn.append(Line(f"seed {seed}", run.steps[width - 1 :], list(mean)))
    return drawn
