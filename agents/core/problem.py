"""Which model an agent learns on, from whatever a user names it by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.registry import make_model

_HARMLESS = {"OrderEnforcing", "PassiveEnvChecker", "TimeLimit"}
"""Wrappers that change neither spaces, rewards nor dynamics."""


def resolve_model(env: Any, env_kwargs: Mapping[str, Any] | None = None) -> Model:
    """The model behind an id, a model, or an unwrapped environment of the suite.

    Raises:
        ScenariumError: It has no model, or a wrapper changes what the model alone cannot show.
    """
    if isinstance(env, str):
        return make_model(env, **(env_kwargs or {}))
    if env_kwargs:
        raise ScenariumError("env_kwargs go with an environment id; this env is already made")
    if isinstance(env, Model):
        return env
    layer = env
    while isinstance(layer, gymnasium.Wrapper):
        if type(layer).__name__ not in _HARMLESS:
            raise ScenariumError(
                f"wrapper {type(layer).__name__} cannot be honoured: agents learn on the model; use its kwargs"
            )
        layer = layer.env
    model = getattr(layer, "model", None)
    if not isinstance(model, Model):
        raise ScenariumError(f"env must be an id, a Model or an environment of the suite, got {type(env).__name__}")
    return model


def describe_model(model: Model) -> dict[str, Any]:
    """Id, keyword arguments and fingerprint of a model as plain data; the id is "" if it cannot be made from data."""
    from scenarium.envs.core.fingerprint import fingerprint

    try:
        kwargs = json.loads(json.dumps(dict(model.env_kwargs), default=_plain))
    except TypeError:
        return {"id": "", "kwargs": {}, "fingerprint": fingerprint(model)}
    return {"id": model.env_id, "kwargs": kwargs, "fingerprint": fingerprint(model)}


def restore_model(description: Mapping[str, Any], env: str | Model | None) -> Model:
    """The model a checkpoint was made on, checked against its fingerprint.

    Args:
        description: As `describe_model` wrote it.
        env: The model to use instead of making it from the description.

    Raises:
        ScenariumError: The model differs, or it cannot be made from the description and `env` is missing.
    """
    from scenarium.envs.core.fingerprint import fingerprint, same_fingerprint

    if env is None and not description["id"]:
        raise ScenariumError("this checkpoint's model cannot be made from data; pass it as env=")
    kwargs = description["kwargs"] if env is None or env == description["id"] else {}
    model = resolve_model(description["id"] if env is None else env, kwargs)
    if not same_fingerprint(description["fingerprint"], fingerprint(model)):
        asked, saved = model.env_id or type(model).__name__, description["id"] or "another model"
        raise ScenariumError(f"checkpoint was made on {saved} with another version or other kwargs than this {asked}")
    return model


def pick_device(device: str | torch.device) -> torch.device:
    """A torch device; "auto" is CUDA where there is one.

    Raises:
        ScenariumError: The name is no device, or the device is not there.
    """
    if str(device) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError:
        raise ScenariumError(f"unknown device {device!r}; use 'auto', 'cpu' or 'cuda'") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ScenariumError("device 'cuda' is not available here; use 'cpu' or 'auto'")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(type(value).__name__)
