"""The README's code runs as it stands, with a shorter training."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scenarium.agents.core.registry import agent_entries
from scenarium.baselines import baseline_entries
from scenarium.envs import entries

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SHORTER = {"3_000_000": "13_000", "range(10_000, 11_000)": "range(10_000, 10_016)", "num_envs=4096": "num_envs=16"}
SHORTER |= {"300_000": "5_000", "10_000)  #": "200)  #"}


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_runs(number, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    code = "import gymnasium as gym\nimport scenarium\n" + BLOCKS[number]
    for long, short in SHORTER.items():
        code = code.replace(long, short)
    exec(compile(code, f"README block {number}", "exec"), {})  # noqa: S102


def test_every_environment_and_agent_has_its_row():
    for name in (*entries(), *entries(several=True), *agent_entries()):
        assert f"`{name}`" in TEXT, name


def test_what_the_command_line_lines_name_exists():
    names = {*agent_entries(), *baseline_entries()}
    for policy in re.findall(r"scenarium train \S+ (\w+)|scenarium play \S+ (\w+)", TEXT):
        assert set(filter(None, policy)) <= names


def test_pictures_and_examples_are_there():
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", TEXT):
        assert (ROOT / path).is_file(), path
