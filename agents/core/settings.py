"""An agent's settings, from the presets, what the user passed, and single fields by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scenarium.agents.core.config import Config
from scenarium.agents.core.presets import merge, preset
from scenarium.envs.core.errors import ScenariumError

if TYPE_CHECKING:
    from scenarium.agents.core.base import Agent


def resolve_settings(
    agent: Agent,
    config: Config | Mapping[str, Any] | None,
    policy_kwargs: Mapping[str, Any],
    fields: Mapping[str, Any],
    policy: str,
) -> tuple[Any, dict[str, Any]]:
    """The config and the policy's keyword arguments; later wins: presets, `config`, `fields`.

    Args:
        agent: For its name, environment and config class.
        config: A complete config (no preset applies), or some of its fields.
        policy_kwargs: Keyword arguments of the named policy.
        fields: Config fields by name.
        policy: Name of the policy; "custom" for a module.

    Raises:
        ScenariumError: A field is unknown or wrong, or `policy_kwargs` were given for a module.
    """
    if policy_kwargs and policy == "custom":
        raise ScenariumError("policy_kwargs go with a policy's name; this policy is already made")
    if isinstance(config, Config):
        if not isinstance(config, agent.config_class):
            raise ScenariumError(f"config must be a {agent.config_class.__name__}, got {type(config).__name__}")
        values: dict[str, Any] = {**config.__dict__}
    else:
        values = merge(preset(agent.name, agent.model.env_id, policy), config or {})
    kwargs = {**values.pop("policy_kwargs", {}), **policy_kwargs}
    return agent.config_class.from_mapping({**values, **fields}), kwargs if policy != "custom" else {}
