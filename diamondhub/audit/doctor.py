"""What the audit adds to the doctor: months that could not be archived, and files of archives that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from diamondhub.audit import archiving
from diamondhub.audit.models import AuditArchive
from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.problems.kinds import Severity

#: Every pruning takes up a month that is not done; one that is not after two days cannot be done.
DONE_WITHIN = timedelta(days=2)
#: Files that are looked for, the newest first.
MAX_LOOKED_FOR = 120


@register("audit-archives", "Are the archived months of the audit complete and where they should be?")
def archives_are_there() -> Iterator[Said]:
    """By their names; `audit_archives --verify` reads them."""
    with database():
        late: QuerySet[AuditArchive] = AuditArchive.objects.filter(
            state__in=(AuditArchive.State.WRITTEN, AuditArchive.State.VERIFIED),
            created_at__lt=timezone.now() - DONE_WITHIN,
        )
        stuck = list(late.order_by("month"))
        archives = list(
            AuditArchive.objects.exclude(state=AuditArchive.State.WRITTEN).order_by("-month")[:MAX_LOOKED_FOR]
        )
    for archive in stuck:
        yield Finding(
            f"The {archive} could not be archived: it is {archive.state} since {archive.created_at:%Y-%m-%d}.",
            "`audit_not_archived` in the log of worker-cpu says why; its events stay in the database meanwhile.",
        )
    for archive in archives:
        if not archiving.storage().exists(archive.file):
            yield Finding(
                f"The file {archive.file} of the {archive} is gone, with {archive.rows:,} events.",
                "Bring it back from the backup of ARCHIVES_DIR, then `manage.py audit_archives --verify`.",
                Severity.CRITICAL,
            )
    yield f"{len(archives)} archives"
