"""What can be wrong by the doctor's word, and with backups."""

from __future__ import annotations

from django.urls import reverse

from diamondhub.operations.problems.kinds import Button, Kind, Severity, declare

_PERMISSION = "operations.view_examination"


def _doctor(_about: str) -> str:
    return reverse("admin:operations_examination_changelist")


def _look_again(_about: str) -> str:
    return reverse("admin:operations_examination_look")


_LOOK_AGAIN = Button("Look again", _look_again, "operations.add_examination", acts=True)

declare(
    Kind(
        "doctor-finding",
        "The doctor found something",
        Severity.WARNING,
        found="a check of the doctor, which looks every DOCTOR_SECONDS and when somebody asks, has a finding",
        ends="by itself, when the next look of the doctor finds nothing there",
        permission=_PERMISSION,
        link=_doctor,
        buttons=(_LOOK_AGAIN,),
    ),
    Kind(
        "backup-old",
        "The last backup is old",
        Severity.CRITICAL,
        found="the last `note_backup` is longer ago than BACKUP_MAX_AGE_HOURS",
        ends="by itself, when a backup is noted",
        permission=_PERMISSION,
        link=_doctor,
    ),
)
