"""What a step of streaming learning costs: ObGD against a loop over parameters, and stacks against one learner.

    python benchmarks/stream_obgd.py
    python benchmarks/stream_obgd.py --device cuda

One ObGD step is: decay the trace, add the gradient, L1 norm, bounded step, cut where an episode ended. The loop is a
torch optimiser as such things are usually written, from the same equation: parameter after parameter, traces in its
state, each norm read as a number. Both get the gradient ready-made. A second figure for ours includes making it: in the
agents the outer products of the backward pass are added straight to the traces.

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
from scenarium.agents.stream.network import Factors, StackedMLP
from scenarium.agents.stream.obgd import ObGD

ALPHA, KAPPA, DECAY = 1.0, 2.0, 0.99 * 0.8


class Loop(torch.optim.Optimizer):
    """ObGD from its equation, as a loop over parameters."""

    def __init__(self, parameters: list[Tensor]) -> None:
        super().__init__(parameters, {"alpha": ALPHA, "kappa": KAPPA, "decay": DECAY})

    @torch.no_grad()
    def step(self, delta: float, cut: bool) -> None:  # type: ignore[override]
        """One bounded step along the traces; `cut` ends them."""
        for group in self.param_groups:
            size = 0.0
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state["trace"] = torch.zeros_like(weight)
                state["trace"].mul_(group["decay"]).add_(weight.grad)
                size += state["trace"].abs().sum().item()
            bound = group["alpha"] * group["kappa"] * max(abs(delta), 1.0) * size
            rate = group["alpha"] / max(bound, 1.0)
            for weight in group["params"]:
                trace = self.state[weight]["trace"]
                weight.add_(trace, alpha=rate * delta)
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
def obgd(hidden: int) -> tuple[float, float, float]:
    """Seconds of one step of the loop, of ours, and of ours with its outer products: two hidden layers, 12 inputs."""
    network = StackedMLP((12, hidden, hidden, 4), [0], torch.device("cpu"))
    optimiser = ObGD(network, ALPHA, KAPPA, DECAY)
    factors = network.backward(network.forward(torch.randn(1, 12)), torch.tensor([[0.0, 1.0, 0.0, 0.0]]))
    rows = torch.zeros_like(network.flat)
    network.add(factors, network.views(rows), 1.0)
    weights = [part[0].clone() for layer in network.layers for part in layer]
    for weight, gradient in zip(weights, (part[0] for layer in network.views(rows) for part in layer), strict=True):
        weight.grad = gradient.clone()
    loop, delta, no = Loop(weights), torch.tensor([0.7]), torch.tensor([False])

    def ours(gradient: Tensor | Factors) -> None:
        optimiser.accumulate(gradient)
        optimiser.step(delta, no)

    calls = (lambda: loop.step(0.7, False)), (lambda: ours(rows)), (lambda: ours(factors))
    first, second, third = (seconds(call, 3000, time.process_time) for call in calls)
    return first, second, third


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
            loop, ours, whole = obgd(hidden)
            print(
                f"one ObGD step, 2x{hidden}: loop {loop * 1e6:.1f} us, ours {ours * 1e6:.1f} us "
                f"({loop / ours:.1f} times), with outer products {whole * 1e6:.1f} us"
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
