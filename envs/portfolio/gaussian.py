"""A market that can be solved: independent Gaussian returns with known moments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.portfolio.market import Bars, Market, Rolled
from scenarium.envs.portfolio.processes import LONGEST, draw

_STREAM = 50

MEANS = (0.0008, 0.0016, 0.0010, 0.0020)
VOLS = (0.04, 0.05, 0.06, 0.07)
CORRELATION = 0.3


class GaussianMarket(Market):
    """Arithmetic daily returns that are jointly Gaussian, independent over days, the same law in every world.

    The open is the previous close. Returns are cut off at -95 %, which at these volatilities never happens.

    Args:
        mean: Expected daily returns [N].
        vol: Their standard deviations [N].
        correlation: Between any two names, or a matrix [N, N].

    Raises:
        ScenariumError: The moments are no moments.
    """

    longest = LONGEST

    def __init__(
        self,
        mean: npt.ArrayLike = MEANS,
        vol: npt.ArrayLike = VOLS,
        correlation: float | npt.ArrayLike = CORRELATION,
    ) -> None:
        self.mean, spread = np.atleast_1d(np.asarray(mean, np.float64)), np.atleast_1d(np.asarray(vol, np.float64))
        self.names = len(self.mean)
        if spread.shape != self.mean.shape or not (spread > 0.0).all() or not np.isfinite(self.mean).all():
            raise ScenariumError(f"mean {self.mean.tolist()} and vol {spread.tolist()} must be finite, one per stock")
        given = np.asarray(correlation, np.float64)
        matrix = np.where(np.eye(self.names) > 0, 1.0, given) if given.ndim == 0 else given
        self.covariance = matrix * np.outer(spread, spread)
        """Of the daily returns, float64 [N, N]."""
        try:
            self._root = np.linalg.cholesky(self.covariance)
        except np.linalg.LinAlgError:
            raise ScenariumError(f"correlation {correlation!r} is not positive definite") from None

    def roll(self, seeds: Array, days: int, xp: Namespace) -> Rolled:
        z = xp.cast(rng.normal(xp, draw(xp, seeds, _STREAM, days, self.names)), "double")
        columns = xp.unstack(z, 1)
        returns = [
            float(m) + sum((float(c) * x for c, x in zip(row[: i + 1], columns)), start=0.0)
            for i, (m, row) in enumerate(zip(self.mean, self._root))
        ]
        intraday = xp.cast(xp.log(xp.maximum(xp.stack(returns, 1) + 1.0, 0.05)), "float")
        none = intraday * 0.0
        one = none + 1.0
        high, low = xp.maximum(-intraday, 0.0), xp.minimum(-intraday, 0.0)
        caps = one[0] * (1.0 / self.names)
        return Rolled(Bars(none, intraday, high, low, none, one, one, one, one, one), caps)
