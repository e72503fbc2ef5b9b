"""The list of all events, the newest first: finding one by its name, and going on behind one."""

from __future__ import annotations

import re
from datetime import datetime

from django.db.models import Q, QuerySet

from diamondhub.audit.models import AuditEvent
from diamondhub.audit.tracking import AUDITED

#: The order of the list; numbers of events are each kind's own.
NEWEST_FIRST = ("-at", "-event_id", "-pk")


def find(name: str) -> AuditEvent | None:
    """The event of a name such as `pricing.rule:12`, by kind and number, so that the index finds it, or None."""
    kind, _, number = name.rpartition(":")
    if kind not in AUDITED or not re.fullmatch(r"\d{1,18}", number, re.ASCII):
        return None
    return AuditEvent.objects.filter(kind=kind, event_id=int(number)).first()


def behind(events: QuerySet[AuditEvent], at: datetime, event_id: int, pk: str) -> QuerySet[AuditEvent]:
    """The events that come after the one with these values."""
    same = Q(at=at) & (Q(event_id__lt=event_id) | Q(event_id=event_id, pk__lt=pk))
    return events.filter(at__lte=at).filter(Q(at__lt=at) | same)
