"""What people do with runs is audited. What they did until now is in the runs' events only."""

import importlib

import diamondhub.audit.tracking
from diamondhub.audit.migrations._by_hand import emptied_row_by_row, only_added_to, view_of
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

KINDS = importlib.import_module("ingest.migrations.0031_audit_list").KINDS


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0033_pinned_experiments'),
        ('audit', '0002_refuse_rows'),
    ]

    operations = [
        migrations.CreateModel(
            name='RunAction',
            fields=[
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_id', models.BigAutoField(primary_key=True, serialize=False)),
                ('pgh_before', models.JSONField(null=True)),
                ('pgh_who', models.TextField()),
                ('pgh_via', models.TextField(default='')),
                ('pgh_reason', models.TextField(default='')),
                ('pgh_request_id', models.TextField(default='')),
                ('id', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('full', 'Full'), ('incremental', 'Incremental')], max_length=16)),
                ('state', models.CharField(choices=[('planning', 'Planning'), ('ingesting', 'Ingesting'), ('settling', 'Settling'), ('consolidating', 'Consolidating'), ('in_review', 'In Review'), ('completed', 'Completed'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='planning', max_length=16)),
                ('started_by', models.CharField(max_length=150)),
                ('reason', models.CharField(blank=True, default='', max_length=500)),
                ('suspect', models.CharField(blank=True, default='', max_length=500)),
                ('held', models.JSONField(blank=True, default=dict)),
                ('approved', models.JSONField(blank=True, default=dict)),
                ('approved_by', models.CharField(blank=True, default='', max_length=150)),
                ('retries', models.PositiveIntegerField(default=0, help_text='How often failed partitions were read again.')),
                ('failure', models.TextField(blank=True, default='')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='run',
            name='retries',
            field=models.PositiveIntegerField(default=0, help_text='How often failed partitions were read again.'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='run',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(condition="WHEN (NULLIF(current_setting('pghistory.context_metadata', true), '')::jsonb ->> 'user' IS DISTINCT FROM 'system')", func='INSERT INTO "ingest_runaction" ("feed_id", "id", "kind", "state", "started_by", "reason", "suspect", "held", "approved", "approved_by", "retries", "failure", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."feed_id", NEW."id", NEW."kind", NEW."state", NEW."started_by", NEW."reason", NEW."suspect", NEW."held", NEW."approved", NEW."approved_by", NEW."retries", NEW."failure", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='b54a694afd15d6bd618c23176e57e75afe45f930', operation='INSERT', pgid='pgtrigger_audit_created_9f61c', table='ingest_run', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='run',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (((OLD."approved" IS DISTINCT FROM (NEW."approved") OR OLD."approved_by" IS DISTINCT FROM (NEW."approved_by") OR OLD."held" IS DISTINCT FROM (NEW."held") OR OLD."retries" IS DISTINCT FROM (NEW."retries") OR OLD."state" IS DISTINCT FROM (NEW."state"))) AND NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\' IS DISTINCT FROM \'system\')', func='INSERT INTO "ingest_runaction" ("feed_id", "id", "kind", "state", "started_by", "reason", "suspect", "held", "approved", "approved_by", "retries", "failure", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."feed_id", NEW."id", NEW."kind", NEW."state", NEW."started_by", NEW."reason", NEW."suspect", NEW."held", NEW."approved", NEW."approved_by", NEW."retries", NEW."failure", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'feed_id\', OLD."feed_id", \'id\', OLD."id", \'kind\', OLD."kind", \'state\', OLD."state", \'started_by\', OLD."started_by", \'reason\', OLD."reason", \'suspect\', OLD."suspect", \'held\', OLD."held", \'approved\', OLD."approved", \'approved_by\', OLD."approved_by", \'retries\', OLD."retries", \'failure\', OLD."failure")) AS was JOIN jsonb_each(jsonb_build_object(\'feed_id\', NEW."feed_id", \'id\', NEW."id", \'kind\', NEW."kind", \'state\', NEW."state", \'started_by\', NEW."started_by", \'reason\', NEW."reason", \'suspect\', NEW."suspect", \'held\', NEW."held", \'approved\', NEW."approved", \'approved_by\', NEW."approved_by", \'retries\', NEW."retries", \'failure\', NEW."failure")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='4ebb821deb9129b0b55d1497fd4fc6e96cb82f17', operation='UPDATE', pgid='pgtrigger_audit_changed_08a9a', table='ingest_run', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='run',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "ingest_runaction" ("feed_id", "id", "kind", "state", "started_by", "reason", "suspect", "held", "approved", "approved_by", "retries", "failure", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."feed_id", OLD."id", OLD."kind", OLD."state", OLD."started_by", OLD."reason", OLD."suspect", OLD."held", OLD."approved", OLD."approved_by", OLD."retries", OLD."failure", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='c73efe9845f1a272d3c6248b6c26d6ef56a80ca9', operation='DELETE', pgid='pgtrigger_audit_deleted_90fcf', table='ingest_run', when='AFTER')),
        ),
        migrations.AddField(
            model_name='runaction',
            name='feed',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='ingest.feed'),
        ),
        migrations.AddField(
            model_name='runaction',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='ingest.run'),
        ),
        migrations.AddIndex(
            model_name='runaction',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='runaction_at'),
        ),
        migrations.AddIndex(
            model_name='runaction',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='runaction_who'),
        ),
        migrations.AddIndex(
            model_name='runaction',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='runaction_request'),
        ),
        *only_added_to("ingest_runaction"),
        *emptied_row_by_row("ingest_run"),
        migrations.RunSQL("DROP VIEW audit_event", view_of(KINDS)),
        migrations.RunSQL(view_of([*KINDS, "ingest.run"], {"ingest.run": "ingest_runaction"}), "DROP VIEW audit_event"),
    ]
