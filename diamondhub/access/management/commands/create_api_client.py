"""Create an API client and print its key, once."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from django.core.management.base import CommandError
from django.db import ProgrammingError
from psycopg.errors import UndefinedTable

from diamondhub.access.clients import AccessError, create_client
from diamondhub.access.scopes import Scope
from diamondhub.commands import TextArguments


class Command(TextArguments):
    """`create_api_client <name> [--scope catalog:read] [--expires-days N] [--json]`."""

    help = "Create an API client and print its key, which cannot be shown again."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="what the client is called, e.g. webshop")
        parser.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            metavar="SCOPE",
            help=f"what it may do; may be given several times (default: {Scope.CATALOG_READ}; one of: {', '.join(Scope)})",
        )
        parser.add_argument("--expires-days", metavar="N", help="days until the key ends (default: it does not end)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(
        self, *args: Any, name: str, scopes: list[str] | None, expires_days: str | None, as_json: bool, **_: Any
    ) -> None:
        try:
            issued = create_client(name, scopes=scopes or [Scope.CATALOG_READ], expires_days=_days(expires_days))
        except AccessError as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable):
                raise CommandError("the database is empty; run `manage.py migrate` or `manage.py up` first") from error
            raise
        key = issued.key
        if as_json:
            self.stdout.write(
                json.dumps(
                    {
                        "client": key.client.name,
                        "scopes": key.client.scopes,
                        "key_id": key.key_id,
                        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
                        "key": issued.text,
                    }
                )
            )
            return
        self.stdout.write(issued.text)
        ends = f"ends on {key.expires_at:%Y-%m-%d}" if key.expires_at else "does not end"
        whose = f"Key of {key.client.name} ({', '.join(key.client.scopes)}), {ends}."
        self.stderr.write(f"{whose} Send it as X-API-Key; it is not shown again.")


def _days(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", str(text), re.ASCII):
        raise AccessError(f"--expires-days must be a whole number of days, not {str(text)[:40]!r}")
    return int(text)
