"""`manage.py bench`: DiamondHub's throughput as ratios measured within one run."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from benchmarks import (
    consolidation,
    explorer,
    exports,
    freshness,
    index,
    limiter,
    lists,
    pages,
    planner,
    pricing,
    recovery,
    search,
    throttles,
    whole,
)
from benchmarks.result import Figure
from diamondhub.local.processes import free_port
from ingest.demo import empty_catalogue, supplier_settings
from ingest.errors import IngestError

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "consolidation": lambda: consolidation.measure(50_000),
    "pages": lambda: pages.measure(20_000),
    "planner": lambda: [*planner.measure(300_000), *planner.measure(1_300_000)],
    "limiter": lambda: limiter.measure(60),
    "throttles": lambda: throttles.measure(60),
    "recovery": lambda: recovery.measure(9_000),
    "pricing": lambda: pricing.measure(1_000_000),
    "index": lambda: index.measure(300_000, 1_300_000, 5_000_000),
    "freshness": lambda: freshness.measure(freshness.stones_to_measure(1_300_000)),
    "search": lambda: search.measure(freshness.stones_to_measure(1_300_000)),
    "explorer": lambda: explorer.measure(freshness.stones_to_measure(1_300_000)),
    "exports": lambda: exports.measure(300_000),
    "lists": lambda: lists.measure(1_000_000, 100_000),
    "whole": lambda: whole.measure(50_000, 300_000),
}


class Command(BaseCommand):
    help = (
        "Print ratios measured in one run, the absolute figures beside them. Data live in var/bench. The status is 1 where "
        "a goal is missed. `whole` pulls 50,000 "
        "and 300,000 stones at the supplier's real limit and takes about eight minutes, `planner`, `pricing` and `recovery` "
        "take some four, the others about one. `index` needs 4 GB of memory."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", action="append", choices=sorted(BENCHMARKS), help="one benchmark (repeatable)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, only: list[str] | None, as_json: bool, **_: Any) -> None:
        for name, value in supplier_settings(free_port()).items():
            # Mapping needs the adapter, and the adapter an account; no request is sent.
            setattr(settings, name, value)
        call_command("migrate", verbosity=0, interactive=False)
        figures: list[Figure] = []
        for name in only or BENCHMARKS:
            try:
                empty_catalogue(of="bench")
            except IngestError as error:
                raise CommandError(str(error)) from None
            measured = BENCHMARKS[name]()
            figures += measured
            if not as_json:
                self.stdout.write("\n".join(figure.line() for figure in measured))
        if as_json:
            self.stdout.write(json.dumps([{**asdict(figure), "reached": figure.reached} for figure in figures]))
        if missed := [figure.name for figure in figures if not figure.reached]:
            raise CommandError(f"goals that were missed: {'; '.join(missed)}")
