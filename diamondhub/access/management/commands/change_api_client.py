"""Change an API client, or show it: what it may do, from where, and whether it is let in at all."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub.access import reports
from diamondhub.access.clients import AccessError, change_client, find_client
from diamondhub.access.key_commands import KeyCommand, add_terms


class Command(KeyCommand):
    """`change_api_client <name> [--scope …] [--origin …] [--network …] [--kind …] [--must-sign …] [--on | --off] …`."""

    help = "Change an API client and show it with its keys; without options, only show it. Lists are replaced, not added to."
    expected = (AccessError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="the client's name")
        add_terms(parser, scope_default="default: as they are")
        parser.add_argument(
            "--any-network", action="store_const", const=[], dest="networks", help="it may call from anywhere"
        )
        parser.add_argument(
            "--no-origins", action="store_const", const=[], dest="origins", help="it has no pages any more"
        )
        parser.add_argument(
            "--need-not-sign", action="store_const", const=[], dest="needs_signature", help="it need not sign any more"
        )
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--on", action="store_true", default=None, dest="active", help="let it in again")
        switch.add_argument("--off", action="store_false", dest="active", help="refuse it, whatever its keys say")
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
        active: bool | None,
        as_json: bool,
        **_: Any,
    ) -> None:
        """Change it, if anything is to be changed."""
        client = find_client(name)
        if any(given is not None for given in (scopes, kind, origins, networks, needs_signature, active)):
            client = change_client(
                client,
                active=active,
                kind=kind,
                scopes=scopes,
                origins=origins,
                networks=networks,
                needs_signature=needs_signature,
            )
        self.say(reports.client(client), reports.client_in_words(client), as_json=as_json)
