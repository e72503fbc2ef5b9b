"""The whole stock by REST: the newest file of everything for sale, for shops that keep a copy."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.exports import _EXAMPLE, ExportAnswer, ExportEndpoint, shown
from catalog.exports import stock
from catalog.exports.models import Format
from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from diamondhub.api.endpoint import operation
from diamondhub.api.serializers import Query

_OF_STOCK = {**_EXAMPLE, "filters": {}}


class StockQuery(Query):
    """The form of the file."""

    format = fields.OneOf(Format.values, default=Format.NDJSON.value, help_text="How the stones are written.")


@shown_as({"newest": _OF_STOCK, "is_being_made": False, "next_at": "2026-11-28T09:00:00Z"})
class StockAnswer(Answer):
    """The whole stock."""

    newest = ExportAnswer(allow_null=True, help_text="The newest file; null until the first one is written.")
    is_being_made = fields.YesNo(help_text="Whether a newer file is being written.")
    next_at = fields.Moment(help_text="When the next file is begun, if anybody asks for one within a day before.")


class WholeStock(ExportEndpoint):
    """The newest file of everything that is for sale."""

    @operation("get_stock", "The whole stock as a file", query=StockQuery, answer=StockAnswer)
    def get(self, request: Request) -> Response:
        """The newest file of everything for sale that your client may see, packed with gzip.

        A new one is written every hour as long as anybody who sees the same asks here within a day; the first who asks has
        it written at once. Fetching it takes nothing of the rows of the day, but a client fetches none with more stones than
        it may take a day.
        """
        files = stock.asked_for(self.client, self.query["format"])
        answer: dict[str, Any] = {
            "newest": shown(files.newest) if files.newest else None,
            "is_being_made": files.pending is not None,
            "next_at": files.stock.due_at,
        }
        return Response(answer)
