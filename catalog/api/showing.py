"""What a client chooses to be shown of stones, by `fields` or by `form`: the same in every query and body that takes it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from rest_framework import serializers

from catalog.api import presenting
from catalog.api.stones import DiamondAnswer
from catalog.currencies.fields import Currency
from diamondhub.api import fields
from diamondhub.api.serializers import Body, Query, Strict

#: What is shown of stones; no class body can hold the name beside the module's.
_SHOWN = fields.ListOf(
    fields.OneOf(presenting.NAMES),
    required=False,
    max_length=len(presenting.NAMES),
    help_text="What is shown of each stone, beside its `id`; instead of `form`.",
)


class Shown(Strict):
    """What is shown of stones, and in which currency."""

    currency = Currency()

    form = fields.OneOf(
        list(presenting.FORMS),
        required=False,
        help_text=f"`slim` shows what a list in a shop needs: {', '.join(presenting.SLIM)}. Without it all is shown.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"fields": deepcopy(_SHOWN), **super().get_fields()}

    def combine(self, values: dict[str, Any], mistakes: Any) -> Any:
        if "fields" in values and "form" in values:
            mistakes.add("form", "must not be given together with fields")
        return super().combine(values, mistakes)


class ShownQuery(Shown, Query):
    """What is shown of stones, as parameters."""


class ShownBody(Shown, Body):
    """What is shown of stones, as fields of a JSON object."""


class ShownDiamondAnswer(DiamondAnswer):
    """A diamond: all that the client sees, or what `form` or `fields` leave of it."""

    class Meta(DiamondAnswer.Meta):
        described: Mapping[str, Any] = {"required": ["id"]}
