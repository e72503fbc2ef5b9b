"""Remove what is no longer needed."""

from __future__ import annotations

import argparse
import time
from typing import Any

from django.core.management.base import CommandError
from django.db.models.functions import Now

from diamondhub.commands import ReportingCommand, actor
from diamondhub.operations import pruning
from diamondhub.operations.models import Pruning

#: How long to try while tables are kept busy by others (seconds).
PATIENCE = 300.0


class Command(ReportingCommand):
    """`prune [--dry-run] [--json]`. Exits 1 if a busy table could not be had in time; the sweep then goes on."""

    help = (
        "Fold old ledgers, drop old payloads (what live diamonds were mapped from is carried over) and old histories."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        self.add_json(parser)

    def run(self, *, dry_run: bool, as_json: bool, **_: Any) -> None:
        before = pruning.last()
        if dry_run:
            removed = pruning.would_remove()
        else:
            made = pruning.start(started_by=actor())
            deadline = time.monotonic() + PATIENCE
            while not pruning.prune(made.pk, seconds=PATIENCE):
                if time.monotonic() > deadline:
                    raise CommandError(f"a table is kept busy by others: pruning {made.pk} goes on by itself")
                Pruning.objects.filter(pk=made.pk, lease_expires_at__isnull=True).update(due_at=Now())
                time.sleep(1.0)
            made.refresh_from_db()
            removed = made.removed
        parts = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in removed.items() if count]
        words = f"{'would remove' if dry_run else 'removed'}: {', '.join(parts) or 'nothing'}"
        when = f"{before.completed_at:%Y-%m-%d %H:%M} by {before.started_by}" if before else "never"
        self.say(
            {"dry_run": dry_run, "removed": removed, "last": before and before.completed_at},
            f"{words}\nlast pruning before: {when}",
            as_json=as_json,
        )
