"""E-mail through Django's configured backend.

A delivery has one `Message-ID` in all its tries, so a mail that was taken though nobody heard of it is the same mail again.
Mails about one problem refer to one root and are one thread. What goes into a header is one line of bounded length, written
by Python's own policy for mail, which refuses line ends.
"""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import suppress
from email.utils import format_datetime, parseaddr
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from diamondhub.alerts.channels.errors import ChannelError
from diamondhub.outgoing import Deadline

if TYPE_CHECKING:
    from diamondhub.alerts.messages import Message
    from diamondhub.alerts.models import Channel

#: A message is sent within this time, however slowly the server talks (seconds).
SECONDS = 60.0
#: Longest subject (characters).
MAX_SUBJECT = 200
#: Longest part of the details that is sent (characters).
MAX_DETAILS = 20_000


def send(channel: Channel, message: Message) -> None:
    """Send one mail to all addresses of the channel. Raises `ChannelError` if there are none or the server refuses it."""
    if not channel.addresses:
        raise ChannelError("ALERT_EMAILS is empty" if channel.pk is None else "the channel has no addresses")
    mail = _mail(channel, message)
    try:
        with Deadline(SECONDS) as deadline:
            connection = get_connection()
            try:
                connection.open()
                _end_with(deadline, connection)
                sent = connection.send_messages([mail])
            finally:
                # What was taken was taken, however the server says good-bye.
                with suppress(Exception):
                    connection.close()
    except (SMTPRecipientsRefused, SMTPDataError) as error:
        raise ChannelError(f"{type(error).__name__}: {error}", permanent=_is_refused(error)) from error
    except (SMTPException, OSError) as error:
        raise ChannelError(f"{type(error).__name__}: {error}") from error
    if not sent:
        raise ChannelError("the mail server took nothing")


def _mail(channel: Channel, message: Message) -> EmailMessage:
    host = _host()
    root = f"<{message.thread or f'event.{message.key}'}@{host}>"
    return EmailMessage(
        subject=_line(f"[DiamondHub {message.severity}] {message.title}", MAX_SUBJECT),
        body=_body(message),
        to=list(channel.addresses),
        headers={
            "Message-ID": f"<{message.key}@{host}>",
            "Date": format_datetime(message.created_at),
            **({"References": root, "In-Reply-To": root} if message.thread else {}),
            # No out-of-office answers (RFC 3834).
            "Auto-Submitted": "auto-generated",
            "X-DiamondHub-Kind": _line(message.kind, 64),
        },
    )


def _body(message: Message) -> str:
    parts = [message.title, *(["\n".join(message.lines())] if message.items or message.more else [])]
    if message.details:
        details = json.dumps(message.details, indent=2, default=str, ensure_ascii=False)
        parts.append(details if len(details) <= MAX_DETAILS else f"{details[:MAX_DETAILS]}\n…")
    if message.trace_id:
        parts.append(f"trace {message.trace_id}")
    # Control characters say something to terminals, and nothing to people.
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "␀", "\n\n".join(parts) + "\n")


def _line(text: str, limit: int) -> str:
    words = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _host() -> str:
    """The part behind the @ of ids: where DiamondHub is, or who it writes as."""
    public = urlsplit(settings.PUBLIC_URL).hostname if settings.PUBLIC_URL else None
    named = public or parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return named if re.fullmatch(r"[A-Za-z0-9.-]+", named, re.ASCII) else "localhost"


def _end_with(deadline: Deadline, connection: Any) -> None:
    """Have the connection to the server shut when time is up; backends that have none end by themselves."""
    client = getattr(connection, "connection", None)
    sock = getattr(client, "sock", None)
    if isinstance(sock, socket.socket):
        # A handle beside the one that TLS wraps.
        with socket.socket(fileno=os.dup(sock.fileno())) as handle:
            deadline.watch(handle)


def _is_refused(error: SMTPRecipientsRefused | SMTPDataError) -> bool:
    """Whether the server says that trying again will not help."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= 500 for code, _words in error.recipients.values())
    return error.smtp_code >= 500
