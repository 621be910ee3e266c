from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import pytest

import scenarium.agents
from scenarium.agents.core import presets
from scenarium.agents.core.registry import agent_class, agent_entries
from scenarium.envs.core.registry import entries

PRESETS = sorted((Path(scenarium.agents.__file__).parent / "presets").glob("*.yaml"))
BLOCKS: dict[str, Any] = {
    "default": {"a": 1, "b": 1, "policies": {"gnn": {"b": 2}}, "policy_kwargs": {"x": 1, "y": 1}},
    "Env-v0": {"a": 3, "policy_kwargs": {"y": 2}, "policies": {"gnn": {"a": 4}}},
}


@pytest.mark.parametrize(
    ("env_id", "policy", "expected"),
    [
        ("", "mlp", {"a": 1, "b": 1, "policy_kwargs": {"x": 1, "y": 1}}),
        ("", "gnn", {"a": 1, "b": 2, "policy_kwargs": {"x": 1, "y": 1}}),
        ("Env-v0", "mlp", {"a": 3, "b": 1, "policy_kwargs": {"x": 1, "y": 2}}),
        ("Env-v0", "gnn", {"a": 4, "b": 2, "policy_kwargs": {"x": 1, "y": 2}}),
    ],
)
def test_later_blocks_win(monkeypatch: pytest.MonkeyPatch, env_id: str, policy: str, expected: dict[str, Any]) -> None:
    monkeypatch.setattr(presets, "_blocks", lambda agent: BLOCKS)
    assert presets.preset("any", env_id, policy) == expected


def test_every_file_belongs_to_an_agent() -> None:
    assert PRESETS
    assert {path.stem for path in PRESETS} <= set(agent_entries())


@pytest.mark.parametrize("agent", [path.stem for path in PRESETS])
def test_presets_name_registered_ids_and_valid_fields(agent: str) -> None:
    config_class = agent_class(agent).config_class
    for env_id in ["", *presets.preset_ids(agent)]:
        assert not env_id or env_id in entries() or env_id in gymnasium.registry
        for policy in ("mlp", "gnn"):
            fields = presets.preset(agent, env_id, policy)
            fields.pop("policy_kwargs", None)
            config_class.from_mapping(fields)
