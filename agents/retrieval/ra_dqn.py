"""Retrieval-augmented DQN: what was recorded is looked up when deciding, not only distilled into weights.

Goyal, Friesen, Banino, Weber et al., "Retrieval-Augmented Reinforcement Learning" (ICML 2022, arXiv 2202.08417). For
every gradient step some trajectories are drawn and summarised by the weights at hand; slots ask them; what they find
passes an information bottleneck and is added to the state before the head. A state never looks at its own trajectory.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from scenarium.agents.networks.values import QNetwork
from scenarium.agents.retrieval.config import RADQNConfig
from scenarium.agents.retrieval.dqn import DQN
from scenarium.agents.retrieval.lookup import Lookup
from scenarium.agents.retrieval.network import RetrievalQNetwork
from scenarium.agents.retrieval.process import Read
from scenarium.agents.retrieval.store import Store, Transitions, Windows
from scenarium.agents.retrieval.summariser import Summaries
from scenarium.envs.core.errors import ScenariumError


class RADQN(Lookup, DQN):
    """DQN that retrieves; see `Agent` for the arguments and `RADQNConfig` for the fields.

    `policy` is "mlp": its hidden layers are the encoder. It learns from a `dataset` of one task or several, or
    retrieves from what it played itself. For acting, trajectories are drawn and summarised once and kept until the
    weights move.
    """

    name: ClassVar[str] = "ra_dqn"
    config_class = RADQNConfig
    config: RADQNConfig
    network: RetrievalQNetwork

    def _build(self, policy: str | nn.Module) -> None:
        super()._build(policy)
        self._task: int | None = None
        self._known_tasks: list[int] | None = None

    def _network(self, policy: str | nn.Module) -> nn.Module:
        if isinstance(policy, nn.Module):
            raise ScenariumError(f"{self.name} needs its own network, which retrieves; use policy='mlp'")
        return self._named_network(QNetwork, policy)

    def _make_network(self, kind: type[QNetwork], space: Any, shape: tuple[int, int], scale: Any) -> nn.Module:
        return RetrievalQNetwork(space, shape, scale, self.config, **self.policy_kwargs)

    def focus(self, task: int | None) -> None:
        """Confines what acting retrieves from to one task of the dataset, as in training; None for all of them.

        Raises:
            ScenariumError: There is no such task, or nothing to retrieve from yet.
        """
        store = self._memory()
        if task is not None and task not in store.tasks():
            raise ScenariumError(f"there is no task {task}; the dataset has {store.tasks()}")
        self._task = task
        self._forget()

    # Pure functions of tensors ------------------------------------------------------------------------------------

    def _loss(self, batch: Transitions, windows: Windows, noise: Tensor) -> Tensor:  # type: ignore[override]
        """DQN's loss with retrieval, what the bottleneck let through, and predictions from the summaries.

        Args:
            batch: States to learn from, in groups of one task each.
            windows: Trajectories to retrieve from, in as many groups.
            noise: Standard normal [3, 1 + rounds, B, K, slot width]: for the loss, the choice and the target.
        """
        c = self.config
        summaries, past, future = self._summarised(windows, self.network, c.task_groups)
        with torch.no_grad():
            targets = self._retrieved_targets(batch, windows, summaries, noise[1:])
        values, read = self.network.read(batch.seen, summaries, batch.episode, noise[0])
        loss = self._value_loss(values, batch, targets)
        return loss + self._retrieval_losses(read.cost, past, future, windows)

    def _retrieved_targets(self, batch: Transitions, windows: Windows, summaries: Summaries, noise: Tensor) -> Tensor:
        c = self.config
        online = None
        if c.double:
            self.network.eval()
            online, _ = self.network.read(batch.after, summaries, batch.episode, noise[0])
            self.network.train()
        if c.target_summaries == "own":
            summaries, _, _ = self._summarised(windows, self._target, c.task_groups)
        target, _ = self._target.read(batch.after, summaries, batch.episode, noise[1])
        return self._targets(batch, target, online)

    # Drawing and acting -------------------------------------------------------------------------------------------

    def _draw(self, store: Store) -> tuple[Any, ...]:
        c, generator = self.config, self._generator
        tasks: list[int | None] = [None] * c.task_groups
        if c.same_task and c.dataset is not None:
            known = self._tasks(store)
            picked = torch.randint(len(known), (c.task_groups,), generator=generator, device=self.device)
            tasks = [known[i] for i in picked.tolist()]
        rows = [store.rows(task, c.batch_size // c.task_groups, generator) for task in tasks]
        pieces = [store.rows(task, c.trajectories // c.task_groups, generator) for task in tasks]
        shape = (3, 1 + c.rounds, c.batch_size, c.slots, c.slot_width)
        noise = torch.randn(shape, generator=generator, device=self.device)
        return store.transitions(torch.cat(rows)), store.windows(torch.cat(pieces), c.span), noise

    def _tasks(self, store: Store) -> list[int]:
        if self._known_tasks is None:
            self._known_tasks = store.tasks()
        return self._known_tasks

    def _improve(self, store: Store) -> Tensor:
        measured = super()._improve(store)
        self._forget()
        return measured

    def _drawn_windows(self, count: int, generator: torch.Generator) -> Windows | None:
        store = self._memory() if self._store is not None or self.config.dataset is not None else None
        if store is None or not store.filled:
            return None
        return store.windows(store.rows(self._task, count, generator), self.config.span)

    def _evaluate(self, seen: Any) -> Tensor:
        values = self.retrieve(seen)
        if values is None:  # nothing to retrieve from
            plain: Tensor = self.network(seen)
            return plain
        return values[0]

    @torch.no_grad()
    def retrieve(self, seen: Tensor) -> tuple[Tensor, Read] | None:
        """Values of prepared observations [B, features] and what is retrieved for them; None without anything."""
        summaries = self.acting_summaries()
        if summaries is None:
            return None
        episode = None
        if self._playing and self._store is not None:  # lanes do not look at the episodes that they are in
            episode = self._store.playing[:, None].expand(-1, 2)
        return self.network.read(seen, summaries, episode, self._acting_noise(len(seen)))

    def _play(self, store: Store) -> Any:
        with self._at_play():
            return super()._play(store)
