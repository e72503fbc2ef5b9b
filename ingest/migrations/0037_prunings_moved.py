"""Prunings belong to `diamondhub.operations`, which knows no app; its table takes over the rows, ids and leases included."""

from django.db import migrations

_COLUMNS = """id, lease_owner, lease_token, lease_expires_at, attempts, due_at, day, state, started_by, removed, created_at,
    completed_at"""
#: A moment as `diamondhub.operations.pruning` writes it.
_WRITTEN = """'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'"""
#: The next number of a table, as if its rows had been numbered by it.
_NUMBER_ON = """
SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) IS NOT NULL
"""

THERE = f"""
-- A sweep of the version before would make another row meanwhile.
LOCK TABLE ingest_pruning IN ACCESS EXCLUSIVE MODE;
-- The sweep of this version may have made today's.
INSERT INTO operations_pruning ({_COLUMNS}, kept_from)
SELECT {_COLUMNS}, jsonb_strip_nulls(jsonb_build_object(
    'raw_days', to_char(raw_kept_from::timestamp, {_WRITTEN}),
    'history', to_char(history_kept_from AT TIME ZONE 'UTC', {_WRITTEN})
))
FROM ingest_pruning
ON CONFLICT DO NOTHING;
{_NUMBER_ON.format(table="operations_pruning")};
"""

BACK = f"""
LOCK TABLE operations_pruning IN ACCESS EXCLUSIVE MODE;
INSERT INTO ingest_pruning ({_COLUMNS}, raw_kept_from, history_kept_from)
SELECT {_COLUMNS}, ((kept_from ->> 'raw_days')::timestamptz AT TIME ZONE 'UTC')::date,
    (kept_from ->> 'history')::timestamptz
FROM operations_pruning;
{_NUMBER_ON.format(table="ingest_pruning")};
DELETE FROM operations_pruning;
"""


class Migration(migrations.Migration):
    dependencies = [("ingest", "0036_review"), ("operations", "0001_prunings")]
    operations = [migrations.RunSQL(THERE, BACK), migrations.DeleteModel("Pruning")]
