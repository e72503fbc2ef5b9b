"""Send a test message on channels and say what became of it."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from diamondhub.alerts import outbox
from diamondhub.alerts import terms as rules
from diamondhub.alerts.models import Delivery
from diamondhub.api.fields import nearest
from diamondhub.audit.acting import acting
from diamondhub.commands import ReportingCommand, actor

#: A channel that is being spoken to by a worker is waited for (seconds).
WAIT_SECONDS = 30.0


class Command(ReportingCommand):
    """`test_alert [--channel NAME] [--json]`."""

    help = (
        "Send a test message on every channel that is switched on, or on one, from here, and say what became of it; the "
        "status is 0 only if all took it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--channel", help="the name of one channel; all if none is named")
        self.add_json(parser)

    def run(self, *, channel: str | None, as_json: bool, **_: Any) -> None:
        there = rules.channels()
        if channel is not None and channel not in there:
            raise CommandError(f"no such channel, or it is switched off: {channel}{nearest(channel, there)}")
        chosen = [there[channel]] if channel is not None else list(there.values())
        if not chosen:
            raise CommandError("there is no channel: set ALERT_CHANNELS, or make one in the admin")
        with acting(actor()):
            deliveries = outbox.announce_test(chosen, by=actor())
        ended = _ended(deliveries)
        self.say(
            {"channels": [_told(delivery) for delivery in ended]},
            "\n".join(
                f"{row['channel']}: {row['state']}{' - ' + row['error'] if row['error'] else ''}"
                for row in map(_told, ended)
            ),
            as_json=as_json,
        )
        bad = [delivery.channel for delivery in ended if delivery.state != Delivery.State.DELIVERED]
        if bad:
            raise CommandError(f"not delivered: {', '.join(bad)}")


def _ended(deliveries: list[Delivery]) -> list[Delivery]:
    """The deliveries after their first try, made here unless a worker is quicker."""
    numbers = [delivery.pk for delivery in deliveries]
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        outbox.deliver_due(events=[delivery.event_id for delivery in deliveries])
        rows = list(Delivery.objects.filter(pk__in=numbers).order_by("channel"))
        tried = all(row.state != Delivery.State.PENDING or row.last_error not in ("", outbox.UNTOLD) for row in rows)
        if tried or time.monotonic() > deadline:
            return rows
        time.sleep(0.2)


def _told(delivery: Delivery) -> dict[str, str]:
    return {"channel": delivery.channel, "state": delivery.state, "error": delivery.last_error}
