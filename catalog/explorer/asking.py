"""What a person asks of the explorer: every filter of the API by the same name, an order, columns, and exact look-ups.

Whatever is wrong is told and left out, so that there always is a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.fields import empty

from catalog.api.asking import FilterQuery
from catalog.certificates import numbered
from catalog.currencies.converting import DOLLARS
from catalog.explorer.among import Among, NotTold, parameters
from catalog.explorer.columns import CHOICES, USUAL
from catalog.feeds import feed_slugs
from catalog.models import Diamond
from catalog.searching import amounts
from catalog.searching.conditions import AnyOf, Asked
from catalog.searching.filters import FILTERS, conditions
from catalog.searching.sorts import SORTS
from catalog.stock_numbers import ids_of_each
from diamondhub.api import fields
from diamondhub.api.mistakes import FieldError, Wrong

#: Stones of one certificate number that a look-up shows at most.
SAME_CERTIFICATE = 100
#: Of what is written once for a page, and not of the search itself.
PAGING = ("cursor",)
_FILTERS = frozenset(known.name for known in FILTERS)


class ExplorerQuery(FilterQuery):
    """Every filter, and how the stones are shown. Where no state is asked for, stones of every state are meant."""

    sort = fields.OneOf(list(SORTS), default="price")
    columns = fields.ListOf(fields.OneOf(list(CHOICES)), required=False)
    cursor = fields.Cursor()
    q = fields.Text(max_length=200, required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        read = super().get_fields()
        read["availability"].default, read["availability"].required = empty, False
        return read


@dataclass(frozen=True)
class Wanted:
    """What is asked; `texts` are the parameters as they were written, without those that are wrong."""

    filters: Mapping[str, Any]
    texts: Mapping[str, Sequence[str]]
    sort: str
    columns: Sequence[str]
    cursor: str | None
    text: str
    among: Mapping[str, Among]
    mistakes: Sequence[FieldError]

    @cached_property
    def besides(self) -> Asked:
        """The conditions that are no filters of the API, by attributes of their own, so that every facet keeps to them."""
        told = {f"among.{name}": among.condition for name, among in self.among.items()}
        return {**told, **({"q": named(self.text)} if self.text else {})}

    @cached_property
    def asked(self) -> Asked:
        """All conditions."""
        return {**conditions(self.filters), **self.besides}

    def query(self, *, without: Sequence[str] = PAGING, **changed: str | None) -> str:
        """The address's query for the same with some parameters changed, or left out."""
        kept = {name: texts for name, texts in self.texts.items() if name not in (*without, *changed)}
        more = {name: [text] for name, text in changed.items() if text is not None}
        return urlencode({**kept, **more}, doseq=True)


def read(request: HttpRequest) -> Wanted:
    """What a request asks for."""
    written = {name: [text for text in map(str.strip, texts) if text] for name, texts in request.GET.lists()}
    texts = {name: filled for name, filled in written.items() if filled}
    mistakes: list[FieldError] = []
    among: dict[str, Among] = {}
    told = {name: texts.pop(name) for name in parameters() if name in texts}
    for name, (text, *_more) in told.items():
        try:
            among[name] = parameters()[name](request, text)
        except NotTold as error:
            mistakes.append(FieldError(name, str(error)))
    values: dict[str, Any] = {}
    # Each turn leaves out what is wrong; what it was wrong together with may stay.
    while True:
        try:
            values = ExplorerQuery.shared().run_validation(texts)
            _refuse_no_dollars(values)
        except Wrong as error:
            wrong = {mistake.parts()[0] for mistake in error.errors} & texts.keys()
            mistakes += error.errors
            texts = {name: kept for name, kept in texts.items() if name not in wrong} if wrong else {}
            continue
        break
    columns = tuple(name for name in CHOICES if name in values["columns"]) if "columns" in values else USUAL
    # What is so anyway makes addresses long, and equal searches different.
    usual = {
        name for name, is_usual in (("sort", values["sort"] == "price"), ("columns", columns == USUAL)) if is_usual
    }
    return Wanted(
        filters={name: value for name, value in values.items() if name in _FILTERS},
        texts={
            name: kept for name, kept in (texts | {name: told[name][:1] for name in among}).items() if name not in usual
        },
        sort=values["sort"],
        columns=columns,
        cursor=values.get("cursor"),
        text=values.get("q", ""),
        among=among,
        mistakes=mistakes,
    )


def _refuse_no_dollars(values: Mapping[str, Any]) -> None:
    wrong = [FieldError(name, message) for name, message in amounts.mistakes(values, DOLLARS)]
    if wrong:
        raise Wrong(wrong)


def named(text: str) -> AnyOf:
    """The stones with this id, this certificate number (by its index), or this supplier's stone id."""
    ids = list(ids_of_each((feed, text) for feed in feed_slugs()).values())
    try:
        ids.append(UUID(text))
    except ValueError:
        pass
    certified = Diamond.objects.filter(numbered([text])).values_list("pk", flat=True)
    return AnyOf("id", tuple(dict.fromkeys([*ids, *certified[:SAME_CERTIFICATE]])))
