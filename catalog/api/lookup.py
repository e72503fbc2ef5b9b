"""Many stones by what shops know them by: `POST /api/v1/diamonds/lookup`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base import LOOKUP_SECONDS, StoneEndpoint
from catalog.api.showing import ShownBody, ShownDiamondAnswer
from catalog.feeds import feed_slugs
from catalog.lookup.finding import MAX_STONES_EACH, Found, Kind, Name, find
from catalog.models import DatasetVersion
from catalog.searching.database import matching
from diamondhub.admin.base import bounded
from diamondhub.api import fields
from diamondhub.api.answers import Answer
from diamondhub.api.endpoint import operation
from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import InvalidBody, Problem

#: Names that one request may ask for, of all kinds together.
MAX_NAMES = 500
#: Longest body: names of the longest, written with escapes (bytes).
BODY_LIMIT = 400_000
_FIELDS = {Kind.ID: "ids", Kind.STOCK_NUMBER: "stock_numbers", Kind.CERTIFICATE_NUMBER: "certificate_numbers"}
#: The columns that a client must see to ask by them.
_COLUMNS = {Kind.ID: "id", Kind.STOCK_NUMBER: "supplier_stone_id", Kind.CERTIFICATE_NUMBER: "certificate_number"}


class Wanted(ShownBody):
    """What stones are looked up by; kinds can be mixed."""

    ids = fields.ListOf(
        fields.Id(), things="ids", max_length=MAX_NAMES, required=False, help_text="Ids of this catalogue."
    )
    stock_numbers = fields.ListOf(
        fields.Text(accepted="a stock number", min_length=1, max_length=100),
        things="stock numbers",
        max_length=MAX_NAMES,
        required=False,
        help_text="Suppliers' stock numbers (`supplier_stone_id`), word for word; of any feed, or of the one in `feed`.",
    )
    certificate_numbers = fields.ListOf(
        fields.Text(accepted="a certificate number", min_length=1, max_length=64),
        things="certificate numbers",
        max_length=MAX_NAMES,
        required=False,
        help_text="Case, spaces, signs and IGI's `LG` make no difference. One number may name several stones.",
    )
    feed = fields.Text(
        r"[A-Za-z0-9_-]{1,50}", "the slug of a feed", required=False, help_text="Only stock numbers of this feed."
    )

    class Meta:
        example: Mapping[str, Any] = {
            "stock_numbers": ["S-104822", "S-104823"],
            "certificate_numbers": ["2141438171"],
        }
        described: Mapping[str, Any] = {
            "anyOf": [
                {"properties": {"ids": {"minItems": 1}}, "required": ["ids"]},
                {"properties": {"stock_numbers": {"minItems": 1}}, "required": ["stock_numbers"]},
                {"properties": {"certificate_numbers": {"minItems": 1}}, "required": ["certificate_numbers"]},
            ]
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        number = sum(len(attrs.get(name, ())) for name in _FIELDS.values())
        if not number:
            raise InvalidBody(f"Nothing is looked up: {', '.join(_FIELDS.values())} are all empty or missing.")
        if number > MAX_NAMES:
            words = f"must not ask for more than {MAX_NAMES} stones together"
            wrong = [FieldError(name, words) for name in _FIELDS.values() if attrs.get(name)]
            raise InvalidBody(f"{', '.join(error.field for error in wrong)} {words}", errors=wrong)
        return attrs


class NameAnswer(Answer):
    """Something that was asked for."""

    kind = fields.OneOf([kind.value for kind in Kind])
    value = fields.Text(help_text="As it was sent; an id in lower case.")


class FoundAnswer(NameAnswer):
    """Something that was asked for, and the stones that it names."""

    diamonds = ShownDiamondAnswer(
        many=True, help_text="Those for sale first, the cheapest first; empty if there is none."
    )
    more = fields.YesNo(help_text=f"Whether it names others besides: {MAX_STONES_EACH} are shown at most.")


class LookupAnswer(Answer):
    """What was looked up, in the order in which it was asked for: ids, stock numbers, certificate numbers."""

    dataset_version = fields.Whole()
    results = FoundAnswer(many=True)
    missing = NameAnswer(many=True, help_text="What names no stone, in the same order.")


class Lookup(StoneEndpoint):
    """Looking stones up."""

    @operation(
        "look_up_diamonds",
        "Look diamonds up",
        body=Wanted,
        body_limit=BODY_LIMIT,
        answer=LookupAnswer,
    )
    def post(self, request: Request) -> Response:
        """Stones by id, stock number or certificate number, up to 500, whatever their availability.

        What is asked for twice is answered twice, so results stand in the places of what was sent.
        """
        names = self._names()
        version = DatasetVersion.current()
        with bounded(LOOKUP_SECONDS):
            answers = find(names, matching(self.within), self._feeds())
            stones = self.shown({identity for answer in answers for identity in answer.ids}, self.body)
        results = [_result(answer, stones) for answer in answers]
        return Response(
            {
                "dataset_version": version,
                "results": results,
                "missing": [_name(answer.name) for answer in answers if not answer.ids],
            }
        )

    def _names(self) -> list[Name]:
        names = [Name(kind, str(value)) for kind, field in _FIELDS.items() for value in self.body.get(field, ())]
        for kind in dict.fromkeys(name.kind for name in names):
            if not self.sees(_COLUMNS[kind]):
                detail = f"Your view of the catalogue has no {_COLUMNS[kind]}, so {_FIELDS[kind]} are not looked up."
                raise Problem(HTTPStatus.FORBIDDEN, "forbidden", detail)
        return names

    def _feeds(self) -> list[str]:
        named: str | None = self.body.get("feed")
        if named is None:
            return feed_slugs() if self.body.get("stock_numbers") else []
        known = feed_slugs()
        if named not in known:
            hint = fields.nearest(named, known) if self.sees("feed") else ""
            raise InvalidBody.of(serializers.ValidationError({"feed": [f"names no feed{hint}"]}))
        return [named]


def _name(name: Name) -> dict[str, str]:
    return {"kind": name.kind.value, "value": name.value}


def _result(answer: Found, stones: Any) -> dict[str, Any]:
    diamonds = [stones[identity] for identity in answer.ids if identity in stones]
    return {**_name(answer.name), "diamonds": diamonds, "more": answer.more}
