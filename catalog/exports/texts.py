"""SQL that writes stones as files have them: lines of JSON, and cells of CSV.

Both are made from the table of columns, as what a search shows is (`catalog.api.presenting`), so that a line of a file is
the object that a search shows. PostgreSQL writes a million of them in the time in which Python makes objects of a tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from psycopg import sql

from catalog.api.presenting import CURRENCY
from catalog.columns import COLUMNS, Column, Graded, Money
from catalog.currencies.converting import DOLLARS, Exchange
from catalog.exports.models import Format
from catalog.models import Diamond
from catalog.searching.amounts import PRICE
from diamondhub.audit.export import FORMULA

_TABLE = sql.Identifier(Diamond._meta.db_table)
_BY_NAME = {column.name: column for column in COLUMNS}
#: JSON has these only escaped, so nothing in a line is quoted, doubled or taken for a border.
_LINES = sql.SQL(r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')")


@dataclass(frozen=True, slots=True)
class Written:
    """One field as SQL: its value in JSON (as a value that `row_to_json` takes), and its cell in CSV."""

    value: sql.Composable
    cell: sql.Composable
    #: Whether the cell is a text, which is put into quotes.
    is_text: bool = False


def copy_statement(
    names: Sequence[str],
    *,
    exchange: Exchange,
    format: str,  # noqa: A002 - what it is called outside
    where: sql.Composable,
    max_rows: int | None = None,
) -> sql.Composed:
    """The statement that copies the stones that meet `where`, with the fields of these names, in their order.

    With `max_rows` only the cheapest ones are copied.
    """
    written = {name: written_as(name, exchange) for name in names}
    is_json = format == Format.NDJSON
    cells = sql.SQL(",\n    ").join(
        sql.SQL("{} AS {}").format(text.value if is_json else text.cell, sql.Identifier(name))
        for name, text in written.items()
    )
    stones = sql.SQL("SELECT\n    {cells}\nFROM {table}\nWHERE {where}{best}").format(
        cells=cells, table=_TABLE, where=where, best=_best(max_rows)
    )
    if is_json:
        return sql.SQL("COPY (SELECT row_to_json(stone) FROM (\n{}\n) AS stone) TO STDOUT {}").format(stones, _LINES)
    texts = [sql.Identifier(name) for name, text in written.items() if text.is_text]
    quoted = sql.SQL(", FORCE_QUOTE ({})").format(sql.SQL(", ").join(texts)) if texts else sql.SQL("")
    return sql.SQL("COPY (\n{}\n) TO STDOUT (FORMAT csv, HEADER{})").format(stones, quoted)


def count_statement(where: sql.Composable, *, max_rows: int | None = None) -> sql.Composed:
    """The statement that counts what `copy_statement` copies."""
    limit = sql.SQL(" LIMIT {}").format(sql.Literal(max_rows)) if max_rows is not None else sql.SQL("")
    return sql.SQL("SELECT count(*) FROM (SELECT FROM {} WHERE {}{}) AS stones").format(_TABLE, where, limit)


def written_as(name: str, exchange: Exchange = DOLLARS) -> Written:
    """A field of a stone as SQL."""
    if name == CURRENCY:
        constant = sql.SQL("{}::text").format(sql.Literal(exchange.currency))
        return Written(constant, constant)
    return _written(_BY_NAME[name], exchange)


def _written(column: Column, exchange: Exchange) -> Written:
    value = sql.SQL("{}.{}").format(_TABLE, sql.Identifier(column.source))
    match column.kind, Diamond._meta.get_field(column.source):
        case Money(), _:
            amount = _amount(value, exchange, ended=column.source == PRICE)
            return Written(sql.SQL("{}::text").format(amount), amount)
        case Graded() as kind, _:
            text = _grade(value, kind)
            return Written(text, text)
        case _, models.DecimalField():
            # As JSON's readers have it: 1.50 is 1.5.
            number = sql.SQL("trim_scale({})").format(value)
            return Written(number, number)
        case _, models.DateTimeField():
            text = _moment(value)
            return Written(text, text)
        case _, models.BooleanField():
            return Written(value, sql.SQL("{}::text").format(value))
        case _, models.IntegerField() | models.UUIDField() | models.DateField():
            return Written(value, value)
        case _, ArrayField():
            return Written(value, sql.SQL("to_json({})::text").format(value), is_text=True)
        case _, models.CharField() | models.TextField():
            return Written(value, harmless(value), is_text=True)
        case _, field:
            raise TypeError(f"exports: nothing says how {column.name}, {type(field).__name__}, is written")


def _amount(cents: sql.Composable, exchange: Exchange, *, ended: bool) -> sql.Composable:
    """SQL for cents in units of a currency, as `Exchange` converts them, to all decimals of the unit."""
    if not exchange.is_needed:
        return sql.SQL("({} * 0.01)").format(cents)
    times, parts = exchange.ratio
    amount: sql.Composable = sql.SQL("div({cents} * {twice} + {parts}, {divisor})").format(
        cents=cents, twice=_numeric(2 * times), parts=_numeric(parts), divisor=_numeric(2 * parts)
    )
    if ended and exchange.ending:
        ending, step = exchange.ending.ending, exchange.ending.step
        amount = sql.SQL("(div(greatest({amount} - {ending}, 0) + {half}, {step}) * {step} + {ending})").format(
            amount=amount, ending=_numeric(ending), half=_numeric(step // 2), step=_numeric(step)
        )
    return sql.SQL("({} * {})").format(amount, _numeric(Decimal(1).scaleb(-exchange.places)))


def _numeric(number: int | Decimal) -> sql.Composable:
    return sql.SQL("{}::numeric").format(sql.Literal(f"{Decimal(number):f}"))


def _best(max_rows: int | None) -> sql.Composable:
    if max_rows is None:
        return sql.SQL("")
    return sql.SQL("\nORDER BY {table}.price_cents, {table}.id\nLIMIT {limit}").format(
        table=_TABLE, limit=sql.Literal(max_rows)
    )


def _grade(value: sql.Composable, kind: Graded) -> sql.Composed:
    cases = sql.SQL(" ").join(
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(grade.value), sql.Literal(grade.name)) for grade in kind.grades
    )
    return sql.SQL("CASE {} {} END").format(value, cases)


def _moment(value: sql.Composable) -> sql.Composed:
    # As answers have it: without a fraction where there is none, and with six digits where there is one.
    return sql.SQL(
        """replace(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')"""
    ).format(value)


def harmless(text: sql.Composable) -> sql.Composed:
    """SQL for the text as a cell, with an apostrophe in front where a spreadsheet would calculate, as the audit's has it."""
    first = sql.SQL(", ").join(sql.Literal(ord(character)) for character in FORMULA)
    return sql.SQL("CASE WHEN ascii(ltrim({text}, ' ')) IN ({first}) THEN '''' || {text} ELSE {text} END").format(
        text=text, first=first
    )
