"""Revoke an API key, from the next request on and for ever."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from diamondhub.access import reports
from diamondhub.access.clients import AccessError, find_key, keys_without_pepper, revoke_key
from diamondhub.access.key_commands import KeyCommand


class Command(KeyCommand):
    """`revoke_api_key <key id> | --without-pepper [--json]`."""

    help = "Revoke an API key: every process refuses it from its next request on, for ever."
    expected = (AccessError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("key", nargs="?", help="the key's id (dh_<id>), never the key itself")
        which.add_argument(
            "--without-pepper",
            action="store_true",
            help="all live keys that are refused already, since API_KEY_PEPPERS has lost what they are hashed under",
        )
        self.add_json(parser)

    def run(self, *, key: str | None, without_pepper: bool, as_json: bool, **_: Any) -> None:
        """Revoke what is named."""
        named = keys_without_pepper() if without_pepper else [find_key(key or "")]
        if not without_pepper and named[0].revoked_at is not None:
            raise CommandError(f"{named[0]} was revoked before")
        for key_to_end in named:
            revoke_key(key_to_end)
            key_to_end.refresh_from_db()
        lines = [f"{reports.key_in_words(ended)}." for ended in named]
        self.say(
            {"revoked": [reports.key(ended) for ended in named]},
            "\n".join(lines) or "Every live key has its pepper: nothing was revoked.",
            as_json=as_json,
        )
