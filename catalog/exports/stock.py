"""Whole stocks: everything for sale, for all clients that see the same. Made every hour while somebody asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Greatest, Now

from catalog.exports import asking, jobs
from catalog.exports.models import Export, Stock
from catalog.models import DatasetVersion
from diamondhub.access.models import ApiClient

#: A new file is made so long after the last one was begun.
EVERY = timedelta(hours=1)
#: A stock that nobody has asked for within this time is made no more, until somebody asks again.
ASKED_WITHIN = timedelta(days=1)
#: Hours for which one file can be fetched, so that a download can be gone on with after newer ones were made.
KEPT_HOURS = 3
#: Who asks again within this time is not noted: clients that poll must not write at every request.
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StockFiles:
    """What there is of a whole stock: the newest file, and one that is being written."""

    stock: Stock
    newest: Export | None
    pending: Export | None


def asked_for(client: ApiClient, format: str) -> StockFiles:  # noqa: A002 - what it is called outside
    """The whole stock that a client sees; the first who asks has it made."""
    seen = asking.seen_as(client)
    mine = Stock.objects.filter(seen_as=seen, format=format)
    stock = mine.first()
    if stock is None:
        try:
            with transaction.atomic():
                stock = Stock.objects.create(seen_as=seen, format=format, client=client, asked_at=Now(), due_at=Now())
        except IntegrityError:
            stock = mine.get()
    # The view is looked up by who asked last, since who asked before may see something else by now.
    stale = Q(asked_at__lt=Now() - _NOTED_EVERY) | ~Q(client=client)
    mine.filter(stale).update(asked_at=Now(), client=client)
    if mine.filter(due_at__lte=Now()).exists():
        make(stock.pk)
    files = stock.exports.order_by("-pk")
    return StockFiles(
        stock=Stock.objects.get(pk=stock.pk),
        newest=files.filter(state=Export.State.FINISHED, expires_at__gt=Now()).first(),
        pending=files.filter(state=Export.State.PENDING).first(),
    )


def start_due() -> None:
    """The sweep's look: stocks whose hour is over and that somebody asked for."""
    due = Stock.objects.filter(due_at__lte=Now(), asked_at__gt=Now() - ASKED_WITHIN)
    for number in due.order_by("due_at").values_list("pk", flat=True):
        make(number)


def make(stock_id: int) -> Export | None:
    """Begin a file if it is due and none is under way; where nothing has changed since the last one, that is kept on."""
    with transaction.atomic():
        due = Stock.objects.select_related("client").select_for_update(no_key=True, of=("self",))
        stock = due.filter(pk=stock_id, due_at__lte=Now()).first()
        if stock is None or stock.exports.filter(state=Export.State.PENDING).exists():
            return None
        Stock.objects.filter(pk=stock.pk).update(due_at=Now() + EVERY)
        of_now = stock.exports.filter(
            state=Export.State.FINISHED, dataset_version=DatasetVersion.current(), expires_at__gt=Now()
        )
        newest = of_now.aggregate(newest=Max("pk"))["newest"]
        if newest is not None:
            kept = Now() + timedelta(hours=KEPT_HOURS)
            Export.objects.filter(pk=newest).update(expires_at=Greatest(F("expires_at"), kept))
            return None
        return jobs.start_stock(stock)
