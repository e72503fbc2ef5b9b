"""Partitions and consolidation batches in the admin: long lists of one run, only shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, Link, Table, address, badge, duration, moment, number, row_link
from ingest.admin.at_work import at_work, last_error
from ingest.models import ConsolidationBatch, Page, Partition

#: Pages of a partition that its own page shows, newest first.
PAGES_SHOWN = 100


class RunsRowsAdmin(ReadOnlyAdmin[Any]):
    """Rows of runs, reached from a run's page by `?run=<number>`; without it the list is that of all runs."""

    allowed_lookups = ("run",)
    list_filter = ("state",)
    list_select_related = ("run__feed",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows with `working`: whether their lease is live by the database's clock."""
        rows: QuerySet[Any] = super().get_queryset(request)
        marked: QuerySet[Any] = rows.annotate(working=Q(lease_expires_at__gt=Now()))
        return marked

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The rows of one run in its order, of all runs the newest first."""
        return ("ordinal", "pk") if request.GET.get("run") else ("-pk",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the run in its title."""
        run = request.GET.get("run", "")
        title = {"title": f"{str(self.opts.verbose_name_plural).capitalize()} of run {run}"} if run.isdigit() else {}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    @admin.display(description="run")
    def of_run(self, row: Any) -> str | SafeString:
        return row_link(row.run)

    @admin.display(description="holder")
    def holder(self, row: Any) -> str:
        return at_work(row, timezone.now()).holder

    @admin.display(description="next try")
    def next_try(self, row: Any) -> str:
        return at_work(row, timezone.now()).next_try

    @admin.display(description="state")
    def badge(self, row: Any) -> SafeString:
        return badge("working" if row.working and row.state == "ready" else row.state)

    def links(self, request: HttpRequest, row: Any) -> list[Link]:
        return [Link(f"Run {row.run_id}", address("ingest_run_change", row.run_id), "sync")]


@admin.register(Partition)
class PartitionAdmin(RunsRowsAdmin):
    """The admin of partitions: each one's slice, its progress, and its failure."""

    list_display = (
        "title",
        "of_run",
        "badge",
        "expected",
        "next_offset",
        "attempts",
        "errors",
        "ran_into",
        "holder",
        "next_try",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows without `stone_ids`, the long lists of stones that are asked for by id."""
        return super().get_queryset(request).defer("stone_ids")

    @admin.display(description="partition")
    def title(self, partition: Partition) -> str:
        return f"{partition.ordinal + 1}. {partition_range(partition)}"

    @admin.display(description="last error")
    def ran_into(self, partition: Partition) -> str:
        return partition.failure or last_error(partition) or NOTHING

    def groups(self, request: HttpRequest, row: Partition) -> list[Group]:
        work = at_work(row, timezone.now())
        return [
            Group(
                "Slice",
                [
                    ("range", partition_range(row)),
                    ("kind", row.get_kind_display()),
                    ("expected stones", number(row.expected)),
                    ("recounted", number(row.recounted)),
                    ("never shown", number(row.missing)),
                ],
            ),
            Group(
                "Walk",
                [
                    ("state", self.badge(row)),
                    ("next offset", number(row.next_offset)),
                    ("attempts", number(row.attempts)),
                    ("failures in a row", number(row.errors)),
                    ("requests without a page", number(row.other_requests)),
                    ("times read again", number(row.rereads)),
                    ("holder", work.holder),
                    ("last heard of the holder", work.heard_of),
                    ("next try", work.next_try),
                    ("completed", moment(row.completed_at)),
                    ("last error", last_error(row) or NOTHING),
                    ("failed for good", row.failure or NOTHING),
                ],
            ),
        ]

    def tables(self, request: HttpRequest, row: Partition) -> list[Table]:
        pages = Page.objects.filter(partition=row).defer("stone_ids").order_by("-pk")[:PAGES_SHOWN]
        return [
            Table(
                f"Pages (the newest {PAGES_SHOWN})",
                ["received at", "offset", "reading", "received", "stored", "unchanged", "repeats", "dead", "took"],
                [
                    [
                        moment(page.created_at),
                        number(page.offset),
                        page.reread + 1,
                        page.received,
                        page.stored,
                        page.unchanged,
                        page.repeats,
                        page.dead,
                        f"{page.elapsed_ms:,} ms",
                    ]
                    for page in pages
                ],
                note="No page was received yet.",
            )
        ]


@admin.register(ConsolidationBatch)
class ConsolidationBatchAdmin(RunsRowsAdmin):
    """The admin of consolidation batches and their counts."""

    list_display = (
        "title",
        "of_run",
        "badge",
        "stones",
        "inserted",
        "updated",
        "unchanged",
        "dead",
        "took",
        "attempts",
        "ran_into",
        "holder",
        "next_try",
    )

    @admin.display(description="batch")
    def title(self, batch: ConsolidationBatch) -> str:
        return f"Batch {batch.ordinal + 1}"

    @admin.display(description="last error")
    def ran_into(self, batch: ConsolidationBatch) -> str:
        return batch.last_error or NOTHING

    def groups(self, request: HttpRequest, row: ConsolidationBatch) -> list[Group]:
        work = at_work(row, timezone.now())
        return [
            Group(
                "Stones",
                [
                    ("from", str(row.stone_from)),
                    ("to", str(row.stone_to) if row.stone_to else "the end"),
                    *(
                        (name, number(getattr(row, name)))
                        for name in ("stones", "inserted", "updated", "unchanged", "dead")
                    ),
                ],
            ),
            Group(
                "Work",
                [
                    ("state", self.badge(row)),
                    ("attempts", number(row.attempts)),
                    ("holder", work.holder),
                    ("last heard of the holder", work.heard_of),
                    ("next try", work.next_try),
                    ("completed", moment(row.completed_at)),
                    ("took", self.took(row)),
                    ("last error", row.last_error or NOTHING),
                ],
            ),
        ]

    @admin.display(description="took")
    def took(self, batch: ConsolidationBatch) -> str:
        return duration(batch.seconds) if batch.completed_at else NOTHING


def partition_range(partition: Partition) -> str:
    """A partition's range in words, without reading the stones that are asked for by id."""
    return f"{partition.expected:,} stones by id" if partition.kind == Partition.Kind.CONFIRM else str(partition)
