"""What was retrieved, to look at: the query, the trajectories that were attended to, and how much."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.observations import as_batch
from scenarium.agents.retrieval.ra_dqn import RADQN
from scenarium.envs.core.errors import ScenariumError


class Retrieved(NamedTuple):
    """What one decision looked at.

    Attributes:
        query: The prepared observation [features].
        values: Values of the choices [branches, choices].
        trajectory: Which trajectories were attended to, most first, int64 [n].
        weight: Attention on each of their steps, summed over slots by the agent's attention on these [n, T].
        slots: The agent's attention on the slots [K].
        by_slot: Attention of each slot on the trajectories [K, n].
        seen: Prepared observations of the trajectories [n, T, features].
        choice: int64 [n, T, branches].
        reward: Scaled rewards [n, T].
        valid: bool [n, T].
    """

    query: Tensor
    values: Tensor
    trajectory: Tensor
    weight: Tensor
    slots: Tensor
    by_slot: Tensor
    seen: Tensor
    choice: Tensor
    reward: Tensor
    valid: Tensor


@torch.no_grad()
def look(agent: RADQN, observation: Any) -> Retrieved:
    """What an agent retrieves for a single observation.

    Raises:
        ScenariumError: Several observations, one that does not fit, or an agent that has nothing to retrieve from.
    """
    batch, single = as_batch(agent.model.observation_space, observation, agent.device)
    if not single:
        raise ScenariumError("look at one observation at a time")
    features = agent._sight(batch)
    found, windows = agent.retrieve(features), agent.acting_windows()
    if found is None or windows is None:
        raise ScenariumError("this agent has nothing to retrieve from yet; let it learn, or give it a dataset")
    values, read = found
    place, weight, share = read.place[0, 0], read.weight[0, 0], read.share[0, 0]
    length, count = windows.reward.shape
    each = torch.zeros((len(share), count * length), device=agent.device).scatter_add_(1, place, weight)
    each = each.reshape(len(share), count, length)
    mixed = (share[:, None, None] * each).sum(0)
    order = mixed.sum(-1).argsort(descending=True)
    order = order[mixed[order].sum(-1) > 0]
    parts = [part.transpose(0, 1)[order] for part in (windows.seen, windows.choice, windows.reward, windows.valid)]
    by_slot = each.sum(-1)[:, order]
    return Retrieved(features[0], values[0], order, mixed[order], share, by_slot, *parts)


def picture(retrieved: Retrieved, path: str, names: list[str] | None = None, most: int = 4) -> None:
    """Draws what one decision looked at.

    Args:
        retrieved: As `look` gives it.
        path: PNG file to write.
        names: Of the features.
        most: Trajectories shown.
    """
    from pathlib import Path

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = min(most, len(retrieved.trajectory))
    figure, axes = plt.subplots(shown, 2, figsize=(9, 1.3 + 1.7 * shown), layout="constrained", squeeze=False,
                                width_ratios=(3, 1))  # fmt: skip
    for row in range(shown):
        _trajectory(axes[row, 0], retrieved, row, names, last=row == shown - 1)
    _slots(axes[0, 1], retrieved)
    if shown > 1:
        _values(axes[1, 1], retrieved)
    for axis in axes[2:, 1]:
        axis.set_axis_off()
    features = names or [f"x{i}" for i in range(len(retrieved.query))]
    told = ", ".join(f"{name} {value:.3g}" for name, value in zip(features, retrieved.query.tolist(), strict=False))
    figure.suptitle(f"query: {told[:110]}", fontsize=9, x=0.01, ha="left")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _trajectory(axis: Any, retrieved: Retrieved, row: int, names: list[str] | None, last: bool) -> None:
    """One trajectory: its first features over time, and the attention on its steps as bars."""
    length = int(retrieved.valid[row].sum())
    t, weight = np.arange(length), retrieved.weight[row, :length].cpu().numpy()
    for i in range(min(4, retrieved.seen.shape[-1])):
        label = names[i] if names and i < len(names) else f"x{i}"
        axis.plot(t, retrieved.seen[row, :length, i].cpu().numpy(), color=f"C{i}", linewidth=1.1, label=label)
    bars = axis.twinx()
    bars.bar(t, weight, color="0.3", alpha=0.35, width=0.9)
    bars.set(ylim=(0, max(1e-3, float(retrieved.weight.max())) * 1.05), ylabel="attention")
    axis.set_zorder(bars.get_zorder() + 1)
    axis.patch.set_visible(False)
    share = float(retrieved.weight[row].sum())
    axis.set_title(f"trajectory {int(retrieved.trajectory[row])}: {share:.0%} of the attention", fontsize=9, loc="left")
    axis.set_xlabel("step of the trajectory" if last else "")
    if row == 0:
        axis.legend(frameon=False, fontsize=7, loc="upper right", ncols=4)


def _slots(axis: Any, retrieved: Retrieved) -> None:
    """Which slot looks at which trajectory."""
    axis.imshow(retrieved.by_slot.cpu().numpy(), cmap="Greys", vmin=0.0, vmax=1.0, aspect="auto")
    axis.set_title("slots by trajectories", fontsize=9, loc="left")
    axis.set_yticks(range(len(retrieved.slots)), [f"{share:.0%}" for share in retrieved.slots.tolist()], fontsize=7)
    axis.set_xticks(range(len(retrieved.trajectory)), [str(int(n)) for n in retrieved.trajectory], fontsize=7)


def _values(axis: Any, retrieved: Retrieved) -> None:
    """Values of the first branch's choices."""
    values = retrieved.values[0].cpu().numpy()
    colours = ["C1" if i == int(values.argmax()) else "0.7" for i in range(len(values))]
    axis.bar(range(len(values)), values - values.min(), color=colours)
    axis.set_title("values over the worst choice", fontsize=9, loc="left")
    axis.set_xlabel("choice", fontsize=8)
