"""Try a feed's sign-in."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from ingest import sign_in
from ingest.management.commands._common import IngestCommand
from ingest.runs import find_feed


class Command(IngestCommand):
    """`try_sign_in <feed> [--json]`."""

    help = "Ask a feed's supplier, once and at once, whether it lets us in; exit 1 unless it does. No secret is shown."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("feed", help="the feed's short name")
        self.add_json(parser)

    def run(self, *, feed: str, as_json: bool, **_: Any) -> None:
        value = sign_in.try_sign_in(find_feed(feed)).as_json()
        words = sign_in.in_words(value)
        if as_json or value["outcome"] == sign_in.Outcome.OK:
            self.say({"feed": feed, **value}, words, as_json=as_json)
        if value["outcome"] != sign_in.Outcome.OK:
            raise CommandError(words)
