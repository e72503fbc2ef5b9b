"""For tables that may be emptied at once when nothing is left in them: see `diamondhub.audit.after_migrate`."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION audit_refuse_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    holds boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', TG_RELID::regclass) INTO holds;
    IF holds THEN
        RAISE EXCEPTION '% of % is refused: the audit would lose what happened', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'Delete the rows first.';
    END IF;
    RETURN NULL;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTION, "DROP FUNCTION audit_refuse_rows() CASCADE;")]
