"""Indexes by which people look for price changes: by day, rule set, rule and cause, each the newest first.

The table may have many millions of rows: its pieces get their indexes one by one without keeping anybody from writing, and
then the table has them too. What a broken attempt left behind is made anew.
"""

from typing import Any

from django.db import migrations
from psycopg import sql

TABLE = "pricing_pricechange"
#: Each costs every repricing a microsecond or two a stone. Runs and repricings write most changes, each its own one behind
#: the other: their numbers are found by blocks, and only other causes are rare enough to be looked for by an index.
INDEXES = {
    "pricechange_day": "(changed_on, id)",
    "pricechange_rule_set": "(new_rule_set, changed_on, id)",
    "pricechange_rule": "(new_rule, changed_on, id)",
    "pricechange_rare_cause": "(cause, changed_on, id) WHERE cause NOT IN ('run', 'repricing')",
    "pricechange_cause_id": "USING brin (cause_id) WITH (autosummarize = on)",
}


def _pieces(cursor: Any) -> list[str]:
    cursor.execute(
        """
        SELECT child.relname
        FROM pg_inherits
        JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = %s::regclass
        ORDER BY child.relname
        """,
        [TABLE],
    )
    return [name for (name,) in cursor.fetchall()]


def _state_of(cursor: Any, index: str) -> bool | None:
    """Whether an index is usable; None if there is none of that name."""
    cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [index])
    row = cursor.fetchone()
    return None if row is None else bool(row[0])


def make(_apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        for name, columns in INDEXES.items():
            parts = {"index": sql.Identifier(name), "table": sql.Identifier(TABLE), "columns": sql.SQL(columns)}
            # From here on new pieces are made with it.
            cursor.execute(sql.SQL("CREATE INDEX IF NOT EXISTS {index} ON ONLY {table} {columns}").format(**parts))
            if _state_of(cursor, name):
                continue
            for piece in _pieces(cursor):
                _make_on(cursor, name, columns, piece)


def _make_on(cursor: Any, name: str, columns: str, piece: str) -> None:
    cursor.execute(
        """
        SELECT FROM pg_inherits
        JOIN pg_index AS of_piece ON of_piece.indexrelid = inhrelid
        WHERE inhparent = to_regclass(%s) AND of_piece.indrelid = to_regclass(%s)
        """,
        [name, piece],
    )
    if cursor.fetchone():
        return
    own = f"{piece}_{name.removeprefix('pricechange_')}"
    parts = {
        "own": sql.Identifier(own),
        "index": sql.Identifier(name),
        "piece": sql.Identifier(piece),
        "columns": sql.SQL(columns),
    }
    if _state_of(cursor, own) is False:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY {own}").format(**parts))
    cursor.execute(sql.SQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS {own} ON {piece} {columns}").format(**parts))
    cursor.execute(sql.SQL("ALTER INDEX {index} ATTACH PARTITION {own}").format(**parts))


def drop(_apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        for name in INDEXES:
            cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(name)))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("pricing", "0032_pieces_kept")]
    operations = [migrations.RunPython(make, drop)]
