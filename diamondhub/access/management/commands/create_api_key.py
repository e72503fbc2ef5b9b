"""Give an API client one more key and print it, once."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub.access.clients import AccessError, find_client, issue_further_key, newest_key
from diamondhub.access.key_commands import KeyCommand, add_signing, days


class Command(KeyCommand):
    """`create_api_key <client> [--expires-days N] [--signing] [--json]`."""

    help = (
        "Give an API client one more key and print it, which cannot be shown again. Those that it has stay as they are; "
        "rotate_api_key replaces one."
    )
    expected = (AccessError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("client", help="the client's name")
        parser.add_argument("--expires-days", metavar="N", help="days until the key ends (default: it does not end)")
        add_signing(parser)
        self.add_json(parser)

    def run(self, *, client: str, expires_days: str | None, signing: bool, as_json: bool, **_: Any) -> None:
        """Issue it."""
        named = find_client(client)
        issued = issue_further_key(named, after=newest_key(named), expires_days=days(expires_days), signing=signing)
        self.hand_over(issued, as_json=as_json)
