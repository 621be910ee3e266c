"""Presets: settings per agent and environment, as data in ``agents/presets/<agent>.yaml``.

A file maps environment ids, and the word ``default``, to blocks. A block holds config fields, perhaps
``policy_kwargs``, and perhaps ``policies``: a block for each policy name that differs. Later wins: default, default for
the policy, id, id for the policy, what the user says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from scenarium.envs.core.errors import ScenariumError


@cache
def _blocks(agent: str) -> dict[str, Any]:
    import yaml

    resource = files("scenarium.agents") / "presets" / f"{agent}.yaml"
    if not resource.is_file():
        return {}
    content = yaml.safe_load(resource.read_text(encoding="utf-8")) or {}
    if not isinstance(content, dict):
        raise ScenariumError(f"presets of {agent}: expected environment ids with settings")
    return content


def preset_ids(agent: str) -> list[str]:
    """The environment ids an agent has presets for."""
    return [name for name in _blocks(agent) if name != "default"]


def preset(agent: str, env_id: str, policy: str) -> dict[str, Any]:
    """The settings of an agent for an environment and a policy, merged; ``policy_kwargs`` is one of the keys.

    Args:
        agent: Registry name of the agent.
        env_id: Registered id, or "" for a model that has none.
        policy: Policy name.
    """
    merged: dict[str, Any] = {}
    for name in ("default", env_id):
        block: Mapping[str, Any] = _blocks(agent).get(name) or {}
        for part in (block, (block.get("policies") or {}).get(policy) or {}):
            merged = merge(merged, {key: value for key, value in part.items() if key != "policies"})
    return merged


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Two sets of settings with the second on top; ``policy_kwargs`` merge key by key."""
    result = {**lower, **upper}
    if "policy_kwargs" in lower and "policy_kwargs" in upper:
        result["policy_kwargs"] = {**lower["policy_kwargs"], **upper["policy_kwargs"]}
    return result
