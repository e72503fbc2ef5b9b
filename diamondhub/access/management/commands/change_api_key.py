"""Change when an API key ends."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub.access import reports
from diamondhub.access.clients import AccessError, change_key, find_key
from diamondhub.access.key_commands import KeyCommand, days


class Command(KeyCommand):
    """`change_api_key <key id> (--expires-days N | --never-expires) [--json]`."""

    help = "Have an API key end some days from now, or never."
    expected = (AccessError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("key", help="the key's id (dh_<id>), never the key itself")
        end = parser.add_mutually_exclusive_group(required=True)
        end.add_argument("--expires-days", metavar="N", help="days from now until it ends")
        end.add_argument("--never-expires", action="store_true", help="it does not end")
        self.add_json(parser)

    def run(self, *, key: str, expires_days: str | None, as_json: bool, **_: Any) -> None:
        """Change it."""
        changed = change_key(find_key(key), expires_days=days(expires_days))
        self.say(reports.key(changed), f"{reports.key_in_words(changed)}.", as_json=as_json)
