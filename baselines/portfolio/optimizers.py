"""Portfolio optimisers of the skfolio library on the observed window, re-estimated every month.

They need the extra "portfolio". Estimation is skfolio's: sample means and sample covariances of the window's simple
returns, unless said otherwise. A name that has not moved in the window (suspended throughout) is left out. Where the
solver gives up, the same program is solved with returns in percent, and after that weights are inverse to volatilities.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scenarium.baselines.portfolio.policy import MONTH, Portfolio, PortfolioBaseline
from scenarium.envs.core.errors import ScenariumError

Floats = npt.NDArray[np.float64]
_STILL = 1e-5
"""Daily volatility below which a name has not moved."""
_EXACT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
"""Of Clarabel: variances are of the order of 1e-4, its usual tolerances of 1e-8."""
RISKS = ("variance", "cvar")


def skfolio(who: str) -> Any:
    """The library.

    Raises:
        ScenariumError: It is not installed.
    """
    try:
        import skfolio
        import skfolio.optimization
    except ImportError:
        raise ScenariumError(f"{who} needs skfolio: pip install 'scenarium[portfolio]'") from None
    return skfolio


class SkfolioBaseline(PortfolioBaseline):
    """Weights from one optimisation per world and trading day; subclasses name skfolio's estimator."""

    track = "model-free"
    units: ClassVar[tuple[float, ...]] = (1.0, 100.0)
    """Units of returns to try, one after the other; most programs have the same solution in all."""

    def _check(self) -> None:
        super()._check()
        self._estimation_window()
        skfolio(self.name)

    def _configure(self, every: int = MONTH) -> dict[str, Any]:
        return super()._configure(every)

    @abstractmethod
    def estimator(self) -> Any:
        """A new estimator of skfolio with the policy's parameters."""

    def target(self, portfolio: Portfolio) -> Tensor:
        returns = np.expm1(portfolio.returns.cpu().double().numpy())
        risky = torch.as_tensor(np.stack([self.solve(window) for window in returns]))
        return torch.cat([(1.0 - risky.sum(1, keepdim=True)).clamp_min(0.0), risky], 1)

    def solve(self, returns: Floats) -> Floats:
        """Weights of the stocks [N] from simple returns [D, N]; what is missing to 1 is cash.

        Raises:
            ScenariumError: skfolio refused the problem.
        """
        moving = returns.std(0) > _STILL
        weights = np.zeros(returns.shape[1])
        if moving.sum() < 3:  # too few for a tree of clusters
            weights[:] = 1.0 / len(weights)
            return weights
        weights[moving] = np.maximum(self._fitted(returns[:, moving]), 0.0)
        return weights / max(1.0, float(weights.sum()))

    def _fitted(self, returns: Floats) -> Floats:
        from cvxpy import SolverError

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for unit in self.units:
                try:
                    return np.asarray(self.estimator().fit(unit * returns).weights_, np.float64)
                except SolverError:
                    continue
                except Exception as error:  # whatever else the library says
                    raise ScenariumError(f"{self.name}: skfolio found no portfolio: {error}") from error
        inverse = 1.0 / returns.std(0)
        return np.asarray(inverse / inverse.sum(), np.float64)


class MeanVariance(SkfolioBaseline):
    """The mix of stocks and cash of largest estimated mean less `aversion` times variance (Markowitz 1952)."""

    name = "mean_variance"
    units = (1.0,)  # aversion has a unit

    def _configure(self, every: int = MONTH, aversion: float = 5.0) -> dict[str, Any]:
        if not 0.0 < aversion < 1e6:
            raise ScenariumError(f"{self.name}: aversion is {aversion}; it must be a positive number")
        self.aversion = float(aversion)
        return {**super()._configure(every), "aversion": self.aversion}

    def estimator(self) -> Any:
        methods = skfolio(self.name).optimization
        return methods.MeanRisk(
            objective_function=methods.ObjectiveFunction.MAXIMIZE_UTILITY,
            risk_aversion=self.aversion,
            budget=None,
            min_budget=0.0,
            max_budget=1.0,
            solver_params=_EXACT,
        )


class MinimumCVaR(SkfolioBaseline):
    """The mix of stocks of least conditional value at risk, the mean loss beyond the `level` quantile.

    Rockafellar and Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2 (2000).
    """

    name = "minimum_cvar"

    def _configure(self, every: int = MONTH, level: float = 0.95) -> dict[str, Any]:
        if not 0.5 <= level < 1.0:
            raise ScenariumError(f"{self.name}: level is {level}; it must be in [0.5, 1)")
        self.level = float(level)
        return {**super()._configure(every), "level": self.level}

    def estimator(self) -> Any:
        library = skfolio(self.name)
        return library.optimization.MeanRisk(risk_measure=library.RiskMeasure.CVAR, cvar_beta=self.level)


class HRP(SkfolioBaseline):
    """Hierarchical risk parity: the tree of correlations, halved and weighted by inverse variance from the top.

    Lopez de Prado, "Building diversified portfolios that outperform out of sample", Journal of Portfolio Management 42
    (2016).
    """

    name = "hrp"

    def estimator(self) -> Any:
        return skfolio(self.name).optimization.HierarchicalRiskParity()


class HERC(SkfolioBaseline):
    """Hierarchical equal risk contribution: equal risk to the clusters of the tree.

    Raffinot, "The hierarchical equal risk contribution portfolio" (2018).
    """

    name = "herc"

    def estimator(self) -> Any:
        return skfolio(self.name).optimization.HierarchicalEqualRiskContribution()


class NCO(SkfolioBaseline):
    """Nested clustered optimisation: least variance inside every cluster, then among the clusters.

    Lopez de Prado, "A robust estimator of the efficient frontier" (2019).
    """

    name = "nco"

    def estimator(self) -> Any:
        methods = skfolio(self.name).optimization
        return methods.NestedClustersOptimization(
            inner_estimator=methods.MeanRisk(), outer_estimator=methods.MeanRisk(), cv="ignore"
        )


class RiskBudgeting(SkfolioBaseline):
    """Every name carries the same part of the `risk`, "cvar" or "variance"."""

    name = "risk_budgeting"

    def _configure(self, every: int = MONTH, risk: str = "cvar") -> dict[str, Any]:
        if risk not in RISKS:
            raise ScenariumError(f"{self.name}: risk {risk!r} is unknown; use one of {', '.join(RISKS)}")
        self.risk = risk
        return {**super()._configure(every), "risk": risk}

    def estimator(self) -> Any:
        library = skfolio(self.name)
        measure = library.RiskMeasure.CVAR if self.risk == "cvar" else library.RiskMeasure.VARIANCE
        return library.optimization.RiskBudgeting(risk_measure=measure)
