"""Gridroboman: a robot on a board of 7 by 7 with three objects, and thirty things it may be wanted to do.

A test bed for offline learning of many tasks, after the description in Goyal et al., "Retrieval-Augmented Reinforcement
Learning" (ICML 2022, arXiv 2202.08417): 50 periods, reward 1 in every period in which the task's condition holds, and
nothing that tells the task. What the description leaves open is said where it is decided below.
"""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.rng import counters, stream_key, uniform, words
from scenarium.envs.core.scenario import BlockScenario

SIZE, OBJECTS = 7, 3
ACTIONS = ("stay", "left", "right", "down", "up", "lift", "put")
"""Our reading of the seven actions."""
_NONE = -1.0


def task_names() -> list[str]:
    """The thirty tasks; the first 10 and 20 are the smaller sets."""
    single = [f"{verb} {i}" for verb in ("lift", "touch", "centre", "corner") for i in range(OBJECTS)]
    near = [f"{verb} {i} {j}" for verb in ("close", "far") for i, j in combinations(range(OBJECTS), 2)]
    ordered = [f"{verb} {i} {j}" for verb in ("touch-with", "stack") for i, j in permutations(range(OBJECTS), 2)]
    every = single + near + ordered
    return [every[i * 7 % len(every)] for i in range(len(every))]  # a mixture in every set


class Board(NamedTuple):
    """State; positions are whole numbers as floats.

    Attributes:
        robot: [B, 2].
        place: [B, 3, 2].
        status: [B, 3]: -1 below another, 0 on the board, 1 held or on top of another.
        held: [B]: the object that is held, -1 for none.
    """

    robot: Any
    place: Any
    status: Any
    held: Any


class _Starts(BlockScenario):
    """Uniform numbers for where things start; nothing else is left to chance."""

    def __init__(self, seeds: Any, longest: int) -> None:
        super().__init__(seeds, 1, longest)
        self._key = stream_key(seeds, 0)

    def draw(self, first: Any, length: int) -> Any:
        trailing = int(self.xp.batched)
        slots = counters(self.xp, first, length, 8, trailing=trailing)
        return uniform(self.xp, words(self._key, slots))


