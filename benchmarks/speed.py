"""What the speed benchmarks share: how a figure is taken, the usual rows, and the table."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.tree import tree_map


class Row(NamedTuple):
    """One line of the table: a figure, the least it should be, and a peer's (both optional)."""

    name: str
    steps_per_second: float
    bar: float | None = None
    peer: float | None = None


def rate(function: Callable[[], int], seconds: float, device: str) -> float:
    """Steps per second: the best of three runs of at least `seconds / 3`; `function` returns the steps it made."""
    gpu = device.startswith("cuda")
    clock = time.perf_counter if gpu else time.process_time
    function()
    best = 0.0
    for _ in range(3):
        steps, start = 0, clock()
        while clock() - start < seconds / 3:
            steps += function()
            if gpu:
                torch.cuda.synchronize()
        best = max(best, steps / (clock() - start))
    return best


def _reward(outcome: Outcome) -> Any:
    return outcome.reward


def transition(
    model: Model, device: str, compiled: bool, shown: Callable[[Outcome], Any] = _reward
) -> Callable[..., Any]:
    """The step as a function of tensors alone: state, action, exogenous, t to the next state and what is `shown`."""
    xp = torch_namespace(device)

    def step(state: Any, action: torch.Tensor, exogenous: Any, t: torch.Tensor) -> tuple[Any, Any]:
        after, outcome = model.step(state, action, exogenous, t, xp)
        return after, shown(outcome)

    if not compiled:
        return step
    torch._dynamo.reset()
    compiled_step: Callable[..., Any] = torch.compile(step, fullgraph=True, dynamic=False)
    return compiled_step


class Drawn:
    """Worlds whose first periods were drawn beforehand, and the transition alone through them.

    Args:
        model: The problem.
        worlds: How many.
        device: Torch device.
        periods: Periods of one pass.
    """

    def __init__(self, model: Model, worlds: int, device: str, periods: int) -> None:
        scenario = model.scenario(torch.arange(worlds, device=device))
        initial = model.initial(scenario, torch_namespace(device))
        self.scenario, self.start = scenario, tree_map(torch.Tensor.contiguous, initial)
        ticks = torch.arange(periods, device=device)
        self.periods = [(tree_map(torch.Tensor.clone, scenario.at(t)), ticks[t]) for t in range(periods)]
        self.steps, self._device = periods * worlds, device

    def forward(self, step: Callable[..., Any], actions: Sequence[torch.Tensor], seconds: float) -> float:
        """Steps per second without gradients; the actions are played in turn."""

        @torch.no_grad()
        def run() -> int:
            state = self.start
            for i, (exogenous, t) in enumerate(self.periods):
                state, _ = step(state, actions[i % len(actions)], exogenous, t)
            return self.steps

        return rate(run, seconds, self._device)

    def backward(self, step: Callable[..., Any], actions: Sequence[torch.Tensor], seconds: float) -> float:
        """Steps per second with one backward pass through all periods, to a common factor of the actions."""
        scale = torch.ones((), device=self._device, requires_grad=True)

        def run() -> int:
            state, total = self.start, torch.zeros((), device=self._device)
            scaled = [action * scale for action in actions]
            for i, (exogenous, t) in enumerate(self.periods):
                state, reward = step(state, scaled[i % len(scaled)], exogenous, t)
                total = total + reward.sum()
            scale.grad = None
            torch.autograd.backward(total)
            return self.steps

        return rate(run, seconds, self._device)


def vector(envs: Any, actions: torch.Tensor, periods: int, seconds: float) -> float:
    """Steps per second of a vector environment as users meet it: observation and automatic reset included."""
    envs.reset(seed=0)

    def run() -> int:
        for _ in range(periods):
            envs.step(actions)
        return periods * len(actions)

    return rate(run, seconds, str(actions.device))


def single(env: Any, seconds: float, action: Any = None, longest: int | None = None, block: int = 2000) -> float:
    """Steps per second of one environment through `step`, and `reset` at its ends.

    Args:
        env: The environment.
        seconds: Measuring time.
        action: The action of all steps; a sample of the space by default.
        longest: Also reset after so many steps, for environments that never end.
        block: Steps between two looks at the clock; fewer for slow environments.
    """
    env.reset(seed=0)
    if action is None:
        env.action_space.seed(0)
        action = env.action_space.sample()

    length = 0

    def run() -> int:
        nonlocal length
        for _ in range(block):
            _, _, terminated, truncated, _ = env.step(action)
            length += 1
            if terminated or truncated or length == longest:
                env.reset()
                length = 0
        return block

    return rate(run, seconds, "cpu")


def arguments(description: str, worlds: int) -> argparse.ArgumentParser:
    """The options every speed benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", type=int, default=worlds)
    parser.add_argument("--seconds", type=float, default=3.0, help="measuring time per figure")
    return parser


def print_table(rows: Iterable[Row], worlds: int, device: str) -> None:
    """Prints the machine, and every figure as it comes."""
    where = torch.cuda.get_device_name(device) if device.startswith("cuda") else "1 thread"
    print(f"{worlds} worlds, {where}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"{'steps per second':64s}{'here':>10s}{'bar':>10s}{'peer':>10s}{'ratio':>8s}")
    for row in rows:
        bar = "" if row.bar is None else f"{row.bar:.3g}"
        other = "" if row.peer is None else f"{row.peer:.3g}"
        ratio = "" if row.peer is None else f"{row.steps_per_second / row.peer:.2f}x"
        print(f"{row.name:64s}{row.steps_per_second:>10.3g}{bar:>10s}{other:>10s}{ratio:>8s}", flush=True)
