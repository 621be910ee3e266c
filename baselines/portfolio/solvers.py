"""The small optimisation problems behind classical portfolios, for many worlds at once."""

from __future__ import annotations

import torch
from torch import Tensor


def shrunk_covariance(returns: Tensor, shrinkage: float) -> Tensor:
    """Sample covariances, moved a part of the way to their diagonal.

    Args:
        returns: [B, D, N].
        shrinkage: The part, in [0, 1]; anything positive makes the matrices regular.

    Returns:
        float64 [B, N, N].
    """
    centred = returns.double() - returns.double().mean(1, keepdim=True)
    covariance = centred.mT @ centred / max(1, returns.shape[1] - 1)
    variance = covariance.diagonal(dim1=1, dim2=2).clamp_min(1e-8)  # a suspended name has not moved at all
    return (1.0 - shrinkage) * covariance + torch.diag_embed(shrinkage * variance + 1e-10)


def project_to_simplex(x: Tensor) -> Tensor:
    """The nearest point of the simplex to each row (Duchi et al., ICML 2008)."""
    ordered = x.sort(-1, descending=True).values
    excess = ordered.cumsum(-1) - 1.0
    count = torch.arange(1, x.shape[-1] + 1, device=x.device, dtype=x.dtype)
    support = (ordered - excess / count > 0).sum(-1, keepdim=True)
    return (x - excess.gather(-1, support - 1) / support).clamp_min(0.0)


def minimum_variance(covariance: Tensor, steps: int = 400) -> Tensor:
    """Long-only weights of least variance, by accelerated projected gradients (Beck and Teboulle 2009).

    Args:
        covariance: [B, N, N].
        steps: Iterations.

    Returns:
        [B, N], summing to 1.
    """
    scale = torch.linalg.matrix_norm(covariance, ord=2)[:, None, None]
    matrix = covariance / scale
    w = torch.full(covariance.shape[:2], 1.0 / covariance.shape[1], dtype=covariance.dtype, device=covariance.device)
    ahead, momentum = w, 1.0
    for _ in range(steps):
        after = project_to_simplex(ahead - (matrix @ ahead[..., None])[..., 0])
        grown = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
        ahead, w, momentum = after + (momentum - 1.0) / grown * (after - w), after, grown
    return w


def risk_parity(covariance: Tensor, sweeps: int = 60) -> Tensor:
    """Long-only weights whose names carry equal parts of the variance, by cyclical coordinate descent.

    Griveau-Billion, Richard and Roncalli, "A fast algorithm for computing high-dimensional risk parity portfolios"
    (arXiv 1311.4057): minimise x' S x / 2 - sum log(x_i) / N one coordinate at a time.

    Args:
        covariance: [B, N, N].
        sweeps: Passes over the coordinates.

    Returns:
        [B, N], summing to 1.
    """
    names = covariance.shape[1]
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    x = list(((1.0 / names) / diagonal.sqrt()).unbind(1))
    for _ in range(sweeps):
        for i in range(names):
            rest = sum((covariance[:, i, j] * x[j] for j in range(names) if j != i), start=torch.zeros_like(x[0]))
            x[i] = (-rest + (rest * rest + 4.0 * diagonal[:, i] / names).sqrt()) / (2.0 * diagonal[:, i])
    weights = torch.stack(x, 1)
    return weights / weights.sum(1, keepdim=True)


def best_constant(relatives: Tensor, steps: int = 3000) -> Tensor:
    """The constant weights that would have grown fastest on given days, costs aside.

    Cover's multiplicative iteration (Cover, "An algorithm for maximizing expected log investment return", IEEE
    Transactions on Information Theory 30, 1984) climbs at every step; small weights are slow to die, hence the steps.

    Args:
        relatives: Price relatives [B, D, K].
        steps: Iterations.

    Returns:
        [B, K], summing to 1.
    """
    x = relatives.double()
    w = torch.full((x.shape[0], x.shape[2]), 1.0 / x.shape[2], dtype=x.dtype, device=x.device)
    for _ in range(steps):
        # Over-relaxed by squaring: daily relatives are near 1, where the plain iteration creeps.
        pull = (x / (x * w[:, None]).sum(2, keepdim=True)).mean(1)
        w = w * pull**20
        w = w / w.sum(1, keepdim=True)
    return w
