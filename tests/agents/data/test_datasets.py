"""Recorded episodes: what is in them, that they come back from disk and from Minari, and what sets of tasks are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from toy_tank import TankModel

from scenarium.agents import DQN
from scenarium.agents.core.actions import ActionMap
from scenarium.agents.data.collect import collect, random_actions
from scenarium.agents.data.dataset import Dataset
from scenarium.agents.data.tasks import Task, record_set, task_set
from scenarium.agents.retrieval.store import Store
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.rollout import replay
from scenarium.envs.core.tree import tree_leaves

STORE = "InventoryNet-OneStoreLost-v0"


@pytest.fixture(scope="module")
def data() -> Dataset:
    return collect(STORE, "base_stock", 7, seed=5, env_kwargs={"horizon": 12}, lanes=3)


def equal(one: Dataset, two: Dataset) -> None:
    for name in ("action", "reward", "terminated", "start", "task", "seed"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name
    for left, right in zip(tree_leaves(one.observation), tree_leaves(two.observation), strict=True):
        assert torch.equal(left, right)


def test_an_episode_is_its_world_played_again(data: Dataset) -> None:
    assert data.episodes == 7
    assert data.lengths.tolist() == [12] * 7
    assert data.seed.tolist() == list(range(5, 12))
    model = make_model(STORE, horizon=12)
    for number in (0, 3, 6):  # the last is in another block of lanes than the first
        rows = slice(int(data.start[number]), int(data.start[number + 1]))
        moments = replay(model, int(data.seed[number]), list(data.action[rows].numpy()))
        rewards = [float(moment.outcome.reward) for moment in moments]
        assert np.allclose(rewards, data.reward[rows], rtol=1e-5)
        seen = data.observation["on_hand"][rows.start + number : rows.stop + number]
        assert np.allclose([moment.observation["on_hand"] for moment in moments], seen, rtol=1e-5)
    assert data.returns[0] == pytest.approx(float(data.reward[:12].double().sum()))


def test_it_comes_back_from_disk_and_is_not_read_before_it_is_used(data: Dataset, tmp_path: Path) -> None:
    data.save(tmp_path)
    back = Dataset.load(tmp_path)
    equal(data, back)
    assert back.about["tasks"][0]["policy"] == "base_stock"
    assert back.about["tasks"][0]["env"]["kwargs"] == {"horizon": 12}


def test_joined_datasets_number_their_tasks_on(data: Dataset) -> None:
    joined = Dataset.join([data, data])
    assert joined.task.tolist() == [0] * 7 + [1] * 7
    assert joined.start[-1] == 2 * data.steps
    assert len(joined.about["tasks"]) == 2
    other = collect(TankModel(), DQN(TankModel(), device="cpu", levels=3), 2)
    with pytest.raises(ScenariumError, match="different problems"):
        Dataset.join([data, other])


@pytest.mark.parametrize("damage", ["missing", "cut", "format", "json"])
def test_damaged_datasets_are_refused(data: Dataset, tmp_path: Path, damage: str) -> None:
    data.save(tmp_path)
    numbers, header = tmp_path / "steps.safetensors", tmp_path / "dataset.json"
    if damage == "missing":
        header.unlink()
    elif damage == "cut":
        numbers.write_bytes(numbers.read_bytes()[:200])
    else:
        header.write_text("{" if damage == "json" else '{"format": 9}')
    with pytest.raises(ScenariumError, match="missing|damaged|format"):
        Dataset.load(tmp_path)


def test_epsilon_decides_how_random_an_episode_is() -> None:
    quiet = collect(STORE, "constant_order", 4, epsilon=(0.0, 1.0), env_kwargs={"horizon": 30})
    spread = [quiet.action[quiet.start[i] : quiet.start[i + 1]].std() for i in range(4)]
    assert max(spread[0], spread[2]) < 1e-6
    assert min(spread[1], spread[3]) > 0.3


def test_random_actions_respect_masks_and_starts() -> None:
    mask = torch.tensor([[False, True, True, True, False]]).expand(200, 5)
    drawn = random_actions(spaces.MultiDiscrete([2, 3]), 200, mask, torch.Generator().manual_seed(0))
    assert set(map(tuple, drawn.tolist())) == {(1, 0), (1, 1)}
    started = random_actions(spaces.Discrete(3, start=5), 100, None, torch.Generator().manual_seed(0))
    assert set(started.tolist()) == {5, 6, 7}


@pytest.mark.parametrize(
    ("space", "options"),
    [
        (spaces.Discrete(4, start=2), {}),
        (spaces.MultiDiscrete([2, 3]), {}),
        (spaces.Box(-1.0, 1.0, (2,), np.float32), {"levels": 5}),
        (spaces.Box(0.0, 2.0, (1,), np.float32), {"levels": 3}),
        (spaces.Box(0.0, 1.0, (2,), np.float32), {"menu": [[0, 0], [0.5, 1.0], [1.0, 0.2]]}),
    ],
)
def test_choices_come_back_from_their_actions(space: Any, options: dict[str, Any]) -> None:
    actions = ActionMap.of(space, **options)
    columns = [torch.randint(n, (50,), generator=torch.Generator().manual_seed(n)) for n in actions.branches]
    index = torch.stack(columns, -1)
    decoded = actions.decode(index)
    assert torch.equal(actions.encode(decoded), index)
    if isinstance(space, spaces.Box):
        assert torch.equal(actions.encode(decoded + 0.01), index)


def test_a_store_has_the_transitions_and_pieces_of_the_episodes(data: Dataset) -> None:
    def first(observation: Any) -> torch.Tensor:
        return observation["on_hand"]

    def choose(action: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(action), 1, dtype=torch.int64)

    store = Store.of(data, first, choose, lambda mask: mask, 2.0, False, torch.device("cpu"))
    rows = torch.tensor([0, 11, 12, 40])
    batch = store.transitions(rows)
    assert torch.equal(batch.seen, data.observation["on_hand"][torch.tensor([0, 11, 13, 43])])
    assert torch.equal(batch.after, data.observation["on_hand"][torch.tensor([1, 12, 14, 44])])
    assert batch.episode[:, 0].tolist() == [0, 0, 1, 3]
    assert torch.equal(batch.reward, 2.0 * data.reward[rows])
    assert not batch.ended.any()  # cut off, not ended
    windows = store.windows(rows, 5)
    assert windows.valid.sum(0).tolist() == [5, 2, 5, 5]
    assert torch.equal(windows.reward[:2, 1], 2.0 * data.reward[10:12])


def test_a_ring_forgets_the_oldest_and_never_mixes_episodes() -> None:
    store = Store(2, 5, torch.device("cpu"))
    for t in range(12):
        last = torch.tensor([t % 4 == 3, t % 3 == 2])
        value = torch.tensor([[float(t)], [100.0 + t]])
        row = {"seen": value, "choice": torch.zeros(2, 1, dtype=torch.int64), "reward": value[:, 0], "after": value + 1}
        store.add({**row, "after_mask": None, "ended": last, "last": last})
    rows = store.rows(None, 200, torch.Generator().manual_seed(0))
    batch = store.transitions(rows)
    assert set(batch.reward.tolist()) == {7.0, 8.0, 9.0, 10.0, 11.0, 107.0, 108.0, 109.0, 110.0, 111.0}
    windows = store.windows(rows, 4)
    for lane in range(200):
        piece = windows.reward[:, lane][windows.valid[:, lane]]
        assert torch.equal(piece, piece[0] + torch.arange(len(piece)))  # neighbours in time
        period = 3 if piece[0] >= 100 else 4
        assert len({int(value) % 100 // period for value in piece.tolist()}) == 1  # one episode


def test_task_sets_are_nested_and_share_their_spaces() -> None:
    small, large = task_set("inventory-10"), task_set("inventory-30")
    assert [task.name for task in large[:10]] == [task.name for task in small]
    assert len({task.name for task in large}) == 30
    for name in ("inventory-30", "pricing-clusters"):
        models = [task.model() for task in task_set(name)]
        assert len({str((m.observation_space, m.action_space, m.horizon)) for m in models}) == 1
    with pytest.raises(ScenariumError, match="did you mean 'inventory-10'"):
        task_set("inventory-1")


def test_a_recorded_set_has_every_task() -> None:
    tasks = [*task_set("inventory-10")[:2]]
    data = record_set(tasks, 8)
    assert data.task.tolist() == [0] * 8 + [1] * 8
    assert [task["env"]["kwargs"] for task in data.about["tasks"]] == [dict(task.kwargs) for task in tasks]
    assert isinstance(tasks[0], Task)


def test_minari_gives_back_what_it_was_given(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("minari")
    from scenarium.agents.data.foreign import from_minari, to_minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    to_minari(data, "store/base-stock-v0")
    back = from_minari("store/base-stock-v0")
    assert torch.equal(back.action, data.action)
    assert torch.equal(back.reward, data.reward)
    assert torch.equal(back.observation["pipeline"], data.observation["pipeline"])
    assert torch.equal(back.start, data.start)
    with pytest.raises(ScenariumError, match="has no dataset"):
        from_minari("store/other-v0")
