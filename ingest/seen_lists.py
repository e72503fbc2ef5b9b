"""Uploaded lists between two looks: kept for an hour, for who uploaded them, and few at a time."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from ingest import uploads
from ingest.errors import IngestError
from ingest.models import SeenList

#: Longest file that is taken (bytes): one piece of an upload, which it becomes if a feed is made of it.
MAX_BYTES = uploads.MAX_PIECE
#: How long a file is kept, and how many of one person's.
KEPT_FOR, KEPT_OF_ONE = timedelta(hours=1), 3
#: Digits of the longest number of a file.
MAX_DIGITS = 18


class TooLong(IngestError):
    """The file is too long to be taken here."""


def keep(name: str, content: bytes, *, by: str) -> SeenList:
    """Keep an uploaded file, and forget what has expired and a person's oldest ones. Raises `TooLong`."""
    if len(content) > MAX_BYTES:
        raise TooLong(
            f"the file has {len(content):,} bytes, and at most {MAX_BYTES:,} are taken here: pack it with gzip, name the "
            "list by its address or a path below PRICELIST_DIR, or look at it with inspect_list"
        )
    expired().delete()
    older = SeenList.objects.filter(by=by).order_by("-expires_at").values_list("pk", flat=True)[KEPT_OF_ONE - 1 :]
    SeenList.objects.filter(pk__in=list(older)).delete()
    return SeenList.objects.create(
        name="".join(letter for letter in name if letter.isprintable())[:200],
        content=content,
        by=by,
        expires_at=Now() + KEPT_FOR,
    )


def find(number: str, *, by: str) -> SeenList | None:
    """The file of that number, if this person uploaded it and it has not expired."""
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
        return None
    return SeenList.objects.filter(pk=int(number), by=by, expires_at__gt=Now()).first()


def expired() -> QuerySet[SeenList]:
    """Files that nobody looks at any more."""
    return SeenList.objects.filter(expires_at__lte=Now())
