"""Note that a backup was made."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub.commands import ReportingCommand
from diamondhub.operations import backups


class Command(ReportingCommand):
    """`note_backup [--json]`: the last thing that a backup job does when its backup is complete."""

    help = "Note that a backup was made now: the last command of a backup job that succeeded."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        self.add_json(parser)

    def run(self, *, as_json: bool, **_: Any) -> None:
        backups.note()
        self.say({"noted": True}, "noted: a backup was made now", as_json=as_json)
