"""The table of environment ids: what each is made of, for Gymnasium, the agents and the command line alike."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scenarium.envs.core.errors import UnexpectedArgument, unknown_name
from scenarium.envs.core.model import Model

Factory = TypeVar("Factory", bound=Callable[..., Model])


@dataclass(frozen=True)
class Entry:
    """One registered id.

    Attributes:
        id: Gymnasium id, with version.
        factory: ``"module:callable"`` that makes the model; imported only when used.
        title: One line for listings.
        kwargs: Keyword arguments of the factory that make this id what it is; a user's come on top.
        trial: Keyword arguments for checks that play some periods: a world of the same structure that is cheap to
            compute and in which chance shows at once; empty where the world itself is so.
        several: It has several agents, so it is a world for `parallel_env` and not for ``gym.make``.
    """

    id: str
    factory: str
    title: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    trial: Mapping[str, Any] = field(default_factory=dict)
    several: bool = False

    @property
    def family(self) -> str:
        """The problem family: the folder the factory lives in, or the first part of a module from elsewhere."""
        parts = self.factory.split(":")[0].split(".")
        return parts[2] if parts[:2] == ["scenarium", "envs"] else parts[0]


_ENTRIES: dict[str, Entry] = {}


def register(entry: Entry) -> None:
    """Adds an id to the table, and to Gymnasium's registry (string entry points only, nothing is imported).

    Gymnasium has no worlds of several agents; they are in the table alone.
    """
    import gymnasium

    _ENTRIES[entry.id] = entry
    if not entry.several:
        gymnasium.register(
            id=entry.id,
            entry_point="scenarium.envs.core.env:make",
            vector_entry_point="scenarium.envs.core.vector:make",
            kwargs={"env_id": entry.id},
        )


def entries(several: bool = False) -> dict[str, Entry]:
    """All registered ids in the order of registration: those of one agent, or those of several."""
    return {name: entry for name, entry in _ENTRIES.items() if entry.several == several}


def bare_id(env_id: str) -> str:
    """The id without the ``scenarium:`` prefix Gymnasium allows."""
    return env_id.removeprefix("scenarium:")


def load_target(target: str) -> Any:
    """What a ``"module:name"`` of a registry names, imported now."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def make_model(env_id: str, **kwargs: Any) -> Model:
    """Makes the model behind an id.

    Args:
        env_id: A registered id such as ``"InventoryNet-v0"``.
        **kwargs: Arguments of the family's factory; they override the id's own.

    Raises:
        ScenariumError: The id or an argument is unknown, or an argument is invalid.
    """
    entry = _ENTRIES.get(bare_id(env_id))
    if entry is None:
        raise unknown_name("environment id", env_id, _ENTRIES)
    factory = load_target(entry.factory)
    try:
        model: Model = factory(**{**entry.kwargs, **kwargs})
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise UnexpectedArgument(f"{entry.id}: {_unexpected(str(error), factory)}") from None
    return model.made_from(entry.id, kwargs)


def _unexpected(message: str, factory: Any) -> str:
    """What to say about an argument neither the factory nor the model it returns knows."""
    name = message.split("'")[1]
    near = difflib.get_close_matches(name, sorted(_arguments(factory) - {"options", "kwargs"}), n=1)
    return f"got an unexpected keyword argument {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _arguments(factory: Any) -> set[str]:
    """What a factory takes: its own arguments, those of the model it returns, and those it declares (`takes`)."""
    returned = inspect.signature(factory, eval_str=True).return_annotation
    sources = [factory, *getattr(factory, "takes", ()), *([returned] if isinstance(returned, type) else [])]
    return {name for source in sources for name in inspect.signature(source).parameters}


def takes(*classes: type) -> Callable[[Factory], Factory]:
    """Declares whose arguments a factory takes by name among its options, so that a mistyped one is recognised."""

    def declare(factory: Factory) -> Factory:
        factory.takes = classes  # type: ignore[attr-defined]
        return factory

    return declare


def as_model(env: str | Model, **kwargs: Any) -> Model:
    """A model from an id, or the model itself."""
    return env if isinstance(env, Model) else make_model(env, **kwargs)
