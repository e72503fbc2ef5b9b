"""The audit by REST: who changed what, when, why and by what means. It is only read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.admin.base import bounded
from diamondhub.api import cursors, fields
from diamondhub.api.answers import Answer, page_of, shown_as
from diamondhub.api.endpoint import Endpoint, PageQuery, operation
from diamondhub.api.masking import masked
from diamondhub.audit import events, words
from diamondhub.audit.acting import MAX_LENGTHS
from diamondhub.audit.models import AuditEvent
from diamondhub.audit.tracking import AUDITED
from diamondhub.telemetry.scrub import HIDDEN

#: A query that takes longer is given up (seconds).
LIST_SECONDS = 10
#: Objects are asked for by numbers of 15 digits at most.
MAX_NUMBER = 10**15 - 1
#: Columns of the list that a parameter of another name filters by, and those whose name is the same.
_FILTERS = {"object": "object_id", **{name: name for name in ("kind", "what", "who", "request_id")}}


class EventsQuery(PageQuery):
    """The parameters of the list of events."""

    kind = fields.OneOf(sorted(AUDITED), required=False, help_text="Only events of objects of this kind.")
    object = fields.Whole(1, MAX_NUMBER, required=False, help_text="Only events of the object of this number.")
    what = fields.OneOf(AuditEvent.What.values, required=False, help_text="Only events of this sort.")
    who = fields.Text(
        min_length=1, max_length=MAX_LENGTHS["user"], required=False, help_text="Only what this one did, by exact name."
    )
    request_id = fields.Text(
        min_length=1,
        max_length=MAX_LENGTHS["request_id"],
        required=False,
        help_text="Only events of this request, command or task.",
    )
    at_from = fields.Moment(required=False, help_text="Only events of this time or later.")
    at_to = fields.Moment(required=False, help_text="Only events before this time.")

    class Meta:
        ordered = [("at_from", "at_to")]


class AuditChangeAnswer(Answer):
    """One field of an event, as the database has it: money in cents, grades by their number."""

    field = fields.Text()
    # Not said to be null: what may be anything may be that, and the document would name it twice.
    before = serializers.JSONField(help_text="Null of a new object.")
    after = serializers.JSONField(help_text="Null of a deleted object.")


@shown_as(
    {
        "event": "ingest.feed:12",
        "kind": "ingest.feed",
        "object": 2,
        "name": "feed 2 (nivoda-natural)",
        "what": "changed",
        "at": "2026-11-28T02:00:00Z",
        "who": "ops (API client)",
        "via": "PATCH /api/v1/feeds/nivoda-natural",
        "reason": "the supplier moves",
        "request_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "changes": [{"field": "enabled", "before": True, "after": False}],
        "withheld": None,
        "links": {
            "self": "/api/v1/audit/events/ingest.feed:12",
            "object": "/api/v1/audit/events?kind=ingest.feed&object=2",
        },
    }
)
class EventAnswer(Answer):
    """One thing that happened to an audited object."""

    event = fields.Text()
    kind = fields.OneOf(sorted(AUDITED))
    object = fields.Whole(help_text="The object's number among those of its kind.")
    name = fields.Text(help_text="The object as it called itself then.")
    what = fields.OneOf(AuditEvent.What.values)
    at = fields.Moment()
    who = fields.Text(help_text="A person, a client of the API, the user of a command or of the database, or `system`.")
    via = fields.Text(help_text="A request's method and path, a command or a task.")
    reason = fields.Text()
    request_id = fields.Text()
    changes = AuditChangeAnswer(
        many=True,
        allow_null=True,
        help_text="What changed; of a new or deleted object all that it holds. Never a secret, and of people nothing but "
        f"their user names: `{HIDDEN}` stands for what is left out.",
    )
    withheld = fields.Text(allow_null=True, help_text="The scope without which `changes` are null.")
    links = type("EventLinks", (Answer,), {"self": fields.Text(), "object": fields.Text()})()


class AuditEndpoint(Endpoint):
    """A view of the audit."""

    scope = Scope.AUDIT_READ
    tag = "audit"
    cache_control = "no-store"

    def shown(self, event: AuditEvent) -> dict[str, Any]:
        """An event as answers have it. What the client must not see of its kind is left out, and said to be."""
        needed = AUDITED[event.kind].needs if event.kind in AUDITED else None
        may_see = needed is None or self.may(needed)
        return {
            "event": event.pk,
            "kind": event.kind,
            "object": event.object_id,
            "name": words.object_name(event) if may_see else f"{words.kind_name(event.kind)} {event.object_id}",
            "what": event.what,
            "at": event.at,
            "who": event.who,
            "via": event.via,
            "reason": event.reason,
            "request_id": event.request_id,
            "changes": changes_of(event) if may_see else None,
            "withheld": None if may_see else needed,
            "links": {
                "self": reverse("audit_event", args=[event.pk]),
                "object": f"{reverse('audit_events')}?kind={event.kind}&object={event.object_id}",
            },
        }


class Events(AuditEndpoint):
    """All events."""

    @operation("list_audit_events", "Events of the audit", query=EventsQuery, answer=page_of(EventAnswer))
    def get(self, request: Request) -> Response:
        """What happened to rules of prices, feeds, runs, dead letters, API clients and their keys, the newest first.

        What became of rules of prices and of dead letters is shown only together with `pricing:read`.
        """
        with bounded(LIST_SECONDS):
            page, after = cursors.cut(
                list(self._rows()[: self.query["limit"] + 1]),
                self.normal_form,
                limit=self.query["limit"],
                position=lambda event: [event.at.isoformat(), event.event_id, event.pk],
            )
        return Response({"results": [self.shown(event) for event in page], "next": after})

    def _rows(self) -> QuerySet[AuditEvent]:
        filters = {column: self.query[name] for name, column in _FILTERS.items() if name in self.query}
        ends = {"at_from": "at__gte", "at_to": "at__lt"}
        filters |= {column: self.query[name] for name, column in ends.items() if name in self.query}
        rows = AuditEvent.objects.filter(**filters)
        if "cursor" in self.query:
            at, event_id, pk = cursors.decode(self.query["cursor"], self.normal_form)
            rows = events.behind(rows, datetime.fromisoformat(at), event_id, pk)
        return rows.order_by(*events.NEWEST_FIRST)


class OneEvent(AuditEndpoint):
    """One event."""

    @operation("get_audit_event", "One event of the audit", answer=EventAnswer)
    def get(self, request: Request, event: str) -> Response:
        """One event by its name, such as `pricing.rule:12`."""
        with bounded(LIST_SECONDS):
            row = events.find(event)
        if row is None:
            raise Http404
        return Response(self.shown(row))


def changes_of(event: AuditEvent) -> list[dict[str, Any]]:
    """The fields of an event, without secrets and what is people's own: of a change those that changed."""
    before, after = event.before or {}, event.after
    if event.what == AuditEvent.What.CHANGED:
        after = {name: after.get(name) for name in before}
    elif event.what == AuditEvent.What.DELETED:
        before, after = after, {}
    personal = AUDITED[event.kind].personal if event.kind in AUDITED else frozenset()
    hidden_before, hidden_after = (
        {name: HIDDEN if name in personal and value else value for name, value in masked(values).items()}
        for values in (before, after)
    )
    return [
        {"field": name, "before": hidden_before.get(name), "after": hidden_after.get(name)}
        for name in sorted({*hidden_before, *hidden_after})
    ]
