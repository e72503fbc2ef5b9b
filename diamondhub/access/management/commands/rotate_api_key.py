"""Replace an API key: print a new one, once, and have the old one end when the overlap is over."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub.access import reports
from diamondhub.access.clients import AccessError, key_to_rotate, overlap_of, rotate_key
from diamondhub.access.key_commands import KeyCommand, add_signing, days


class Command(KeyCommand):
    """`rotate_api_key <client or key id> [--overlap 7d] [--expires-days N] [--signing] [--json]`."""

    help = (
        "Issue a new key in the place of one, and print it, which cannot be shown again. The old one goes on until the "
        "overlap is over, so that it can be exchanged without a gap."
    )
    expected = (AccessError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("named", metavar="client or key", help="a client's name, or a key's id (dh_<id>)")
        parser.add_argument(
            "--overlap",
            default="7d",
            help="how long the old key goes on: 7d, 12h, 30m, or 0 for a key that leaked (default: 7d)",
        )
        parser.add_argument(
            "--expires-days",
            metavar="N",
            help="days until the new key ends (default: as long as the old one was to live)",
        )
        add_signing(parser)
        self.add_json(parser)

    def run(
        self, *, named: str, overlap: str, expires_days: str | None, signing: bool, as_json: bool, **_: Any
    ) -> None:
        """Rotate it."""
        old = key_to_rotate(named)
        issued = rotate_key(old, overlap=overlap_of(overlap), expires_days=days(expires_days), signing=signing)
        old.refresh_from_db()
        self.hand_over(issued, as_json=as_json, old=reports.key(old), words=f"{reports.key_in_words(old)}.")
