"""Workers that learned: a small network shared by all workers, as a fixed policy for the worker role.

The network is that of PQN (linear, layer normalisation, ReLU; Gallici et al., arXiv 2407.04811). Its policy is a
softmax of the allowed actions' values, or with temperature 0 the greatest of them. It is computed on a grid: weights
are multiples of 2^-12 and what a layer passes on is rounded to one, so every sum is exact in float64 and does not
depend on the order of its terms. A world therefore takes the same course alone, in a batch of any size, on NumPy and on
torch, as it does with workers by rule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.tax.actions import WORKER_ACTIONS
from scenarium.envs.tax.compass import CompassWorld, worker_scale
from scenarium.envs.tax.model import WORKER

FOLDER = Path(__file__).resolve().with_name("networks")
"""The networks that come with the suite: NAME.safetensors and, with the command that made it, NAME.json."""
GRID = 2.0**12
"""Grid points per unit."""
MOST = 64.0
"""Features beyond plus and minus this are cut off, which keeps every sum well below 2^53 grid points."""
_NORM_EPSILON = 1e-5
_STREAM = 10

Integers = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class Weights:
    """A network on the grid: integers that stand for themselves divided by `GRID`.

    Attributes:
        layers: Of each hidden layer: weight [out, in], bias [out], gain [out] and offset [out] of the normalisation.
        head: Weight [50, in] and bias [50] of the action values.
    """

    layers: tuple[tuple[Integers, Integers, Integers, Integers], ...]
    head: tuple[Integers, Integers]

    @classmethod
    def of(cls, tensors: Mapping[str, Any]) -> Weights:
        """From arrays by name, `hidden.0.weight`, `hidden.0.bias`, `hidden.0.gain`, ..., `head.bias`.

        Raises:
            ScenariumError: A name is missing, or shapes do not fit each other.
        """
        count = sum(name.startswith("hidden.") and name.endswith(".weight") for name in tensors)
        parts = ("weight", "bias", "gain", "offset")
        try:
            layers = [tuple(_whole(tensors[f"hidden.{i}.{part}"]) for part in parts) for i in range(count)]
            head = _whole(tensors["head.weight"]), _whole(tensors["head.bias"])
        except KeyError as missing:
            raise ScenariumError(f"the weights of trained workers lack {missing}") from None
        weights = [layer[0] for layer in layers] + [head[0]]
        fits = all(a.shape[0] == b.shape[1] for a, b in zip(weights, weights[1:], strict=False))
        if not fits or head[0].shape[0] != WORKER_ACTIONS:
            raise ScenariumError(f"the weights of trained workers have shapes {[w.shape for w in weights]}")
        return cls(tuple(layers), head)  # type: ignore[arg-type]


def _whole(values: Any) -> Integers:
    return np.asarray(values).astype(np.int32)


@cache
def load_weights(name: str) -> Weights:
    """A network that comes with the suite, by its name, or one from a .safetensors file.

    Raises:
        ScenariumError: There is none of this name, or the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(name) if name.endswith(".safetensors") else FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise unknown_name("trained workers", name, names())
    try:
        return Weights.of(load(path.read_bytes()))
    except SafetensorError:
        raise ScenariumError(f"{path} is damaged or cut off") from None


def names() -> list[str]:
    """The networks that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def provenance(name: str) -> dict[str, Any]:
    """How a network that comes with the suite was made: the command, its settings, and what it scored."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


