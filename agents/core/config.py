"""Configs are dataclasses: this module builds one from names and values and checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from scenarium.envs.core.errors import ScenariumError, unknown_name


@dataclass(frozen=True)
class Config:
    """Base of all agents' configs: frozen, checked when made, and plain data."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Makes a config from a mapping of field names.

        Raises:
            ScenariumError: A name is no field (the nearest is suggested), or a value is out of its range.
        """
        names = [f.name for f in fields(cls)]
        for name in values:
            if name not in names:
                raise unknown_name("config field", name, names)
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The fields as plain data for JSON.

        Raises:
            ScenariumError: A field holds a function, which cannot be written to a file.
        """
        values = asdict(self)
        for name, value in values.items():
            if callable(value):
                raise ScenariumError(f"config field {name!r} holds a function; to save it, write it as text")
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def _check(self, name: str, holds: Callable[[Any], bool], meaning: str) -> None:
        """Raises unless the field is None or `holds`."""
        value = getattr(self, name)
        try:
            right = value is None or holds(value)
        except TypeError:
            right = False
        if not right:
            raise ScenariumError(f"{name} must be {meaning}, got {value!r}")
