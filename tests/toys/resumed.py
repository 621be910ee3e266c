"""What every agent's test of saving and going on asks: that nothing tells the loaded one from the saved one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def same(a: Any, b: Any) -> None:
    """Two agents with the same weights, optimiser, generator and worlds, bit by bit."""
    for one, two in ((a._policy_tensors(), b._policy_tensors()), (a._trainer_tensors(), b._trainer_tensors())):
        assert one.keys() == two.keys()
        for name, tensor in one.items():
            assert torch.equal(tensor, two[name]), name


def goes_on_the_same(agent: Any, model: Any, folder: Path) -> None:
    """A saved agent and the one loaded from the folder are the same, and still are after three iterations each."""
    agent._set_budget(10_000, None, False)
    agent.save(folder)
    loaded = type(agent).load(folder, env=model)
    same(agent, loaded)
    for one in (agent, loaded):
        for _ in range(3):
            one._iterate()
            one.iterations += 1
    same(agent, loaded)
