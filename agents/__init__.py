"""Agents: the methods that learn to solve the problems of the suite.

All have the same verbs: ``HDPO("InventoryNet-v0", policy="mlp", seed=0).learn(200_000)``, then `predict`, `save` and
`load`. `make_agent` makes one by its name on the command line, `agent_entries` lists them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarium.agents.core.base import Agent
    from scenarium.agents.core.registry import agent_entries, load_agent, make_agent
    from scenarium.agents.hdpo.config import HDPOConfig
    from scenarium.agents.hdpo.hdpo import HDPO
    from scenarium.agents.pqn.config import PQNConfig, PQNRNNConfig
    from scenarium.agents.pqn.pqn import PQN
    from scenarium.agents.pqn.recurrent import PQNRNN
    from scenarium.agents.retrieval.config import DQNConfig, R2D2Config, RADQNConfig, RAR2D2Config
    from scenarium.agents.retrieval.dqn import DQN
    from scenarium.agents.retrieval.r2d2 import R2D2
    from scenarium.agents.retrieval.ra_dqn import RADQN
    from scenarium.agents.retrieval.ra_r2d2 import RAR2D2
    from scenarium.agents.sb3 import SB3A2C, SB3DQN, SB3PPO, SB3SAC, SB3TD3
    from scenarium.agents.stream.config import StreamACConfig, StreamConfig, StreamQConfig
    from scenarium.agents.stream.signal import Signal
    from scenarium.agents.stream.stream_ac import StreamAC
    from scenarium.agents.stream.stream_q import StreamQ
    from scenarium.agents.stream.stream_sarsa import StreamSARSA
    from scenarium.agents.stream.stream_td import StreamTD

_LAZY = {
    "Agent": "scenarium.agents.core.base",
    "DQN": "scenarium.agents.retrieval.dqn",
    "DQNConfig": "scenarium.agents.retrieval.config",
    "HDPO": "scenarium.agents.hdpo.hdpo",
    "HDPOConfig": "scenarium.agents.hdpo.config",
    "PQN": "scenarium.agents.pqn.pqn",
    "PQNConfig": "scenarium.agents.pqn.config",
    "PQNRNN": "scenarium.agents.pqn.recurrent",
    "PQNRNNConfig": "scenarium.agents.pqn.config",
    "R2D2": "scenarium.agents.retrieval.r2d2",
    "R2D2Config": "scenarium.agents.retrieval.config",
    "RADQN": "scenarium.agents.retrieval.ra_dqn",
    "RADQNConfig": "scenarium.agents.retrieval.config",
    "RAR2D2": "scenarium.agents.retrieval.ra_r2d2",
    "RAR2D2Config": "scenarium.agents.retrieval.config",
    "SB3A2C": "scenarium.agents.sb3",
    "SB3DQN": "scenarium.agents.sb3",
    "SB3PPO": "scenarium.agents.sb3",
    "SB3SAC": "scenarium.agents.sb3",
    "SB3TD3": "scenarium.agents.sb3",
    "Signal": "scenarium.agents.stream.signal",
    "StreamAC": "scenarium.agents.stream.stream_ac",
    "StreamACConfig": "scenarium.agents.stream.config",
    "StreamConfig": "scenarium.agents.stream.config",
    "StreamQ": "scenarium.agents.stream.stream_q",
    "StreamQConfig": "scenarium.agents.stream.config",
    "StreamSARSA": "scenarium.agents.stream.stream_sarsa",
    "StreamTD": "scenarium.agents.stream.stream_td",
    "agent_entries": "scenarium.agents.core.registry",
    "load_agent": "scenarium.agents.core.registry",
    "make_agent": "scenarium.agents.core.registry",
}

__all__ = [
    "DQN",
    "HDPO",
    "PQN",
    "PQNRNN",
    "R2D2",
    "RADQN",
    "RAR2D2",
    "SB3A2C",
    "SB3DQN",
    "SB3PPO",
    "SB3SAC",
    "SB3TD3",
    "Agent",
    "DQNConfig",
    "HDPOConfig",
    "PQNConfig",
    "PQNRNNConfig",
    "R2D2Config",
    "RADQNConfig",
    "RAR2D2Config",
    "Signal",
    "StreamAC",
    "StreamACConfig",
    "StreamConfig",
    "StreamQ",
    "StreamQConfig",
    "StreamSARSA",
    "StreamTD",
    "agent_entries",
    "load_agent",
    "make_agent",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
