"""The networks of the pricing models, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from scenarium.baselines.pricing.log import Log

Loss = Callable[[Tensor, Log], Tensor]
"""From a network's output and the rows it was made from to a loss."""


class Training(NamedTuple):
    """How a network is trained: Adam with a learning rate that decays by a cosine.

    Attributes:
        epochs: Passes over the log.
        batch: Sessions of a step.
        learning_rate: At the start.
        weight_decay: Decoupled.
    """

    epochs: int = 4
    batch: int = 2048
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3


class PurchaseNet(nn.Module):
    """Purchase logit from context and price by a plain perceptron: nothing makes it fall in the price.

    Args:
        inputs: Features of a context.
        hidden: Units of each of the two hidden layers.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, inputs: int, hidden: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = perceptron(inputs + 1, hidden, 1, dropout)

    def forward(self, context: Tensor, price: Tensor) -> Tensor:
        """Logits of contexts [..., n] at prices [...]."""
        out: Tensor = self.layers(torch.cat([context, price[..., None]], -1))
        return out[..., 0]


class MonotoneNet(nn.Module):
    """Purchase logit that falls in the price by construction.

    The logit is ``a(x) - sum_j softplus(w_j(x)) phi_j(P)`` with phi_j rising from 0 to 1 between the knots j and
    j + 1, so that it is piecewise linear in the price, and never rises.

    Args:
        inputs: Features of a context.
        knots: Prices, ascending.
        hidden: Units of each of the two hidden layers.
    """

    knots: Tensor

    def __init__(self, inputs: int, knots: Tensor, hidden: int = 64) -> None:
        super().__init__()
        self.register_buffer("knots", knots.clone())
        self.layers = perceptron(inputs, hidden, len(knots))

    def forward(self, context: Tensor, price: Tensor) -> Tensor:
        """Logits of contexts [..., n] at prices [...]."""
        return self.curve(context, price[..., None])[..., 0]

    def curve(self, context: Tensor, prices: Tensor) -> Tensor:
        """Logits of contexts [..., n] at several prices [..., G] or [G]."""
        out = self.layers(context)
        rise = (prices[..., None] - self.knots[:-1]) / (self.knots[1:] - self.knots[:-1])
        drop = nn.functional.softplus(out[..., None, 1:]) * rise.clamp(0.0, 1.0)
        logit: Tensor = out[..., :1] - drop.sum(-1)
        return logit


class PriceNet(nn.Module):
    """A price between the lowest and the highest legal one, straight from the context.

    Args:
        inputs: Features of a context.
        low: Lowest legal price.
        high: Highest legal price.
        hidden: Units of each of the two hidden layers.
    """

    def __init__(self, inputs: int, low: float, high: float, hidden: int = 64) -> None:
        super().__init__()
        self.low, self.high = low, high
        self.layers = perceptron(inputs, hidden, 1)

    def forward(self, context: Tensor, price: Tensor | None = None) -> Tensor:
        """Prices of contexts [..., n]."""
        out: Tensor = torch.sigmoid(self.layers(context)[..., 0])
        return self.low + (self.high - self.low) * out


def perceptron(inputs: int, hidden: int, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """Two hidden layers of rectified units."""
    drop = [nn.Dropout(dropout)] if dropout else []
    first: list[nn.Module] = [nn.Linear(inputs, hidden), nn.ReLU(), *drop]
    return nn.Sequential(*first, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def train(make: Callable[[], nn.Module], log: Log, loss: Loss, seed: int = 0, how: Training | None = None) -> nn.Module:
    """Fits a network to a log; the seed fixes its start and the order of the sessions.

    Args:
        make: Makes the network.
        log: The sessions.
        loss: Of the network's output.
        seed: Of everything random.
        how: Epochs and the like.
    """
    how = how or Training()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = make()
        optimiser = torch.optim.AdamW(net.parameters(), how.learning_rate, weight_decay=how.weight_decay)
        steps = how.epochs * max(1, len(log.price) // how.batch)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(how.epochs):
            order = torch.randperm(len(log.price))
            for rows in torch.split(order, how.batch)[: max(1, len(order) // how.batch)]:
                part = log.rows(rows)
                optimiser.zero_grad()
                torch.autograd.backward(loss(net(part.context, part.price), part))
                optimiser.step()
                decay.step()
    return net.eval()
