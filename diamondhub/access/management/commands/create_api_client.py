"""Create an API client and print its key, once."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub.access.clients import AccessError, create_client
from diamondhub.access.key_commands import KeyCommand, add_signing, add_terms, days
from diamondhub.access.models import Kind
from diamondhub.access.scopes import Scope


class Command(KeyCommand):
    """`create_api_client <name> [--scope …] [--kind …] [--origin …] [--network …] [--expires-days N] [--signing] …`."""

    help = "Create an API client and print its key, which cannot be shown again."
    expected = (AccessError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="what the client is called, e.g. webshop")
        add_terms(parser, scope_default=f"default: {Scope.CATALOG_READ}")
        parser.add_argument("--expires-days", metavar="N", help="days until the key ends (default: it does not end)")
        add_signing(parser)
        self.add_json(parser)

    def run(
        self,
        *,
        name: str,
        scopes: list[str] | None,
        kind: str | None,
        origins: list[str] | None,
        networks: list[str] | None,
        needs_signature: list[str] | None,
        expires_days: str | None,
        signing: bool,
        as_json: bool,
        **_: Any,
    ) -> None:
        """Create it."""
        issued = create_client(
            name,
            scopes=scopes or [Scope.CATALOG_READ],
            kind=kind or Kind.SECRET,
            origins=origins or (),
            networks=networks or (),
            needs_signature=needs_signature or (),
            expires_days=days(expires_days),
            signing=signing,
        )
        self.hand_over(issued, as_json=as_json)
