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
    from scenarium.agents.sb3 import SB3A2C, SB3DQN, SB3PPO, SB3SAC, SB3TD3

_LAZY = {
    "Agent": "scenarium.agents.core.base",
    "HDPO": "scenarium.agents.hdpo.hdpo",
    "HDPOConfig": "scenarium.agents.hdpo.config",
    "SB3A2C": "scenarium.agents.sb3",
    "SB3DQN": "scenarium.agents.sb3",
    "SB3PPO": "scenarium.agents.sb3",
    "SB3SAC": "scenarium.agents.sb3",
    "SB3TD3": "scenarium.agents.sb3",
    "agent_entries": "scenarium.agents.core.registry",
    "load_agent": "scenarium.agents.core.registry",
    "make_agent": "scenarium.agents.core.registry",
}

__all__ = [
    "HDPO",
    "SB3A2C",
    "SB3DQN",
    "SB3PPO",
    "SB3SAC",
    "SB3TD3",
    "Agent",
    "HDPOConfig",
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
