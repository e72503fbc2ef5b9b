"""What changed since: `GET /api/v1/diamonds/changes`, for clients with `catalog:read` who keep a copy of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from catalog.api import presenting
from catalog.api.searching import SearchEndpoint
from catalog.api.stones import DiamondAnswer
from catalog.changes import feed, log
from catalog.currencies.fields import Currency
from catalog.models import Availability
from catalog.searching.conditions import AnyOf
from catalog.searching.database import matching, one_moment
from catalog.searching.pages import SEARCH_SECONDS
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import cursors, fields
from diamondhub.api.answers import Answer, Encoded
from diamondhub.api.endpoint import operation, version_of
from diamondhub.api.problems import Becomes, Problem
from diamondhub.api.serializers import Query

MAX_PAGE_SIZE = 500
UPSERT, REMOVED = "upsert", "removed"
#: Why a stone is none to show: what became of it, or that it is not within the client's view.
NOT_SHOWN = "not_shown"
REASONS = (*(state for state in Availability.values if state != Availability.AVAILABLE), NOT_SHOWN)
_ON_SALE = {"availability": AnyOf("availability", (Availability.AVAILABLE.value,))}


class ChangeAnswer(Answer):
    """One stone that changed, as it is now."""

    id = serializers.UUIDField()
    version = fields.Whole(0, help_text="The version that changed it, of those that were asked for.")
    change = fields.OneOf(
        [UPSERT, REMOVED], help_text="`upsert`: keep it as `diamond` says; `removed`: it is not for sale, forget it."
    )
    reason = fields.OneOf(
        REASONS,
        allow_null=True,
        help_text="Why it is removed: its availability, or `not_shown` for what your client does not see; else null.",
    )
    diamond = DiamondAnswer(allow_null=True, help_text="The stone; null where it is removed.")


class ChangesAnswer(Answer):
    """One page of what changed, in the order of commits."""

    results = ChangeAnswer(many=True)
    after = fields.Whole(
        0, help_text="All changes up to this version are known with this page: ask for those `after` it next time."
    )
    dataset_version = fields.Whole(0, help_text="The newest version of the catalogue.")
    currency = fields.Text(help_text="The currency of all prices.")
    rate_date = fields.Day(
        allow_null=True,
        help_text="The day since which its rate of exchange holds; null for `USD`. With another one all prices are others, "
        "and no change says so: take the whole stock once more.",
    )
    next = fields.Text(
        allow_null=True,
        help_text="`cursor` of the next page, with `after` as it was; null on the last: all is known then.",
    )


class ChangesQuery(Query):
    """Since when, and what is shown."""

    after = fields.Whole(
        0, help_text="The version that the client knows: `after` of the last answer, or `dataset_version`."
    )
    form = fields.OneOf(
        list(presenting.FORMS),
        default="full",
        help_text=f"`slim` shows what a list in a shop needs: {', '.join(presenting.SLIM)}. Without it all is shown.",
    )
    currency = Currency()
    limit = fields.Limit(MAX_PAGE_SIZE, default=100, help_text="Stones on a page.")
    cursor = fields.Cursor()


def _gone(error: Exception) -> Problem:
    assert isinstance(error, feed.ChangesGone)
    return Problem(
        HTTPStatus.GONE,
        "changes-gone",
        f"The log has the changes after version {error.oldest}, up to version {error.newest}. "
        "Take the whole stock once more, and follow the changes after its dataset_version.",
        members={"oldest": error.oldest, "newest": error.newest},
    )


class Changes(SearchEndpoint):
    """Following the catalogue."""

    limit = LimitClass.CHANGES
    problems_of: Mapping[type[Exception], Becomes] = {feed.ChangesGone: _gone}

    @operation(
        "list_changes", "Changes since a version", query=ChangesQuery, answer=ChangesAnswer, problems=("changes-gone",)
    )
    def get(self, request: Request) -> HttpResponseBase:
        """What changed after a version, in the order of commits, a page at a time; each stone as it is now.

        Who applies every page, and asks after `after` the next time, has exactly what is for sale. Begin with the
        `dataset_version` of an export, or of the first page of a search, and what these brought.
        """
        shown = presenting.chosen(self.client, self.client_view, names=None, form=self.query["form"])
        newest = log.current()
        tag = version_of(
            newest.number, newest.generation, self._normal_form, self.query.get("cursor"), shown, self.query["limit"]
        )
        return self.unless_known(tag, lambda: self._page(shown))

    @property
    def _normal_form(self) -> str:
        return json.dumps(["changes", self.query["after"], self.client_view.key, str(self.client.pk)])

    def _page(self, shown: tuple[str, ...]) -> Encoded:
        place, generation = self._place()
        with one_moment(SEARCH_SECONDS):
            generation_now = log.current().generation
            if place.version < self.client_view.since:
                raise feed.ChangesGone(self.client_view.since, log.current().number)
            page = feed.read(place, generation=generation, limit=self.query["limit"])
            ids = [stone for _, stone in page.stones]
            standing = presenting.presenter(shown, self.client_view.exchange).read_encodable(
                ids, self.client_view.narrowed(_ON_SALE)
            )
            gone = [stone for stone in ids if stone not in standing]
            # Of what the client may not see nothing is told but that.
            states = dict(matching(self.client_view.narrowed({})).filter(pk__in=gone).values_list("pk", "availability"))
        # In a moment of its own: what was dropped while the page was read was missing from it.
        feed.check(place, generation=generation)
        following = (
            cursors.encode([generation_now, page.behind.version, str(page.behind.stone)], self._normal_form)
            if page.behind
            else None
        )
        return Encoded(
            {
                "results": [
                    _change(stone, version, standing.get(stone), states.get(stone)) for version, stone in page.stones
                ],
                "after": page.through,
                "dataset_version": page.newest,
                "currency": self.client_view.currency,
                "rate_date": self.client_view.exchange.since,
                "next": following,
            },
            data={"next": following},
        )

    def _place(self) -> tuple[feed.Place, str | None]:
        cursor = self.query.get("cursor")
        if cursor is None:
            return feed.Place(self.query["after"]), None
        generation, version, stone = cursors.decode(cursor, self._normal_form)
        return feed.Place(int(version), UUID(stone)), generation


def _change(stone: UUID, version: int, shown: Any, state: str | None) -> dict[str, Any]:
    if shown is not None:
        return {"id": stone, "version": version, "change": UPSERT, "reason": None, "diamond": shown}
    reason = state if state in REASONS else NOT_SHOWN
    return {"id": stone, "version": version, "change": REMOVED, "reason": reason, "diamond": None}
