"""Approve a run that waits for review."""

from __future__ import annotations

import argparse
from typing import Any

from ingest import review, runs, watching
from ingest.management.commands._common import IngestCommand, actor


class Command(IngestCommand):
    """`approve_run <run> --reason … [--json]`."""

    help = "Let a run in review go on past its brakes."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("--reason", required=True, help="why, for the audit")
        self.add_json(parser)

    def run(self, *, run: int, reason: str, as_json: bool, **_: Any) -> None:
        approved = runs.approve_run(run, actor=actor(), reason=reason)
        held = [" past:", *review.lines(review.read(approved))] if approved.review else []
        self.say(
            watching.report_with_review(approved),
            f"run {run} is approved and goes on" + "\n".join(held),
            as_json=as_json,
        )
