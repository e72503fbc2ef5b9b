"""Events in words: which object, what happened, and each field before and after. The admin and the export speak by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Model

from diamondhub.admin.display import NOTHING, dollars
from diamondhub.audit.models import AuditEvent
from diamondhub.audit.tracking import AUDITED

#: Longest value that is shown (characters); the event has it whole.
MAX_VALUE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an event, in words."""

    field: str
    before: str
    after: str
    #: Of a row that was changed, not of one that came or went.
    is_change: bool = True

    @property
    def value(self) -> str:
        """Before and after, or the one of them that there is."""
        if NOTHING in (self.before, self.after) and not self.is_change:
            return self.after if self.before == NOTHING else self.before
        return f"{self.before} → {self.after}"

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"


def kind_name(kind: str) -> str:
    """A kind for people: `pricing.ruleset` is "rule set"."""
    known = AUDITED.get(kind)
    return str(known.model._meta.verbose_name) if known else kind


def object_name(event: AuditEvent) -> str:
    """The object as it called itself at the time of the event, with its kind and number."""
    known = AUDITED.get(event.kind)
    name = ""
    if known:
        try:
            name = str(known.model(**_values(known.model, event.after)))
        except (AttributeError, KeyError, TypeError, ValueError, ValidationError):
            # A model that has changed so much since that it cannot be told any more.
            name = ""
    kind = kind_name(event.kind)
    if name.casefold().startswith(kind.casefold()):
        return _cut(name, 120)
    return f"{kind} {event.object_id} ({_cut(name, 120)})" if name else f"{kind} {event.object_id}"


def _values(model: type[Model], columns: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field.column: field for field in model._meta.concrete_fields}
    return {
        fields[column].attname: _stored(fields[column], value) for column, value in columns.items() if column in fields
    }


def _stored(field: Any, value: Any) -> Any:
    """A value of an event as the model's field has it."""
    if value is None or isinstance(field, models.ForeignKey | models.JSONField) or isinstance(value, list):
        return value
    return field.to_python(str(value) if isinstance(value, float) else value)


def changes(event: AuditEvent) -> list[FieldChange]:
    """The fields of an event: of a change those that changed, of a creation or deletion those that hold something."""
    known = AUDITED.get(event.kind)
    order = [field.column for field in known.model._meta.concrete_fields] if known else []
    model = known.model if known else None
    if event.what == AuditEvent.What.CHANGED and not event.before:
        return [FieldChange("a secret", "not kept", "not kept")]
    if event.what == AuditEvent.What.CHANGED:
        before: Mapping[str, Any] = event.before or {}
        after: Mapping[str, Any] = {column: event.after.get(column) for column in before}
    else:
        full = {
            column: value
            for column, value in event.after.items()
            if column != "id" and _says_something(model, column, value)
        }
        before, after = ({}, full) if event.what == AuditEvent.What.CREATED else (full, {})
    columns = sorted(
        {*before, *after}, key=lambda column: (order.index(column) if column in order else len(order), column)
    )
    is_change = event.what == AuditEvent.What.CHANGED
    return [
        FieldChange(
            label(model, column),
            in_words(model, column, before.get(column)),
            in_words(model, column, after.get(column)),
            is_change,
        )
        for column in columns
    ]


def _says_something(model: type[Model] | None, column: str, value: Any) -> bool:
    if value in (None, "", [], {}):
        return False
    field = _field(model, column)
    return field is None or not field.has_default() or _stored(field, value) != field.get_default()


def _field(model: type[Model] | None, column: str) -> Any:
    """The field of a column; None if the model has it no more."""
    if model is None:
        return None
    try:
        return model._meta.get_field(column)
    except FieldDoesNotExist:
        return next((field for field in model._meta.concrete_fields if field.column == column), None)


def label(model: type[Model] | None, column: str) -> str:
    """A column for people; the unit of money goes, for values are in dollars."""
    field = _field(model, column)
    return str(field.verbose_name).removesuffix(", cents") if field is not None else column.replace("_", " ")


def in_words(model: type[Model] | None, column: str, value: Any) -> str:
    """A value for people: money in dollars, choices by their names, moments in UTC."""
    field = _field(model, column)
    if value in (None, "", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _cut(", ".join(map(str, value)))
    if isinstance(value, dict):
        return _cut(msgspec.json.encode(value).decode())
    if field is not None and field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if column.endswith("_cents") or "_cents_" in column:
        return f"-{dollars(-value)}" if value < 0 else dollars(value)
    if isinstance(field, models.DateTimeField):
        return _moment(str(value))
    if isinstance(value, int | float):
        return f"{Decimal(str(value)).normalize():f}"
    return _cut(str(value))


def _moment(written: str) -> str:
    try:
        at = datetime.fromisoformat(written)
        return f"{(at.astimezone(UTC) if at.tzinfo else at):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        # PostgreSQL has more of them than Python: infinity, and years before 1 and after 9999.
        return _cut(written)


def _cut(text: str, longest: int = MAX_VALUE_LENGTH) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
