"""Fields of what a search can ask for: they read every known spelling, and words that ask for stones that lack a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework import serializers

from catalog import grades
from diamondhub.api import fields

#: The words for stones that lack a value, folded; a scale that has a grade NONE of its own keeps that word for it.
LACKING = ("NONE", "UNKNOWN")


def _asks_for_none(written: Any, own: Sequence[str] = ()) -> bool:
    if not isinstance(written, str) or len(written) > fields.MAX_COMPARED:
        return False
    folded = grades.fold(written)
    return folded in LACKING and folded not in own


def _lacking_words(own: Sequence[str]) -> list[str]:
    return [word for word in LACKING if word not in own]


class Several(fields.ListOf):
    """Several values in no order: with commas between in a query, where the parameter may be repeated; an array in JSON.

    The same value twice is the same as once. None among them stands for stones that lack a value.
    """

    def to_internal_value(self, data: Any) -> Any:
        return self.tidy(super().to_internal_value(data))

    def tidy(self, values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(sorted(set(values), key=lambda value: (value is None, "" if value is None else value)))


class GradeOrNone(fields.Grade):
    """A grade of a scale in any spelling, or None for stones that are not graded.

    `beyond` are grades that the scale does not have, by what to say of them.
    """

    def __init__(
        self,
        kind: type[IntEnum],
        scale: Sequence[IntEnum],
        beyond: Mapping[IntEnum, str],
        *,
        lacking: bool,
        **options: Any,
    ) -> None:
        super().__init__(scale, read=partial(grades.parse, kind), **options)
        self._kind, self._beyond, self._lacking = kind, beyond, lacking

    def to_internal_value(self, data: Any) -> Any:
        if self._lacking and _asks_for_none(data, tuple(self.values)):
            return None
        if self._beyond and isinstance(data, str) and len(data) <= fields.MAX_COMPARED:
            try:
                grade = grades.parse(self._kind, data)
            except ValueError:
                grade = None
            if grade is not None and grade in self._beyond:
                raise serializers.ValidationError(self._beyond[grade])
        return super().to_internal_value(data)

    def to_representation(self, value: Any) -> str:
        return _lacking_words(tuple(self.values))[0] if value is None else super().to_representation(value)

    def schema(self) -> dict[str, Any]:
        words = _lacking_words(tuple(self.values)) if self._lacking else []
        return {"type": "string", "enum": [*self.values, *words]}


class Spelled(fields.Text):
    """A name in any spelling of which `normal` makes the one that is kept, or None for stones that have none.

    `written` is a regular expression that is found in every spelling.
    """

    default_error_messages = {"unreadable": "must be a name such as {example}{hint}"}

    def __init__(
        self,
        normal: Callable[[str], str | None],
        example: str,
        *,
        known: Sequence[str] = (),
        closed: bool = False,
        lacking: bool,
        max_length: int,
        written: str = "",
        **options: Any,
    ) -> None:
        super().__init__(max_length=max_length, min_length=1, **options)
        self._normal, self._example, self._known, self._closed = normal, example, known, closed
        self._lacking, self._written = lacking, written

    def to_internal_value(self, data: Any) -> Any:
        if self._lacking and _asks_for_none(data):
            return None
        written = super().to_internal_value(data)
        name = self._normal(written)
        if name is None or (self._closed and name not in self._known):
            hint = fields.nearest(written, self._known)
            self.fail("unreadable", example=self._example, hint=hint)
        return name

    def to_representation(self, value: Any) -> str:
        return LACKING[0] if value is None else str(value)

    def schema(self) -> dict[str, Any]:
        if self._closed:
            return {"type": "string", "enum": [*self._known, *(_lacking_words(()) if self._lacking else [])]}
        written = {"allOf": [{"pattern": self._written}]} if self._written else {}
        return {**super().schema(), **written, "examples": [self._example]}


class State(fields.OneOf):
    """One of a few states, whatever its case."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and data not in self.values and len(data) <= fields.MAX_COMPARED:
            data = {grades.fold(name): name for name in self.values}.get(grades.fold(data), data)
        return super().to_internal_value(data)


class YesOrNone(fields.Field):
    """Yes, no, or None for stones of which neither is known."""

    default_error_messages = {"invalid": "must be true, false or UNKNOWN"}

    def to_internal_value(self, data: Any) -> bool | None:
        if isinstance(data, bool):
            return data
        if not _asks_for_none(data):
            self.fail("invalid")
        return None

    def from_text(self, text: str) -> bool | None:
        return self.to_internal_value({"true": True, "false": False}.get(text, text))

    def to_representation(self, value: bool | None) -> bool | str:
        return "UNKNOWN" if value is None else value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": ["true", "false", *LACKING]}

    def body_schema(self) -> dict[str, Any]:
        return {"enum": [True, False, *LACKING]}


class Flags(Several):
    """Whether stones are something: yes, no, not known, or several of these; JSON may say one without a list."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data if isinstance(data, list) else [data])

    def body_schema(self) -> dict[str, Any]:
        return {"oneOf": [super().body_schema(), self.child.body_schema()]}  # type: ignore[attr-defined]


class Identifier(fields.Field):
    """The id of a stone."""

    default_error_messages = {"invalid": "must be an id such as 5c1f7a52-2c51-5f0e-9a44-8d1a5a2f6f10"}
    _PATTERN = r"[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not fields.matches(self._PATTERN, data):
            self.fail("invalid")
        return UUID(data)

    def to_representation(self, value: UUID) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid", "pattern": f"^{self._PATTERN}$"}
