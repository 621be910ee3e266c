"""What every record on the leaderboard shares: strict fields, one-line errors, canonical JSON.

Records come from strangers, so parsing runs nothing and guesses nothing: unknown fields, duplicate keys, NaN,
text where a number belongs, control characters and oversized files are all refused by name.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from scenarium.envs.core.errors import ScenariumError

SCHEMA_VERSION = 1
"""Version of the file formats; rises when a reader of the old version could misread the new one."""

MAX_BYTES = 64 * 1024 * 1024
"""Largest JSON file that is parsed: 64 MiB, some hundred runs of 50,000 worlds."""

_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _printable(text: str) -> str:
    """Refuse characters that could make a page or a terminal show something else than the text."""
    for character in text:
        hidden = unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
        if hidden or character in _BIDI_CONTROLS:
            raise ValueError(f"contains the control character U+{ord(character):04X}")
    return text


Label = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
"""One line of human text."""
Prose = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_printable)]
"""Human text that may be empty."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
"""Name usable as a file name everywhere: lower-case letters, digits and inner hyphens, at most 64."""
RegistryName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""Name of an agent as on the command line (snake_case)."""
EnvId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./:-]{1,150}$")]
"""Gymnasium environment id."""
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
"""Name of a file beside the manifest; never a path."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 as 64 lower-case hexadecimal digits."""
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]{1,500}$")]
"""An http or https address; other schemes could run code when clicked."""
Salt = Annotated[str, StringConstraints(pattern=r"^[^|]{1,100}$"), AfterValidator(_printable)]
"""Text that fixes the held-out seeds of a round."""
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


def salt_hash(salt: str) -> str:
    """Return the SHA-256 of a salt: what is published of it while its round is open."""
    return hashlib.sha256(salt.encode("utf-8")).hexdigest()


def refuse_repeats(field: str, values: Sequence[object], records: str = "runs") -> None:
    """Refuse a list of records in which a field that must be unique has one value twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{records} must differ in {field}, {value!r} occurs twice")


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, data: str | bytes | Mapping[str, Any], source: str = "") -> Self:
        """Build the record from JSON text, or from the mapping that JSON text would give.

        Args:
            data: JSON text (UTF-8 if bytes) or a mapping of JSON values.
            source: Where the data came from, put in front of an error message.

        Raises:
            ScenariumError: The data is not JSON or does not fit; the message names the field.
        """
        where = source or cls.__name__.lower()
        try:
            # A mapping goes through text too, so that both ways in obey the same strict rules.
            text = json.dumps(data, allow_nan=False) if isinstance(data, Mapping) else data
            _check_version(_load(text), where)
            return cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise ScenariumError(f"{where}: {_one_line(error)}") from error
        except ScenariumError:
            raise
        except (ValueError, TypeError, RecursionError) as error:
            raise ScenariumError(f"{where}: not valid JSON ({error})") from error

    def to_json(self, indent: int | None = 1) -> str:
        """Return the record as JSON text that ends with a newline; equal records give equal text."""
        data = self.model_dump(mode="json")
        return json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


class VersionedRecord(Record):
    """A record that is a file of its own and therefore says which format it is in."""

    schema_version: Literal[1] = 1
    """Version of the file format."""


def _load(text: str | bytes) -> Any:
    if len(text) > MAX_BYTES:
        raise ValueError(f"{len(text)} bytes, at most {MAX_BYTES} are read")
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} occurs twice")
    return mapping


def _check_version(data: Any, where: str) -> None:
    """Name a version mismatch before the fields it would make look wrong."""
    version = data.get("schema_version", SCHEMA_VERSION) if isinstance(data, dict) else SCHEMA_VERSION
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ScenariumError(f"{where}: schema_version {version!r}, this Scenarium reads {SCHEMA_VERSION}")


def _one_line(error: ValidationError) -> str:
    """Say the first three complaints as ``field: complaint``."""
    problems = error.errors(include_url=False, include_context=False)
    said = [_complaint(problem["loc"], problem["msg"]) for problem in problems[:3]]
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return "; ".join(said) + more


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    field = ".".join(str(part) for part in location)
    text = message.removeprefix("Value error, ").replace("\n", " ")
    if text == "Extra inputs are not permitted":
        text = "unknown field"
    return f"{field}: {text}" if field else text
