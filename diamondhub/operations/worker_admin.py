"""Workers in the admin: the list of processes, each with what it is and was, and taking those that are gone off it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.acting import act
from diamondhub.admin.base import ReadOnlyAdmin, SelectFilter
from diamondhub.admin.display import NOTHING, Group, ago, badge, duration, moment, number
from diamondhub.database import clock
from diamondhub.operations import workers
from diamondhub.operations.models import Worker
from diamondhub.version import version

#: Who may take a worker that is gone off the list.
REMOVE = "operations.change_worker"


class NotGone(Exception):
    """The process shows itself, or its row is off the list already."""


class PresenceFilter(SelectFilter):
    """By whether they are there."""

    title = "presence"
    parameter_name = "presence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """There, gone, ended."""
        return [("there", "there"), ("gone", "gone"), ("ended", "ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of that kind."""
        value = self.value()
        if value is None:
            return queryset
        if value == "ended":
            return queryset.filter(ended_at__isnull=False)
        known = {"there": workers.seen_lately(), "gone": workers.gone()}
        return queryset.filter(known[value]) if value in known else queryset.none()


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    """Processes, those that were seen last first."""

    list_display = ("name", "presence", "host", "pid", "pool", "listens_to", "busy", "seen", "version_shown")
    list_filter = (PresenceFilter, "program")
    ordering = ("-seen_at", "-pk")
    detail_template = "admin/operations/worker.html"

    @admin.display(description="program")
    def name(self, row: Worker) -> str:
        """The program; links to the page."""
        return row.program

    @admin.display(description="presence")
    def presence(self, row: Worker) -> SafeString:
        """There, gone, or how it ended."""
        return _presence(row)

    @admin.display(description="queues")
    def listens_to(self, row: Worker) -> str:
        """The queues that it listens to."""
        return ", ".join(row.queues) or NOTHING

    @admin.display(description="busy")
    def busy(self, row: Worker) -> str:
        """How many of its slots are taken."""
        return f"{row.held} of {row.slots}" if row.slots else NOTHING

    @admin.display(description="last seen (UTC)")
    def seen(self, row: Worker) -> str | SafeString:
        """When it last showed itself."""
        return moment(row.seen_at)

    @admin.display(description="version")
    def version_shown(self, row: Worker) -> str:
        """The version of its code."""
        return row.version if row.version == version() else f"{row.version} (another than this page's)"

    def groups(self, request: HttpRequest, row: Worker) -> list[Group]:
        """What it is, and what became of it."""
        return [
            Group(
                "Process",
                [
                    ("program", row.program),
                    ("presence", _presence(row)),
                    ("host", row.host),
                    ("process", str(row.pid)),
                    ("pool", row.pool or NOTHING),
                    ("queues", self.listens_to(row)),
                    ("busy", self.busy(row)),
                    ("version", self.version_shown(row)),
                ],
            ),
            Group(
                "Times (UTC)",
                [
                    ("started", moment(row.started_at)),
                    ("last seen", moment(row.seen_at)),
                    ("ended", moment(row.ended_at) if row.ended_at else NOTHING),
                    (
                        f"died at its place within {duration(workers.RESTARTS_WITHIN)}",
                        number(workers.restarts().get(row.place, 0)),
                    ),
                ],
            ),
        ]

    def detail_context(self, request: HttpRequest, row: Worker) -> dict[str, Any]:
        """Whether this person may take it off the list."""
        return {"may_remove": _is_gone(row) and request.user.has_perm(REMOVE)}

    def get_urls(self) -> list[URLPattern]:
        """The button's address besides the usual ones."""
        return [
            path("<int:worker_id>/remove/", self.admin_site.admin_view(self.remove), name="operations_worker_remove"),
            *super().get_urls(),
        ]

    def remove(self, request: HttpRequest, worker_id: int) -> HttpResponse:
        """Take a worker that is gone off the list."""
        here = reverse("admin:operations_worker_changelist")

        def do(_reason: str) -> tuple[str, str]:
            if not workers.remove(worker_id):
                raise NotGone("It shows itself, or is off the list already.")
            return "It is off the list.", here

        return act(request, REMOVE, do, back=here, errors=NotGone)


def _is_gone(row: Worker) -> bool:
    return row.ended_at is None and (clock() - row.seen_at).total_seconds() >= workers.GONE_SECONDS


def _presence(row: Worker) -> SafeString:
    if row.ended_at is not None:
        return badge("ended", row.get_ended_display().lower())
    return badge("failed", f"gone, seen {ago(row.seen_at)}") if _is_gone(row) else badge("active", "there")
