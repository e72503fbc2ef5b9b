"""Lists that people have uploaded: the newest one of an inbox."""

from __future__ import annotations

from pathlib import Path

from ingest import uploads
from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.transports.arriving import Arriving, Fetched, Limits, digest_of


def fetch(inbox: str, into: Path, limits: Limits, etag: str) -> Fetched | None:
    """Copy the inbox's newest list into a file; None if it still is the one that `etag` names."""
    upload = uploads.newest(inbox)
    if upload is None or upload.completed_at is None:
        raise NothingUploaded(f"no list has been uploaded for {inbox!r} yet: upload one on the feed's page")
    if etag == str(upload.pk):
        return None
    with into.open("wb") as copy:
        arriving = Arriving("the database", limits, copy)
        for piece in uploads.pieces(upload):
            arriving.take(piece)
        arriving.check_whole(upload.size)
    return Fetched(digest_of(into), upload.completed_at, str(upload.pk))


class NothingUploaded(ListRefused):
    """There is no list yet."""
