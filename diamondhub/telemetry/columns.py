"""Columns for words that come from errors, suppliers and people: no secret and nothing that PostgreSQL refuses gets in.

However a row is written, by `save`, `bulk_create` or `update`, the words pass here; what is too long for the column is cut.
To migrations they are the plain fields that they are in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from diamondhub.telemetry import scrub

if TYPE_CHECKING:
    _Words = models.CharField[Any, str]
    _Text = models.TextField[Any, str]
else:
    _Words, _Text = models.CharField, models.TextField

#: Longest text that is kept of what anybody said (characters).
MAX_TEXT = 4_000


class ScrubbedCharField(_Words):
    """Words of `max_length` characters at most."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return scrub.reason(prepared, self.max_length or MAX_TEXT) if isinstance(prepared, str) else prepared

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class ScrubbedTextField(_Text):
    """A text of `MAX_TEXT` characters at most."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return scrub.reason(prepared, MAX_TEXT) if isinstance(prepared, str) else prepared

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs
