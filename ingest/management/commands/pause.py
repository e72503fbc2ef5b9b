"""Pause a supplier's account, a feed, or consolidation."""

from __future__ import annotations

import argparse
from typing import Any

from ingest import pausing
from ingest.management.commands._common import IngestCommand, actor
from ingest.models import Pause


class Command(IngestCommand):
    """`pause account|feed|consolidation [<name>] --minutes … --reason … [--json]`."""

    help = "Have a supplier's account, a feed, or consolidation rest for a while. `resume` ends it before."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("what", choices=Pause.What.values, help="what rests")
        parser.add_argument("name", nargs="?", default="", help="the account's name or the feed's slug")
        parser.add_argument("--minutes", type=int, default=60, help="how long (default: an hour; at most 7 days)")
        parser.add_argument("--reason", required=True, help="why, for all who wonder")
        self.add_json(parser)

    def run(self, *, what: str, name: str, minutes: int, reason: str, as_json: bool, **_: Any) -> None:
        ordered = pausing.pause(what, name, minutes=minutes, by=actor(), reason=reason)
        self.say(pausing.as_json(ordered), ordered.sentence, as_json=as_json)
