"""Parameters of fitted models, kept as data so that making a policy takes no time.

Each method has one safetensors file, `fitted/<name>.safetensors`, whose tensors are named "key/tensor"; the key stands
for customers, prices, sessions and seed. What is not shipped is fitted when it is first asked for. All files are made
by `python -m scenarium.baselines.pricing.recipes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.tuned import content_key
from scenarium.envs.core.files import write_atomic
from scenarium.envs.pricing.model import AncillaryPricing

Tensors = dict[str, Tensor]
FOLDER = Path(__file__).resolve().with_name("fitted")
_MADE: dict[tuple[str, str], Tensors] = {}


def problem_key(model: AncillaryPricing, sessions: int, seed: int) -> str:
    """A key that two fits share if they see the same customers, prices, sessions and seed.

    Drift and a limited number of units do not enter: models are fitted on sessions without either.
    """
    prices = model.prices
    legal = list(prices.ladder) if prices.ladder is not None else ["interval", prices.low, prices.high]
    return content_key([asdict(model.demand), legal, sessions, seed])


def fitted(name: str, key: str, fit: Callable[[], Tensors]) -> Tensors:
    """The parameters of a method for a problem: shipped, made before in this process, or made now.

    Args:
        name: The method.
        key: `problem_key`.
        fit: Makes them.
    """
    shipped = _shipped(name)
    if key in shipped:
        return shipped[key]
    if (name, key) not in _MADE:
        _MADE[name, key] = fit()
    return _MADE[name, key]


@cache
def _shipped(name: str) -> dict[str, Tensors]:
    from safetensors.torch import load

    path = FOLDER / f"{name}.safetensors"
    result: dict[str, Tensors] = {}
    for full, tensor in (load(path.read_bytes()) if path.exists() else {}).items():
        key, part = full.split("/", 1)
        result.setdefault(key, {})[part] = tensor
    return result


def ship(name: str, by_key: Mapping[str, Tensors]) -> Path:
    """Writes a method's file and returns its path."""
    from safetensors.torch import save

    flat = {f"{key}/{part}": tensor.contiguous() for key, made in by_key.items() for part, tensor in made.items()}
    path = FOLDER / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, save(flat))
    _shipped.cache_clear()
    return path


def as_tensors(arrays: Mapping[str, object]) -> Tensors:
    """Arrays and numbers as float32 tensors."""
    return {name: torch.as_tensor(np.asarray(value, dtype=np.float32)) for name, value in arrays.items()}
