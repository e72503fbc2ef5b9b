"""Backups as far as the product knows of them: the job that makes them says so at its end (`note_backup`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from diamondhub.admin.display import duration
from diamondhub.operations.problems.looking import Wrong
from diamondhub.telemetry.models import Heartbeat

#: The heartbeat of the backup job.
NAME = "backup"


def note() -> None:
    """Record that a backup was made now."""
    Heartbeat.beat(NAME)


def late() -> timedelta | None:
    """The age of the last backup if it is too old; None while it is not, where none was ever noted, and if nobody asks."""
    if not settings.BACKUP_MAX_AGE_HOURS:
        return None
    noted = Heartbeat.objects.filter(name=NAME).annotate(now=Now()).first()
    if noted is None:
        return None
    age: timedelta = noted.now - noted.seen_at
    return age if age > timedelta(hours=settings.BACKUP_MAX_AGE_HOURS) else None


def look() -> Iterator[Wrong]:
    """The problem of a backup that is too old."""
    age = late()
    if age is not None:
        hours = settings.BACKUP_MAX_AGE_HOURS
        yield Wrong(
            "backup-old",
            NAME,
            f"The last backup was made {duration(age)} ago; {hours} h are allowed",
            {"hours_allowed": hours},
        )
