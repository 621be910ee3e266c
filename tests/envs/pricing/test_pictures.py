"""The pictures: of every variant's world, and of policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from scenarium.envs.core.canvas import write_png
from scenarium.envs.core.fingerprint import scripted_action
from scenarium.envs.core.rollout import unroll
from scenarium.envs.pricing.picture import Result, booking_picture, plane_picture, price_picture
from scenarium.envs.pricing.presets import ancillary_pricing, capacity, drifting, multi_product, trap, two_sided


def at_price(price: float) -> Any:
    """A policy that always charges the same."""
    return lambda observation, memory, t: (torch.full((len(observation), 1), price), None)


@pytest.mark.parametrize("factory", [ancillary_pricing, two_sided, capacity, drifting, multi_product, trap])
def test_every_variant_has_a_picture(factory: Any) -> None:
    model = factory()
    moments = list(unroll(model, model.scenario(4), lambda *a: (scripted_action(model, a[2]), None), 3))
    pictures = [model.render(moments[0].state, None, 0), model.render(moments[-1].after, moments[-1].outcome, 3)]
    for picture in pictures:
        assert picture.shape == (680, 1200, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 15
    assert not np.array_equal(*pictures)


def test_pictures_of_policies(tmp_path: Path) -> None:
    bandit, flight = two_sided(), capacity(horizon=40)
    policies = {"list price": at_price(1.0), "half price": at_price(0.5)}
    results = [Result("HUMAN", 0.10, 1.0), Result("RANDOM", 0.12, 0.77, 0.01), Result("oracle", 0.14, 1.17, 0.0, True)]
    pictures = {
        "prices": price_picture(bandit, policies, 500),
        "plane": plane_picture(results),
        "booking": booking_picture(flight, policies, 32),
    }
    for name, picture in pictures.items():
        write_png(tmp_path / f"{name}.png", picture)
        assert imread(tmp_path / f"{name}.png").shape[:2] == picture.shape[:2] == (680, 1200)
        assert picture.std() > 8
    other = price_picture(bandit, {"list price": at_price(1.0), "half price": at_price(0.7)}, 500)
    assert not np.array_equal(pictures["prices"], other)
