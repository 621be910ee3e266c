"""The table of agents by their names on the command line; a class is imported only when it is used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarium.envs.core.errors import unknown_name
from scenarium.envs.core.registry import load_target

if TYPE_CHECKING:
    from scenarium.agents.core.base import Agent
    from scenarium.envs.core.model import Model


@dataclass(frozen=True)
class AgentEntry:
    """One agent.

    Attributes:
        name: Name on the command line, in snake_case.
        target: ``"module:Class"``.
        title: One line for listings.
    """

    name: str
    target: str
    title: str

    def load(self) -> type[Agent]:
        """The class, imported now."""
        found: type[Agent] = load_target(self.target)
        return found


_TABLE = (
    ("hdpo", "hdpo.hdpo:HDPO", "Hindsight differentiable policy optimisation: gradients through the model"),
    ("stream_q", "stream.stream_q:StreamQ", "Stream Q(lambda): one transition at a time, discrete actions"),
    ("stream_sarsa", "stream.stream_sarsa:StreamSARSA", "Stream SARSA(lambda): one transition at a time, on-policy"),
    ("stream_ac", "stream.stream_ac:StreamAC", "Stream AC(lambda): one transition at a time, any actions"),
    (
        "stream_td",
        "stream.stream_td:StreamTD",
        "Stream TD(lambda): predicts what states are worth to a policy",
    ),
    ("pqn", "pqn.pqn:PQN", "Parallelised Q-network: online Q-learning without replay, discrete choices"),
    ("pqn_rnn", "pqn.recurrent:PQNRNN", "Parallelised Q-network with a recurrent memory"),
    ("dqn", "retrieval.dqn:DQN", "Deep Q-network: double Q-learning from replay or recorded episodes"),
    ("ra_dqn", "retrieval.ra_dqn:RADQN", "Retrieval-augmented DQN: looks up recorded trajectories when it decides"),
    ("two_level", "two_level.two_level:TwoLevel", "Workers and planner of the tax game learn together, in two phases"),
    ("r2d2", "retrieval.r2d2:R2D2", "Recurrent Q-learning from prioritised replay of sequences"),
    ("ra_r2d2", "retrieval.ra_r2d2:RAR2D2", "R2D2 that looks up its own replay"),
    ("sb3_ppo", "sb3:SB3PPO", "Proximal policy optimisation (Stable-Baselines3)"),
    ("sb3_a2c", "sb3:SB3A2C", "Advantage actor-critic (Stable-Baselines3)"),
    ("sb3_sac", "sb3:SB3SAC", "Soft actor-critic, continuous actions (Stable-Baselines3)"),
    ("sb3_td3", "sb3:SB3TD3", "Twin delayed policy gradient, continuous actions (Stable-Baselines3)"),
    ("sb3_dqn", "sb3:SB3DQN", "Deep Q-network, discrete actions (Stable-Baselines3)"),
)
_ENTRIES = {name: AgentEntry(name, f"scenarium.agents.{target}", title) for name, target, title in _TABLE}


def register_agent(entry: AgentEntry) -> None:
    """Adds an agent to the table."""
    _ENTRIES[entry.name] = entry


def agent_entries() -> dict[str, AgentEntry]:
    """All agents by name, in the order of registration."""
    return dict(_ENTRIES)


def agent_class(name: str) -> type[Agent]:
    """The class behind a name.

    Raises:
        ScenariumError: No agent has this name; the nearest is suggested.
    """
    if name not in _ENTRIES:
        raise unknown_name("agent", name, _ENTRIES)
    return _ENTRIES[name].load()


def make_agent(name: str, env: str | Model, **kwargs: Any) -> Agent:
    """Makes an agent for an environment by its name; keyword arguments are those of the class."""
    return agent_class(name)(env, **kwargs)


def load_agent(folder: str | os.PathLike[str], device: str = "auto", env: str | Model | None = None) -> Agent:
    """Loads whatever agent was saved in a folder.

    Raises:
        ScenariumError: As `Agent.load`.
    """
    from scenarium.agents.core.checkpoint import read_header

    return agent_class(str(read_header(folder).get("agent"))).load(folder, device=device, env=env)
