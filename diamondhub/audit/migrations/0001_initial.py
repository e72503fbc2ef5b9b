"""What protects events and hides secrets from them; and the list of all events.

Its view comes once all tables are there: see `diamondhub.audit.after_migrate`, which also makes triggers that nobody but
this migration takes away again.
"""

from django.db import migrations, models

FUNCTIONS = r"""
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the audit would lose what happened', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

-- Addresses in a JSON value without passwords and without what follows a question mark, where tokens stand.
CREATE FUNCTION audit_masked(value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(
        regexp_replace(value::text, '(https?://)(?:[^"\\?#\s]|\\.)*@', '\1…@', 'gi'),
        '(https?://(?:[^"\\?#]|\\.)*[?#])(?:[^"\\]|\\.)*', '\1…', 'gi'
    )::jsonb
$$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION audit_masked(jsonb); DROP FUNCTION audit_refuse() CASCADE;"),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.TextField(primary_key=True, serialize=False)),
                ('kind', models.TextField()),
                ('event_id', models.BigIntegerField()),
                ('what', models.TextField(choices=[('created', 'Created'), ('changed', 'Changed'), ('deleted', 'Deleted')])),
                ('at', models.DateTimeField()),
                ('object_id', models.BigIntegerField()),
                ('who', models.TextField()),
                ('via', models.TextField()),
                ('reason', models.TextField()),
                ('request_id', models.TextField()),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField()),
            ],
            options={
                'db_table': 'audit_event',
                'permissions': [('export_auditevent', 'Can export audit events')],
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
    ]
