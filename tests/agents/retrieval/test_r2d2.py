"""R2D2 with and without retrieval: targets, priorities, and that a saved one goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from resumed import goes_on_the_same
from toy_tank import TankModel

from scenarium.agents import R2D2, RAR2D2
from scenarium.agents.core.adam import adam_rates
from scenarium.agents.core.sequences import Sequence
from scenarium.agents.retrieval.replay import SequenceReplay
from scenarium.agents.retrieval.store import LANE
from scenarium.envs.core.errors import ScenariumError

SMALL: dict[str, Any] = {
    "num_envs": 4, "steps": 5, "window": 3, "burn_in": 2, "batch_size": 4, "updates": 2, "capacity": 40,
    "learning_starts": 8, "levels": 3, "target_period": 3, "learning_rate": 0.01, "device": "cpu",
    "policy_kwargs": {"hidden": (16,)},
}  # fmt: skip
RETRIEVAL: dict[str, Any] = {
    "trajectories": 6, "acting_trajectories": 5, "span": 6, "slots": 3, "slot_width": 8, "summary_width": 12,
    "key_width": 8, "k_trajectories": 3, "k_states": 4,
}  # fmt: skip
BOTH = pytest.mark.parametrize(("kind", "more"), [(R2D2, {}), (RAR2D2, RETRIEVAL)])


@BOTH
@pytest.mark.parametrize("model", [TankModel, lambda: TankModel(horizon=7)])
def test_a_saved_agent_goes_on_as_if_nothing_had_happened(kind: Any, more: Any, model: Any, tmp_path: Path) -> None:
    agent = kind(model(), seed=3, **{**SMALL, **more}).learn(150)
    goes_on_the_same(agent, model(), tmp_path)


@BOTH
def test_predict_goes_on_with_its_memory_and_forgets_at_a_start(kind: Any, more: Any) -> None:
    agent = kind(TankModel(), **{**SMALL, **more}).learn(200)
    seen = torch.rand(4, 6, *agent.model.observation_space.shape)
    memory: Any = None
    for t in range(3):
        _, memory = agent.predict(seen[t], memory)
    start = torch.tensor([True, False, True, False, False, False])
    _, kept = agent.predict(seen[3], memory, start.numpy())
    _, fresh = agent.predict(seen[3], None)
    for name, part in kept.items():
        assert torch.allclose(part[start], fresh[name][start], atol=1e-6), name
        assert name == "last" or not torch.allclose(part[~start], fresh[name][~start]), name


def test_retrieval_that_says_nothing_is_r2d2_bit_by_bit() -> None:
    off = {"gating": False, "bottleneck_weight": 0.0, "auxiliary_weight": 0.0}
    plain = R2D2(TankModel(), seed=1, **SMALL)
    other = RAR2D2(TankModel(), seed=1, **{**SMALL, **RETRIEVAL, **off})
    with torch.no_grad():
        for network in (other.network, other._target):
            network.process.readout.value.weight.zero_()
    replay = R2D2(TankModel(), **SMALL).learn(100)._replay
    _, seq, weight, episode = replay.draw(4, 0.9, 0.6, torch.Generator().manual_seed(0))
    other._replay = replay
    rates = torch.tensor(adam_rates(1, 0.01))
    losses = [
        plain._learner.update(rates, seq, weight),
        other._learner.update(rates, seq, weight, *other._others(seq, episode)),
    ]
    assert torch.equal(losses[0], losses[1])
    after = other.network.state_dict()
    for name, part in plain.network.state_dict().items():
        assert torch.equal(part, after[name]), name


def test_targets_are_those_of_a_loop_over_single_steps() -> None:
    agent = R2D2(TankModel(horizon=6), **{**SMALL, "burn_in": 0, "rescale": False}).learn(200)
    _, seq, _, _ = agent._replay.draw(4, 0.0, 0.0, torch.Generator().manual_seed(0))
    assert bool(seq.truncated.any())
    online, target, final, _ = agent._both_values(seq)
    assert final is not None
    targets = agent._sequence_targets(seq, online.detach(), target, final)
    c, length = agent.config, len(seq.reward)
    for lane in range(4):
        following = 0.0
        for t in range(length - 2, -1, -1):
            if seq.terminated[t, lane]:
                wanted = float(seq.reward[t, lane])
            elif seq.truncated[t, lane]:
                wanted = float(seq.reward[t, lane]) + c.gamma * float(final[t, lane].amax(-1).mean())
            else:
                best = online[t + 1, lane].argmax(-1)
                value = float(target[t + 1, lane].gather(-1, best[:, None]).mean())
                mixed = value if t == length - 2 else (1 - c.trace) * value + c.trace * following
                wanted = float(seq.reward[t, lane]) + c.gamma * mixed
            assert float(targets[t, lane]) == pytest.approx(wanted, rel=1e-4, abs=1e-5)
            following = wanted


def sequence(steps: int, lanes: int, ends: list[tuple[int, int]]) -> Sequence:
    flags = torch.zeros(steps, lanes, dtype=torch.bool)
    for t, lane in ends:
        flags[t, lane] = True
    zeros = torch.zeros(steps, lanes)
    seen = torch.arange(steps * lanes).reshape(steps, lanes, 1).float()
    choice, none = torch.zeros(steps, lanes, 1, dtype=torch.int64), torch.zeros_like(flags)
    return Sequence(seen, seen, torch.zeros(1, lanes, 2), None, choice, zeros, flags, none, seen, None)


def test_sequences_know_their_episodes_and_pieces_end_with_them() -> None:
    replay = SequenceReplay(8, 2, 3, torch.device("cpu"))
    replay.add(sequence(5, 2, [(1, 0), (4, 0), (4, 1)]))
    assert replay._kept["episode"][:2].tolist() == [[0, 1], [LANE, LANE]]
    assert (replay.playing - torch.tensor([0, LANE])).tolist() == [2, 1]
    replay.add(sequence(5, 2, []))
    assert replay._kept["episode"][2:4].tolist() == [[1, 1], [LANE, LANE]]
    windows = replay.windows(64, 4, torch.Generator().manual_seed(0))
    lengths = {int(first[0]): int(n) for first, n in zip(windows.episode, windows.valid.sum(0), strict=True)}
    assert lengths == {0: 2, LANE: 4, 1: 4}


def test_priorities_decide_what_is_drawn() -> None:
    replay = SequenceReplay(4, 4, 3, torch.device("cpu"))
    replay.add(sequence(5, 4, []))
    replay.rank(torch.arange(4), torch.tensor([1.0, 2.0, 4.0, 8.0]))
    generator = torch.Generator().manual_seed(0)
    where, _, weight, _ = replay.draw(20_000, 1.0, 0.5, generator)
    share = torch.bincount(where, minlength=4) / len(where)
    assert torch.allclose(share, torch.tensor([1.0, 2.0, 4.0, 8.0]) / 15.0, atol=0.015)
    ratio = weight[where == 0][0] / weight[where == 3][0]
    assert float(ratio) == pytest.approx(8.0**0.5, rel=1e-4)
    assert float(weight.max()) == 1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"burn_in": 7}, "burn_in"), ({"window": 6}, "window"), ({"trace": 2.0}, "trace"), ({"compile": True}, "compile")],
)
def test_bad_settings_are_refused_in_one_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenariumError, match=words):
        R2D2(TankModel(), **{**SMALL, **settings})
