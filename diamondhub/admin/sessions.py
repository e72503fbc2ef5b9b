"""People's sessions, kept under the hash of their cookie: whoever reads the table, or a dump of it, signs in as nobody.

Named by SESSION_ENGINE.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, cast

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.core.exceptions import SuspiciousOperation
from django.utils import timezone


def kept_as(session_key: str) -> str:
    """The name of a session in the table, whose column has 40 characters."""
    return sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's sessions in the database, by hash."""

    def _get_session_from_db(self) -> Session | None:
        try:
            return Session.objects.get(session_key=kept_as(self.session_key or ""), expire_date__gt=timezone.now())
        except (Session.DoesNotExist, SuspiciousOperation):
            self._session_key = None
            return None

    def exists(self, session_key: str) -> bool:
        """Whether there is such a session."""
        return Session.objects.filter(session_key=kept_as(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row of this session."""
        session = cast("Session", super().create_model_instance(data))
        session.session_key = kept_as(session.session_key)
        return session

    def delete(self, session_key: str | None = None) -> None:
        """End a session, this one if none is named."""
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=kept_as(key)).delete()
