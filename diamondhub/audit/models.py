"""What an event of the audit holds, and the list of the events of all audited tables."""

from __future__ import annotations

import pghistory.models
from django.db import models

from diamondhub.states import StateMachine


class RecordedChange(pghistory.models.Event):
    """The base of the tables of events: one row for each row that was created, changed or deleted.

    Beside these columns each table has those of the audited model as they were after the event (before a deletion).
    `pgh_before` has the former values of the columns that an update changed. `pgh_who` is a person, a client of the API, the
    user of a command or "system"; whoever writes by SQL is there with the name of the database's user. Events are only
    added to: triggers refuse anything else (see `diamondhub.audit.after_migrate`).
    """

    pgh_id = models.BigAutoField(primary_key=True)
    pgh_before = models.JSONField(null=True)
    pgh_who = models.TextField()
    pgh_via = models.TextField(default="")
    pgh_reason = models.TextField(default="")
    pgh_request_id = models.TextField(default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pgh_label} by {self.pgh_who}"


ARCHIVE_STATES = StateMachine(
    {
        "written": frozenset({"verified"}),
        "verified": frozenset({"dropped"}),
        "dropped": frozenset({"restored"}),
        "restored": frozenset({"verified"}),
    }
)


class AuditArchive(models.Model):
    """A month (UTC) of all events in a file of the storage `archives`: written, verified, then dropped from the tables.

    `tables` has the number of rows by table of events, `dropped` the tables whose rows are gone. Only `audit_forget_month`
    (migration `0004_archives`) removes events, and only those of a verified archive that has as many. What an archive says
    of its file never changes, and no row is deleted. A restored one goes again after `restored_until`.
    """

    class State(models.TextChoices):
        WRITTEN = "written"
        VERIFIED = "verified"
        DROPPED = "dropped"
        RESTORED = "restored"

    month = models.DateField(unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.WRITTEN)
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    rows = models.BigIntegerField()
    tables = models.JSONField(default=dict)
    dropped = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    restored_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"audit of {self.month:%Y-%m}"


class AuditEvent(models.Model):
    """One event of any audited table: a row of the view `audit_event`, which `diamondhub.audit.after_migrate` makes.

    `kind` is the model (`pricing.rule`), `before` as in the event, `after` all columns of the audited model.
    """

    class What(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"
        DELETED = "deleted"

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    event_id = models.BigIntegerField()
    what = models.TextField(choices=What)
    at = models.DateTimeField()
    object_id = models.BigIntegerField()
    who = models.TextField()
    via = models.TextField()
    reason = models.TextField()
    request_id = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField()

    class Meta:
        managed = False
        db_table = "audit_event"
        default_permissions = ("view",)
        permissions = [("export_auditevent", "Can export audit events")]

    def __str__(self) -> str:
        return f"{self.what} by {self.who}"
