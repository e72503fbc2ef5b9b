"""Payloads are stored as they came where the server has no lz4.

To compress one by PostgreSQL's own method takes longer than all else that storing it takes, and to read it then is a third
of what consolidation asks of the database. What is longer than 8 KB is compressed as before. New pieces of the table take
the setting from the net.
"""

from django.db import migrations

SET = """
DO $$
DECLARE
    piece regclass;
BEGIN
    IF (
        SELECT attcompression <> 'l' FROM pg_attribute
        WHERE attrelid = 'ingest_rawdiamond'::regclass AND attname = 'payload'
    ) THEN
        FOR piece IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ingest_rawdiamond'::regclass LOOP
            EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 8160)', piece);
        END LOOP;
    END IF;
END
$$;
"""

RESET = """
DO $$
DECLARE
    piece regclass;
BEGIN
    FOR piece IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ingest_rawdiamond'::regclass LOOP
        EXECUTE format('ALTER TABLE %s RESET (toast_tuple_target)', piece);
    END LOOP;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("ingest", "0053_events_by_what_happened")]
    operations = [migrations.RunSQL(SET, RESET)]
