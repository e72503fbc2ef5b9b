"""The history of one object: its own events and those of its parts, the newest first."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from diamondhub.admin.display import NOTHING, Link, Table, badge, moment
from diamondhub.audit import words
from diamondhub.audit.models import AuditEvent
from diamondhub.audit.tracking import AUDITED

#: Events that a page shows; the list of all events has the rest.
SHOWN = 100
#: Fields of an event that a list shows.
FIELDS_SHOWN = 12
HEADERS = ("when", "who", "what", "before → after", "why", "by means of")


def is_audited(model: type[Model]) -> bool:
    """Whether the model's rows have a history."""
    return model._meta.label_lower in AUDITED


def events_of(row: Model, *, most: int = SHOWN) -> list[AuditEvent]:
    """The newest events of the object and its parts (a rule set's rules and their clauses), the newest first."""
    events: list[AuditEvent] = []
    todo: list[tuple[str, Any]] = [(row._meta.label_lower, [row.pk])]
    while todo:
        kind, numbers = todo.pop()
        events += _newest(AuditEvent.objects.filter(kind=kind, object_id__in=numbers), most)
        model = AUDITED[kind].model._meta.concrete_model
        for part_kind, part in AUDITED.items():
            if part.part_of and part.model._meta.get_field(part.part_of).related_model is model:
                of_these = part.events.objects.filter(**{f"{part.part_of}_id__in": numbers})
                todo.append((part_kind, of_these.values("pgh_obj_id")))
    return sorted(events, key=lambda event: (event.at, event.event_id), reverse=True)[:most]


def _newest(events: QuerySet[AuditEvent], most: int) -> list[AuditEvent]:
    return list(events.order_by("-at", "-event_id")[:most])


def table_of(row: Model) -> Table:
    """The history as a table of the admin."""
    kind = row._meta.label_lower
    rows = [
        (
            moment(event.at),
            event.who,
            what(event, name=event.kind != kind),
            changes(event),
            event.reason or NOTHING,
            means(event),
        )
        for event in events_of(row)
    ]
    return Table(
        f"The newest {SHOWN} events" if len(rows) == SHOWN else "",
        HEADERS,
        rows,
        note="Nothing has happened to it since its history is kept.",
    )


def what(event: AuditEvent, *, name: bool) -> str | SafeString:
    """What happened, with the name of the object if that does not go without saying."""
    done = badge(event.what)
    return format_html("{} {}", done, words.object_name(event)) if name else done


def changes(event: AuditEvent, most: int = FIELDS_SHOWN) -> SafeString | str:
    """The fields before and after, a line each."""
    fields = words.changes(event)
    lines = format_html_join("", "<li><b>{}</b>: {}</li>", ((change.field, change.value) for change in fields[:most]))
    more = len(fields) - most
    rest = format_html("<li>and {} more</li>", more) if more > 0 else ""
    return format_html("<ul>{}{}</ul>", lines, rest) if fields else NOTHING


def means(event: AuditEvent) -> str | SafeString:
    """By means of what, with the id of the request, command or task."""
    if not event.request_id:
        return event.via or NOTHING
    return format_html('{}<br><span class="dh-note">{}</span>', event.via, event.request_id)


def link_of(row: Model) -> Link:
    """The button that leads to the history."""
    return Link("History", _page("history", row), "history")


def links_of(row: Model, user: AbstractBaseUser | AnonymousUser) -> list[Link]:
    """The buttons of the history: back to the object, and to the list of all events for whom may see it."""
    back = [Link(str(row._meta.verbose_name).capitalize(), _page("change", row), "arrow_back")]
    if not user.has_perm("audit.view_auditevent"):  # type: ignore[union-attr]  # people have permissions
        return back
    all_events = f"{reverse('admin:audit_auditevent_changelist')}?kind={row._meta.label_lower}&object_id={row.pk}"
    return [*back, Link("In the list of all events", all_events, "list")]


def _page(name: str, row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])
