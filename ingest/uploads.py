"""Lists that suppliers send by mail, and people upload: taken in pieces, kept in the database, and found again by runs.

A piece is as long as the web server takes anything, so a list of many megabytes needs no larger requests. The page of a
feed and the price-list adapter call it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from diamondhub.operations import retention
from ingest.errors import IngestError
from ingest.feeds.pricelist.inboxes import inbox_of
from ingest.models import Feed, Run, UploadedList, UploadedPiece

#: Longest piece (bytes): what the web server takes of any form, less the form around it.
MAX_PIECE = 900_000
#: Lists of one inbox that stay, however old: a run may be told of by the one before.
KEPT = 3
#: What was begun and not completed within this is given up.
GIVEN_UP_AFTER = timedelta(days=1)


class NotTaken(IngestError):
    """The file cannot be taken."""


def take(
    inbox: str, piece: bytes, *, by: str, name: str = "", reason: str = "", upload: int | None = None, is_last: bool
) -> UploadedList:
    """Keep a piece of a list: the first one without `upload`, the next ones with the number that the first one got.

    Raises `NotTaken` for a piece of somebody else's or of a list that is complete, and for a list that is too long.
    """
    if len(piece) > MAX_PIECE:
        raise NotTaken(f"a piece has {len(piece):,} bytes; at most {MAX_PIECE:,} are taken at once")
    with transaction.atomic():
        if upload is None:
            printable = "".join(letter for letter in name if letter.isprintable())[:200]
            taken = UploadedList.objects.create(inbox=inbox, name=printable, uploaded_by=by, reason=reason)
        else:
            begun = UploadedList.objects.select_for_update().filter(pk=upload, inbox=inbox, uploaded_by=by)
            taken_before = begun.filter(completed_at=None).first()
            if taken_before is None:
                raise NotTaken("the upload is not there any more, or complete: choose the file again")
            taken = taken_before
        if taken.size + len(piece) > most_bytes():
            raise NotTaken(
                f"the file has more than {most_bytes():,} bytes: pack it with gzip, or raise PRICELIST_UPLOAD_MAX_BYTES"
            )
        UploadedPiece.objects.create(upload=taken, number=taken.pieces.count(), content=piece)
        taken.size += len(piece)
        if is_last and not taken.size:
            raise NotTaken("the file is empty")
        UploadedList.objects.filter(pk=taken.pk).update(size=taken.size, **({"completed_at": Now()} if is_last else {}))
    return taken


def most_bytes() -> int:
    """The longest list that is taken."""
    longest: int = settings.PRICELIST_UPLOAD_MAX_BYTES
    return longest


def newest(inbox: str) -> UploadedList | None:
    """The list that the inbox's feeds read now."""
    return UploadedList.objects.filter(inbox=inbox, completed_at__isnull=False).order_by("-completed_at").first()


def pieces(upload: UploadedList) -> Iterator[bytes]:
    """The bytes of a list, piece by piece."""
    for piece in upload.pieces.order_by("number").values_list("content", flat=True).iterator(chunk_size=1):
        yield bytes(piece)


def of_run(run: Run, feed: Feed) -> UploadedList | None:
    """The uploaded list that a run read, if its feed reads such."""
    inbox = inbox_of(str(feed.parameters.get("source", "")))
    if not inbox or run.window_to is None:
        return None
    # A window ends a lag before the list was complete, by the second.
    until = run.window_to.replace(microsecond=0) + timedelta(seconds=feed.window_lag_seconds + 1)
    read = UploadedList.objects.filter(inbox=inbox, completed_at__lt=until)
    return read.order_by("-completed_at").first()


def old_uploads() -> QuerySet[UploadedList]:
    """Lists that newer ones have long replaced, and those that were never completed."""
    newer = UploadedList.objects.filter(inbox=OuterRef("inbox"), completed_at__gt=OuterRef("completed_at"))
    replaced = Q(Exists(newer[KEPT - 1 : KEPT])) & Q(completed_at__lt=retention.days_ago(settings.RAW_RETENTION_DAYS))
    return UploadedList.objects.filter(replaced | Q(completed_at=None, begun_at__lt=Now() - GIVEN_UP_AFTER))
