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
    "image": "scenarium.agents.networks.image:ImagePolicy",
    "shared": "scenarium.agents.networks.assets:SharedPolicy",
    "eiie": "scenarium.agents.networks.assets:EIIEPolicy",
}
"""Policy name to ``"module:Class"``; the class takes the native model and keyword arguments."""

_BY_PROBLEM: dict[tuple[str, str], str] = {
    ("gnn", "PortfolioAllocation"): "scenarium.agents.networks.assets:AssetGNN",
}
"""What a name means for the models of a class, where that differs."""


ENCODERS: dict[str, str] = {
    "image": "scenarium.agents.networks.image:ImageEncoder",
    "shared": "scenarium.agents.networks.assets:SharedEncoder",
}
"""Name to ``"module:Class"``, for agents with heads of their own: from observations to features [B, `size`]."""


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
    kinds = [_BY_PROBLEM[name, kind.__name__] for kind in type(model).__mro__ if (name, kind.__name__) in _BY_PROBLEM]
    return _built(name, kinds[0] if kinds else POLICIES[name], model, kwargs)


def build_encoder(name: str, model: Model, **kwargs: Any) -> nn.Module:
    """Makes an encoder: a module from batched observations of `model` to features.

    Args:
        name: One of `ENCODERS`.
        model: The problem.
        **kwargs: Arguments of the encoder class.

    Raises:
        ScenariumError: As `build_policy`.
    """
    if name not in ENCODERS:
        raise unknown_name("encoder", name, ENCODERS)
    return _built(name, ENCODERS[name], model, kwargs)


def encoder_arguments(name: str) -> list[str]:
    """The names of the arguments an encoder takes beside the model."""
    return _arguments(load_target(ENCODERS[name]))


def _arguments(kind: Any) -> list[str]:
    return [parameter for parameter in inspect.signature(kind).parameters if parameter != "model"]


def _built(name: str, target: str, model: Model, kwargs: dict[str, Any]) -> nn.Module:
    kind = load_target(target)
    for argument in kwargs:
        if argument not in _arguments(kind):
            raise unknown_name(f"argument of policy {name!r}:", argument, _arguments(kind))
    try:
        module: nn.Module = kind(model, **kwargs)
    except (AttributeError, TypeError) as error:
        raise ScenariumError(f"policy {name!r} cannot play {model.env_id or type(model).__name__}: {error}") from error
    return module
