"""The sign of life to the outside: `HEARTBEAT_URL` is asked while both sweeps and delivery rounds go well.

Whoever watches that address tells of silence, however dead all of us is. It holds nobody up: it is asked by a thread of its
own, in bounded time, at most once in `HEARTBEAT_SECONDS` over all workers.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from urllib.parse import urlsplit

import requests
import structlog
from django.conf import settings
from django.db.models.functions import Now
from urllib3.exceptions import HTTPError

from diamondhub.outgoing import Deadline, session
from diamondhub.telemetry.models import Heartbeat

log = structlog.get_logger(__name__)

#: The outside has so long for its answer (seconds).
SECONDS = 5.0
#: Of its answer so much is read (bytes).
MAX_ANSWER = 1_024
#: The heartbeat whose moment is that of the last sign.
OUTSIDE = "outside"


def beat() -> None:
    """Give a sign of life if it is time for one, and sweeps and delivery rounds both go well."""
    if not settings.HEARTBEAT_URL:
        return
    fresh = Now() - timedelta(seconds=settings.WATCH_SECONDS)
    alive = set(
        Heartbeat.objects.filter(name__in=("sweep", "delivery"), seen_at__gt=fresh).values_list("name", flat=True)
    )
    if alive != {"sweep", "delivery"} or not _claimed():
        return
    in_background(settings.HEARTBEAT_URL)


def in_background(url: str) -> None:
    """Ask the address while others go on."""
    threading.Thread(target=ask, args=(url,), name="pulse", daemon=True).start()


def _claimed() -> bool:
    """Whether it is this process's turn."""
    made = Heartbeat.objects.bulk_create(
        [Heartbeat(name=OUTSIDE, seen_at=Now() - timedelta(days=1))], ignore_conflicts=True
    )
    assert made
    before = Now() - timedelta(seconds=settings.HEARTBEAT_SECONDS)
    return Heartbeat.objects.filter(name=OUTSIDE, seen_at__lte=before).update(seen_at=Now()) == 1


def ask(url: str) -> bool:
    """Ask the address once; returns whether it answered with 2xx. What goes wrong is logged without the address."""
    try:
        # An operator has named the host, so it may be private.
        with Deadline(SECONDS) as deadline, session([urlsplit(url).hostname or ""], connected=deadline.watch) as http:
            with http.get(url, timeout=SECONDS, stream=True, allow_redirects=False) as answer:
                answer.raw.read(MAX_ANSWER)
                status = int(answer.status_code)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        log.warning("heartbeat_not_sent", error=type(error).__name__)
        return False
    if not 200 <= status < 300:
        log.warning("heartbeat_not_sent", error=f"it answered {status}")
        return False
    return True