class Gridroboman(Model):
    """One task on the board.

    Args:
        task: A name of `task_names`.
        horizon: Periods.

    Raises:
        ScenariumError: There is no such task.
    """

    gradient = "none"
    observation_space = spaces.Box(-1.0, float(SIZE - 1), (11,), np.float32)
    action_space = spaces.Discrete(len(ACTIONS))

    def __init__(self, task: str, horizon: int = 50) -> None:
        if task not in task_names():
            raise ScenariumError(f"gridroboman has no task {task!r}; there are {', '.join(task_names())}")
        self.task, self.horizon = task, horizon

    def scenario(self, seeds: Any) -> _Starts:
        return _Starts(seeds, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> Board:
        draws = scenario.at(0)
        cells = [xp.minimum(xp.floor(SIZE * draw), SIZE - 1.0) for draw in xp.unstack(draws, 0)]
        pairs = [xp.stack(cells[i : i + 2], -1) for i in range(0, 8, 2)]
        # Objects start in different columns, so that none lies on another: shifted past those before.
        first, second, third = pairs[1:]
        second = self._apart(second, [first], xp)
        third = self._apart(self._apart(third, [first, second], xp), [first, second], xp)
        zero = cells[0] * 0.0
        return Board(pairs[0], xp.stack([first, second, third], -2), xp.stack([zero] * OBJECTS, -1), zero + _NONE)

    @staticmethod
    def _apart(one: Any, others: list[Any], xp: Any) -> Any:
        for other in others:
            same = xp.cast(one[..., 0] == other[..., 0], "float")
            column = one[..., 0] + same
            one = xp.stack([xp.where(column >= SIZE, 0.0 * column, column), one[..., 1]], -1)
        return one

    def step(self, state: Board, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[Board, Outcome]:
        x, y = state.robot[..., 0], state.robot[..., 1]
        move_x = xp.cast(action == 2, "float") - xp.cast(action == 1, "float")
        move_y = xp.cast(action == 4, "float") - xp.cast(action == 3, "float")
        x, y = (xp.minimum(xp.maximum(at + by, 0.0), SIZE - 1.0) for at, by in ((x, move_x), (y, move_y)))
        robot = xp.stack([x, y], -1)
        held, status = self._handled(state, robot, action, xp)
        carried = [held == float(i) for i in range(OBJECTS)]
        place = xp.stack([xp.where(c[..., None], robot, state.place[..., i, :]) for i, c in enumerate(carried)], -2)
        after = Board(robot, place, status, held)
        return after, Outcome(xp.cast(self._holds(after, xp), "float"), x < 0.0, {})

    def _handled(self, state: Board, robot: Any, action: Any, xp: Any) -> tuple[Any, Any]:
        """What is held, and the statuses, after lifting or putting; carried objects keep status 1."""
        status = [state.status[..., i] for i in range(OBJECTS)]
        here = [self._same(robot, state.place[..., i, :]) & (state.held != float(i)) for i in range(OBJECTS)]
        lifts, puts = (action == 5) & (state.held < 0.0), (action == 6) & (state.held >= 0.0)
        held, taken = state.held, state.held >= 1e9
        for i in range(OBJECTS):  # the upper object of a pile, or the only one
            takes = lifts & here[i] & (status[i] >= 0.0) & (taken ^ True)
            held, taken = xp.where(takes, held * 0.0 + float(i), held), taken | takes
        crowd = sum(xp.cast(one, "float") for one in here)
        puts = puts & (crowd < 2.0)  # a pile has two objects at most
        changed = []
        for i in range(OBJECTS):
            mine = state.held == float(i)
            new = xp.where(lifts & taken & here[i], xp.cast(held == float(i), "float"), status[i])
            new = xp.where(puts & mine, xp.cast(crowd > 0.0, "float"), new)
            changed.append(xp.where(puts & here[i], status[i] * 0.0 + _NONE, new))
        return xp.where(puts, held * 0.0 + _NONE, held), xp.stack(changed, -1)

    @staticmethod
    def _same(one: Any, other: Any) -> Any:
        return (one[..., 0] == other[..., 0]) & (one[..., 1] == other[..., 1])

    def _holds(self, s: Board, xp: Any) -> Any:
        """Whether the task's condition holds [B]; touching is standing at an object without holding it."""
        verb, *numbers = self.task.split()
        i, j = int(numbers[0]), int(numbers[-1])
        one, other = s.place[..., i, :], s.place[..., j, :]
        holding, free = s.held == float(i), s.held != float(i)
        apart = [xp.maximum(one[..., k] - other[..., k], other[..., k] - one[..., k]) for k in range(2)]
        down = free & (s.held != float(j))
        middle = float(SIZE // 2)
        edge = [(one[..., k] == 0.0) | (one[..., k] == SIZE - 1.0) for k in range(2)]
        conditions = {
            "lift": lambda: holding,
            "touch": lambda: free & self._same(s.robot, one),
            "centre": lambda: free & (one[..., 0] == middle) & (one[..., 1] == middle),
            "corner": lambda: free & edge[0] & edge[1],
            "touch-with": lambda: holding & self._same(one, other),
            "close": lambda: down & (apart[0] + apart[1] == 1.0),
            "far": lambda: down & (apart[0] + apart[1] >= SIZE),
            "stack": lambda: down & self._same(one, other) & (s.status[..., i] > 0.0),
        }
        return conditions[verb]()

    def observe(self, state: Board, past: Any, t: Any, xp: Any) -> Any:
        objects = [
            part
            for i in range(OBJECTS)
            for part in (state.place[..., i, 0], state.place[..., i, 1], state.status[..., i])
        ]
        return xp.stack([state.robot[..., 0], state.robot[..., 1], *objects], -1)
