"""The workers of a run, as a file that the environments can load.

`python -m scenarium.agents.two_level.ship RUN NAME [--phase 1] [--out FOLDER]` writes NAME.safetensors and NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from scenarium.agents.networks.values import QNetwork
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.envs.tax.trained import FOLDER, GRID, Weights


def grid_weights(network: QNetwork) -> Weights:
    """A worker network on the grid of `TrainedWorkers`.

    Raises:
        ScenariumError: The network has other layers than linear maps, layer normalisation and ReLU.
    """
    return Weights.of(named_arrays(network))


def named_arrays(network: QNetwork) -> dict[str, Any]:
    """The arrays that `Weights.of` takes, as the smallest of int16 and int32 that holds them."""
    layers: list[Any] = list(network.encoder)
    kinds = [(nn.Linear, nn.LayerNorm, nn.ReLU)[i % 3] for i in range(len(layers))]
    if len(layers) % 3 or not all(isinstance(layer, kind) for layer, kind in zip(layers, kinds, strict=True)):
        raise ScenariumError("only networks of linear maps, layer normalisation and ReLU can be workers of a world")
    arrays: dict[str, Any] = {}
    for i in range(0, len(layers), 3):
        first, normal = layers[i], layers[i + 1]
        parts = {"weight": first.weight, "bias": first.bias, "gain": normal.weight, "offset": normal.bias}
        arrays |= {f"hidden.{i // 3}.{name}": _grid(part) for name, part in parts.items()}
    return {**arrays, "head.weight": _grid(network.head.weight), "head.bias": _grid(network.head.bias)}


def _grid(weights: Tensor) -> Any:
    whole = np.rint(weights.detach().cpu().double().numpy() * GRID).astype(np.int64)
    small = bool((abs(whole) < 2**15).all())
    return whole.astype(np.int16 if small else np.int32)


def ship(network: QNetwork, notes: dict[str, Any], name: str, folder: str | os.PathLike[str] = FOLDER) -> Path:
    """Writes a worker network and how it was made; returns the file of weights."""
    from safetensors.numpy import save

    target = write_atomic(Path(folder) / f"{name}.safetensors", save(named_arrays(network)))
    write_atomic(Path(folder) / f"{name}.json", json.dumps(notes, indent=1) + "\n")
    return target


def main() -> None:
    """Ships the workers of a saved agent."""
    from scenarium.agents.two_level.two_level import TwoLevel

    parser = argparse.ArgumentParser(description="Writes the workers of a two-level run for the environments.")
    parser.add_argument("run", help="folder of one seed")
    parser.add_argument("name")
    parser.add_argument("--command", default="", help="the command that trained them, for the record")
    parser.add_argument("--phase", type=int, default=2, choices=(1, 2), help="the workers as this phase left them")
    parser.add_argument("--out", default=str(FOLDER))
    chosen = parser.parse_args()
    agent = TwoLevel.load(chosen.run, device="cpu")
    notes = {"format": 1, "command": chosen.command, **agent.describe()}
    print(ship(agent.network(chosen.phase), notes, chosen.name, chosen.out))


if __name__ == "__main__":
    main()
