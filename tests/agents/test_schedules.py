from __future__ import annotations

import pytest

from scenarium.agents.core.schedules import parse_schedule
from scenarium.envs.core.errors import ScenariumError


@pytest.mark.parametrize(
    ("value", "at_0", "at_half", "at_1"),
    [
        (0.5, 0.5, 0.5, 0.5),
        ("0.5", 0.5, 0.5, 0.5),
        ("linear 1.0", 1.0, 0.5, 0.0),
        ("linear:1.0:0.5", 1.0, 0.75, 0.5),
        ("cosine 1.0 0.0", 1.0, 0.5, 0.0),
        (lambda progress: 2.0 * progress, 0.0, 1.0, 2.0),
    ],
)
def test_a_schedule_passes_through_its_points(value: object, at_0: float, at_half: float, at_1: float) -> None:
    schedule = parse_schedule(value)  # type: ignore[arg-type]
    assert [schedule(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([at_0, at_half, at_1], abs=1e-12)


def test_progress_outside_the_run_stays_at_its_ends() -> None:
    schedule = parse_schedule("linear 1.0 0.5")
    assert (schedule(-1.0), schedule(3.0)) == (1.0, 0.5)


@pytest.mark.parametrize("value", ["", "cosin 0.1", "linear", "linear a", "constant 1 2", "cosine 1 2 3"])
def test_a_wrong_schedule_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(ScenariumError) as caught:
        parse_schedule(value)
    assert "\n" not in str(caught.value)
