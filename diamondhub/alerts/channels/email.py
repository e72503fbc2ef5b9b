"""E-mail to ALERT_EMAILS, through Django's configured backend."""

from __future__ import annotations

import json
from smtplib import SMTPException
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMessage

from diamondhub.alerts.channels.errors import ChannelError

if TYPE_CHECKING:
    from diamondhub.alerts.models import Event


def send(event: Event) -> None:
    """Send one message to all addresses. Raises `ChannelError` if there are none or the server refuses it."""
    if not settings.ALERT_EMAILS:
        raise ChannelError("ALERT_EMAILS is empty")
    body = f"{event.subject}\n\n{json.dumps(event.details, indent=2, default=str)}\n\ntrace {event.trace_id}\n"
    message = EmailMessage(f"[DiamondHub {event.severity}] {event.subject}", body, to=settings.ALERT_EMAILS)
    try:
        message.send()
    except (SMTPException, OSError) as error:
        raise ChannelError(f"{type(error).__name__}: {error}") from error
