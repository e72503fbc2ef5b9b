"""The list of all events of the audit: to be searched, filtered and exported, and never edited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin, SelectFilter
from diamondhub.admin.display import NOTHING, Group, Link, Table, address, badge, link, moment
from diamondhub.audit import events, export, history, words
from diamondhub.audit.models import AuditEvent
from diamondhub.audit.tracking import AUDITED

EXPORT = "audit.export_auditevent"


class KindFilter(SelectFilter):
    """By what kind of object."""

    title = "kind"
    parameter_name = "kind"
    field = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The audited models."""
        return sorted(((kind, words.kind_name(kind)) for kind in AUDITED), key=lambda pair: pair[1].lower())


class WhatFilter(SelectFilter):
    """By what happened."""

    title = "what happened"
    parameter_name = "what"
    field = "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Created, changed, deleted."""
        return [(what.value, str(what.label).lower()) for what in AuditEvent.What]


class DaysFilter(admin.SimpleListFilter):
    """By days in UTC, both included; either end may be open."""

    title = "day (UTC)"
    parameter_name = "since"
    template = "admin/audit/filter_days.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        # The second parameter of the two; Django's class takes care of one.
        given = params.pop("until", [])
        super().__init__(request, params, model, model_admin)
        if given:
            self.used_parameters["until"] = given[-1]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """There is nothing to choose from, but without an entry there would be no filter."""
        return [("", "any")]

    def expected_parameters(self) -> list[str | None]:
        """Both ends."""
        return ["since", "until"]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """What the form shows, and the other filters that it must keep."""
        yield {
            "since": self.used_parameters.get("since", ""),
            "until": self.used_parameters.get("until", ""),
            "others": [
                (name, value)
                for name, values in changelist.filter_params.items()
                if name not in (*self.expected_parameters(), "p")
                for value in ([values] if isinstance(values, str) else values)
            ],
            "query": changelist.query,
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events of these days. Raises `IncorrectLookupParameters` for what is no day."""
        since, until = (_day(self.used_parameters.get(name)) for name in ("since", "until"))
        if since is not None:
            queryset = queryset.filter(at__gte=since)
        if until is not None:
            queryset = queryset.filter(at__lt=until + timedelta(days=1))
        return queryset


def _day(text: Any) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.strptime(str(text), "%Y-%m-%d").date()  # noqa: DTZ007 - a day, made a moment in UTC below
    except ValueError as error:
        raise IncorrectLookupParameters from error
    if not 2000 <= day.year <= 9000:
        raise IncorrectLookupParameters
    return datetime.combine(day, time.min, UTC)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    """All events, the newest first."""

    list_display = ("when", "who", "badge", "of", "fields_changed", "why", "by_means_of")
    list_filter = (KindFilter, WhatFilter, DaysFilter)
    ordering = ("-at", "-event_id")
    allowed_lookups = ("who", "request_id", "object_id", "until")
    list_before_template = "admin/audit/export.html"
    search_help_text = "Who (exactly), request id, or an object by kind and number: rule 12"

    def find(self, rows: QuerySet[AuditEvent], text: str) -> QuerySet[AuditEvent]:
        """By the user's name, the request id, or an object's kind and number."""
        kind_and_number = re.fullmatch(r"(\D+?)[\s:#]*(\d{1,18})", text, re.ASCII)
        if kind_and_number:
            named = kind_and_number[1].strip().casefold()
            kinds = [kind for kind in AUDITED if named in (kind, words.kind_name(kind).casefold())]
            if kinds:
                return rows.filter(kind__in=kinds, object_id=int(kind_and_number[2]))
        if "\0" in text:
            return rows.none()
        return rows.filter(Q(who=text) | Q(request_id=text))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditEvent | None:
        """One event, by its kind and number."""
        return events.find(unquote(object_id))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the button that exports what it shows."""
        url = f"{reverse('admin:audit_auditevent_export')}?{request.GET.urlencode()}"
        may = request.user.has_perm(EXPORT)
        return super().changelist_view(
            request, {"may_export": may, "export_url": url, "most": export.MAX_EVENTS, **(extra_context or {})}
        )

    @admin.display(description="when")
    def when(self, event: AuditEvent) -> str | SafeString:
        """The moment; links to the event."""
        return moment(event.at)

    @admin.display(description="what")
    def badge(self, event: AuditEvent) -> SafeString:
        """Created, changed or deleted."""
        return badge(event.what)

    @admin.display(description="object")
    def of(self, event: AuditEvent) -> str | SafeString:
        """The object; links to its history, if it has a page."""
        app, _, model = event.kind.partition(".")
        url = address(f"{app}_{model}_history", event.object_id)
        name = words.object_name(event)
        return link(url, name) if url and event.what != AuditEvent.What.DELETED else name

    @admin.display(description="before → after")
    def fields_changed(self, event: AuditEvent) -> str | SafeString:
        """The first fields of the event."""
        return history.changes(event, most=4)

    @admin.display(description="why")
    def why(self, event: AuditEvent) -> str:
        """The reason that was given."""
        return event.reason or NOTHING

    @admin.display(description="by means of")
    def by_means_of(self, event: AuditEvent) -> str | SafeString:
        """Request, command or task."""
        return history.means(event)

    # --- the page of an event --------------------------------------------------------------------------------------

    def groups(self, request: HttpRequest, row: AuditEvent) -> list[Group]:
        """Who, when, why."""
        return [
            Group(
                "Event",
                [
                    ("when", moment(row.at)),
                    ("who", row.who),
                    ("what", badge(row.what)),
                    ("object", self.of(row)),
                    ("why", row.reason or NOTHING),
                    ("by means of", row.via or NOTHING),
                    ("request id", row.request_id or NOTHING),
                ],
            )
        ]

    def tables(self, request: HttpRequest, row: AuditEvent) -> list[Table]:
        """Every field before and after."""
        fields = [(change.field, change.before, change.after) for change in words.changes(row)]
        return [Table("Fields", ("field", "before", "after"), fields, note="None that is kept.")]

    def links(self, request: HttpRequest, row: AuditEvent) -> list[Link]:
        """What else happened to the object, and in the same request."""
        here = reverse("admin:audit_auditevent_changelist")
        links = [Link("Events of this object", f"{here}?kind={row.kind}&object_id={row.object_id}", "history")]
        if row.request_id:
            links.append(Link("Events of this request", f"{here}?request_id={row.request_id}", "link"))
        return links

    def detail_context(self, request: HttpRequest, row: AuditEvent) -> dict[str, Any]:
        """The title names the object, which a row of the view cannot."""
        return {"title": f"{words.object_name(row)} {row}"}

    # --- export ------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The export's address besides the usual ones."""
        return [
            path("export/", self.admin_site.admin_view(self.export), name="audit_auditevent_export"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows, as CSV. 405 for anything but GET, 403 without the permission of its own."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not (self.has_view_permission(request) and request.user.has_perm(EXPORT)):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            messages.error(request, "These filters cannot be exported.")
            return redirect("admin:audit_auditevent_changelist")
        response = StreamingHttpResponse(export.lines(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="audit-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv"'
        return response
