"""The demo: a sandbox supplier, an empty catalogue, full runs of every feed, and their display.

`manage.py demo` runs it inside a supervisor's loop, so nothing here blocks: `Show.turn` is called several times a second.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

import requests
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Q

from catalog.models import Diamond
from catalog.states import STATES
from diamondhub.local import services
from diamondhub.local.processes import var_dir
from diamondhub.local.stack import ROOT
from diamondhub.local.supervisor import ProgramSpec
from ingest import runs, watching
from ingest.errors import IngestError
from ingest.invariants import violations
from ingest.models import Feed, Run
from ingest.progress import Progress, bar, line, progress
from ingest.report import report
from pricing.history import CHANGES

#: The starter of the demo's runs; a database with runs of any other starter is never emptied.
ACTOR = "demo"
#: The sandbox's account.
USERNAME, PASSWORD = "sandbox", "sandbox"
#: Interval at which the display reads the rows (seconds).
LOOK_SECONDS = 0.5
#: Interval at which the pace is printed where no line can be rewritten (seconds).
PACE_SECONDS = 10.0
#: Tables that a demo empties before it starts, with all that refers to them.
_EMPTIED = (
    "catalog_diamond",
    "catalog_change",
    "catalog_datasetversion",
    "ingest_partition",
    "ingest_consolidationbatch",
    "ingest_runevent",
    "ingest_scheduleslot",
    "ingest_rawdiamond",
    "ingest_page",
    "alerts_event",
    "pricing_repricing",
)


class NotADisposableDatabase(IngestError):
    """The database has runs of somebody else's, so it is not emptied."""

    def __init__(self) -> None:
        named = services.database_is_named()
        kept = "the database that DATABASE_URL names" if named else f"the database in {var_dir()}"
        way_out = (
            "set DATABASE_URL to another one, or unset it for one in this folder"
            if named
            else f"remove {var_dir()} to begin anew, or set DIAMONDHUB_VAR to another folder to keep it"
        )
        super().__init__(f"{kept} has runs that somebody else started, so it is not emptied: {way_out}")


def supplier_settings(port: int) -> dict[str, str]:
    """The environment of a stack whose supplier is the sandbox on this port."""
    return {
        "NIVODA_ENDPOINT": f"http://127.0.0.1:{port}/api/diamonds",
        "NIVODA_USERNAME": USERNAME,
        "NIVODA_PASSWORD": PASSWORD,
    }


def environment_file() -> Path:
    """The file to source in a shell, which makes commands in another terminal work on the demo's data and supplier."""
    return var_dir() / "run" / "demo.env"


