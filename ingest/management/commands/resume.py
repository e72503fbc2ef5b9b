"""End a pause."""

from __future__ import annotations

import argparse
from typing import Any

from ingest import pausing
from ingest.management.commands._common import IngestCommand, actor
from ingest.models import Pause


class Command(IngestCommand):
    """`resume account|feed|consolidation [<name>] [--reason …] [--json]`."""

    help = "End a pause: everything goes on from where it stopped."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("what", choices=Pause.What.values, help="what goes on")
        parser.add_argument("name", nargs="?", default="", help="the account's name or the feed's slug")
        parser.add_argument("--reason", default="", help="why, for the audit")
        self.add_json(parser)

    def run(self, *, what: str, name: str, reason: str, as_json: bool, **_: Any) -> None:
        ended = pausing.resume(what, name, by=actor(), reason=reason)
        self.say(pausing.as_json(ended), f"{ended.words} goes on", as_json=as_json)
