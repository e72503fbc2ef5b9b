"""Show, verify and restore the archived months of the audit."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import CommandError

from diamondhub.audit import archiving
from diamondhub.audit.models import AuditArchive
from diamondhub.commands import ReportingCommand

#: A restored month may stay for so many days.
MAX_DAYS = 3650


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise argparse.ArgumentTypeError("must be a month like 2026-03") from None


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"must be a number of days between 1 and {MAX_DAYS}")
    return int(text)


class Command(ReportingCommand):
    """`audit_archives [--verify | --restore MONTH [--days N]] [--json]`. Exits 1 if an archive is not what was written."""

    help = "List the months of the audit that are in files; read the files again and compare; put a month back for a while."
    expected = (archiving.ArchiveError,)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--verify", action="store_true", help="read every file and compare digest and rows")
        choice.add_argument("--restore", type=_month, metavar="MONTH", help="put a month's events back, e.g. 2026-03")
        parser.add_argument(
            "--days", type=_days, default=archiving.RESTORED_DAYS, help="how long a restored month stays (default 30)"
        )
        self.add_json(parser)

    def run(self, *, verify: bool, restore: date | None, days: int, as_json: bool, **_: Any) -> None:
        if restore is not None:
            archive = AuditArchive.objects.filter(month=restore).first()
            if archive is None:
                raise CommandError(f"{restore:%Y-%m} is not archived; `audit_archives` lists what is")
            events = archiving.restore(archive, days=days)
            words = f"restored {events:,} events of {restore:%Y-%m} for {days} days"
            self.say({"month": f"{restore:%Y-%m}", "restored": events, "days": days}, words, as_json=as_json)
            return
        archives = list(AuditArchive.objects.order_by("month"))
        faults = _faults(archives) if verify else {}
        rows = [_row(archive, faults, was_verified=verify) for archive in archives]
        lines = [
            f"{row['month']}  {row['state']:8}  {row['rows']:>10,} events  {row['bytes'] / 1e6:>8,.1f} MB  {row['file']}"
            f"{'  ' + (row['fault'] or 'as written') if verify else ''}"
            for row in rows
        ]
        self.say({"archives": rows}, "\n".join(lines) or "no month is archived", as_json=as_json)
        if faults:
            raise CommandError(f"{len(faults)} of {len(archives)} archives are not what was written")


def _faults(archives: list[AuditArchive]) -> dict[int, str]:
    faults = {}
    for archive in archives:
        try:
            archiving.verify(archive)
        except archiving.ArchiveError as error:
            faults[archive.pk] = str(error)
    return faults


def _row(archive: AuditArchive, faults: dict[int, str], *, was_verified: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "month": f"{archive.month:%Y-%m}",
        "state": archive.state,
        "rows": archive.rows,
        "bytes": archive.bytes,
        "file": archive.file,
        "sha256": archive.sha256,
        "restored_until": archive.restored_until,
    }
    return {**row, "fault": faults.get(archive.pk)} if was_verified else row
