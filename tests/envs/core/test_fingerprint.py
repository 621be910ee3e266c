"""Fingerprints: the same in another process, different when the problem is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy_crew import CrewModel
from toy_memory import memory_model
from toy_panel import PanelModel
from toy_tank import TankModel

from scenarium.envs.core.fingerprint import fingerprint, same_fingerprint, scripted_action

TOYS = Path(__file__).parents[2] / "toys"


class Louder(TankModel):
    def step(self, *arguments: Any) -> Any:
        state, outcome = super().step(*arguments)
        return state, outcome._replace(reward=outcome.reward * 1.01)


def test_another_process_finds_the_same_fingerprint() -> None:
    code = "import toy_memory, toy_tank, scenarium.envs.core.fingerprint as f;" + (
        "print(f.fingerprint(toy_tank.TankModel()), f.fingerprint(toy_memory.memory_model()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(TOYS), "PYTHONHASHSEED": "7"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [fingerprint(TankModel()), fingerprint(memory_model())]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (TankModel(), TankModel(leak=0.51)),
        (TankModel(), TankModel(horizon=21)),
        (TankModel(), Louder()),
        (CrewModel(), CrewModel(room=5)),
        (memory_model(), memory_model(every=2)),
    ],
)
def test_changed_problems_have_other_fingerprints(a: Any, b: Any) -> None:
    Louder.__name__ = "TankModel"
    assert same_fingerprint(fingerprint(a), fingerprint(a))
    assert not same_fingerprint(fingerprint(a), fingerprint(b))


def test_the_last_digits_do_not_count() -> None:
    assert same_fingerprint("abc|1.0000,2", "abc|1.00001,2")
    assert not same_fingerprint("abc|1.0000,2", "abc|1.001,2")
    assert not same_fingerprint("abc|1,2", "abd|1,2")
    assert not same_fingerprint("abc|1,2", "abc|1")
    assert not same_fingerprint("abc|1,2", "nonsense")


def test_scripted_actions_are_in_their_spaces_and_vary() -> None:
    model = PanelModel()
    actions = [int(scripted_action(model, t)) for t in range(50)]
    assert all(model.action_space.contains(action) for action in actions)
    assert len(set(actions)) > 6
    crew = scripted_action(CrewModel(), 3)
    assert crew["planner"].shape == ()
    assert crew["worker"].shape == (2,)