def write_environment(supplier: Mapping[str, str]) -> None:
    """Write `environment_file`, readable by its owner only."""
    lines = [f"export {name}='{value}'\n" for name, value in {"DIAMONDHUB_VAR": str(var_dir()), **supplier}.items()]
    with os.fdopen(os.open(environment_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(lines)


def sandbox_program(port: int, stones: int, environment: Mapping[str, str], log: Path | None) -> ProgramSpec:
    """The sandbox supplier as a program of the stack; it stops last."""
    return ProgramSpec(
        name="sandbox",
        argv=[
            sys.executable,
            *("-m", "ingest.sandbox", "--port", str(port), "--stones", str(stones)),
            *("--username", USERNAME, "--password", PASSWORD),
        ],
        cwd=ROOT,
        environment=environment,
        stop_rank=3,
        grace=5.0,
        log=log,
    )


def empty_catalogue(*, of: str = ACTOR) -> None:
    """Delete the data of earlier demos (or of other runs started by `of`). Raises `NotADisposableDatabase`."""
    if Run.objects.exclude(started_by=of).exists():
        raise NotADisposableDatabase
    with connection.cursor() as cursor:
        # DELETE instead of TRUNCATE, so that the audit records every dead letter and run.
        cursor.execute("DELETE FROM ingest_deadletter")
        cursor.execute(f"TRUNCATE {', '.join(_EMPTIED)} RESTART IDENTITY CASCADE")
        cursor.execute("DELETE FROM ingest_run")
        # A new letter must not get the number, and with it the events, of an old one.
        cursor.execute(
            """
            SELECT setval(pg_get_serial_sequence('ingest_deadletter', 'id'), max(pgh_obj_id))
            FROM ingest_deadletterevent
            HAVING max(pgh_obj_id) IS NOT NULL
            """
        )
    # Histories refuse TRUNCATE, so their pieces are dropped.
    for history in (CHANGES, STATES):
        for piece in history.pieces():
            history.drop(piece)
        history.make_ahead()
    Feed.objects.update(watermark=None)


class Show:
    """The display of the demo: starts a full run of every enabled feed and shows their progress until all are over."""

    def __init__(self, control_url: str, out: TextIO) -> None:
        self._control_url = control_url
        self._out = out
        self._live = out.isatty()
        self._runs: dict[str, int] = {}
        self._shown: dict[str, str] = {}
        self._lines = 0
        self._next_look = self._paced = 0.0

    def ready(self) -> bool:
        """Whether the sandbox answers and a sweep has gone round, so that a worker and beat are at work."""
        try:
            return self.supplier() is not None and watching.somebody_works()
        except DatabaseError:
            connection.close()
            return False

    def supplier(self) -> dict[str, Any] | None:
        """The sandbox's counters; None while it does not answer."""
        try:
            answer = requests.get(f"{self._control_url}/stats", timeout=5)
            answer.raise_for_status()
            counted: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError):
            return None
        return counted

    def turn(self) -> bool:
        """Start missing runs and show all; True once all are over. A database that is away is tried again next time."""
        if monotonic() < self._next_look:
            return False
        self._next_look = monotonic() + LOOK_SECONDS
        try:
            for slug in Feed.objects.filter(enabled=True).values_list("slug", flat=True):
                if slug not in self._runs:
                    self._runs[slug] = runs.start_run(slug, kind=Run.Kind.FULL, started_by=ACTOR).pk
            demo_runs = list(Run.objects.select_related("feed").filter(pk__in=self._runs.values()).order_by("pk"))
            self._display([progress(run) for run in demo_runs])
        except DatabaseError:
            connection.close()
            return False
        return all(not run.live or run.state == Run.State.IN_REVIEW for run in demo_runs)

    def _display(self, snapshots: Sequence[Progress]) -> None:
        if not self._live:
            for now in snapshots:
                mark = f"{now.state} {int(now.share * 10)}"
                if self._shown.get(now.feed) != mark:
                    self._shown[now.feed] = mark
                    self._out.write(f"{line(now)}\n")
            if snapshots and self._paced < monotonic():
                self._paced = monotonic() + PACE_SECONDS
                self._out.write(f"{self._pace(snapshots)}\n")
            self._out.flush()
            return
        rows = [f"  {bar(now.share)} {line(now)}" for now in snapshots]
        pace = sum(now.per_second for now in snapshots)
        rows.append(f"  {bar(pace / settings.NIVODA_RATE_LIMIT)} {self._pace(snapshots)}")
        up = f"\x1b[{self._lines}F" if self._lines else ""
        self._out.write(up + "".join(f"\x1b[2K{row}\n" for row in rows))
        self._out.flush()
        self._lines = len(rows)

    @staticmethod
    def _pace(snapshots: Sequence[Progress]) -> str:
        """Requests against the limit, all feeds together."""
        pace = sum(now.per_second for now in snapshots)
        return f"supplier: {pace:.1f} of {settings.NIVODA_RATE_LIMIT} requests/s"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a demo: the lines to print, the problems (none if all is well), and all of it as one JSON object."""

    lines: list[str]
    problems: list[str]
    report: dict[str, Any]


def outcome(stones: int, supplier: Mapping[str, Any] | None) -> Outcome:
    """Compare the catalogue with the `stones` that the sandbox offers, and sum up."""
    demo_runs = list(Run.objects.select_related("feed").order_by("pk"))
    lines = [watching.ending(run) for run in demo_runs]
    problems = [
        f"run {run.pk} of {run.feed.slug} ended {run.state}: {run.failure or watching.last_reason(run)}"
        for run in demo_runs
        if run.state != Run.State.COMPLETED
    ]
    catalogue = Diamond.objects.aggregate(stones=Count("pk"), priced=Count("pk", filter=Q(price_cents__gt=0)))
    letters = sum(report(run)["dead_letters"] for run in demo_runs)
    lines.append(
        f"catalogue: {catalogue['stones']:,} stones, {catalogue['priced']:,} with a price, {letters} dead letters"
    )
    if catalogue["stones"] != stones or catalogue["priced"] != stones:
        problems.append(f"the sandbox offers {stones:,} stones")
    if supplier is None:
        problems.append("the sandbox does not answer")
    else:
        lines.append(
            f"supplier: {supplier['requests']:,} requests, at most {supplier['max_in_one_second']} in any second "
            f"(allowed: {settings.NIVODA_RATE_LIMIT}), {supplier['per_second_while_paging']:.1f} a second while paging"
        )
        if supplier["max_in_one_second"] > settings.NIVODA_RATE_LIMIT:
            problems.append("the supplier's limit was exceeded")
    broken = violations()
    problems += [f"invariant {violation.invariant}: {violation.problem}" for violation in broken]
    if not broken:
        lines.append("invariants: all hold")
    whole = {
        "runs": [report(run) for run in demo_runs],
        "catalogue": catalogue,
        "supplier": supplier,
        "problems": problems,
    }
    return Outcome(lines, problems, whole)
