"""Look at the deployment and say what is wrong with it."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from diamondhub.commands import ReportingCommand, actor
from diamondhub.operations.doctor import examining
from diamondhub.operations.doctor.checks import table
from diamondhub.operations.problems.kinds import Severity

#: Exit status by the worst finding.
STATUS = {Severity.WARNING: 1, Severity.CRITICAL: 2}
_SIGNS = {Severity.INFO: "info", Severity.WARNING: "WARNING", Severity.CRITICAL: "CRITICAL"}


class Command(ReportingCommand):
    """`doctor [--only CHECK …] [--list] [--json]`. Exits 0 if all is well, 1 with warnings, 2 with critical findings."""

    help = (
        "Check this deployment: servers, settings, clocks, workers, disks, the database's health. Exit status 0: fine, "
        "1: warnings, 2: critical findings. What a whole look found is kept and shown in the admin."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        names = [check.name for check in table()]
        parser.add_argument(
            "--only", action="append", choices=names, metavar="CHECK", help=f"one of: {', '.join(names)}"
        )
        parser.add_argument("--list", action="store_true", dest="only_list", help="say what each check asks")
        self.add_json(parser)

    def run(self, *, only: list[str] | None, only_list: bool, as_json: bool, **_: Any) -> None:
        checks = [check for check in table() if not only or check.name in only]
        if only_list:
            known = [{"check": check.name, "asks": check.asks, "run_book": check.run_book} for check in checks]
            self.say({"checks": known}, "\n".join(f"{check.name}: {check.asks}" for check in checks), as_json=as_json)
            return
        results = examining.examine(checks)
        if not only:
            self._keep(results)
        severity = examining.worst(results)
        status = STATUS.get(severity, 0) if severity else 0
        said = {"severity": severity, "status": status, "checks": [result.as_json() for result in results]}
        self.say(said, "\n".join(line for result in results for line in _lines(result)), as_json=as_json)
        if status:
            found = [finding for result in results for finding in result.findings if finding.severity in STATUS]
            raise CommandError(
                f"{len(found)} finding{'s' if len(found) > 1 else ''}, the worst is {severity}", returncode=status
            )

    def _keep(self, results: list[examining.Result]) -> None:
        try:
            examining.keep(results, started_by=actor())
        except DatabaseError:
            # That it is away, or not migrated, is among the findings.
            self.stderr.write("the result could not be kept")


def _lines(result: examining.Result) -> list[str]:
    worst = examining.worst([result])
    notes = f" ({'; '.join(result.as_json()['notes'])})" if result.notes else ""
    lines = [f"{_SIGNS[worst] if worst else 'ok':8} {result.check.name}{notes}"]
    for finding in result.as_json()["findings"]:
        lines += [f"         {finding['severity']}: {finding['words']}", f"         → {finding['todo']}"]
    return lines
