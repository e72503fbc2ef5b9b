"""A feed's stones mapped again in the background: first as a trial that is rolled back, then, for a reason, for good."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from diamondhub.admin.display import Table, number
from diamondhub.operations.jobs import Onward, PutOff, Running
from diamondhub.operations.models import Job
from ingest import remapping
from ingest.errors import IngestError
from ingest.models import Feed, Remap

#: Pause before a remap that another worker is at is looked at again (seconds).
REST_SECONDS = 2.0
_BEFORE_FIRST_ID = str(uuid.UUID(int=0))


def try_remap(running: Running) -> dict[str, Any] | None:
    """Map a feed's stones again and roll it back, a chunk at a time: what a remap would do."""
    slug, selection = running.job.subject, str(running.job.parameters["selection"])
    total = running.memo.get("total") or remapping.stones_of(slug)
    done = Counter(running.memo.get("counts", {}))
    behind = uuid.UUID(running.memo.get("behind", _BEFORE_FIRST_ID))
    while not running.slice_is_over:
        counts, last = remapping.dry_chunk(slug, selection=selection, behind=behind)
        done.update(counts)
        if last is None:
            return {"selection": selection, **done}
        behind = last
        looked = done["looked_at"] + done["skipped"]
        running.tell(
            looked / max(1, total),
            f"{looked:,} of {total:,} stones",
            {"total": total, "counts": dict(done), "behind": str(behind)},
        )
    return None


def remap(running: Running) -> dict[str, Any] | None:
    """Work at a remap of the feed's stones until it is over, whoever else does."""
    if "remap" not in running.memo:
        job = running.job
        row = remapping.start(job.subject, selection=str(job.parameters["selection"]), started_by=job.asked_by)
        running.tell(0.0, f"remap {row.pk}", {"remap": row.pk})
    pk = running.memo["remap"]
    while not remapping.work(pk, seconds=REST_SECONDS):
        row = Remap.objects.select_related("feed").get(pk=pk)
        if row.mapper_version != remapping.mapper_of(row):
            raise IngestError(f"remap {pk} was begun for {row.mapper_version}, which this release has not")
        looked = row.looked_at + row.skipped
        running.tell(looked / max(1, row.total), f"{looked:,} of {row.total:,} stones")
        if row.lease_expires_at is not None:
            raise PutOff(REST_SECONDS)
        if running.slice_is_over:
            return None
    row = Remap.objects.get(pk=pk)
    if row.state == Remap.State.ABANDONED:
        raise IngestError(f"remap {pk} was ended by somebody else; {remapping.in_words(remapping.counts(row))}")
    return {"selection": row.selection, "remap": pk, **remapping.counts(row)}


def cancel_remap(job: Job) -> None:
    """What is mapped stays, the rest is left as it was."""
    if "remap" in job.memo:
        remapping.abandon(job.memo["remap"])


def tables(result: dict[str, Any]) -> list[Table]:
    """A remap's counts."""
    words = {
        "looked_at": "mapped again",
        "changed": "came out otherwise",
        "unchanged": "came out as before",
        "dead": "did not map: dead letters",
        "pruned": "could not be: their payload is not kept any more",
        "newer": "have a newer payload meanwhile",
        "skipped": "were mapped by this mapper already",
    }
    rows = [[label, number(result[name])] for name, label in words.items()]
    return [Table("Stones", ["", "Stones"], rows)]


def onward(job: Job) -> Sequence[Onward]:
    """After a dry run that would change something, the button that does it."""
    result = job.result or {}
    feed = Feed.objects.filter(slug=job.subject).first()
    if feed is None or not (result.get("changed") or result.get("dead")):
        return ()
    return (
        Onward(
            f"Map the stones of {feed.slug} again",
            reverse("admin:ingest_feed_remap", args=[feed.pk, result["selection"]]),
            "ingest.change_feed",
            "Nothing has been written yet.",
        ),
    )
