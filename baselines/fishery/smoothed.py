"""A trained policy smoothed by a Gaussian process: fitted to its actions on thin grids over the stocks it visits.

Montealegre-Mora et al. (2023), arXiv 2308.13654, smooth PPO this way: scikit-learn's regression with the kernel
1 * RBF(10) + White(0.1) on three grids of 51 x 5 x 5 points, each long in one species. The five points of the others
span the window of stocks that the policy visits, as an interval of stocks. (The published code takes the window's
relative width for an absolute one.) Fitting needs scikit-learn (`pip install scenarium[learn]`); playing does not: the
mean of the process is a sum of Gaussians around the fitted points.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.evaluation import derived_seeds
from scenarium.baselines.fishery.policy import FisheryBaseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import unroll
from scenarium.envs.fishery.actions import ACTION_MODES
from scenarium.envs.fishery.model import BOUND, Fishery
from scenarium.envs.fishery.optimum.grid import Floats

VISIT_STREAM, SAMPLE_STREAM = 111, 112
LONG, SHORT = 51, 5


class GaussianProcess(FisheryBaseline):
    """The mean of a fitted process, as mortality; made by `smoothed`.

    Args of the policy:
        points: Stocks the process was fitted at [n, species].
        weights: Dual coefficients, amplitude included [n, harvested].
        lengths: Length scale of each fished species' process.
        offsets: Mean mortality of each fished species.
    """

    name = "gaussian_process"
    track = "model-free"

    def _configure(self, points: Any = None, weights: Any = None, lengths: Any = None, offsets: Any = None) -> Any:
        given = {"points": points, "weights": weights, "lengths": lengths, "offsets": offsets}
        if any(value is None for value in given.values()):
            raise ScenariumError("gaussian_process smooths a trained policy: make it by smoothed(policy, env)")
        found = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
        n, species = len(found["points"]), self.model.parameters.species
        shapes = {"points": (n, species), "weights": (n, self.fished), "lengths": (self.fished,)}
        for name, shape in {**shapes, "offsets": (self.fished,)}.items():
            if found[name].shape != shape:
                raise ScenariumError(f"gaussian_process: {name} has shape {found[name].shape}, expected {shape}")
        return {name: value.tolist() for name, value in found.items()}

    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        points, weights = (self._on(stocks.device, name, self.parameters[name]) for name in ("points", "weights"))
        square = torch.cdist(stocks, points) ** 2
        columns = [
            torch.exp(square * (-0.5 / length**2)) @ weights[:, i] + offset
            for i, (length, offset) in enumerate(
                zip(self.parameters["lengths"], self.parameters["offsets"], strict=True)
            )
        ]
        return stocks[:, : self.fished] * (1.0 - torch.stack(columns, 1).clamp(0.0, 1.0))


def smoothed(
    policy: Any,
    env: Any,
    *,
    worlds: int = 256,
    sampled: bool = False,
    points: tuple[int, int] = (LONG, SHORT),
    optimise: bool = True,
) -> GaussianProcess:
    """Fits a Gaussian process to a policy's mortalities.

    Args:
        policy: Anything with `predict`, such as an agent trained on `env`.
        env: A fishery whose year is not observed: id, model or environment.
        worlds: Worlds played to find the stocks the policy visits.
        sampled: Fit to sampled actions, as the paper did, instead of the policy's deterministic ones.
        points: Points of a grid along its long axis, and along the others.
        optimise: Fit the kernel's parameters too, by scikit-learn's optimiser; else they are those of the paper.

    Raises:
        ScenariumError: `env` is no fishery or shows the year, or scikit-learn is missing.
    """
    model = _playable(env)
    low, high = visited(policy, model, worlds)
    stocks = thin_grids(low, high, *points)
    mortality = _mortality(policy, model, stocks, not sampled)
    fits = [_fit(stocks, column, optimise) for column in mortality.T]
    weights, lengths, offsets = zip(*fits, strict=True)
    return GaussianProcess(
        model, points=stocks, weights=np.stack(weights, 1), lengths=np.array(lengths), offsets=np.array(offsets)
    )


def thin_grids(low: Floats, high: Floats, long: int = LONG, short: int = SHORT) -> Floats:
    """Grids over a window of stocks, each with many points along one species and few along the others.

    Args:
        low: Lower end of the window per species.
        high: Upper end.
        long: Points along a grid's own species, from 0 to the upper end plus the window's width.
        short: Points along the others, over the window.

    Returns:
        [n, species], n = species * long * short ** (species - 1).
    """
    wide = [np.linspace(0.0, b + (b - a), long) for a, b in zip(low, high, strict=True)]
    narrow = [np.linspace(a, b, short) for a, b in zip(low, high, strict=True)]
    grids = []
    for species in range(len(low)):
        axes = [wide[i] if i == species else narrow[i] for i in range(len(low))]
        grids += list(itertools.product(*axes))
    return np.array(grids)


@torch.no_grad()
def visited(policy: Any, model: Fishery, worlds: int) -> tuple[Floats, Floats]:
    """The stocks between the 5 % and 95 % quantiles of what a policy meets, per species."""
    scenario = model.scenario(derived_seeds(0, VISIT_STREAM, 0, worlds, torch.device("cpu")))
    seen = []
    for moment in unroll(model, scenario, lambda o, memory, t: policy.predict(o, memory)):
        stocks = torch.stack(moment.state.stocks, 1)
        seen.append(stocks if moment.alive is None else stocks[moment.alive])
    found = torch.quantile(torch.cat(seen)[::7].double(), torch.tensor([0.05, 0.95], dtype=torch.float64), 0).numpy()
    return found[0], found[1]


def _playable(env: Any) -> Fishery:
    from scenarium.agents.core.problem import resolve_model

    model = resolve_model(env)
    if not isinstance(model, Fishery):
        raise ScenariumError(f"smoothing is for fisheries, not {model.env_id or type(model).__name__}")
    if model.time_observed:
        raise ScenariumError("smoothing is over stocks; the policy must not see the year")
    return model


def _mortality(policy: Any, model: Fishery, stocks: Floats, deterministic: bool) -> Floats:
    """What a policy takes of each fished stock, as fractions [n, harvested]."""
    seen = stocks / BOUND if model.observation == "paper" else 0.5 * stocks - 1.0
    torch.manual_seed(SAMPLE_STREAM)
    action, _ = policy.predict(seen.astype(np.float32), deterministic=deterministic)
    taken = np.clip(np.asarray(action, dtype=np.float64), 0.0, ACTION_MODES[model.action_mode])
    if model.action_mode == "mortality":
        return np.asarray(taken)
    own = np.maximum(stocks[:, : model.parameters.harvested], 1e-6)
    return np.asarray(np.clip(1.0 - taken / own, 0.0, 1.0))


def _fit(stocks: Floats, mortality: Floats, optimise: bool) -> tuple[Floats, float, float]:
    """Dual coefficients with the amplitude, length scale and offset of one species' process."""
    try:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    except ImportError:
        raise ScenariumError("smoothing needs scikit-learn: pip install scenarium[learn]") from None
    kernel = ConstantKernel(1.0) * RBF(10.0) + WhiteKernel(0.1)
    offset = float(mortality.mean())
    process = GaussianProcessRegressor(kernel, optimizer="fmin_l_bfgs_b" if optimise else None, random_state=0)
    process.fit(stocks, mortality - offset)
    product = process.kernel_.k1
    return process.alpha_ * product.k1.constant_value, float(product.k2.length_scale), offset
