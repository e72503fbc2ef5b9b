"""What the database needs of the audit besides what `makemigrations` writes: made from what is audited, after `migrate`.

- Events are only added to: triggers refuse to update, delete or empty them, whoever asks.
- Audited tables are not emptied at once while they hold rows: triggers of rows would not see it.
- The view `audit_event` is the list of the events of all audited models.

Whatever is there already is left alone, locks included, so that any number of hosts may migrate at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from diamondhub.audit.tracking import AUDITED, Audited

#: Readers of the list hold it for a query at most, which has ten seconds; longer than that nobody waits (seconds).
LOCK_SECONDS = 30

#: Columns of an event that are not the audited model's.
_OWN = (
    *("pgh_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "pgh_before", "pgh_who", "pgh_via", "pgh_reason"),
    "pgh_request_id",
)
#: The list's columns, as `AuditEvent` has them.
_COLUMNS = (
    "id text, kind text, event_id bigint, what text, at timestamptz, object_id bigint, who text, via text, reason text, "
    "request_id text, before jsonb, after jsonb"
)


@dataclass(frozen=True, slots=True)
class _Guard:
    """A trigger on whole statements that calls a function which refuses them."""

    table: str
    name: str
    before: str
    function: str


def install(using: str) -> None:
    """Make what is missing in the database `using`; nothing, if nothing is. All of it or none, one host after another."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if not list(_missing(cursor)):
            return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('audit after migrate'))")
        for statement in list(_missing(cursor)):
            cursor.execute(statement)


def after_migrate(*, using: str, **_: Any) -> None:
    """Signal handler of `post_migrate`."""
    install(using)


def _missing(cursor: CursorWrapper) -> Iterator[sql.Composable]:
    """The statements that make what is not there."""
    tables = _tables(cursor)
    tracked = {kind: audited for kind, audited in AUDITED.items() if _table_of_events(audited) in tables}
    yield from _missing_guards(cursor, tracked)
    untracked = [audited.model._meta.db_table for kind, audited in AUDITED.items() if kind not in tracked]
    yield from _needless_guards(cursor, [table for table in untracked if table in tables])
    yield from _missing_list(cursor, tracked)


def _table_of_events(audited: Audited) -> str:
    return str(audited.events._meta.db_table)


def _tables(cursor: CursorWrapper) -> set[str]:
    """Which tables of audited models and of their events there are: a database may be migrated to any state."""
    names = [name for audited in AUDITED.values() for name in (audited.model._meta.db_table, _table_of_events(audited))]
    cursor.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL", [names]
    )
    return {name for (name,) in cursor.fetchall()}


# --- triggers ----------------------------------------------------------------------------------------------------------

#: The trigger that refuses to empty a table at once.
_NOT_EMPTIED = "audit_not_emptied"


def _missing_guards(cursor: CursorWrapper, tracked: dict[str, Audited]) -> Iterator[sql.Composable]:
    there = _guards(cursor)
    for audited in tracked.values():
        events, table = _table_of_events(audited), audited.model._meta.db_table
        for guard in (
            _Guard(events, "audit_kept", "UPDATE OR DELETE", "audit_refuse"),
            _Guard(events, _NOT_EMPTIED, "TRUNCATE", "audit_refuse"),
            # What is deleted row by row first leaves its events; a table without rows loses nothing.
            _Guard(table, _NOT_EMPTIED, "TRUNCATE", "audit_refuse_rows"),
        ):
            if (guard.table, guard.name) not in there:
                yield sql.SQL("CREATE TRIGGER {} BEFORE {} ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()").format(
                    sql.Identifier(guard.name),
                    sql.SQL(guard.before),
                    sql.Identifier(guard.table),
                    sql.Identifier(guard.function),
                )


def _needless_guards(cursor: CursorWrapper, tables: list[str]) -> Iterator[sql.Composable]:
    """Tables whose events a migration took back may be emptied again."""
    there = _guards(cursor)
    for table in tables:
        if (table, _NOT_EMPTIED) in there:
            yield sql.SQL("DROP TRIGGER {} ON {}").format(sql.Identifier(_NOT_EMPTIED), sql.Identifier(table))


def _guards(cursor: CursorWrapper) -> set[tuple[str, str]]:
    """The triggers that there are, by table and name."""
    cursor.execute(
        """
        SELECT class.relname, trigger.tgname
        FROM pg_trigger AS trigger
        JOIN pg_class AS class ON class.oid = trigger.tgrelid AND pg_table_is_visible(class.oid)
        WHERE trigger.tgname IN ('audit_kept', 'audit_not_emptied')
        """
    )
    return set(cursor.fetchall())


# --- the list of all events --------------------------------------------------------------------------------------------


def _missing_list(cursor: CursorWrapper, tracked: dict[str, Audited]) -> Iterator[sql.Composable]:
    """The view stands on a function, whose text names the tables: so no table hangs on the view, and each may be changed or
    dropped by its own migration. The planner puts the text in its place, and every filter reaches the tables' indexes.
    """
    cursor.execute(
        """
        SELECT coalesce(obj_description(to_regprocedure('audit_events()'), 'pg_proc'), ''),
            coalesce(pg_get_viewdef(to_regclass('audit_event')), '')
        """
    )
    text_there, view = cursor.fetchone() or ("", "")
    if not tracked:
        if view:
            yield sql.SQL("DROP VIEW audit_event")
        if text_there:
            yield sql.SQL("DROP FUNCTION audit_events()")
        return
    text = "\nUNION ALL\n".join(_events_of(kind, _table_of_events(audited)) for kind, audited in tracked.items())
    text_wanted = blake2b(text.encode(), digest_size=16).hexdigest()
    if text_there != text_wanted:
        yield sql.SQL(
            "CREATE OR REPLACE FUNCTION audit_events() RETURNS TABLE ({}) LANGUAGE sql STABLE PARALLEL SAFE AS {}"
        ).format(sql.SQL(_COLUMNS), sql.Literal(text))
        yield sql.SQL("COMMENT ON FUNCTION audit_events() IS {}").format(sql.Literal(text_wanted))
    if "audit_events()" not in view:
        yield sql.SQL("CREATE OR REPLACE VIEW audit_event AS SELECT * FROM audit_events()")


def _events_of(kind: str, table: str) -> str:
    own = ", ".join(f"'{column}'" for column in _OWN)
    # Django's tables have smaller numbers than ours; of columns of several types no filter would reach the tables' indexes.
    return f"""
        SELECT '{kind}:' || event.pgh_id, '{kind}'::text, event.pgh_id, event.pgh_label, event.pgh_created_at,
            event.pgh_obj_id::bigint, event.pgh_who, event.pgh_via, event.pgh_reason, event.pgh_request_id, event.pgh_before,
            to_jsonb(event) - ARRAY[{own}]
        FROM "{table}" AS event"""
