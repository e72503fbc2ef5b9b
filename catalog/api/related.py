"""Stones near one, and stones that match it: `GET /api/v1/diamonds/{id}/related`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from catalog.api.base import StoneEndpoint, one
from catalog.api.searching import FOUND_BY
from catalog.api.showing import ShownDiamondAnswer, ShownQuery
from catalog.columns import COLUMNS
from catalog.models import DatasetVersion
from catalog.related import finding, nearness, pairs
from catalog.searching.standing import standing
from diamondhub.api import fields
from diamondhub.api.answers import Encoded
from diamondhub.api.endpoint import operation, version_of

#: Stones of one answer at most, and where nothing is said.
MAX_RELATED, USUAL = 50, 12
#: What distances are made from, by mode, and the names under which it is shown.
_MEASURED = {"near": (*nearness.GRADES, *nearness.SHARES), "pair": (*pairs.MEASURES, *pairs.GRADES, "carats")}
_NAMES = {column.source: column.name for column in COLUMNS}
_COLUMNS = tuple(dict.fromkeys((*nearness.COLUMNS[1:], *pairs.COLUMNS[1:])))


class RelatedQuery(ShownQuery):
    """What is related to a stone, and what is shown of it."""

    mode = fields.OneOf(
        ["near", "pair"],
        default="near",
        help_text="`near`: the nearest by weight, grades and price of the same shape, origin and colour type. `pair`: those "
        "that match it, with measures within 0.1 mm, grades within one, weights within 5 %.",
    )
    limit = fields.Limit(MAX_RELATED, default=USUAL, help_text="Stones at most.")


class RelatedDiamondAnswer(ShownDiamondAnswer):
    """A related diamond: all that the client sees, or what `form` or `fields` leave of it, and how near it is."""

    distance = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text="How far it is from the stone; 0 is the same. Null if it is measured by something that your client is not "
        "shown.",
    )

    class Meta(ShownDiamondAnswer.Meta):
        fields = [*ShownDiamondAnswer.Meta.fields, "distance"]
        read_only_fields = fields
        described: Mapping[str, Any] = {"required": ["id", "distance"]}

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "distance": deepcopy(self._declared_fields["distance"])}


class RelatedAnswer(serializers.Serializer[Any]):
    """Stones that are related to one, the nearest first."""

    dataset_version = serializers.IntegerField(read_only=True)
    can_be_matched = serializers.BooleanField(
        read_only=True, help_text="False: weight or measures of the stone are unknown, so nothing is said to match it."
    )
    results = RelatedDiamondAnswer(many=True, read_only=True)


class Related(StoneEndpoint):
    """Stones that are related to one."""

    @operation("get_related_diamonds", "Diamonds near one, or matching it", query=RelatedQuery, answer=RelatedAnswer)
    def get(self, request: Request, id: UUID) -> HttpResponseBase:  # noqa: A002 - its name in the address
        """Available stones, the nearest first; never the stone itself, nor the same certificate from another supplier.

        A distance of 1 is about one grade, 5 % of the weight or 10 % of the price. The stone itself may be sold.
        """
        presenter = self.presenter(self.query)
        version = DatasetVersion.current()
        values = one(id, standing([id], self.within, _COLUMNS))
        stone = {"id": id, **dict(zip(_COLUMNS, values, strict=True))}
        find = finding.matches if self.query["mode"] == "pair" else finding.nearest
        near = find(stone, self.within, self.query["limit"])
        stones = near.stones if near else ()
        shown = presenter.read([identity for identity, _ in stones], self.within)
        tells = all(self.client_view.shows(_NAMES[column]) for column in _MEASURED[self.query["mode"]])
        answer = {
            "dataset_version": near.version if near else version,
            "can_be_matched": pairs.can_be_matched(stone),
            "results": [
                {**shown[identity], "distance": round(steps, 3) if tells else None}
                for identity, steps in stones
                if identity in shown
            ],
        }

        def encoded() -> Encoded:
            response = Encoded(answer)
            if near is not None:
                response[FOUND_BY] = near.found_by
            return response

        return self.unless_known(version_of(answer["results"], answer["can_be_matched"], self.client_view.key), encoded)
