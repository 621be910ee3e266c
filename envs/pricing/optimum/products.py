"""Several products, and a customer of whom only the context is known: the best margin common to all products.

For a known customer equal margins are optimal. For a mixture of customers they need not be exactly so; the loss is
measured by `best_prices_gap` and is far below the error of any simulation. At a common margin the products act as one,
whose utility is the logarithm of their summed attractions, so that the expected profit of a margin mu is

    sum_k w_k E[q_k] mu E[sigmoid(L_k - mu / s_k)],   L_k = log sum_j exp((m_kj - c_j) / s_k).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.pricing.context import Context, Signals, signals
from scenarium.envs.pricing.demand import Latents
from scenarium.envs.pricing.optimum.bayes import ContextDemand, normal_nodes
from scenarium.envs.pricing.optimum.curves import PriceGrid
from scenarium.envs.pricing.products import MultiProductPricing, worths

_NODES, _STEP, _CHUNK = 16, 0.02, 2048


class ProductBelief:
    """What the context tells about a customer of several products.

    Args:
        model: The problem.
        nodes: Quadrature nodes of the residual level.
    """

    def __init__(self, model: MultiProductPricing, nodes: int = _NODES) -> None:
        self.model = model
        self._curves = ContextDemand(model.demand, [1.0])
        self._nodes, self._weights = (torch.as_tensor(x, dtype=torch.float32) for x in normal_nodes(nodes))
        highest = model.high - min(model.costs)
        self.at = PriceGrid(np.linspace(0.0, highest, 1 + math.ceil(highest / _STEP)), interval=True)

    def margin(self, context: Context) -> tuple[Tensor, Tensor]:
        """The best common margin of contexts [B], and its expected profit [B]."""
        parts = [self._best(Context(*part)) for part in zip(*(torch.split(x, _CHUNK) for x in context), strict=True)]
        margins, profits = zip(*parts, strict=True)
        return torch.cat(margins), torch.cat(profits)

    def customers(self, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """The customers a context may stand for: their weight times q, m_j / s and s.

        Returns:
            Weight [B, 2, K], worth of each product in units of the spread [3, B, 2, K], and spread [2].
        """
        xp = torch_namespace(str(context.days.device))
        signal = signals(context, xp)
        demand, device = self.model.demand, context.days.device
        known, unknown = math.sqrt(demand.reliability), math.sqrt(1.0 - demand.reliability)
        level = known * signal.level[:, None] + unknown * self._nodes.to(device)
        spreads = torch.tensor([demand.insensitive.spread, demand.sensitive.spread], device=device)
        medians = [s.median * torch.exp(s.median_sd * level) for s in (demand.insensitive, demand.sensitive)]
        median = torch.stack(medians, 1)
        wide = Context(*(x[:, None, None] for x in context))
        latent = Latents(median, spreads[:, None], median)
        worth = torch.stack([w / spreads[:, None] for w in worths(latent, wide, xp)])
        return self._weight(signal)[..., None] * self._weights.to(device), worth, spreads

    def _weight(self, signal: Signals) -> Tensor:
        """Probability of each segment times its expected q [B, 2]."""
        pairs = zip(self._curves.segments(signal.purpose), self._curves.needs(signal.need), strict=True)
        return torch.stack([weight * need for weight, need in pairs], -1)

    def curve(self, context: Context) -> Tensor:
        """Probability that a common margin of `at` sells something, averaged over contexts [G]."""
        parts = zip(*(torch.split(x, _CHUNK) for x in context), strict=True)
        total: Tensor = sum((self._chance(Context(*part)).sum(0) for part in parts), start=torch.zeros(()))
        return total / len(context.days)

    def _best(self, context: Context) -> tuple[Tensor, Tensor]:
        return self.at.best(self._chance(context))

    def _chance(self, context: Context) -> Tensor:
        """Probability that each margin sells something [B, G]."""
        weight, worth, spread = self.customers(context)
        costs = torch.tensor(self.model.costs, device=weight.device).reshape(-1, 1, 1, 1)
        appeal = torch.logsumexp(worth - costs / spread[:, None], 0)
        margins = self.at.like(weight)
        chance = torch.sigmoid(appeal[..., None] - margins / spread[:, None, None])
        return (weight[..., None] * chance).sum((1, 2))


def best_prices_gap(belief: ProductBelief, context: Context, steps: int = 200) -> tuple[float, float]:
    """How much free prices earn more than equal margins, by gradient ascent from the latter.

    Args:
        belief: The problem as seen from contexts.
        context: Contexts [B].
        steps: Of Adam.

    Returns:
        Mean expected profit of equal margins, and the mean gain of free prices over it.
    """
    weight, worth, spread = belief.customers(context)
    margin, profit = belief.margin(context)
    costs = torch.tensor(belief.model.costs)[:, None]
    prices = (margin + costs).clone().requires_grad_(True)
    optimiser = torch.optim.Adam([prices], lr=2e-3)
    best = profit.clone()
    for _ in range(steps):
        utility = worth - prices[..., None, None] / spread[:, None]
        shares = torch.softmax(torch.cat([utility, torch.zeros_like(utility[:1])]), 0)[:-1]
        earned = (weight * ((prices - costs)[..., None, None] * shares).sum(0)).sum((1, 2))
        best = torch.maximum(best, earned.detach())
        optimiser.zero_grad()
        torch.autograd.backward(-earned.sum())
        optimiser.step()
    return float(profit.mean()), float((best - profit).mean())
