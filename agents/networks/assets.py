"""Networks whose weights all names share: evaluators of single names, and a graph network over names and cash.

After the "ensemble of identical independent evaluators" of Jiang, Xu and Liang (arXiv 1706.10059): the same small
network scores every name from its own prices and its present weight, and a softmax makes weights of the scores. So a
permutation of the names permutes the portfolio, and what is learnt on ten names plays on twenty.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenarium.agents.networks.gnn import Joint
from scenarium.agents.networks.heads import action_head
from scenarium.agents.networks.market import MarketReader, Parts
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model


class NameEncoder(nn.Module):
    """Embeddings of cash and of every name [B, N + 1, width], or of the names alone, by one network for all.

    A convolution along time (3 days), ReLU, then a linear map of the whole window, as in Jiang et al.; the channels are
    those of the image and the daily moves. Cash is shown the mean picture of all names, the market's: what a name's
    rise or fall has in common with the others decides how much to hold of any.

    Args:
        model: A portfolio problem.
        who: Who asks, for error messages.
        channels: Of the convolution (source: 2).
        width: Of the embeddings (source: 20).
        cash: Whether cash is among them, as the first.

    Raises:
        ScenariumError: The model is another problem, or its window is too short.
    """

    def __init__(self, model: Model, who: str, channels: int, width: int, cash: bool = True) -> None:
        super().__init__()
        self.read = MarketReader(model, who)
        if self.read.days < 4:
            raise ScenariumError(f"{who} needs a window of at least 4 days, not {self.read.days}")
        self.short = nn.Conv2d(self.read.features + 1, channels, (1, 3))
        self.long = nn.Linear(channels * (self.read.days - 3), width)
        self.held = nn.Linear(1 + self.read.per_name, width, bias=False)
        self.rest = nn.Linear(self.read.extra, width, bias=False) if self.read.extra else None
        self.cash = nn.Parameter(torch.zeros(width)) if cash else None

    def forward(self, observation: Any) -> tuple[Tensor, Parts]:
        """The embeddings and the parts of the observation."""
        parts: Parts = self.read(observation)
        picture = torch.cat([parts.image[..., 1:], self.read.moves(parts.image)[:, None]], 1)
        own = torch.cat([parts.weights[:, 1:, None], parts.names], 2)
        if self.cash is not None:
            picture = torch.cat([picture.mean(2, keepdim=True), picture], 2)
            own = torch.cat([functional.pad(parts.weights[:, :1, None], (0, self.read.per_name)), own], 1)
        short = functional.relu(self.short(picture))
        embedded = self.long(short.transpose(1, 2).flatten(2)) + self.held(own)
        if self.cash is not None:
            embedded = embedded + functional.pad(self.cash[None], (0, 0, 0, self.read.count))
        if self.rest is not None:
            embedded = embedded + self.rest(parts.rest)[:, None]
        return functional.relu(embedded), parts


class SharedEncoder(nn.Module):
    """Features [B, size] for agents with heads of their own: the embeddings of `NameEncoder` and their mean.

    Args:
        model: A portfolio problem.
        channels: Of the convolution along time.
        width: Of the embeddings.
    """

    def __init__(self, model: Model, channels: int = 4, width: int = 16) -> None:
        super().__init__()
        self.encoder = NameEncoder(model, "policy 'shared'", channels, width)
        self.size = (self.encoder.read.count + 2) * width

    def forward(self, observation: Any) -> Tensor:
        """The features: of the mean name, of cash, of each name."""
        node, _ = self.encoder(observation)
        return torch.cat([node[:, 1:].mean(1), node.flatten(1)], 1)


def _score(width: int, scale: float) -> nn.Linear:
    last = nn.Linear(width, 1)
    last.weight.data *= scale
    nn.init.zeros_(last.bias)
    return last


class SharedPolicy(nn.Module):
    """Every name scored by the same network, from its own prices and, with `context`, from the market's.

    Args:
        model: A portfolio problem in its native action space.
        channels: Of the convolution along time.
        width: Of the embeddings and hidden layers.
        context: Whether a score also sees the market's embedding and the mean of all names'; without it, scores are
            independent and cash has a fixed one, as in Jiang et al.
        last_layer_scale: Factor on the last layer's initial weights, so that the first portfolio is nearly uniform.
    """

    recurrent = False
    normalizer = None

    def __init__(
        self, model: Model, channels: int = 4, width: int = 32, context: bool = True, last_layer_scale: float = 0.1
    ) -> None:
        super().__init__()
        self.encoder = NameEncoder(model, "policy 'shared'", channels, width, context)
        self.head, _ = action_head(model)
        self.context = context
        self.joint = Joint((width, width, width), width, 1) if context else None
        self.cash_score = _score(width, last_layer_scale) if context else None
        self.cash_bias = None if context else nn.Parameter(torch.zeros(1))
        self.score = _score(width, last_layer_scale)

    def forward(self, observation: Any) -> Tensor:
        """Actions [B, N + 1]."""
        node, _ = self.encoder(observation)
        if self.joint is None or self.cash_score is None:
            assert self.cash_bias is not None
            scores = self.score(node).squeeze(-1)
            cash = self.cash_bias.expand(len(node), 1)
        else:
            market, mean = node[:, :1], node[:, 1:].mean(1, keepdim=True)
            own, common, average = self.joint.parts
            hidden = functional.elu(self.joint(own(node), common(market), average(mean)))
            scores, cash = self.score(hidden[:, 1:]).squeeze(-1), self.cash_score(hidden[:, 0])
        action: Tensor = self.head(torch.cat([cash, scores], 1), observation)
        return action


class EIIEPolicy(SharedPolicy):
    """The evaluators of Jiang et al. with their sizes: 2 channels, embeddings of 20, independent scores.

    Args:
        model: A portfolio problem in its native action space.
        channels: Of the convolution along time.
        width: Of the embeddings.
        last_layer_scale: As in `SharedPolicy`.
    """

    def __init__(self, model: Model, channels: int = 2, width: int = 20, last_layer_scale: float = 0.1) -> None:
        super().__init__(model, channels, width, False, last_layer_scale)


class AssetGNN(nn.Module):
    """Messages between all names, and between names and cash, on the graph of an observation's correlations.

    Nodes are cash and the names (`NameEncoder`). Every pair is joined by two edges: one for all alike, one between
    names weighted by the correlation of their moves in the window. A round adds to each node a function of itself and
    of the mean message on either kind of edge.

    Args:
        model: A portfolio problem in its native action space.
        channels: Of the convolution along time.
        width: Of the embeddings and hidden layers.
        depth: Hidden layers of each update.
        rounds: Of messages.
        last_layer_scale: Factor on the last layers' initial weights.
    """

    recurrent = False
    normalizer = None

    def __init__(
        self,
        model: Model,
        channels: int = 4,
        width: int = 32,
        depth: int = 1,
        rounds: int = 2,
        last_layer_scale: float = 0.1,
    ) -> None:
        super().__init__()
        if rounds < 1:
            raise ScenariumError(f"rounds is {rounds}; a graph network needs at least 1")
        self.encoder = NameEncoder(model, "policy 'gnn'", channels, width)
        self.head, _ = action_head(model)
        self.updates = nn.ModuleList(Joint((width, width, width), width, depth) for _ in range(rounds))
        self.score, self.cash_score = _score(width, last_layer_scale), _score(width, last_layer_scale)

    def forward(self, observation: Any) -> Tensor:
        """Actions [B, N + 1]."""
        node, parts = self.encoder(observation)
        edges = correlation_edges(self.encoder.read.moves(parts.image))
        others = 1.0 / (node.shape[1] - 1)
        for update in self.updates:
            own, alike, correlated = update.parts  # type: ignore[misc]
            everyone = (node.sum(1, keepdim=True) - node) * others
            neighbours = functional.pad(edges @ node[:, 1:], (0, 0, 1, 0))
            node = node + functional.elu(update(own(node), alike(everyone), correlated(neighbours)))
        scores = [self.cash_score(node[:, 0]), self.score(node[:, 1:]).squeeze(-1)]
        action: Tensor = self.head(torch.cat(scores, 1), observation)
        return action


def correlation_edges(moves: Tensor) -> Tensor:
    """Weights of the edges between names: correlations over their number, none to itself.

    Args:
        moves: [B, N, D].

    Returns:
        [B, N, N].
    """
    centred = moves - moves.mean(2, keepdim=True)
    unit = centred / centred.norm(dim=2, keepdim=True).clamp_min(1e-6)
    count = moves.shape[1]
    apart = 1.0 - torch.eye(count, dtype=moves.dtype, device=moves.device)
    edges: Tensor = (unit @ unit.mT) * (apart / max(1, count - 1))
    return edges
