"""Replay dead letters, or discard them."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from ingest import dead_letters, replaying
from ingest.errors import IngestError
from ingest.management.commands._common import IngestCommand, actor


class Command(IngestCommand):
    """`replay_dead_letters (--fingerprint F | --run N | --letter ID) [--dry-run] [--sample N] [--force] [--json]`.

    With `--discard --reason …` the letters are closed instead. Exits 1 if a letter failed again or was left.
    """

    help = "Try dead letters again, through the same mapping, pricing and upsert as every payload; or discard them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--fingerprint", help="letters of this cause")
        parser.add_argument("--run", type=int, help="letters of this run")
        parser.add_argument("--letter", type=int, help="this letter")
        parser.add_argument("--dry-run", action="store_true", help="only say what each would become")
        parser.add_argument(
            "--sample", type=int, default=0, help="try so many first, and the rest if these do not fail"
        )
        parser.add_argument("--force", action="store_true", help="go on past a failing sample, and take parked letters")
        parser.add_argument("--discard", action="store_true", help="close the letters without processing them")
        parser.add_argument("--reason", default="", help="why, for the audit; needed to discard")
        self.add_json(parser)

    def run(self, **options: Any) -> None:
        chosen = {name: options[name] for name in ("fingerprint", "run", "letter")}
        if all(value is None for value in chosen.values()):
            raise IngestError("say which letters: --fingerprint, --run or --letter")
        if options["sample"] < 0:
            raise IngestError("--sample must not be negative")
        letters = replaying.select(**chosen)
        if options["discard"]:
            self._discard(letters, **options)
            return
        report = replaying.replay(
            letters,
            actor=actor(),
            why=options["reason"],
            dry_run=options["dry_run"],
            sample=options["sample"],
            force=options["force"],
        )
        lines = [
            f"letter {one['letter']} ({one['stone'] or one['kind']}): {one['outcome']}"
            f"{': ' + one['reason'] if one['reason'] else ''}"
            for one in report.letters
        ]
        self.say(report.as_json(), "\n".join([report.in_words(), *lines]), as_json=options["as_json"])
        if not options["dry_run"] and (report.failed or report.left):
            raise CommandError(f"{report.failed} letters failed again, {report.left} were not tried")

    def _discard(self, letters: Any, *, reason: str, dry_run: bool, as_json: bool, **_: Any) -> None:
        if not reason.strip():
            raise IngestError("say why: --discard needs a --reason")
        count = letters.count() if dry_run else dead_letters.discard(letters, actor=actor(), reason=reason)
        words = f"{count:,} letters {'would be' if dry_run else 'are'} discarded"
        self.say({"discarded": count, "dry_run": dry_run}, words, as_json=as_json)
