"""Remove what is no longer needed."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db.models.functions import Now

from diamondhub.commands import ReportingCommand, actor
from diamondhub.operations import pruning, retention
from diamondhub.operations.models import Pruning
from diamondhub.operations.sizes import Amount, of_table

#: How long to try while tables are kept busy by others (seconds).
PATIENCE = 300.0


class Command(ReportingCommand):
    """`prune [--dry-run | --list] [--json]`. Exits 1 if a busy table could not be had in time; the sweep then goes on."""

    help = (
        "Fold old ledgers, drop old payloads (what live diamonds were mapped from is carried over) and old histories."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go, with rows and bytes")
        parser.add_argument(
            "--list", action="store_true", dest="only_list", help="say what is kept how long, with sizes"
        )
        self.add_json(parser)

    def run(self, *, dry_run: bool, only_list: bool, as_json: bool, **_: Any) -> None:
        if only_list:
            self._list(as_json=as_json)
            return
        before = pruning.last()
        freed: dict[str, Amount] = {}
        if dry_run:
            removed, freed = pruning.would_remove(), pruning.would_free()
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
        said = {"dry_run": dry_run, "removed": removed, "last": before and before.completed_at}
        if dry_run:
            said["frees"] = {step: asdict(amount) for step, amount in freed.items()}
            words = "\n".join([words, *_lines(freed)])
        self.say(said, f"{words}\nlast pruning before: {when}", as_json=as_json)

    def _list(self, *, as_json: bool) -> None:
        rows = []
        for keeping in retention.keepings():
            amount = of_table(keeping.table)
            how_long = with_values(keeping.how_long)
            rows.append({"model": keeping.model, "how_long": how_long, "by": list(keeping.by), **asdict(amount)})
        lines = [
            f"{row['model']:32} {row['rows']:>13,} rows {row['bytes'] / 1e6:>10,.1f} MB  {row['how_long']}"
            for row in rows
        ]
        self.say({"kept": rows}, "\n".join(lines), as_json=as_json)


def _lines(freed: dict[str, Amount]) -> list[str]:
    lines = [
        f"{step.replace('_', ' '):20} {amount.rows:>13,} rows {amount.bytes / 1e6:>10,.1f} MB"
        for step, amount in freed.items()
        if amount.rows or amount.bytes
    ]
    total = sum(amount.bytes for amount in freed.values())
    return [*lines, f"about {total / 1e6:,.1f} MB would be free"] if lines else []


def with_values(words: str) -> str:
    """Words with the value behind the name of each setting."""
    return re.sub(
        r"\b[A-Z]+(?:_[A-Z]+)+\b",
        lambda name: f"{name[0]} ({getattr(settings, name[0])})" if hasattr(settings, name[0]) else name[0],
        words,
    )
