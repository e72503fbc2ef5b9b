"""Approve a run that waits for review."""

from __future__ import annotations

import argparse
from typing import Any

from ingest import review, runs, watching
from ingest.management.commands._common import IngestCommand, actor
from ingest.renumbering import Decision


class Command(IngestCommand):
    """`approve_run <run> --reason … [--renumbered same|new] [--json]`."""

    help = "Let a run in review go on past its brakes."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("--reason", required=True, help="why, for the audit")
        parser.add_argument(
            "--renumbered",
            choices=[str(decision) for decision in Decision],
            help="of a run held since stock numbers changed while certificates stayed: the same stones, or new ones",
        )
        self.add_json(parser)

    def run(self, *, run: int, reason: str, renumbered: str | None, as_json: bool, **_: Any) -> None:
        approved = runs.approve_run(run, actor=actor(), reason=reason, renumbered=renumbered)
        held = [" past:", *review.lines(review.read(approved))] if approved.review else []
        self.say(
            watching.report_with_review(approved),
            f"run {run} is approved and goes on" + "\n".join(held),
            as_json=as_json,
        )