class TrainedWorkers:
    """The worker role played by a network, the same one for every worker.

    Args:
        model: The game whose workers they are; they see its compass.
        weights: The network, a name or a file (see `load_weights`), or weights.
        temperature: Of the softmax policy, whose luck belongs to the world; 0 for the greatest value.

    Raises:
        ScenariumError: The network expects other observations, or the temperature is negative.
    """

    def __init__(self, model: CompassWorld, weights: str | Weights, temperature: float = 0.0) -> None:
        if not temperature >= 0.0:
            raise ScenariumError(f"temperature is {temperature}; it must be >= 0")
        self.weights = load_weights(weights) if isinstance(weights, str) else weights
        self.model, self.temperature = model, temperature
        shape = model.roles[0].observation_space.shape
        first = (*self.weights.layers, self.weights.head)[0][0]
        if model.roles[0].name != WORKER or shape != first.shape[1:]:
            raise ScenariumError(f"these workers were trained on {first.shape[1]} numbers; this game shows {shape}")
        self._constants: dict[str, Any] = {}

    def initial(self, scenario: Scenario, xp: Namespace) -> Array:
        """The memory is the key of the tosses."""
        self._on(xp)
        return rng.stream_key(scenario.seeds, _STREAM)

    def _on(self, xp: Namespace) -> Any:
        """The constants on one backend, made once: gain of features, hidden layers, head."""
        found = self._constants.get(xp.key)
        if found is None:
            gain = xp.constant(1.0 / np.array(worker_scale(self.model.parameters)), "double")
            layers = [tuple(_numbers(part, xp) for part in layer) for layer in self.weights.layers]
            head = tuple(_numbers(part, xp) for part in self.weights.head)
            choices = xp.constant(range(WORKER_ACTIONS), "int")
            found = self._constants[xp.key] = gain, layers, head, choices
        return found

    def act(self, observation: Array, memory: Array, mask: Array, t: Array, xp: Namespace) -> tuple[Array, Array]:
        """One action per worker, int32 [n] or [B, n]."""
        choices = self._on(xp)[3]
        values = self.values(observation, xp)
        if self.temperature > 0.0:
            values = values + self._luck(memory, t, xp) * self.temperature
        values = xp.where(mask, values, -1e9)
        best = values == xp.largest(values, -1)[..., None]
        return xp.cast(xp.smallest(xp.where(best, choices, WORKER_ACTIONS), -1), "int"), memory

    def values(self, observation: Array, xp: Namespace) -> Array:
        """Action values float64 [..., n, 50] up to what all actions of a worker have in common."""
        gain, layers, head, _ = self._on(xp)
        x = xp.cast(observation, "double") * gain
        x = _rounded(xp.minimum(xp.maximum(x, -MOST), MOST), xp)
        for weight, bias, scale, offset in layers:
            x = _rounded(xp.maximum(_normed(x @ weight + bias, xp) * scale + offset, 0.0), xp)
        return x @ head[0] + head[1]

    def _luck(self, key: Array, t: Array, xp: Namespace) -> Array:
        """Gumbel draws on the grid, float64 [n, 50] or [B, n, 50].

        The greatest of value / temperature + draw is a draw from the softmax.
        """
        n = self.model.parameters.workers
        counter = xp.constant(np.arange(n * WORKER_ACTIONS).reshape(n, WORKER_ACTIONS), "index")
        first = t * (n * WORKER_ACTIONS)
        word = rng.words(
            key[:, None, None] if xp.batched else key,
            (first if isinstance(t, int) else first[..., None, None]) + counter,
        )
        uniform = (xp.cast((word >> 32) & 0x7FFFFFFF, "double") + 0.5) * 2.0**-31
        return _rounded(-xp.log(-xp.log(uniform)), xp)


def _numbers(integers: Integers, xp: Namespace) -> Array:
    """Weights as float64; matrices transposed, to stand behind a row of features."""
    return xp.constant(np.ascontiguousarray(integers.T) / GRID, "double")


def _rounded(x: Array, xp: Namespace) -> Array:
    return xp.floor(x * GRID + 0.5) * (1.0 / GRID)


def _normed(x: Array, xp: Namespace) -> Array:
    """Mean 0 and variance 1 over the last axis; the sums are of grid points, so exact."""
    share = 1.0 / x.shape[-1]
    centred = _rounded(x - xp.total(x, -1)[..., None] * share, xp)
    variance = xp.total(centred * centred, -1)[..., None] * share
    return centred / xp.sqrt(variance + _NORM_EPSILON)
