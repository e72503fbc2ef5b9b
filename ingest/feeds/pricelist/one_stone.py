"""Rows of a snapshot that name one stone: by stock number, by certificate, or as halves of a pair that is not parted.

Which of them counts is settled while the snapshot is made; of rows that contradict each other none does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from catalog.grades import Clarity, Color
from ingest.feeds import values
from ingest.feeds.pricelist import availability, certificates, dimensions, reading, single
from ingest.feeds.pricelist.colors import color_of
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.pricelist.mapping import Mapper

#: Two weights of one stone may be rounded differently by so many carats.
_ONE_WEIGHT = Decimal("0.011")
#: So many weights and numbers are told of stones that share a stock number.
_TOLD = 6
#: Longest stock number that is told of another stone (characters).
_NAME = 40
#: Stock numbers that rows name as the other half of a pair that is not parted, each with the one that names it.
HALVES = "CREATE TEMPORARY TABLE halves (stone TEXT PRIMARY KEY, named_by TEXT NOT NULL) WITHOUT ROWID"
#: What remarks may name as a stone that theirs belongs to, each with the row and its remark.
BELONGING = "CREATE TEMPORARY TABLE belonging (stone TEXT NOT NULL, ordinal INTEGER NOT NULL, remark TEXT NOT NULL)"


def settle_shared_numbers(database: sqlite3.Connection, mapper: Mapper) -> int:
    """Settle rows of one stock number: of one stone the last row counts, different stones all lose the number.

    Returns the number of rows that were left out because a later one describes the same stone.
    """
    repeated = 0
    shared = database.execute(
        "SELECT stone FROM stones WHERE stone IS NOT NULL GROUP BY stone HAVING count(*) > 1"
    ).fetchall()
    for (stone,) in shared:
        ordinals = [
            row[0] for row in database.execute("SELECT ordinal FROM stones WHERE stone = ? ORDER BY 1", [stone])
        ]
        told = _told_apart(database, mapper, stone)
        if told is None:
            database.executemany("DELETE FROM stones WHERE ordinal = ?", [[ordinal] for ordinal in ordinals[:-1]])
            repeated += len(ordinals) - 1
            continue
        for ordinal in ordinals:
            (payload,) = database.execute("SELECT payload FROM stones WHERE ordinal = ?", [ordinal]).fetchone()
            marked = _marked(payload, reading.AMBIGUOUS, told)
            database.execute("UPDATE stones SET stone = NULL, payload = ? WHERE ordinal = ?", [marked, ordinal])
    return repeated


def mark_other_halves(database: sqlite3.Connection, mapper: Mapper) -> None:
    """Mark rows that say nothing of a pair though another row names them as the half that it is not sold without."""
    named = database.execute(
        "SELECT ordinal, named_by FROM halves JOIN stones USING (stone) WHERE named_by <> stone"
    ).fetchall()
    for ordinal, by in named:
        (payload,) = database.execute("SELECT payload FROM stones WHERE ordinal = ?", [ordinal]).fetchone()
        if not single.names_a_pair(mapper.cells(payload)):
            marked = _marked(payload, reading.OTHER_HALF, by)
            database.execute("UPDATE stones SET payload = ? WHERE ordinal = ?", [marked, ordinal])


def mark_belonging(database: sqlite3.Connection) -> None:
    """Mark rows of which a remark names another stone of the list that they belong to, and have that one marked, too."""
    found = database.execute(
        """
        SELECT naming.ordinal, naming.stone, naming.payload, remark, named.stone FROM belonging
        JOIN stones AS named USING (stone) JOIN stones AS naming ON naming.ordinal = belonging.ordinal
        WHERE naming.stone IS NOT named.stone
        """
    ).fetchall()
    for ordinal, stone, payload, remark, other in found:
        marked = _marked(payload, reading.OTHER_HALF, remark)
        database.execute("UPDATE stones SET payload = ? WHERE ordinal = ?", [marked, ordinal])
        if stone is not None:
            database.execute("INSERT OR IGNORE INTO halves VALUES (?, ?)", [other, stone])


def hash_of_certificate(cells: Cells) -> int | None:
    """A number that rows of one certificate share, within this process; None for a row that names none."""
    number = cells["certificate_number"]
    # Most numbers are written as they are compared.
    return hash(number) if number.isdigit() else hash(known) if (known := certificates.certificate_of(cells)) else None


def mark_shared_certificates(database: sqlite3.Connection, mapper: Mapper) -> None:
    """Mark stones of one certificate that cannot be one stone, and those on sale that another row says are gone.

    Of which stone the certificate is, or which row is true, nothing tells.
    """
    shared = database.execute(
        "SELECT certificate FROM stones WHERE certificate IS NOT NULL GROUP BY certificate HAVING count(*) > 1"
    ).fetchall()
    for (certificate,) in shared:
        statement = "SELECT ordinal, payload FROM stones WHERE certificate = ? ORDER BY ordinal"
        rows = [(*row, mapper.cells(row[1])) for row in database.execute(statement, [certificate]).fetchall()]
        for of_report in _by_report(rows):
            told = _other_stones([cells for _, _, cells in of_report])
            marked_rows = of_report if told else []
            if not told and (told := _other_promises([cells for _, _, cells in of_report])):
                marked_rows = [row for row in of_report if availability.is_available(row[2])]
            for ordinal, payload, _ in marked_rows:
                marked = _marked(payload, reading.ONE_CERTIFICATE, told)
                database.execute("UPDATE stones SET payload = ? WHERE ordinal = ?", [marked, ordinal])


def _by_report(rows: Sequence[tuple[int, bytes, Cells]]) -> Iterator[list[tuple[int, bytes, Cells]]]:
    """Rows of one number by the laboratories that name it; who names none is with the only one."""
    reports = [certificates.report_of(cells) for _, _, cells in rows]
    labs = {lab for lab, _ in reports if lab}
    for named in sorted(labs) if len(labs) > 1 else ["".join(labs)]:
        alike = {named} if len(labs) > 1 else {named, "", None}
        yield [row for row, (lab, number) in zip(rows, reports, strict=True) if number and lab in alike]


def _other_stones(rows: Sequence[Cells]) -> str:
    """What tells rows of one certificate apart, by their stock numbers; empty if they may be one stone."""
    weights = [carats for cells in rows if (carats := dimensions.carats_of(cells))]
    if weights and max(weights) - min(weights) > _ONE_WEIGHT:
        named = [
            f"{cells['stock_number'][:_NAME]!r} of {dimensions.carats_of(cells) or 'unknown'} carats" for cells in rows
        ]
        return _joined(named)
    if not _graded_apart(rows):
        return ""
    return _joined(
        [
            f"{cells['stock_number'][:_NAME]!r} is {cells['color'][:_NAME] or 'of unknown colour'} "
            f"{cells['clarity'][:_NAME] or 'of unknown clarity'}"
            for cells in rows
        ]
    )


def _graded_apart(rows: Sequence[Cells]) -> bool:
    """Whether no stone has all these grades: colour and clarity differ, or one of them by more than one grade.

    One grade may be a range that is written otherwise.
    """
    colors = [color for cells in rows if (color := color_of(cells).color) is not None and color < Color.FANCY]
    clarities = [clarity for cells in rows if (clarity := values.grade(Clarity, cells["clarity"])) is not None]
    apart = [max(grades) - min(grades) for grades in (colors, clarities) if grades]
    return max(apart, default=0) > 1 or apart == [1, 1]


def _other_promises(rows: Sequence[Cells]) -> str:
    """What rows of one certificate promise, by their stock numbers; empty if none is on sale, or all are."""
    promises = [_promise(cells) for cells in rows]
    if len(set(promises)) < 2 or not any(map(availability.is_available, rows)):
        return ""
    named = [f"{cells['stock_number'][:_NAME]!r} is {said}" for cells, said in zip(rows, promises, strict=True)]
    return _joined(named)


def _told_apart(database: sqlite3.Connection, mapper: Mapper, stone: str) -> str | None:
    """What tells the rows of one stock number apart: weights, certificates or what they promise; None if they may be one."""
    weights: dict[Decimal, None] = {}
    numbers: dict[str, None] = {}
    promises: set[str] = set()
    for (payload,) in database.execute("SELECT payload FROM stones WHERE stone = ? ORDER BY ordinal", [stone]):
        cells = mapper.cells(payload)
        if (carats := dimensions.carats_of(cells)) and not any(abs(carats - known) <= _ONE_WEIGHT for known in weights):
            weights[carats] = None
        if number := certificates.certificate_of(cells):
            numbers[number] = None
        promises.add(_promise(cells))
        if len(weights) + len(numbers) >= _TOLD:
            break
    if len(weights) > 1:
        return " and ".join(f"{carats} carats" for carats in weights)
    if len(numbers) > 1:
        return "certificates " + " and ".join(numbers)
    return " and ".join(sorted(promises)) if len(promises) > 1 else None


def _joined(named: Sequence[str]) -> str:
    return " and ".join(named[:_TOLD]) + (f" and {len(named) - _TOLD:,} more" if len(named) > _TOLD else "")


def _promise(cells: Cells) -> str:
    return availability.availability_of(cells).lower().replace("_", " ")


def _marked(payload: bytes, key: str, why: str) -> bytes:
    """A row's payload with one cell more."""
    return msgspec.json.encode({**msgspec.json.decode(payload), key: why})
