"""Beat and workers fall silent: the outside hears nothing more, and the web processes send one mail about it."""

from __future__ import annotations

import signal
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from diamondhub.alerts.tests.receivers import MailServer, Receiver
from ingest.tests.stack import Sandbox, Stack, until

pytestmark = pytest.mark.processes

SENDERS = ("beat", "worker-io", "worker-cpu")


def subjects(server: MailServer) -> list[str]:
    mails = [message_from_string(text) for text in list(server.mails)]
    return [str(make_header(decode_header(mail["Subject"]))).replace("\n", "") for mail in mails]


def test_when_all_who_send_are_silent_the_web_sends_one_mail_and_the_outside_hears_nothing(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    mail, outside = MailServer(), Receiver()
    host, port = mail.socket.getsockname()
    stack = Stack(
        tmp_path / "var",
        sandbox,
        ALERT_CHANNELS="email",
        ALERT_EMAILS="eve@example.com",
        EMAIL_HOST=host,
        EMAIL_PORT=str(port),
        HEARTBEAT_URL=outside.url,
        HEARTBEAT_SECONDS="1",
        WATCH_SECONDS="8",
    )
    try:
        until(lambda: len(outside.taken) > 1, seconds=30, what="the outside hears signs of life")
        # On a busy machine the start itself may be a silence.
        unresolved = "SELECT count(*) FROM operations_problem WHERE kind = 'sweep-late' AND state <> 'resolved'"
        until(lambda: stack.value(unresolved) == 0, seconds=60, what="no silence is told of")
        known = len(subjects(mail))
        # Stopped and not killed: what dies the supervisor starts again.
        for name in SENDERS:
            stack.send(name, signal.SIGSTOP)
        # One that was under way may still arrive.
        seen_at = "SELECT seen_at FROM telemetry_heartbeat WHERE name = 'outside'"
        until(
            lambda: stack.value(f"SELECT ({seen_at}) < clock_timestamp() - interval '3 seconds'"),
            seconds=20,
            what="the last sign of life was given",
        )
        last = stack.value(seen_at)

        until(lambda: [s for s in subjects(mail)[known:] if "No sweep" in s], seconds=60, what="the web sends a mail")
        heard = stack.value(seen_at) == last
        count = len(outside.taken)
        for name in SENDERS:
            stack.send(name, signal.SIGCONT)
        until(
            lambda: [s for s in subjects(mail)[known:] if "resolved: No sweep" in s], seconds=60, what="its end is told"
        )

        assert heard
        assert len([s for s in subjects(mail)[known:] if "No sweep" in s and "resolved" not in s]) == 1
        until(lambda: len(outside.taken) > count, seconds=30, what="the outside hears signs of life again")
    finally:
        stack.stop()
        outside.stop()
        mail.socket.close()
