"""Seal all secrets of the database by the newest key."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from diamondhub.access import sealed, secrets
from diamondhub.access.sealed import Rotation
from diamondhub.access.secrets import SecretError
from diamondhub.commands import ReportingCommand


class Command(ReportingCommand):
    """`rotate_secrets [--dry-run] [--json]`."""

    help = (
        "Seal every secret in the database by the newest key of ENCRYPTION_KEYS. It may be interrupted and run again; "
        "the status is 0 only if no older key is needed any more."
    )
    expected = (SecretError,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="tell what would be sealed anew, and change nothing")
        self.add_json(parser)

    def run(self, *, dry_run: bool, as_json: bool, **_: Any) -> None:
        rotation = sealed.rotate(dry_run=dry_run)
        unneeded = sorted(secrets.versions() - set(rotation.in_use) - {rotation.newest})
        self.say(
            {
                "newest": rotation.newest,
                "dry_run": dry_run,
                "resealed": rotation.resealed,
                "in_use": {str(version): rows for version, rows in sorted(rotation.in_use.items())},
                "left": rotation.left,
                "unopened": rotation.unopened,
                "unneeded": unneeded,
            },
            "\n".join(_told(rotation, unneeded, dry_run=dry_run)),
            as_json=as_json,
        )
        if rotation.unopened or (rotation.left and not dry_run):
            raise CommandError(f"{rotation.left:,} values still need another key than version {rotation.newest}")


def _told(rotation: Rotation, unneeded: list[int], *, dry_run: bool) -> list[str]:
    does = "would be sealed" if dry_run else "sealed"
    lines = [f"{rotation.resealed:,} values {does} by key version {rotation.newest}"]
    lines += [
        f"version {version} seals {rows:,} values"
        for version, rows in sorted(rotation.in_use.items())
        if version != rotation.newest
    ]
    lines += rotation.unopened
    if unneeded:
        lines.append(f"nothing needs version {', '.join(map(str, unneeded))} any more: it can be taken out")
    return lines
