"""What every baseline promises, walked over the table of baselines and of ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.baselines import (
    BaselineEntry,
    baseline_class,
    baseline_entries,
    baselines_for,
    load_baseline,
    make_baseline,
    register_baseline,
    registry,
)
from scenarium.baselines.base import Baseline
from scenarium.envs import ScenariumError, entries, make_model
from scenarium.envs.core.namespace import NUMPY
from scenarium.envs.core.rollout import unroll
from scenarium.envs.core.tree import tree_map
from scenarium.envs.inventory.actions import ACTION_MODES

FAMILY = [env_id for env_id in entries() if env_id.startswith("InventoryNet")]
PAIRS = [(entry.name, env_id) for env_id in FAMILY for entry in baselines_for(env_id)]
SEEDS = [3, 4, 5, 6]


def made(name: str, env_id: str, **kwargs: Any) -> Baseline:
    return make_baseline(name, env_id, env_kwargs={"horizon": 12, **kwargs})


def first_observations(policy: Baseline) -> tuple[Any, Any]:
    """Of one world (NumPy) and of the same world in a batch of four (torch)."""
    single, batch = policy.model.scenario(SEEDS[0]), policy.model.scenario(torch.tensor(SEEDS))
    return tuple(
        policy.model.observe(policy.model.initial(s, s.xp), s.until(0), 0, s.xp)  # type: ignore[return-value]
        for s in (single, batch)
    )


@pytest.mark.parametrize("mode", ACTION_MODES)
@pytest.mark.parametrize(("name", "env_id"), [pair for pair in PAIRS if pair[0] != "just_in_time"])
def test_predictions_are_actions_of_the_model(name: str, env_id: str, mode: str) -> None:
    policy = made(name, env_id, action_mode=mode, observation="flat" if mode == "integer" else "dict")
    single, batch = first_observations(policy)
    action, _ = policy.predict(single)
    assert policy.model.action_space.contains(action)
    tensors, memory = policy.predict(batch)
    assert isinstance(tensors, torch.Tensor)
    arrays, _ = policy.predict(tree_map(lambda x: x.numpy(), batch))
    assert isinstance(arrays, np.ndarray)
    assert all(policy.model.action_space.contains(row) for row in arrays)
    np.testing.assert_allclose(tensors.numpy(), arrays, rtol=1e-6)
    np.testing.assert_allclose(arrays[0], action, rtol=1e-4, atol=1e-4)
    again, _ = policy.predict(batch, memory, np.ones(4, dtype=bool))
    torch.testing.assert_close(again, tensors)


@pytest.mark.parametrize(("name", "env_id"), PAIRS)
def test_one_world_and_a_batch_play_alike(name: str, env_id: str) -> None:
    policy = made(name, env_id, action_mode="quantity")
    single, batch = policy.native.scenario(SEEDS[1]), policy.native.scenario(torch.tensor(SEEDS))
    alone = [m.outcome.reward for m in unroll(policy.native, single, policy.act_on(single))]
    among = [float(m.outcome.reward[1]) for m in unroll(policy.native, batch, policy.act_on(batch))]
    np.testing.assert_allclose(alone, among, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("name", "env_id"), PAIRS)
def test_save_and_load_give_the_same_policy(name: str, env_id: str, tmp_path: Path) -> None:
    policy = made(name, env_id, action_mode="quantity")
    policy.save(tmp_path)
    back = load_baseline(tmp_path)
    assert type(back) is type(policy)
    assert back.parameters == policy.parameters
    scenario = policy.native.scenario(torch.tensor(SEEDS))
    state = policy.native.initial(scenario, scenario.xp)
    observation = policy.native.observe(state, scenario.until(0), 0, scenario.xp)
    torch.testing.assert_close(
        back.act_on(scenario)(observation, None, 0)[0], policy.act_on(scenario)(observation, None, 0)[0]
    )


def test_every_entry_is_described_and_has_its_name() -> None:
    for name, entry in baseline_entries().items():
        cls = entry.load()
        assert (cls.name, cls.clairvoyant) == (name, entry.clairvoyant)
        assert cls.__doc__
        assert cls.deterministic
        assert cls.track in ("known-model", "model-free")
        assert set(entry.ids) <= set(entries())
    assert {name for name, entry in baseline_entries().items() if entry.clairvoyant} == {
        "best_constant",
        "full_information",
        "index",
        "just_in_time",
    }


def test_table_can_be_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    register_baseline(BaselineEntry("again", "scenarium.baselines.random:Random", "Random once more"))
    assert baseline_class("again").name == "random"
    assert "again" in [entry.name for entry in baselines_for("InventoryNet-v0")]


def test_random_actions_fill_the_space_and_vary_with_world_time_and_seed() -> None:
    policy = made("random", "InventoryNet-v0")
    batch = policy.model.scenario(torch.arange(2000))
    observation = policy.model.observe(policy.model.initial(batch, batch.xp), batch.until(0), 0, batch.xp)
    first, memory = policy.predict(observation)
    second, _ = policy.predict(observation, memory)
    other, _ = make_baseline("random", policy.model, seed=1).predict(observation)
    assert first.std(0).min() > 0.55  # of U(-1, 1): 0.577
    assert first.mean(0).abs().max() < 0.06
    for left in (second, other):
        assert (left - first).abs().mean() > 0.5
    torch.testing.assert_close(policy.predict(observation)[0], first)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_baseline("base_stok", "InventoryNet-v0"), "did you mean 'base_stock'"),
        (lambda: baselines_for("InventoryNet-v9"), "unknown environment id"),
        (lambda: make_baseline("base_stock", "InventoryNet-v0", level=3), "did you mean 'levels'"),
        (lambda: make_baseline("base_stock", "InventoryNet-v0", levels=[1, 2]), "one number per edge .6:"),
        (lambda: make_baseline("base_stock", "InventoryNet-v0", levels="high"), "one number per edge"),
        (lambda: make_baseline("base_stock", "InventoryNet-v0", levels={"a->b": 1}), "unknown edge"),
        (lambda: make_baseline("base_stock", "InventoryNet-v0", levels=float("nan")), "finite"),
        (lambda: make_baseline("base_stock", "InventoryNet-v0", levels=3, store_z=1), "not both"),
        (lambda: make_baseline("base_stock", "InventoryNet-Transshipment-v0"), "use hub_order_up_to"),
        (lambda: make_baseline("hub_order_up_to", "InventoryNet-v0"), "one hub"),
        (lambda: make_baseline("newsvendor", "InventoryNet-OneStoreLost-v0"), "backlog"),
        (lambda: make_baseline("constant_order", "InventoryNet-Serial-v0"), "drift"),
        (lambda: make_baseline("capped_base_stock", "InventoryNet-v0", caps=-1), ">= 0"),
        (lambda: make_baseline("quantile_newsvendor", "InventoryNet-v0", store_fraction=1.0), r"lie in \(0, 1\)"),
        (lambda: make_baseline("random", "InventoryNet-v0", seed=0.5), "integer"),
        (lambda: load_baseline("nowhere"), "baseline.json is missing"),
        (
            lambda: made("just_in_time", "InventoryNet-v0").predict(
                {"on_hand": np.zeros(6), "pipeline": np.zeros((6, 4))}
            ),
            "act_on",
        ),
        (lambda: made("base_stock", "InventoryNet-v0").predict({"on_hand": np.zeros(6)}), "missing: pipeline"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(ScenariumError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not readable JSON"),
        ("[]", "no baseline of format 1"),
        ('{"format": 1, "baseline": "random"}', "it needs"),
        ('{"format": 1, "baseline": "randm", "problem": {}, "parameters": {}}', "did you mean 'random'"),
    ],
)
def test_damaged_files_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text(content)
    with pytest.raises(ScenariumError, match=message):
        load_baseline(tmp_path)


def test_loading_checks_class_and_problem(tmp_path: Path) -> None:
    made("base_stock", "InventoryNet-v0").save(tmp_path)
    with pytest.raises(ScenariumError, match="holds the baseline 'base_stock'"):
        baseline_class("random").load(tmp_path)
    with pytest.raises(ScenariumError):
        load_baseline(tmp_path, make_model("InventoryNet-OneWarehouse-v0", n=3))


def test_numpy_scenarios_give_numpy_actions() -> None:
    policy = made("base_stock", "InventoryNet-v0")
    scenario = policy.native.scenario(0)
    assert scenario.xp is NUMPY
    observation = policy.native.observe(policy.native.initial(scenario, NUMPY), scenario.until(0), 0, NUMPY)
    action, _ = policy.act(observation, None, 0)
    assert isinstance(action, np.ndarray)
    assert policy.native.action_space.contains(action)
