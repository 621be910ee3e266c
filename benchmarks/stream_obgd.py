"""What a step of streaming learning costs: ObGD against a loop over parameters, and stacks against one learner.

    python benchmarks/stream_obgd.py
    python benchmarks/stream_obgd.py --device cuda

One ObGD step is: decay the trace, add the gradient, L1 norm, bounded step, move the weights. The loop does the same
from the equation, parameter after parameter, reading each norm as a number. Both get the gradient ready-made: the loop
as one tensor per parameter, ours in the factors its backward pass gives (inputs and errors of each layer).

Stacks of Stream-Q learners are timed twice: everything but the environment (a lane that only hands out prepared
numbers), and on an environment of the suite. CPU-seconds on one thread; wall time on CUDA.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import gymnasium
import torch
from gymnasium import spaces
from torch import Tensor

from scenarium.agents import StreamQ
from scenarium.agents.core.worlds import Played, Worlds
from scenarium.agents.stream.network import StackedMLP
from scenarium.agents.stream.obgd import ObGD

ALPHA, KAPPA, DECAY = 1.0, 2.0, 0.99 * 0.8


@torch.no_grad()
def loop_step(weights: list[Tensor], traces: list[Tensor], gradients: list[Tensor], delta: float, cut: bool) -> None:
    """One ObGD step from the equation, as a loop over the parameters of one network."""
    size = 0.0
    for trace, gradient in zip(traces, gradients, strict=True):
        trace.mul_(DECAY).add_(gradient)
        size += trace.abs().sum().item()
    rate = ALPHA / max(1.0, ALPHA * KAPPA * max(abs(delta), 1.0) * size)
    for weight, trace in zip(weights, traces, strict=True):
        weight.add_(rate * delta * trace)
        if cut:
            trace.zero_()


def seconds(function: Callable[[], object], number: int, clock: Callable[[], float]) -> float:
    """Best of five timings of one call."""
    best = float("inf")
    for _ in range(5):
        start = clock()
        for _ in range(number):
            function()
        best = min(best, (clock() - start) / number)
    return best


@torch.no_grad()
def obgd(hidden: int) -> tuple[float, float]:
    """Seconds of one step of the loop and of ours, for two hidden layers, 12 inputs and 4 outputs."""
    network = StackedMLP((12, hidden, hidden, 4), [0], torch.device("cpu"))
    optimiser = ObGD(network, ALPHA, KAPPA, DECAY)
    factors = network.backward(network.forward(torch.randn(1, 12)), torch.tensor([[0.0, 1.0, 0.0, 0.0]]))
    weights = [part[0].clone() for layer in network.layers for part in layer]
    traces = [torch.zeros_like(weight) for weight in weights]
    rows = torch.zeros_like(network.flat)
    network.add(factors, network.views(rows), 1.0)
    gradients = [part[0].clone() for layer in network.views(rows) for part in layer]
    delta, no = torch.tensor([0.7]), torch.tensor([False])

    def ours() -> None:
        optimiser.accumulate(factors)
        optimiser.step(delta, no)

    clock = time.process_time
    return seconds(lambda: loop_step(weights, traces, gradients, 0.7, False), 3000, clock), seconds(ours, 3000, clock)


class Prepared(Worlds):
    """Lanes that hand out the same numbers in turn, of the size of CartPole: an environment that costs nothing."""

    def __init__(self, lanes: int, device: torch.device) -> None:
        self.num_envs, self.device = lanes, device
        self._seen, self._rewards = torch.randn(64, lanes, 4, device=device), torch.ones(lanes, device=device)
        self._ends = torch.rand(64, lanes, device=device) < 0.01
        self._no, self._t = torch.zeros(lanes, dtype=torch.bool, device=device), 0

    def reset(self, seed: int) -> Played:
        return Played(self._seen[0], None, self._rewards, self._no, self._no, self._seen[0], None)

    def step(self, action: Tensor) -> Played:
        self._t = (self._t + 1) % 64
        seen = self._seen[self._t]
        return Played(seen, None, self._rewards, self._ends[self._t], self._no, seen, None)


class Shape(gymnasium.Env[object, int]):
    """The spaces of CartPole."""

    observation_space = spaces.Box(-10.0, 10.0, (4,))
    action_space = spaces.Discrete(2)  # type: ignore[assignment]


def stacked(env_id: str | None, learners: int, device: str, steps: int) -> float:
    """Seconds per step of all learners of a stack; on prepared numbers where no environment is named."""
    agent = StreamQ(env_id or Shape(), learners=learners, device=device, policy_kwargs={"hidden": [32, 32]}, levels=5)
    if env_id is None:
        agent._worlds = Prepared(learners, agent.device)
        agent._begin_episodes()
    agent.learn(50 * learners)
    cuda = device.startswith("cuda")
    clock = time.perf_counter if cuda else time.process_time

    def run() -> None:
        agent.learn(steps * learners)
        if cuda:
            torch.cuda.synchronize()

    return seconds(run, 1, clock) / steps


def main() -> None:
    """Prints both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 16, 128, 1024])
    parser.add_argument("--env", default="InventoryNet-OneStoreLost-v0")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.device == "cpu":
        for hidden in (32, 128):
            loop, ours = obgd(hidden)
            print(
                f"one ObGD step, 2x{hidden}: loop {loop * 1e6:.1f} us, ours {ours * 1e6:.1f} us: {loop / ours:.1f} times"
            )
    for env_id in (None, options.env):
        one = 0.0
        for learners in options.learners:
            each = stacked(env_id, learners, options.device, 300 if learners < 100 else 60)
            one = one or each / learners
            rate, times = learners / each, one / (each / learners)
            print(f"{env_id or 'no environment'}: {learners:>5} learners {each * 1e3:8.3f} ms a step, "
                  f"{rate:>9,.0f} learner-steps/s, {times:.0f} times")  # fmt: skip


if __name__ == "__main__":
    main()
