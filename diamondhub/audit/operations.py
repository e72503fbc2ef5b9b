"""What the audit forgets: months that went to files, if it is told to (`AUDIT_RETENTION_MONTHS`)."""

from __future__ import annotations

from diamondhub.audit import archiving, doctor  # noqa: F401 - doctor registers its check
from diamondhub.audit.tracking import AUDITED
from diamondhub.operations import retention

retention.register(
    retention.Step("audit_months", archiving.archive_months, archiving.would_archive, would_free=archiving.would_free)
)
retention.keep(
    *(audited.events._meta.label for audited in AUDITED.values()),
    how_long="AUDIT_RETENTION_MONTHS whole months, then in files; 0: for ever",
    by=("audit_months",),
)
retention.keep("audit.AuditArchive", how_long="for ever: one row for each archived month")
retention.keep("pghistory.Context", how_long="nothing is ever written: who acts and why stands on the events")
