"""Archived months of the audit, and the one way in which events go: a month that a verified file has, as many as it has.

The triggers that refuse to delete events stay. `audit_forget_month` switches them off within its transaction and under a
lock of the table behind which nobody else writes, so that no other session ever sees the table without them.
"""

from django.db import migrations, models

FUNCTIONS = """
CREATE FUNCTION audit_forget_month(archived_month date, archived_table text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    -- Number of the table's rows that the file has.
    kept bigint;
    gone bigint;
    month_begin CONSTANT timestamptz := archived_month::timestamp AT TIME ZONE 'UTC';
    month_end CONSTANT timestamptz := (archived_month + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
    SELECT (tables ->> archived_table)::bigint INTO kept
    FROM audit_auditarchive
    WHERE month = archived_month AND state = 'verified' AND NOT dropped ? archived_table
    FOR UPDATE;
    IF kept IS NULL OR month_end > now() THEN
        RAISE EXCEPTION 'the events of % in % are in no verified archive that still has to be dropped',
            to_char(archived_month, 'YYYY-MM'), archived_table USING ERRCODE = 'restrict_violation';
    END IF;
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER audit_kept', archived_table);
    EXECUTE format('DELETE FROM %I WHERE pgh_created_at >= $1 AND pgh_created_at < $2', archived_table)
        USING month_begin, month_end;
    GET DIAGNOSTICS gone = ROW_COUNT;
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER audit_kept', archived_table);
    IF gone <> kept THEN
        RAISE EXCEPTION 'the archive of % has % rows of %, and the table has %',
            to_char(archived_month, 'YYYY-MM'), kept, archived_table, gone USING ERRCODE = 'restrict_violation';
    END IF;
    UPDATE audit_auditarchive SET dropped = dropped || to_jsonb(archived_table) WHERE month = archived_month;
    RETURN gone;
END
$$;

-- What an archive says of its file stays from when the file was read back.
CREATE FUNCTION audit_archive_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the audit would lose what happened', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_archive_kept BEFORE DELETE OR TRUNCATE ON audit_auditarchive
    FOR EACH STATEMENT EXECUTE FUNCTION audit_archive_stays();
CREATE TRIGGER audit_archive_as_verified BEFORE UPDATE ON audit_auditarchive
    FOR EACH ROW WHEN (
        OLD.state <> 'written' AND (
            (OLD.month, OLD.file, OLD.sha256, OLD.bytes, OLD.rows, OLD.tables)
                IS DISTINCT FROM (NEW.month, NEW.file, NEW.sha256, NEW.bytes, NEW.rows, NEW.tables)
            OR NEW.state = 'written'
        )
    )
    EXECUTE FUNCTION audit_archive_stays();
"""
AWAY = """
DROP TRIGGER audit_archive_as_verified ON audit_auditarchive;
DROP TRIGGER audit_archive_kept ON audit_auditarchive;
DROP FUNCTION audit_archive_stays();
DROP FUNCTION audit_forget_month(date, text);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0003_rows_unseen'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditArchive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(unique=True)),
                ('state', models.CharField(choices=[('written', 'Written'), ('verified', 'Verified'), ('dropped', 'Dropped'), ('restored', 'Restored')], default='written', max_length=16)),
                ('file', models.CharField(max_length=200)),
                ('sha256', models.CharField(max_length=64)),
                ('bytes', models.BigIntegerField()),
                ('rows', models.BigIntegerField()),
                ('tables', models.JSONField(default=dict)),
                ('dropped', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('dropped_at', models.DateTimeField(blank=True, null=True)),
                ('restored_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': ('view',),
            },
        ),
        migrations.RunSQL(FUNCTIONS, AWAY),
    ]
