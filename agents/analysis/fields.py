"""Fields of a JSON object, checked as they are read; a fault names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.agent import AgentError

_LONGEST_QUOTE = 60


class QueryError(AgentError):
    """A query that cannot be obeyed; ``field`` is what is wrong with it, None: the whole line."""

    def __init__(self, message: str, field: str | None) -> None:
        super().__init__(message)
        self.field = field


def quoted(value: object) -> str:
    """A piece of what was received, short and on one line."""
    text = ascii(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


class Fields:
    """The fields of one object, each read at most once; ``unused`` are those that nobody read.

    Every reader raises ``QueryError`` where the value is not of its kind.
    """

    def __init__(self, fields: Mapping[str, Any], *, inside: str = "") -> None:
        self._fields = fields
        self._inside = inside
        self._read: set[str] = set()

    @property
    def unused(self) -> list[str]:
        """Names that were not asked for, in their order."""
        return [name for name in self._fields if name not in self._read]

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def get(self, name: str) -> Any:
        """The value as it is; None where the field is missing."""
        self._read.add(name)
        return self._fields.get(name)

    def fault(self, name: str, message: str) -> QueryError:
        """The error about a field."""
        return QueryError(message, self._inside + name)

    def text(self, name: str, default: str | None = None) -> str | None:
        """A string."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.fault(name, f"must be a string, not {quoted(value)}")
        return value

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number between two bounds."""
        value = self.get(name)
        if value is None:
            return default
        return self.as_whole(name, value, least=least, most=most)

    def as_whole(self, name: str, value: object, *, least: int, most: int) -> int:
        """The same of a value that is there already."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            bounds = f"a whole number from {least} to {most}"
            raise self.fault(name, f"must be {bounds}, not {quoted(value)}")
        return value

    def seconds(self, name: str) -> float | None:
        """A time of more than 0 seconds; None where the field is missing."""
        value = self.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value < 1e9:
            raise self.fault(name, f"must be a number of seconds above 0, not {quoted(value)}")
        return float(value)

    def truth(self, name: str) -> bool:
        """True or false; false where the field is missing."""
        value = self.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.fault(name, f"must be true or false, not {quoted(value)}")
        return value

    def items(self, name: str) -> list[Any]:
        """A list; empty where the field is missing."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fault(name, f"must be a list, not {quoted(value)}")
        return value

    def inner(self, name: str) -> Fields:
        """An object; without fields where it is missing."""
        value = self.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.fault(name, f"must be an object, not {quoted(value)}")
        return Fields(value, inside=f"{self._inside}{name}.")
