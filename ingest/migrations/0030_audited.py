"""Feeds and dead letters are audited. What they were until now is not known to the audit."""

import diamondhub.audit.tracking
from diamondhub.audit.migrations._by_hand import not_emptied, only_added_to
import django.core.validators
import django.db.models.deletion
import ingest.crontab
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0014_schedules'),
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeadLetterEvent',
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
                ('kind', models.CharField(choices=[('page', 'Page'), ('item', 'Item'), ('stone', 'Stone'), ('batch', 'Batch'), ('message', 'Message')], max_length=16)),
                ('state', models.CharField(choices=[('open', 'Open'), ('parked', 'Parked'), ('replayed', 'Replayed'), ('discarded', 'Discarded'), ('superseded', 'Superseded')], default='open', max_length=16)),
                ('diamond_id', models.UUIDField(blank=True, null=True)),
                ('supplier_stone_id', models.CharField(blank=True, default='', max_length=100)),
                ('stones', models.PositiveIntegerField(default=1)),
                ('fingerprint', models.CharField(max_length=32)),
                ('field', models.CharField(blank=True, default='', max_length=100)),
                ('reason', models.CharField(max_length=500)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('closed_by', models.CharField(blank=True, default='', max_length=150)),
                ('closed_reason', models.CharField(blank=True, default='', max_length=500)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='FeedEvent',
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
                ('slug', models.SlugField(db_index=False)),
                ('name', models.CharField(max_length=100)),
                ('adapter', models.CharField(max_length=50)),
                ('parameters', models.JSONField(blank=True, default=dict)),
                ('enabled', models.BooleanField(default=True)),
                ('full_schedule', models.CharField(blank=True, default='', help_text='When full runs start, e.g. 0 2 * * * (every day at 02:00 UTC). Empty: never by themselves.', max_length=100, validators=[ingest.crontab.validate])),
                ('incremental_schedule', models.CharField(blank=True, default='', help_text='When incremental runs start, e.g. */15 * * * * (every quarter of an hour). Empty: never by themselves.', max_length=100, validators=[ingest.crontab.validate])),
                ('window_lag_seconds', models.PositiveIntegerField(default=30, help_text="A run's window ends this long before the supplier's clock, so that nothing is still being written in it.")),
                ('overlap_seconds', models.PositiveIntegerField(default=900, help_text='An incremental run starts this long before the watermark.')),
                ('max_partition_stones', models.PositiveIntegerField(default=2500, help_text='Partitions stay below this, so that offsets stay shallow.', validators=[django.core.validators.MinValueValidator(50), django.core.validators.MaxValueValidator(100000)])),
                ('delist_brake', models.FloatField(default=0.2, help_text='A run that would delist more than this share of the feed waits for approval.')),
                ('shrink_brake', models.FloatField(default=0.5, help_text='A full run that is shown less than this share of the known stones is suspect.')),
                ('error_budget', models.FloatField(default=0.01, help_text='A run with more than this share of dead letters waits for approval.')),
                ('median_brake', models.FloatField(default=0.3, help_text="A run that would move the median of what the feed's stones cost by more than this share waits.", validators=[django.core.validators.MinValueValidator(0)])),
                ('partial_delay_seconds', models.PositiveIntegerField(blank=True, help_text='How long a run with failed partitions waits for retries. Empty: PARTIAL_DELAY_SECONDS.', null=True, validators=[django.core.validators.MaxValueValidator(86400)])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='deadletter',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD."closed_at" IS DISTINCT FROM (NEW."closed_at") OR OLD."closed_by" IS DISTINCT FROM (NEW."closed_by") OR OLD."closed_reason" IS DISTINCT FROM (NEW."closed_reason") OR OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."stones" IS DISTINCT FROM (NEW."stones"))', func='INSERT INTO "ingest_deadletterevent" ("feed_id", "run_id", "id", "kind", "state", "diamond_id", "supplier_stone_id", "stones", "fingerprint", "field", "reason", "closed_at", "closed_by", "closed_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."feed_id", NEW."run_id", NEW."id", NEW."kind", NEW."state", NEW."diamond_id", NEW."supplier_stone_id", NEW."stones", NEW."fingerprint", NEW."field", NEW."reason", NEW."closed_at", NEW."closed_by", NEW."closed_reason", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'feed_id\', OLD."feed_id", \'run_id\', OLD."run_id", \'id\', OLD."id", \'kind\', OLD."kind", \'state\', OLD."state", \'diamond_id\', OLD."diamond_id", \'supplier_stone_id\', OLD."supplier_stone_id", \'stones\', OLD."stones", \'fingerprint\', OLD."fingerprint", \'field\', OLD."field", \'reason\', OLD."reason", \'closed_at\', OLD."closed_at", \'closed_by\', OLD."closed_by", \'closed_reason\', OLD."closed_reason")) AS was JOIN jsonb_each(jsonb_build_object(\'feed_id\', NEW."feed_id", \'run_id\', NEW."run_id", \'id\', NEW."id", \'kind\', NEW."kind", \'state\', NEW."state", \'diamond_id\', NEW."diamond_id", \'supplier_stone_id\', NEW."supplier_stone_id", \'stones\', NEW."stones", \'fingerprint\', NEW."fingerprint", \'field\', NEW."field", \'reason\', NEW."reason", \'closed_at\', NEW."closed_at", \'closed_by\', NEW."closed_by", \'closed_reason\', NEW."closed_reason")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='37493fbd7af1aec7a33ad064beb6cbb39301c66b', operation='UPDATE', pgid='pgtrigger_audit_changed_24b66', table='ingest_deadletter', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='deadletter',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "ingest_deadletterevent" ("feed_id", "run_id", "id", "kind", "state", "diamond_id", "supplier_stone_id", "stones", "fingerprint", "field", "reason", "closed_at", "closed_by", "closed_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."feed_id", OLD."run_id", OLD."id", OLD."kind", OLD."state", OLD."diamond_id", OLD."supplier_stone_id", OLD."stones", OLD."fingerprint", OLD."field", OLD."reason", OLD."closed_at", OLD."closed_by", OLD."closed_reason", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='2bdc2737f1224c0fba1461e009e1f07e5a3358be', operation='DELETE', pgid='pgtrigger_audit_deleted_4a783', table='ingest_deadletter', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='feed',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "ingest_feedevent" ("id", "slug", "name", "adapter", "parameters", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds", "max_partition_stones", "delist_brake", "shrink_brake", "error_budget", "median_brake", "partial_delay_seconds", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."id", NEW."slug", NEW."name", NEW."adapter", audit_masked(NEW."parameters"), NEW."enabled", NEW."full_schedule", NEW."incremental_schedule", NEW."window_lag_seconds", NEW."overlap_seconds", NEW."max_partition_stones", NEW."delist_brake", NEW."shrink_brake", NEW."error_budget", NEW."median_brake", NEW."partial_delay_seconds", NEW."created_at", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='bf5f4a196b6697f95ee3018a339dd477bc3696ab', operation='INSERT', pgid='pgtrigger_audit_created_de682', table='ingest_feed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='feed',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD."adapter" IS DISTINCT FROM (NEW."adapter") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."delist_brake" IS DISTINCT FROM (NEW."delist_brake") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."error_budget" IS DISTINCT FROM (NEW."error_budget") OR OLD."full_schedule" IS DISTINCT FROM (NEW."full_schedule") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."incremental_schedule" IS DISTINCT FROM (NEW."incremental_schedule") OR OLD."max_partition_stones" IS DISTINCT FROM (NEW."max_partition_stones") OR OLD."median_brake" IS DISTINCT FROM (NEW."median_brake") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."overlap_seconds" IS DISTINCT FROM (NEW."overlap_seconds") OR OLD."parameters" IS DISTINCT FROM (NEW."parameters") OR OLD."partial_delay_seconds" IS DISTINCT FROM (NEW."partial_delay_seconds") OR OLD."shrink_brake" IS DISTINCT FROM (NEW."shrink_brake") OR OLD."slug" IS DISTINCT FROM (NEW."slug") OR OLD."window_lag_seconds" IS DISTINCT FROM (NEW."window_lag_seconds"))', func='INSERT INTO "ingest_feedevent" ("id", "slug", "name", "adapter", "parameters", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds", "max_partition_stones", "delist_brake", "shrink_brake", "error_budget", "median_brake", "partial_delay_seconds", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."id", NEW."slug", NEW."name", NEW."adapter", audit_masked(NEW."parameters"), NEW."enabled", NEW."full_schedule", NEW."incremental_schedule", NEW."window_lag_seconds", NEW."overlap_seconds", NEW."max_partition_stones", NEW."delist_brake", NEW."shrink_brake", NEW."error_budget", NEW."median_brake", NEW."partial_delay_seconds", NEW."created_at", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'id\', OLD."id", \'slug\', OLD."slug", \'name\', OLD."name", \'adapter\', OLD."adapter", \'parameters\', audit_masked(OLD."parameters"), \'enabled\', OLD."enabled", \'full_schedule\', OLD."full_schedule", \'incremental_schedule\', OLD."incremental_schedule", \'window_lag_seconds\', OLD."window_lag_seconds", \'overlap_seconds\', OLD."overlap_seconds", \'max_partition_stones\', OLD."max_partition_stones", \'delist_brake\', OLD."delist_brake", \'shrink_brake\', OLD."shrink_brake", \'error_budget\', OLD."error_budget", \'median_brake\', OLD."median_brake", \'partial_delay_seconds\', OLD."partial_delay_seconds", \'created_at\', OLD."created_at")) AS was JOIN jsonb_each(jsonb_build_object(\'id\', NEW."id", \'slug\', NEW."slug", \'name\', NEW."name", \'adapter\', NEW."adapter", \'parameters\', audit_masked(NEW."parameters"), \'enabled\', NEW."enabled", \'full_schedule\', NEW."full_schedule", \'incremental_schedule\', NEW."incremental_schedule", \'window_lag_seconds\', NEW."window_lag_seconds", \'overlap_seconds\', NEW."overlap_seconds", \'max_partition_stones\', NEW."max_partition_stones", \'delist_brake\', NEW."delist_brake", \'shrink_brake\', NEW."shrink_brake", \'error_budget\', NEW."error_budget", \'median_brake\', NEW."median_brake", \'partial_delay_seconds\', NEW."partial_delay_seconds", \'created_at\', NEW."created_at")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='f01681d8027d9abeb3883b3216680b8956ab78ff', operation='UPDATE', pgid='pgtrigger_audit_changed_1ce78', table='ingest_feed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='feed',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "ingest_feedevent" ("id", "slug", "name", "adapter", "parameters", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds", "max_partition_stones", "delist_brake", "shrink_brake", "error_budget", "median_brake", "partial_delay_seconds", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."id", OLD."slug", OLD."name", OLD."adapter", audit_masked(OLD."parameters"), OLD."enabled", OLD."full_schedule", OLD."incremental_schedule", OLD."window_lag_seconds", OLD."overlap_seconds", OLD."max_partition_stones", OLD."delist_brake", OLD."shrink_brake", OLD."error_budget", OLD."median_brake", OLD."partial_delay_seconds", OLD."created_at", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='9c675487b2bd0e62d467fdada38ece7fa0460355', operation='DELETE', pgid='pgtrigger_audit_deleted_b55de', table='ingest_feed', when='AFTER')),
        ),
        migrations.AddField(
            model_name='deadletterevent',
            name='feed',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='ingest.feed'),
        ),
        migrations.AddField(
            model_name='deadletterevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='ingest.deadletter'),
        ),
        migrations.AddField(
            model_name='deadletterevent',
            name='run',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='ingest.run'),
        ),
        migrations.AddField(
            model_name='feedevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='ingest.feed'),
        ),
        migrations.AddIndex(
            model_name='deadletterevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='deadletterevent_at'),
        ),
        migrations.AddIndex(
            model_name='deadletterevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='deadletterevent_who'),
        ),
        migrations.AddIndex(
            model_name='deadletterevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='deadletterevent_request'),
        ),
        migrations.AddIndex(
            model_name='feedevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='feedevent_at'),
        ),
        migrations.AddIndex(
            model_name='feedevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='feedevent_who'),
        ),
        migrations.AddIndex(
            model_name='feedevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='feedevent_request'),
        ),
        *only_added_to("ingest_feedevent", "ingest_deadletterevent"),
        *not_emptied("ingest_feed"),
    ]
