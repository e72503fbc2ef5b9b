"""Map a feed's stones again from their stored payloads."""

from __future__ import annotations

import argparse
import time
from typing import Any

from django.core.management.base import CommandError

from ingest import remapping
from ingest.errors import IngestError
from ingest.management.commands._common import IngestCommand, actor
from ingest.models import Remap

#: How long to rest while somebody else works at the remap (seconds).
REST = 1.0


class Command(IngestCommand):
    """`remap <feed> [--where mapper_version!=current | --stone ID | --all] [--dry-run] [--json]`.

    A remap that was interrupted goes on where it was. Exits 1 if a stone could not be mapped.
    """

    help = "Map a feed's stones again from their stored payloads, without asking the supplier."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("feed", help="slug of the feed")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--where",
            choices=["mapper_version!=current"],
            default="mapper_version!=current",
            help="stones that another mapper mapped (the default)",
        )
        which.add_argument("--stone", help="this stone, by the supplier's id")
        which.add_argument("--all", action="store_true", dest="everything", help="every stone of the feed")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        self.add_json(parser)

    def run(self, *, feed: str, stone: str | None, everything: bool, dry_run: bool, as_json: bool, **_: Any) -> None:
        selection = Remap.Selection.ALL if everything else Remap.Selection.STALE
        if stone is not None:
            done = remapping.remap_stone(feed, stone, dry_run=dry_run)
        elif dry_run:
            done = remapping.dry_run(feed, selection=selection)
        else:
            done = self._work(remapping.start(feed, selection=selection, started_by=actor()), as_json=as_json)
        words = remapping.in_words(done)
        self.say({"feed": feed, "dry_run": dry_run, **done}, f"dry run: {words}" if dry_run else words, as_json=as_json)
        if not dry_run and (done["dead"] or done["pruned"]):
            raise CommandError(f"{done['dead'] + done['pruned']} stones could not be mapped again")

    def _work(self, remap: Remap, *, as_json: bool) -> dict[str, int]:
        """Work at the remap until it is over, whoever else does; shows how far it is."""
        while not remapping.work(remap.pk, seconds=2.0):
            remap.refresh_from_db()
            if remap.mapper_version != remapping.mapper_of(remap):
                raise IngestError(f"remap {remap.pk} was begun for {remap.mapper_version}, which this release has not")
            if not as_json:
                self.stderr.write(f"{remap.looked_at + remap.skipped:,} of {remap.total:,} stones")
            if remap.lease_expires_at is not None:
                time.sleep(REST)
        remap.refresh_from_db()
        if remap.state == Remap.State.ABANDONED:
            raise IngestError(f"remap {remap.pk} was cancelled; {remapping.in_words(remapping.counts(remap))}")
        return remapping.counts(remap)
