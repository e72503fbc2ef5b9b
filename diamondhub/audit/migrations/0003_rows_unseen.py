"""A transaction that began before rows were there does not see them: it may not empty a table that it takes for empty."""

import importlib

from django.db import migrations

BEFORE = importlib.import_module("diamondhub.audit.migrations.0002_refuse_rows").FUNCTION

FUNCTION = """
CREATE OR REPLACE FUNCTION audit_refuse_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    holds boolean := true;
BEGIN
    IF current_setting('transaction_isolation') = 'read committed' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', TG_RELID::regclass) INTO holds;
    END IF;
    IF holds THEN
        RAISE EXCEPTION '% of % is refused: the audit would lose what happened', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'Delete the rows first.';
    END IF;
    RETURN NULL;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_refuse_rows")]
    operations = [migrations.RunSQL(FUNCTION, BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))]
