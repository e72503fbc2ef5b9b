"""The refusal that protects events, and the list of all events, whose view comes once all its tables are there."""

from django.db import migrations, models

REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the audit would lose what happened', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION audit_refuse();"),
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
