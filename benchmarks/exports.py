"""Exports against a bare COPY of the same columns into a file, and what of their memory grows with the stones."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path
from time import perf_counter

from django.db import connection
from psycopg import sql

from benchmarks.result import Figure
from catalog.api import presenting
from catalog.columns import COLUMNS
from catalog.currencies.converting import DOLLARS
from catalog.exports import writing
from catalog.models import Diamond
from diamondhub.database import psycopg_cursor

#: What a file has for who holds no other scope.
NAMES = tuple(
    name
    for name in presenting.NAMES
    if name == presenting.CURRENCY or name in {column.name for column in COLUMNS if column.scope == "catalog:read"}
)
_BY_NAME = {column.name: column for column in COLUMNS}
ROUNDS = 3


def measure(number: int) -> list[Figure]:
    """Write `number` stones as lines and as a table, packed and plain, each beside a bare COPY as text and as CSV."""
    _fill(number)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return [
                figure
                for form, bare_form in (("ndjson", "text"), ("csv", "csv"))
                for gzip in (False, True)
                for figure in _figures(number, Path(folder), form, bare_form, gzip=gzip)
            ]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE catalog_diamond")


def _figures(number: int, folder: Path, form: str, bare_form: str, *, gzip: bool) -> list[Figure]:
    choice = writing.Choice({}, NAMES, DOLLARS, form, gzip)
    bare, export = [], []
    size = 0
    memory = _memory()
    for round_ in range(ROUNDS):
        # In turns, so that what else the machine does befalls both.
        bare.append(_bare(folder / f"bare-{form}-{gzip}-{round_}", bare_form))
        path = folder / f"export-{form}-{gzip}-{round_}"
        started = perf_counter()
        with writing.snapshot(seconds=600) as snapshot:
            written = snapshot.write(choice, path, lambda _rows: None)
        export.append(perf_counter() - started)
        size = written.bytes
        path.unlink()
    took, took_bare = min(export), min(bare)
    packed = "packed" if gzip else "plain"
    return [
        Figure(
            f"export as {form}, {packed}",
            ratio=took_bare / took,
            of=f"a bare COPY ({bare_form}) of the same columns to a file",
            detail=f"{number / took:,.0f} stones/s against {number / took_bare:,.0f}, {size / 1e6:,.0f} MB, "
            f"{max(0, _memory() - memory) / 1024:,.0f} MB of memory more than before",
        )
    ]


def _bare(path: Path, form: str) -> float:
    columns = sql.SQL(", ").join(sql.Identifier(_BY_NAME[name].source) for name in NAMES if name != presenting.CURRENCY)
    statement = sql.SQL("COPY (SELECT {} FROM catalog_diamond) TO STDOUT (FORMAT {})").format(columns, sql.SQL(form))
    started = perf_counter()
    with open(path, "xb") as file, psycopg_cursor() as cursor, cursor.copy(statement) as copy:
        for row in copy:
            file.write(row)
    took = perf_counter() - started
    path.unlink()
    return took


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _fill(number: int) -> None:
    """Stones that differ in what makes texts long: ids, numbers, prices, grades and addresses."""
    from catalog.tests.factories import build_diamond

    sample = build_diamond()
    fields = list(Diamond._meta.concrete_fields)
    varied = {
        "id": "gen_random_uuid()",
        "supplier_stone_id": "'stone-' || n",
        "offer_id": "'DIAMOND/' || gen_random_uuid()",
        "certificate_number": "(2000000000 + n)::text",
        "certificate_url": "'https://certificates.example.com/report/' || (2000000000 + n)",
        "carats": "(0.3 + n % 300 / 100.0)::numeric(8, 3)",
        "color": "1 + n % 10",
        "clarity": "1 + n % 9",
        "cut": "n % 4",
        "price_cents": "30000 + (n * 7919::bigint) % 5000000",
        "price_per_carat_cents": "30000 + (n * 104729::bigint) % 900000",
        "image_url": "'https://media.example.com/images/' || gen_random_uuid() || '.jpg'",
        "video_url": "'https://media.example.com/films/' || gen_random_uuid() || '.mp4'",
        "girdle": "'Medium to slightly thick, faceted'",
    }
    values = sql.SQL(", ").join(
        sql.SQL(varied[str(field.column)])
        if field.column in varied
        else sql.SQL("{}").format(sql.Literal(field.get_prep_value(getattr(sample, field.attname))))
        for field in fields
    )
    columns = sql.SQL(", ").join([sql.Identifier(str(field.column)) for field in fields])
    with psycopg_cursor() as cursor:
        cursor.execute(
            sql.SQL("INSERT INTO catalog_diamond ({}) SELECT {} FROM generate_series(1, {}) AS n").format(
                columns, values, sql.Literal(number)
            )
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE catalog_diamond")
