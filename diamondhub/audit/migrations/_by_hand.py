"""What migrations said by hand until `diamondhub.audit.after_migrate` did it: kept for those until they are folded.

A new migration needs nothing of it. Whoever migrates back and forth finds some of it made already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.special import RunSQL

#: Columns of an event that are not the audited model's.
_OWN = (
    "pgh_id",
    "pgh_created_at",
    "pgh_label",
    "pgh_obj_id",
    "pgh_before",
    "pgh_who",
    "pgh_via",
    "pgh_reason",
    "pgh_request_id",
)


def only_added_to(*tables: str) -> list[Operation]:
    """Refuse to update, delete or empty what is in these tables of events, whoever asks."""
    return [
        RunSQL(
            f"""
            CREATE OR REPLACE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            CREATE OR REPLACE TRIGGER audit_not_emptied BEFORE TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            """,
            f"DROP TRIGGER IF EXISTS audit_not_emptied ON {table}; DROP TRIGGER IF EXISTS audit_kept ON {table};",
        )
        for table in tables
    ]


def not_emptied(*tables: str) -> list[Operation]:
    """Refuse to empty audited tables at once: triggers of rows would not see it."""
    return _asked_before_emptying(tables, "audit_refuse")


def emptied_row_by_row(*tables: str) -> list[Operation]:
    """Refuse to empty audited tables at once while they hold rows; what is deleted row by row first leaves its events."""
    return _asked_before_emptying(tables, "audit_refuse_rows")


def _asked_before_emptying(tables: Iterable[str], function: str) -> list[Operation]:
    return [
        RunSQL(
            f"""
            CREATE OR REPLACE TRIGGER audit_not_emptied BEFORE TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION {function}();
            """,
            f"DROP TRIGGER IF EXISTS audit_not_emptied ON {table};",
        )
        for table in tables
    ]


def view_of(kinds: Iterable[str], tables: Mapping[str, str] = MappingProxyType({})) -> str:
    """The statement of the view `audit_event` over the events of these kinds (`app.model`), of some in other `tables`.

    Every filter on kind, object, user, request or time reaches the indexes of the tables below it.
    """
    own = ", ".join(f"'{column}'" for column in _OWN)
    return "CREATE OR REPLACE VIEW audit_event AS\n" + "\nUNION ALL\n".join(
        f"""
        SELECT '{kind}:' || event.pgh_id AS id, '{kind}'::text AS kind, event.pgh_id AS event_id, event.pgh_label AS what,
            event.pgh_created_at AS at, event.pgh_obj_id AS object_id, event.pgh_who AS who, event.pgh_via AS via,
            event.pgh_reason AS reason, event.pgh_request_id AS request_id, event.pgh_before AS before,
            to_jsonb(event) - ARRAY[{own}] AS after
        FROM {tables.get(kind, kind.replace(".", "_") + "event")} AS event
        """
        for kind in kinds
    )
