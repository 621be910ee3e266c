"""The factories of the registered ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.fishery.dynamics import Coefficients, Parameters
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.scenario import drawn_factors, perturbed
from scenarium.envs.fishery.variants import VARIANTS


def fishery(
    variant: str = "model_3",
    fisheries: int | None = None,
    parameters: Parameters | Mapping[str, Any] | None = None,
    **options: Any,
) -> Fishery:
    """A named fishery, or one of your own.

    Args:
        variant: One of `VARIANTS`.
        fisheries: How many species are fished, 1 (X) or 2 (X and Y); the variant's own number if None.
        parameters: A whole `Parameters`, or numbers that differ from the variant's, by their name in `Coefficients`
            or `Parameters`.
        **options: Arguments of `Fishery` (time_observed, action_mode, observation, horizon, spread, reward).

    Raises:
        ScenariumError: A name is unknown, or an argument is invalid.
    """
    if variant not in VARIANTS:
        raise unknown_name("variant", variant, VARIANTS)
    chosen = parameters if isinstance(parameters, Parameters) else changed(VARIANTS[variant], parameters or {})
    if fisheries is not None:
        allowed = (1,) if chosen.species == 1 else (1, 2)
        if fisheries not in allowed:
            words = " or ".join(str(number) for number in allowed)
            raise ScenariumError(f"fisheries is {fisheries}; with {chosen.species} species it must be {words}")
        chosen = replace(chosen, harvested=int(fisheries))
    return Fishery(chosen, **options)


def changed(parameters: Parameters, numbers: Mapping[str, Any]) -> Parameters:
    """Parameters with some numbers replaced, by their name in `Coefficients` or in `Parameters`.

    Raises:
        ScenariumError: A name is unknown.
    """
    own = [field.name for field in fields(Parameters) if field.init and field.name not in ("coefficients", "trends")]
    for name in numbers:
        if name not in (*Coefficients._fields, *own):
            raise unknown_name("parameter", name, (*Coefficients._fields, *own))
    coefficients = {name: float(value) for name, value in numbers.items() if name in Coefficients._fields}
    rest = {name: value for name, value in numbers.items() if name not in coefficients}
    return replace(parameters, coefficients=parameters.coefficients._replace(**coefficients), **rest)


def perturbation(variant: str = "model_4", s: float = 0.1, draw: int | None = None, **options: Any) -> Fishery:
    """The parameter-perturbation study: every coefficient is multiplied by 1 + s * N(0, 1), noise levels included.

    Without `draw`, every seed is a fishery with coefficients of its own, in training and evaluation alike; a policy
    must do well in all of them, and sees only the stocks. With `draw`, all seeds share the coefficients which that
    number stands for (those of the world with that seed), as in the study, which trained anew on each of 100 draws.

    Args:
        variant: Name of the fishery that is perturbed; Model 4 in the paper.
        s: Relative standard deviation; 0.04, 0.08, 0.12, 0.16 and 0.20 in the paper.
        draw: Number of a draw, or None.
        **options: Arguments of `Fishery`.

    Raises:
        ScenariumError: A name is unknown, or an argument is invalid.
    """
    if not 0.0 <= s <= 0.25:
        raise ScenariumError(f"s is {s}; it must be in [0, 0.25], beyond which coefficients change their sign")
    if draw is None:
        return fishery(variant, **{"spread": s, **options})
    if variant not in VARIANTS:
        raise unknown_name("variant", variant, VARIANTS)
    nominal = VARIANTS[variant]
    drawn = perturbed(nominal.coefficients, drawn_factors(int(draw), s))
    return fishery(parameters=replace(nominal, coefficients=drawn), **options)
