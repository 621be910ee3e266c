"""The agents against one learner written from the equations, on random patterns of terminations and truncations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gymnasium import spaces
from torch.distributions import Categorical, Normal
from torch.nn import functional
from toy_bumpy import Bumpy, Paper, transitions

from scenarium.agents import StreamAC, StreamQ, StreamSARSA, StreamTD
from scenarium.agents.stream.agent import StreamAgent

STEPS, GAMMA = 60, 0.99
HIDDEN: dict[str, Any] = {"policy_kwargs": {"hidden": [8, 8]}, "device": "cpu"}


def papers(agent: StreamAgent, kappas: dict[str, float]) -> dict[str, Paper]:
    parts = agent._networks.items()
    return {name: Paper(net.sizes, net.flat[0], kappas[name], 0.99 * 0.8) for name, (net, _) in parts}


def weights(agent: StreamAgent, name: str) -> torch.Tensor:
    return agent._networks[name][0].flat[0]


def number(tensor: torch.Tensor) -> float:
    return float(tensor.detach())


def allowed(q: torch.Tensor, forbidden: bool) -> torch.Tensor:
    """Values with the toy's choice 1 at minus infinity where it is forbidden."""
    return torch.where(torch.tensor([False, forbidden, False]), -torch.inf, q.detach())


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("trace_cut", ["official", "watkins"])
def test_q_learns_as_the_equations_say(trace_cut: str, masked: bool, end: bool) -> None:
    env = Bumpy(masked=masked)
    agent = StreamQ(env, seed=3, trace_cut=trace_cut, epsilon_end=0.4, epsilon_fraction=0.5, **HIDDEN)
    agent.model.time_limit_is_terminal = end
    net = papers(agent, {"value": 2.0})["value"]
    agent.learn(STEPS)
    strayed = 0
    for seen in transitions(env.seen):
        q = net(seen.before)
        off = int(allowed(q, masked and seen.forbidden_before).argmax()) != seen.action
        strayed += off
        over = seen.ended if end else seen.terminated
        best = number(allowed(net(seen.after), masked and seen.forbidden_after).max())
        delta = seen.reward + GAMMA * (not over) * best - number(q[seen.action])
        if trace_cut == "watkins" and off:
            net.forget()
        net.update(q[seen.action], delta, seen.ended or (off and trace_cut == "official"))
    assert torch.allclose(weights(agent, "value"), net.flat, atol=2e-5)
    assert 5 < strayed < STEPS


def test_sarsa_values_the_action_taken_next() -> None:
    env = Bumpy()
    agent = StreamSARSA(env, seed=4, epsilon_end=0.4, epsilon_fraction=0.5, **HIDDEN)
    agent.model.time_limit_is_terminal = True  # what would be done beyond a truncation is not in the record
    net = papers(agent, {"value": 2.0})["value"]
    agent.learn(STEPS)
    record = list(transitions(env.seen))
    for seen, following in zip(record, record[1:], strict=False):
        q = net(seen.before)
        future = 0.0 if seen.ended else GAMMA * number(net(seen.after)[following.action])
        net.update(q[seen.action], seen.reward + future - number(q[seen.action]), seen.ended)
    agent_before_last = StreamSARSA(Bumpy(), seed=4, epsilon_end=0.4, epsilon_fraction=0.5, **HIDDEN)
    agent_before_last.model.time_limit_is_terminal = True
    agent_before_last._run_total = STEPS  # the same schedule, one step less
    agent_before_last.config.__dict__["steps_per_iteration"] = STEPS - 1
    agent_before_last._iterate()
    assert torch.allclose(weights(agent_before_last, "value"), net.flat, atol=2e-5)


@pytest.mark.parametrize("continuous", [False, True])
def test_actor_and_critic_learn_as_the_equations_say(continuous: bool) -> None:
    env = Bumpy(spaces.Box(-1.0, 1.0, (2,)) if continuous else None)
    agent = StreamAC(env, seed=5, **HIDDEN)
    both = papers(agent, {"value": 2.0, "policy": 3.0})
    value, policy = both["value"], both["policy"]
    raws = noted(agent)
    agent.learn(STEPS)
    for seen, raw in zip(transitions(env.seen), raws, strict=True):
        now = value(seen.before)[0]
        delta = seen.reward + GAMMA * (not seen.terminated) * number(value(seen.after)[0]) - number(now)
        output = policy(seen.before)
        law: Any = (
            Normal(output[:2], functional.softplus(output[2:]) + 1e-6) if continuous else Categorical(logits=output)
        )
        sign = 0.01 * (1.0 if delta > 0 else -1.0)
        objective = law.log_prob(raw if continuous else raw[0]).sum() + sign * law.entropy().sum()
        policy.update(objective, delta, seen.ended)
        value.update(now, delta, seen.ended)
    assert torch.allclose(weights(agent, "value"), value.flat, atol=2e-5)
    assert torch.allclose(weights(agent, "policy"), policy.flat, atol=5e-5)


def noted(agent: StreamAC) -> list[torch.Tensor]:
    """The raw actions an agent draws, as they come."""
    raws: list[torch.Tensor] = []
    sample = agent._head.sample

    def note(*arguments: Any) -> torch.Tensor:
        raws.append(sample(*arguments)[0])
        return raws[-1][None]

    agent._head.sample = note  # type: ignore[method-assign]
    return raws


def test_td_predicts_as_the_equations_say() -> None:
    env = Bumpy()
    agent = StreamTD(env, seed=6, **HIDDEN)
    net = papers(agent, {"value": 2.0})["value"]
    agent.learn(STEPS)
    for seen in transitions(env.seen):
        now = net(seen.before)[0]
        delta = seen.reward + GAMMA * (not seen.terminated) * number(net(seen.after)[0]) - number(now)
        net.update(now, delta, seen.ended)
    assert torch.allclose(weights(agent, "value"), net.flat, atol=2e-5)
    assert {seen.action for seen in transitions(env.seen)} == {0, 1, 2}
