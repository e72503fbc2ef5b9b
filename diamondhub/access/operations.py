"""What of people's comings and goings is forgotten."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.access.people import SignIn
from diamondhub.operations import retention


def expired_sessions() -> QuerySet[Session]:
    """Sessions that nobody can go on with."""
    return Session.objects.filter(expire_date__lt=Now())


def old_sign_ins() -> QuerySet[SignIn]:
    """Sign-ins of long ago."""
    return SignIn.objects.filter(at__lt=retention.history_kept_from())


retention.register_rows("expired_sessions", expired_sessions)
retention.register_rows("sign_ins", old_sign_ins)
