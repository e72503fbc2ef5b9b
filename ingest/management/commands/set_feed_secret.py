"""Set or remove a secret of a feed: a supplier's password, or what a list's address needs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from diamondhub.commands import secret_text
from ingest import feed_secrets
from ingest.management.commands._common import IngestCommand
from ingest.runs import find_feed


class Command(IngestCommand):
    """`set_feed_secret <feed> <name> [--file F | --remove] [--json]`."""

    help = (
        "Set a secret of a feed, read from standard input, e.g. `set_feed_secret rosy password < rosy.password`, or typed "
        "without being shown. It is sealed and never shown again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("feed", help="the feed's short name")
        parser.add_argument("name", help="which secret: password, or token")
        # Never an argument: arguments are read by everybody on the host.
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--file", type=str, default="-", metavar="F", help="read the secret from this file")
        source.add_argument("--remove", action="store_true", help="remove it")
        self.add_json(parser)

    def run(self, *, feed: str, name: str, file: str, remove: bool, as_json: bool, **_: Any) -> None:
        row = find_feed(feed)
        if remove:
            feed_secrets.remove_secret(row, name)
        else:
            feed_secrets.set_secret(row, name, secret_text(file))
        done = "removed" if remove else "set"
        self.say({"feed": feed, "secret": name, "state": done}, f"the {name} of feed {feed} is {done}", as_json=as_json)
