"""Code in the documentation runs, and what its command lines name exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from scenarium import cli
from scenarium.agents.core.registry import agent_entries
from scenarium.baselines import baseline_entries
from scenarium.envs import entries

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    (page, number, block)
    for page in PAGES
    if page.name != "README.md"  # it has tests of its own
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize(("page", "number", "block"), BLOCKS, ids=lambda part: getattr(part, "stem", None))
def test_a_block_runs(page, number, block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, f"{page.name} block {number}", "exec"), {})  # noqa: S102


def _commands():
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            for command in re.findall(r"(?:^    |`)((?:scenarium|python benchmarks/|python -m) ?[^`#]*)", line):
                yield page.name, command.strip()


@pytest.mark.parametrize(("page", "command"), sorted(set(_commands())))
def test_a_command_line_is_one_we_have(page, command):
    words = shlex.split(command)
    if words[0] == "python":
        if words[1] == "-m":
            place = ROOT / Path(*words[2].split(".")[1:])
            assert words[2] == "scenarium" or place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()
        else:
            assert (ROOT / words[1]).is_file()
        return
    if len(words) == 1 or "|" in words or words[1].isupper():
        return
    if any(word.isupper() for word in words[2:]):  # a pattern, not a command
        return
    parsed = cli.parse(words[1:]).command
    for name, known in (("env", entries()), ("agent", agent_entries())):
        value = getattr(parsed, name, None)
        if isinstance(value, str) and value != "Newsvendor-v0" and value != "hill_climbing":
            assert value in known, command
    policy = getattr(parsed, "policy", None)
    if isinstance(parsed, cli.Play) and "/" not in str(policy) and parsed.env != "Newsvendor-v0":
        assert policy in baseline_entries(), command
