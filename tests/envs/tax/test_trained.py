"""Workers played by a network, as part of a world."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.tax.compass import CompassWorld
from scenarium.envs.tax.model import PLANNER, WORKER
from scenarium.envs.tax.trained import GRID, TrainedWorkers, Weights, load_weights, names, provenance

XP = torch_namespace("cpu")


def _weights(seed: int = 0, inputs: int = 154, width: int = 24) -> Weights:
    """A random network."""
    rng = np.random.default_rng(seed)

    def matrix(*shape: int) -> Any:
        return np.rint(rng.normal(0.0, GRID / 8.0, shape)).astype(np.int16)

    one = np.full(width, int(GRID), np.int16)
    parts: dict[str, Any] = {"hidden.0.weight": matrix(width, inputs), "hidden.1.weight": matrix(width, width)}
    for layer in (0, 1):
        parts |= {f"hidden.{layer}.bias": matrix(width), f"hidden.{layer}.gain": one}
        parts |= {f"hidden.{layer}.offset": matrix(width)}
    return Weights.of({**parts, "head.weight": matrix(50, width), "head.bias": matrix(50)})


def _course(workers: TrainedWorkers, seed: Any, xp: Any, periods: int) -> list[Any]:
    """The actions of every period."""
    model = workers.model
    scenario = model.scenario(seed)
    state, memory, actions = model.initial(scenario, xp), workers.initial(scenario, xp), []
    keep = np.zeros(7, np.int64) if not xp.batched else torch.zeros(len(seed), 7, dtype=torch.int64)
    for t in range(periods):
        seen, mask = model.observe(state, None, t, xp)[WORKER], model.action_mask(state, t, xp)[WORKER]
        action, memory = workers.act(seen, memory, mask, t, xp)
        assert bool(np.take_along_axis(np.asarray(mask), np.asarray(action)[..., None].astype(int), -1).all())
        actions.append(np.asarray(action))
        state, _ = model.step(state, {WORKER: action, PLANNER: keep}, scenario.at(t), t, xp)
    return actions


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_world_takes_the_same_course_alone_and_in_any_batch(temperature: float) -> None:
    workers = TrainedWorkers(CompassWorld(), _weights(), temperature)
    batch = np.stack(_course(workers, torch.arange(5), XP, 60))
    pair = np.stack(_course(workers, torch.tensor([3, 4]), XP, 60))
    assert np.array_equal(batch[:, 3:], pair)
    for seed in (0, 4):
        assert np.array_equal(batch[:, seed], np.stack(_course(workers, seed, NUMPY, 60)))
    assert len(np.unique(batch)) > 3, "the network does not do the same thing all the time"


def test_values_are_those_of_the_layers() -> None:
    model, weights = CompassWorld(), _weights(1)
    workers = TrainedWorkers(model, weights)
    workers.initial(model.scenario(0), NUMPY)
    seen = model.observe(model.initial(model.scenario(0), NUMPY), None, 0, NUMPY)[WORKER]
    from scenarium.envs.tax.compass import worker_scale

    x = torch.as_tensor(seen).double() / torch.tensor(worker_scale(model.parameters), dtype=torch.float64)
    for weight, bias, gain, offset in weights.layers:
        parts = [torch.as_tensor(part).double() / GRID for part in (weight, bias, gain, offset)]
        x = torch.nn.functional.layer_norm(x @ parts[0].T + parts[1], (len(gain),), parts[2], parts[3]).relu()
    expected = x @ torch.as_tensor(weights.head[0].T).double() / GRID + torch.as_tensor(weights.head[1]) / GRID
    assert np.abs(workers.values(seen, NUMPY) - expected.numpy()).max() < 2e-2


def test_frequencies_are_those_of_the_softmax() -> None:
    """Five hundred worlds whose workers see the same, with luck of their own."""
    model = CompassWorld()
    workers, scenario = TrainedWorkers(model, _weights(), 0.7), model.scenario(torch.arange(500))
    state = model.initial(scenario, XP)
    seen, mask = model.observe(state, None, 0, XP)[WORKER], model.action_mask(state, 0, XP)[WORKER]
    seen, mask = seen[:1].expand(500, -1, -1), mask[:1].expand(500, -1, -1)
    memory = workers.initial(scenario, XP)
    counts = torch.zeros(4, 50)
    for t in range(20):
        action, _ = workers.act(seen, memory, mask, t, XP)
        counts += torch.nn.functional.one_hot(action.long(), 50).sum(0)
    expected = torch.where(mask[0], workers.values(seen[:1], XP)[0] / 0.7, -torch.inf).softmax(-1)
    assert float((counts / 10_000 - expected).abs().max()) < 0.02


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ScenariumError, match="trained on 30 numbers"):
        TrainedWorkers(CompassWorld(), _weights(inputs=30))
    with pytest.raises(ScenariumError, match="must be >= 0"):
        TrainedWorkers(CompassWorld(), _weights(), -0.1)
    with pytest.raises(ScenariumError, match="trained workers"):
        load_weights("nobody")
    with pytest.raises(ScenariumError, match="lack"):
        Weights.of({"head.weight": np.zeros((50, 3))})
    with pytest.raises(ScenariumError, match="shapes"):
        Weights.of({"head.weight": np.zeros((49, 3)), "head.bias": np.zeros(49)})


@pytest.mark.parametrize("name", names())
def test_networks_that_come_with_the_suite(name: str) -> None:
    weights = load_weights(name)
    TrainedWorkers(CompassWorld(), weights)
    assert provenance(name)["command"]
