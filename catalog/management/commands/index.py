"""`manage.py index`: the program that keeps the catalogue's index, and what it says of itself."""

from __future__ import annotations

import os
import signal
import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.core.management.base import CommandError

from catalog.index import builder, reports
from catalog.index import status as statuses
from diamondhub.commands import ReportingCommand
from diamondhub.database import separate_cursor
from diamondhub.operations import workers
from diamondhub.telemetry import metrics_server, process_metrics

log = structlog.get_logger(__name__)

#: How often a builder that found another one at work looks whether that has ended (seconds).
WAIT_SECONDS = 0.5


def _stop_in_order(number: int, _frame: FrameType | None) -> None:
    """Say that this host has no builder any more, whatever is being made, and end by the signal as any program does."""
    signal.signal(number, signal.SIG_DFL)
    workers.stop_showing()
    with suppress(psycopg.Error), separate_cursor("diamondhub-index-ends") as cursor:
        reports.withdraw(cursor)
    os.kill(os.getpid(), number)


class Command(ReportingCommand):
    help = (
        "Keep the catalogue's index: a file of the newest version in DIAMONDHUB_INDEX_DIR, which the web processes of this "
        "host search. Runs until it is stopped, beside each host's web servers; `up` runs it by itself. A second one on a "
        "host waits for the first one to end. It may be stopped or killed at any moment."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--once", action="store_true", help="bring the index up to date and end; 0 only if it is")
        which.add_argument(
            "--status", action="store_true", help="say how the index of this host is; 0 only if searches may use it"
        )
        self.add_json(parser)

    def run(self, *, once: bool, status: bool, as_json: bool, **options: Any) -> None:
        folder: Path = settings.INDEX_DIR
        if status:
            self._say_status(folder, as_json=as_json)
            return
        waits_for = ""
        if not once:
            process_metrics.prepare("index")
            workers.show("index")
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _stop_in_order)
            metrics_server.serve()
        while True:
            reason = "another builder is at work"
            try:
                with builder.held(folder) as hold:
                    if once:
                        self._build_once(folder, alone=hold is not None, as_json=as_json)
                        return
                    if hold is not None:
                        builder.Builder(folder).run(hold)
                        reason = "the folder was removed"
            except OSError as error:
                reason = (error.strerror or type(error).__name__).lower()
                if once:
                    raise CommandError(f"the folder of the index cannot be used: {folder}: {reason}") from None
            if reason != waits_for:
                waits_for = reason
                log.warning("index_waits", folder=str(folder), reason=reason)
            time.sleep(WAIT_SECONDS)

    def _build_once(self, folder: Path, *, alone: bool, as_json: bool) -> None:
        if alone:
            working = builder.Builder(folder)
            working.take_up()
            working.turn()
            if working.notice.failure:
                raise CommandError(f"the index could not be brought up to date: {working.notice.failure}")
        # A builder that is at work does it without us.
        self._say_status(folder, as_json=as_json)

    def _say_status(self, folder: Path, *, as_json: bool) -> None:
        now = statuses.of(folder)
        self.say(now.as_json(), now.text(), as_json=as_json)
        if now.reason:
            raise CommandError(f"searches are answered by the database: {now.reason}")
