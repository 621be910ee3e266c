"""Policy networks by name; a module is imported only when its name is used."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.registry import load_target

if TYPE_CHECKING:
    from torch import nn

    from scenarium.envs.core.model import Model

POLICIES: dict[str, str] = {
    "mlp": "scenarium.agents.networks.mlp:MLPPolicy",
    "gnn": "scenarium.agents.networks.gnn:GNNPolicy",
}
"""Policy name to ``"module:Class"``; the class takes the native model and keyword arguments."""


def build_policy(name: str, model: Model, **kwargs: Any) -> nn.Module:
    """Makes a policy: a module from batched observations to actions of `model`.

    Args:
        name: One of `POLICIES`.
        model: The problem in its native action space.
        **kwargs: Arguments of the policy class.

    Raises:
        ScenariumError: The name or an argument is unknown, or the policy cannot play the model.
    """
    if name not in POLICIES:
        raise unknown_name("policy", name, POLICIES)
    policy_class = load_target(POLICIES[name])
    known = [p for p in inspect.signature(policy_class).parameters if p != "model"]
    for argument in kwargs:
        if argument not in known:
            raise unknown_name(f"argument of policy {name!r}:", argument, known)
    try:
        policy: nn.Module = policy_class(model, **kwargs)
    except (AttributeError, TypeError) as error:
        raise ScenariumError(f"policy {name!r} cannot play {model.env_id or type(model).__name__}: {error}") from error
    return policy
