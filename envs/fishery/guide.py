"""What a policy network is told about a fishery beforehand: how to look at stocks, and how to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarium.envs.core.namespace import Array, namespace_of
from scenarium.envs.fishery.actions import ACTION_MODES

if TYPE_CHECKING:
    from scenarium.envs.fishery.model import Fishery


class StockFeatures:
    """From observations to what a network sees: logarithms of the stocks, since growth and noise multiply.

    Centres and gains make them about standard under good policies. Where the year is observed, it comes with two
    exponentials of the years left, which tell the last years apart.
    """

    CENTRES, GAINS, LEAST = (-0.7, -0.7, -0.9), (4.0, 4.0, 2.0), 1e-2
    YEARS_LEFT = (3.0, 12.0)

    def __init__(self, model: Fishery) -> None:
        self._model = model

    @property
    def count(self) -> int:
        """Number of features."""
        return self._model.parameters.species + (3 if self._model.time_observed else 0)

    def __call__(self, observation: Array) -> Array:
        """Features [B, count] of observations [B, n] (tensors)."""
        model, xp = self._model, namespace_of(observation)
        count = model.parameters.species
        logs = xp.log(xp.maximum(model.stocks_of(observation), self.LEAST))
        stocks = (logs - xp.constant(self.CENTRES[:count])) * xp.constant(self.GAINS[:count])
        if not model.time_observed:
            return stocks
        passed = observation[..., count:]
        left = (passed - 1.0) * model.horizon
        near = [xp.exp(left * (1.0 / years)) for years in self.YEARS_LEFT]
        return xp.concat([stocks, 2.0 * passed - 1.0, *near], -1)


class EscapementHead:
    """From raw outputs of a network to actions by way of escapement: the stock to leave in the sea.

    ``level = CENTRE + STEP * raw`` per fished species, and what a stock exceeds it by is taken. A network that says
    how much to leave has less to learn than one that says which fraction to take: a constant is already a good policy
    (Reed 1979), and a stock far above its level returns to it at once.
    """

    CENTRE, STEP = 0.5, 0.3

    def __init__(self, model: Fishery) -> None:
        self._model = model

    def __call__(self, raw: Array, observation: Array) -> Array:
        """Actions [B, fished] from raw outputs [B, fished] and the observations [B, n] they answer (tensors)."""
        model, xp = self._model, namespace_of(raw)
        level = xp.minimum(xp.maximum(raw * self.STEP + self.CENTRE, 0.0), ACTION_MODES["escapement"])
        if model.action_mode == "escapement":
            return level
        stock = xp.maximum(model.stocks_of(observation)[..., : model.parameters.harvested], 1e-6)
        return xp.maximum(1.0 - level / stock, 0.0)
