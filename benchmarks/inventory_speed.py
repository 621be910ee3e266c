"""Environment steps per CPU-second of the inventory networks, next to published code measured on the same kind of CPU.

`python benchmarks/inventory_speed.py [--device cuda] [--worlds 8192] [--seconds 3]`

The batched rows time the transition alone (demand drawn beforehand, no observation): 50 steps with constant orders,
without gradients, then with one backward pass through all of them. "Everything" adds drawing demand, observing and
automatic reset. Time is process time on one thread (wall time on a GPU).

Reference figures: the simulator of Alvo et al. (github.com/MatiasAlvo/Neural_inventory_control), which does not ration,
and gym-invmgmt 0.2.1, both on one thread of an AMD EPYC. gym-invmgmt is also timed in the same run where it is
installed (`pip install gym-invmgmt`).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

import gymnasium
import torch
from speed import Drawn, Row, arguments, print_table, single, transition, vector

import scenarium  # noqa: F401  (registers the ids)
from scenarium.envs import make_model

PERIODS = 50
ONE_STORE, NETWORK = "InventoryNet-OneStoreLost-v0", "InventoryNet-v0"
BARS: dict[tuple[str, str], tuple[float, float]] = {
    (ONE_STORE, "eager"): (60e6, 20e6),
    (ONE_STORE, "compiled"): (60e6, 20e6),
    (NETWORK, "eager"): (8e6, 4e6),
    (NETWORK, "compiled"): (30e6, 5e6),
}
PEERS = {ONE_STORE: (21.8e6, 8.1e6), NETWORK: (4.4e6, 2.3e6)}
PEER_SINGLE = 5.9e3


def batched(env_id: str, worlds: int, device: str, compiled: bool, seconds: float) -> tuple[float, float]:
    """Forward, and forward plus backward, steps per second of `worlds` worlds."""
    model = make_model(env_id, action_mode="quantity")
    drawn, step = Drawn(model, worlds, device, PERIODS), transition(model, device, compiled)
    mean = torch.as_tensor(model.action_mean, dtype=torch.float32, device=device)  # type: ignore[attr-defined]
    orders = [mean.expand(worlds, -1).clone()]
    return drawn.forward(step, orders, seconds), drawn.backward(step, orders, seconds)


def everything(env_id: str, worlds: int, device: str, seconds: float) -> float:
    """Steps per second of the vector environment: demand, observation and automatic reset included."""
    envs = gymnasium.make_vec(env_id, num_envs=worlds, device=device)
    actions = torch.zeros((worlds, *envs.single_action_space.shape), device=device)  # type: ignore[misc]
    return vector(envs, actions, PERIODS, seconds)


def peer(seconds: float) -> float | None:
    """gym-invmgmt's multi-echelon environment in this process, if it is installed."""
    if importlib.util.find_spec("gym_invmgmt") is None:
        return None
    importlib.import_module("gym_invmgmt")
    ids = [name for name in gymnasium.registry if "MultiEchelon" in name]
    return single(gymnasium.make(ids[0]), seconds)


def rows(worlds: int, device: str, seconds: float) -> Iterator[Row]:
    """All figures."""
    for env_id in (ONE_STORE, NETWORK):
        for mode in ("eager", "compiled"):
            rates = batched(env_id, worlds, device, mode == "compiled", seconds)
            for what, value, bar, other in zip(
                ("forward", "forward + backward"), rates, BARS[env_id, mode], PEERS[env_id], strict=True
            ):
                yield Row(f"{env_id}, {mode}, {what}", value, bar, other)
    for env_id in (ONE_STORE, NETWORK):
        yield Row(f"{env_id}, everything included", everything(env_id, worlds, device, seconds))
    yield Row(f"gym.make({NETWORK!r})", single(gymnasium.make(NETWORK), seconds), 40e3, PEER_SINGLE)
    found = peer(seconds)
    if found is not None:
        yield Row("gym-invmgmt multi-echelon, in this run", found)


def main() -> None:
    """Prints the table."""
    chosen = arguments("Environment steps per CPU-second of the inventory networks.", 8192).parse_args()
    torch.set_num_threads(1)
    print_table(rows(chosen.worlds, chosen.device, chosen.seconds), chosen.worlds, chosen.device)


if __name__ == "__main__":
    main()
