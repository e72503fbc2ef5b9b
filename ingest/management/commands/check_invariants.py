"""Check the invariants."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from ingest.invariants import CHECKS, violations
from ingest.management.commands._common import IngestCommand


class Command(IngestCommand):
    """`check_invariants [--json]`."""

    help = "Check the invariants on the live database; exit 1 if one does not hold."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        self.add_json(parser)

    def run(self, *, as_json: bool, **_: Any) -> None:
        broken = violations()
        lines = [f"invariant {violation.invariant}: {violation.problem}" for violation in broken]
        text = "\n".join(lines) if lines else f"all {len(CHECKS)} checks hold"
        self.say({"violations": [asdict(v) for v in broken], "checks": len(CHECKS)}, text, as_json=as_json)
        if broken:
            raise CommandError(f"{len(broken)} violations")
