"""The named fisheries, one's own, and the parameter-perturbation study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.rollout import unroll
from scenarium.envs.fishery.dynamics import MODEL_4, Coefficients, Parameters
from scenarium.envs.fishery.model import Fishery, State
from scenarium.envs.fishery.presets import changed, fishery, perturbation
from scenarium.envs.fishery.scenario import drawn_factors, perturbed
from scenarium.envs.fishery.variants import VARIANTS

WORLDS = 300


def survival(model: Fishery, mortality: float = 0.0, years: int = 200) -> float:
    """Fraction of worlds alive at the end under a constant mortality."""
    action = torch.full((WORLDS, model.parameters.harvested), mortality)
    moments = list(unroll(model, model.scenario(torch.arange(WORLDS)), lambda *_: (action, None), years))
    return 1.0 - float(moments[-1].outcome.terminated.double().mean())


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("model_1", 0.92, 0.99), ("model_3", 1.0, 1.0), ("y_abiotic", 0.99, 1.0), ("weak_coupling", 0.75, 0.9)],
)
def test_unfished_worlds_survive_as_often_as_they_should(name: str, low: float, high: float) -> None:
    assert low <= survival(fishery(name)) <= high


def test_a_sharper_predator_kills_unfished_worlds_but_not_fished_ones() -> None:
    assert survival(fishery("v0_drift")) < 0.15
    assert survival(fishery("v0_drift"), 0.1) > 0.35


def test_a_factory_takes_changes_by_name_whole_parameters_and_the_number_of_fisheries() -> None:
    model = fishery("model_1", parameters={"beta": 0.23, "horizon": 50, "threshold": 0.1})
    assert model.parameters.coefficients.beta == 0.23
    assert model.horizon == 50
    assert model.parameters.coefficients.c == VARIANTS["model_1"].coefficients.c
    assert fishery(parameters=Parameters(horizon=7)).horizon == 7
    assert fishery("v0_drift", fisheries=1).action_space.shape == (1,)
    assert fishery("model_2", fisheries=2).parameters == VARIANTS["model_3"]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"variant": "model_5"}, "model_5"),
        ({"parameters": {"betta": 1.0}}, "did you mean 'beta'"),
        ({"variant": "model_1", "fisheries": 2}, "1 species it must be 1"),
        ({"fisheries": 3}, "1 or 2"),
    ],
)
def test_what_is_unknown_is_said(kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenariumError, match=words):
        fishery(**kwargs)


def test_every_seed_of_the_study_is_a_fishery_of_its_own() -> None:
    model = perturbation(s=0.1)
    factors = np.array([model.scenario(seed).factors() for seed in range(400)])
    assert factors.shape == (400, len(Coefficients._fields))
    np.testing.assert_allclose(factors.mean(0), 1.0, atol=0.025)
    np.testing.assert_allclose(factors.std(0), 0.1, rtol=0.2)
    assert np.array_equal(factors[7], model.scenario(7).factors())
    lanes = torch.stack(model.scenario(torch.tensor([3, 7])).factors())
    np.testing.assert_allclose(lanes[:, 1], factors[7], rtol=1e-5)


def test_a_numbered_draw_is_the_fishery_of_that_seed() -> None:
    ours, drawn = perturbation(s=0.2), perturbation(s=0.2, draw=7)
    expected = perturbed(MODEL_4.coefficients, drawn_factors(7, 0.2))
    assert drawn.parameters.coefficients == pytest.approx(expected)
    assert drawn.spread == 0.0
    state, action = State((0.5, 0.6, 0.7)), np.array([0.1, 0.2], np.float32)
    shock = ours.scenario(7).at(60)
    a, _ = ours.step(state, action, shock, 60, NUMPY)
    b, _ = drawn.step(state, action, shock, 60, NUMPY)
    np.testing.assert_allclose(a.stocks, b.stocks, rtol=1e-6)
    c, _ = fishery("model_4").step(state, action, shock, 60, NUMPY)
    assert abs(a.stocks[0] - c.stocks[0]) > 1e-3


def test_without_spread_the_study_is_the_model() -> None:
    calm, plain = perturbation(s=0.0), fishery("model_4")
    xp = torch_namespace("cpu")
    for model in (calm, plain):
        scenario = model.scenario(torch.arange(3))
        after, _ = model.step(model.initial(scenario, xp), torch.full((3, 2), 0.2), scenario.at(9), 9, xp)
        if model is calm:
            expected = after
    for a, b in zip(after.stocks, expected.stocks, strict=True):
        assert torch.equal(a, b)


def test_too_much_spread_is_refused() -> None:
    with pytest.raises(ScenariumError, match=r"0\.25"):
        perturbation(s=0.5)
    with pytest.raises(ScenariumError, match="model_9"):
        perturbation("model_9", draw=1)


def test_changed_names_both_kinds_of_numbers() -> None:
    parameters = changed(VARIANTS["model_3"], {"r_x": 0.9, "penalty": 10.0})
    assert (parameters.coefficients.r_x, parameters.penalty) == (0.9, 10.0)
