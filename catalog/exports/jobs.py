"""Starting and ending exports. Called by the API and by what makes whole stocks; workers end them by `work`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from psycopg.errors import QueryCanceled

from catalog.client_views.reading import view_of
from catalog.exports import asking, files
from catalog.exports.models import EXPORT_STATES, Export, Stock
from catalog.searching.pages import with_hits
from diamondhub.access.models import ApiClient
from diamondhub.access.throttles.rows import TakenRows, give_rows, require_rows
from diamondhub.doorbells import ring

log = structlog.get_logger(__name__)

TASK = "catalog.tasks.export"
#: Expired exports that one sweep removes.
CHUNK = 100


class ExportRunning(Exception):
    """The client has an export under way."""

    def __init__(self, number: int) -> None:
        super().__init__(f"export {number} of yours is under way; wait for its end, or cancel it")
        self.number = number


def start(
    client: ApiClient,
    *,
    format: str,  # noqa: A002 - what it is called outside
    gzip: bool,
    fields: Sequence[str],
    asked: Mapping[str, Any],
) -> Export:
    """Have what a client asks for written to a file: `asked` are filters as a body of JSON has them.

    Raises `InvalidBody`, `ExportRunning`, and `RowsUsedUp` if it is known already that there are too many rows for today.
    """
    conditions = asking.conditions_of(client, asked)
    running = Export.objects.filter(client=client, state=Export.State.PENDING)
    if (number := running.values_list("pk", flat=True).first()) is not None:
        raise ExportRunning(number)
    require_rows(client, _rows_at_least(client, conditions))
    try:
        with transaction.atomic():
            export = Export.objects.create(
                client=client,
                seen_as=asking.sight_of(client),
                format=format,
                gzip=gzip,
                fields=list(fields),
                asked=dict(asked),
                due_at=Now(),
            )
    except IntegrityError:
        # Somebody was faster; whoever is over meanwhile leaves room for the next try.
        raise ExportRunning(running.values_list("pk", flat=True).first() or 0) from None
    ring(TASK, export.pk)
    log.info("export_started", export_id=export.pk, client=client.name, format=format)
    return export


def start_stock(stock: Stock) -> Export:
    """Have a whole stock written. The caller has locked its row."""
    export = Export.objects.create(
        stock=stock,
        seen_as=stock.seen_as,
        format=stock.format,
        gzip=True,
        fields=list(asking.fields_of(stock.client)),
        asked={},
        due_at=Now(),
    )
    ring(TASK, export.pk)
    return export


def end(export_id: int) -> None:
    """Cancel an export that is under way, or remove the file of one that is finished; others stay as they are."""
    with transaction.atomic():
        export = Export.objects.select_for_update(no_key=True).filter(pk=export_id).first()
        if export is None or export.state not in (Export.State.PENDING, Export.State.FINISHED):
            return
        if export.state == Export.State.FINISHED:
            _expire(export)
            return
        give_back(export)
        # Held by a worker: it finds its lease gone, and stops.
        EXPORT_STATES.move(
            export,
            Export.State.CANCELLED,
            lease_token=F("lease_token") + 1,
            lease_expires_at=None,
            due_at=None,
            finished_at=Now(),
            rows_taken=0,
            reason="cancelled by its client",
        )
    log.info("export_cancelled", export_id=export_id)


def expire_due() -> None:
    """Remove the files whose time is over, and say so in their rows."""
    over = Export.objects.filter(state=Export.State.FINISHED, expires_at__lte=Now()).order_by("expires_at")
    for export in over[:CHUNK]:
        with transaction.atomic():
            _expire(export)


def give_back(export: Export) -> None:
    """Give the client back what was taken of its rows for this export."""
    if export.client_id is not None and export.rows_taken_on is not None and export.rows_taken:
        give_rows(TakenRows(export.client_id, export.rows_taken_on, export.rows_taken, left=0))


def ring_due() -> None:
    """The sweep's look: exports that nobody works at, the oldest first, and files whose time is over."""
    expire_due()
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    due = Export.objects.filter(free, state=Export.State.PENDING, due_at__lte=Now()).order_by("pk")
    for number in due.values_list("pk", flat=True)[: settings.EXPORTS_AT_ONCE]:
        ring(TASK, number)


def _expire(export: Export) -> None:
    name = export.file
    if EXPORT_STATES.move(export, Export.State.EXPIRED, file="", expires_at=Now()):
        transaction.on_commit(lambda: files.remove(name))


def _rows_at_least(client: ApiClient, conditions: Any) -> int:
    """How many stones there are at least: all of them where the index counts, and where it does not, up to a cap."""
    try:
        count = with_hits(conditions, lambda hits: hits.count().number)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        # The worker has the time to count.
        return 0
    most = view_of(client).max_rows
    return count if most is None else min(count, most)
