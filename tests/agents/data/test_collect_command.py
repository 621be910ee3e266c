"""`scenarium collect`, and training on what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarium.agents.data.dataset import Dataset
from scenarium.cli import main

STORE = ["InventoryNet-OneStoreLost-v0", "base_stock", "--env-kwargs", '{"horizon": 12}']
FAST = ["--batch-size", "8", "--updates", "1", "--num-envs", "4", "--steps", "400"]


def test_what_is_collected_can_be_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, run = str(tmp_path / "data"), str(tmp_path / "run")
    assert main(["collect", *STORE, "--episodes", "6", "--epsilon", "0", "0.5", "--out", out]) == 0
    assert "6 episodes, 72 steps" in capsys.readouterr().out
    data = Dataset.load(out)
    assert data.about["tasks"][0]["epsilon"] == [0.0, 0.5]
    env = [STORE[0], "dqn", *STORE[2:]]
    assert main(["train", *env, "--dataset", out, "--out", run, "--curve", "0", *FAST]) == 0
    assert (tmp_path / "run" / "seed_0" / "policy.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nobody"], "nobody"), (["base_stock", "--episodes", "0"], "at least one episode")],
)
def test_mistakes_are_one_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["collect", STORE[0], *arguments, "--out", str(tmp_path)]) == 1
    assert words in capsys.readouterr().err
