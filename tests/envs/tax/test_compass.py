"""The compass that workers who learn see beside their flat observation."""

from __future__ import annotations

import numpy as np
import torch

from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.tax.compass import CompassWorld, compass_fields, planner_scale, worker_scale
from scenarium.envs.tax.model import PLANNER, WORKER, TaxWorld
from scenarium.envs.tax.observe import width
from scenarium.envs.tax.paths import distances

XP = torch_namespace("cpu")


def _wandered(model: CompassWorld, worlds: int, periods: int) -> tuple[object, torch.Tensor]:
    """Economies after random allowed actions, and what the workers then see."""
    scenario, generator = model.scenario(torch.arange(worlds)), torch.Generator().manual_seed(0)
    state = model.initial(scenario, XP)
    keep = torch.zeros(worlds, 7, dtype=torch.int64)
    for t in range(periods):
        mask = model.action_mask(state, t, XP)[WORKER]
        action = torch.where(mask, torch.rand(mask.shape, generator=generator), -1.0).argmax(-1)
        state, _ = model.step(state, {WORKER: action, PLANNER: keep}, scenario.at(t), t, XP)
    return state, model.observe(state, None, periods, XP)[WORKER]


def test_compass_tells_what_a_search_finds() -> None:
    model = CompassWorld()
    state, seen = _wandered(model, 6, 150)
    table, stones = distances(model.layout), len(model.layout.stone)
    shown = seen[..., -18:].numpy()
    for world in range(6):
        stock = np.asarray(state.stock[:-1, world])  # type: ignore[attr-defined]
        for worker in range(4):
            here = int(state.location[worker, world])  # type: ignore[attr-defined]
            row = shown[world, worker]
            for part, (first, last) in ((row[:6], (0, stones)), (row[6:12], (stones, len(stock)))):
                there = table[here, first:last][stock[first:last] > 0]
                assert np.isclose(part[0], min(there.min(initial=99) / 25.0, 1.0))
                assert np.isclose(part[5], stock[first:last].mean())
            assert row[17] == float(table[here][stock > 0].min(initial=99) == 0)


def test_ways_lead_towards_the_nearest_unit() -> None:
    model = CompassWorld()
    state = model.initial(model.scenario(3), NUMPY)
    shown = model.observe(state, None, 0, NUMPY)[WORKER][:, -18:]
    table, stones = distances(model.layout), len(model.layout.stone)
    goals = model.paths(NUMPY).goals
    for worker, here in enumerate(state.location):
        nearest = table[here, :stones].argmin()
        shorter = [table[goal, nearest] < table[here, nearest] for goal in goals[:, here]]
        assert shown[worker, 1:5].tolist() == [float(yes) for yes in shorter]


def test_one_world_sees_what_a_batch_sees() -> None:
    model = CompassWorld()
    batch = model.observe(model.initial(model.scenario(torch.arange(3)), XP), None, 0, XP)[WORKER]
    for seed in range(3):
        one = model.observe(model.initial(model.scenario(seed), NUMPY), None, 0, NUMPY)[WORKER]
        assert np.array_equal(one, batch[seed].numpy())


def test_the_rest_is_the_ordinary_game() -> None:
    model, plain = CompassWorld(), TaxWorld()
    state = plain.initial(plain.scenario(0), NUMPY)
    seen, flat = model.observe(state, None, 0, NUMPY), plain.observe(state, None, 0, NUMPY)
    assert np.array_equal(seen[WORKER][:, :-18], flat[WORKER])
    assert np.array_equal(seen[PLANNER], flat[PLANNER])
    space = model.roles[0].observation_space
    assert space.shape == (len(worker_scale(model.parameters)),) == (136 + width(compass_fields()),)
    assert model.roles[1].observation_space.shape == (len(planner_scale(model.parameters)),)


def test_a_game_alike_keeps_the_objective() -> None:
    plain = TaxWorld(reward="rawlsian", rates="shares")
    alike = CompassWorld.like(plain)
    assert alike.objective is plain.objective
    assert alike.rates == "shares"
    assert CompassWorld.like(plain, "levels").rates == "levels"
