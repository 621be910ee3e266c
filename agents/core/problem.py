"""Which model an agent learns on, from whatever a user names it by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch

from scenarium.agents.core.foreign import ForeignModel, foreign_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.core.registry import bare_id, entries, make_model

_HARMLESS = {"OrderEnforcing", "PassiveEnvChecker", "TimeLimit"}
"""Wrappers that change neither spaces, rewards nor dynamics."""


def resolve_model(env: Any, env_kwargs: Mapping[str, Any] | None = None, foreign: bool = False) -> Model:
    """The model behind an id, a model, or an unwrapped environment of the suite.

    Args:
        env: What a user names the problem by.
        env_kwargs: Keyword arguments of an id.
        foreign: Also take environments that are not of this suite, or are wrapped: only samples can be had of them.

    Raises:
        ScenariumError: It has no model, or a wrapper changes what the model alone cannot show.
    """
    if foreign and not isinstance(env, Model) and not (isinstance(env, str) and _of_suite(env)):
        bare = isinstance(env, gymnasium.Env) and isinstance(getattr(env.unwrapped, "model", None), Model)
        if not (bare and _only_harmless(env)):
            return foreign_model(env, env_kwargs)
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


def _of_suite(env_id: str) -> bool:
    """Whether an id is one of ours, or meant to be: an unknown id gets our list of near misses."""
    known = env_id.split(":")[-1] in gymnasium.registry or ":" in env_id.removeprefix("scenarium:")
    return bare_id(env_id) in entries() or not known


def _only_harmless(env: Any) -> bool:
    while isinstance(env, gymnasium.Wrapper):
        if type(env).__name__ not in _HARMLESS:
            return False
        env = env.env
    return True


def describe_model(model: Model) -> dict[str, Any]:
    """Id, keyword arguments and fingerprint of a model as plain data; the id is "" if it cannot be made from data."""
    try:
        kwargs = json.loads(json.dumps(dict(model.env_kwargs), default=_plain))
    except TypeError:
        return {"id": "", "kwargs": {}, "fingerprint": _fingerprint(model)}
    return {"id": model.env_id, "kwargs": kwargs, "fingerprint": _fingerprint(model)}


def restore_model(description: Mapping[str, Any], env: str | Model | None) -> Model:
    """The model a checkpoint was made on, checked against its fingerprint.

    Args:
        description: As `describe_model` wrote it.
        env: The model to use instead of making it from the description.

    Raises:
        ScenariumError: The model differs, or it cannot be made from the description and `env` is missing.
    """
    from scenarium.envs.core.fingerprint import same_fingerprint

    if env is None and not description["id"]:
        raise ScenariumError("this checkpoint's model cannot be made from data; pass it as env=")
    kwargs = description["kwargs"] if env is None or env == description["id"] else {}
    looks = str(description["fingerprint"])
    model = resolve_model(description["id"] if env is None else env, kwargs, looks.startswith("foreign"))
    now = _fingerprint(model)
    if looks != now and not same_fingerprint(looks, now):
        asked, saved = model.env_id or type(model).__name__, description["id"] or "another model"
        raise ScenariumError(f"checkpoint was made on {saved} with another version or other kwargs than this {asked}")
    return model


def _fingerprint(model: Model) -> str:
    from scenarium.envs.core.fingerprint import fingerprint

    return model.looks if isinstance(model, ForeignModel) else fingerprint(model)


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
