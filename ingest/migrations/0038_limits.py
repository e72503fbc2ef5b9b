"""Feeds keep what their supplier was found not to take; who or what changed that is in their history."""

import diamondhub.audit.tracking
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0037_prunings_moved'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='feed',
            name='audit_created',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='feed',
            name='audit_changed',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='feed',
            name='audit_deleted',
        ),
        migrations.AddField(
            model_name='feed',
            name='limits',
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='feedevent',
            name='limits',
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='feed',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "ingest_feedevent" ("id", "slug", "name", "adapter", "parameters", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds", "max_partition_stones", "delist_brake", "shrink_brake", "error_budget", "median_brake", "partial_delay_seconds", "limits", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."id", NEW."slug", NEW."name", NEW."adapter", audit_masked(NEW."parameters"), NEW."enabled", NEW."full_schedule", NEW."incremental_schedule", NEW."window_lag_seconds", NEW."overlap_seconds", NEW."max_partition_stones", NEW."delist_brake", NEW."shrink_brake", NEW."error_budget", NEW."median_brake", NEW."partial_delay_seconds", NEW."limits", NEW."created_at", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='48c35805da162c27d21bc77e84e7761bc6aa1951', operation='INSERT', pgid='pgtrigger_audit_created_de682', table='ingest_feed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='feed',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD."adapter" IS DISTINCT FROM (NEW."adapter") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."delist_brake" IS DISTINCT FROM (NEW."delist_brake") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."error_budget" IS DISTINCT FROM (NEW."error_budget") OR OLD."full_schedule" IS DISTINCT FROM (NEW."full_schedule") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."incremental_schedule" IS DISTINCT FROM (NEW."incremental_schedule") OR OLD."limits" IS DISTINCT FROM (NEW."limits") OR OLD."max_partition_stones" IS DISTINCT FROM (NEW."max_partition_stones") OR OLD."median_brake" IS DISTINCT FROM (NEW."median_brake") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."overlap_seconds" IS DISTINCT FROM (NEW."overlap_seconds") OR OLD."parameters" IS DISTINCT FROM (NEW."parameters") OR OLD."partial_delay_seconds" IS DISTINCT FROM (NEW."partial_delay_seconds") OR OLD."shrink_brake" IS DISTINCT FROM (NEW."shrink_brake") OR OLD."slug" IS DISTINCT FROM (NEW."slug") OR OLD."window_lag_seconds" IS DISTINCT FROM (NEW."window_lag_seconds"))', func='INSERT INTO "ingest_feedevent" ("id", "slug", "name", "adapter", "parameters", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds", "max_partition_stones", "delist_brake", "shrink_brake", "error_budget", "median_brake", "partial_delay_seconds", "limits", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."id", NEW."slug", NEW."name", NEW."adapter", audit_masked(NEW."parameters"), NEW."enabled", NEW."full_schedule", NEW."incremental_schedule", NEW."window_lag_seconds", NEW."overlap_seconds", NEW."max_partition_stones", NEW."delist_brake", NEW."shrink_brake", NEW."error_budget", NEW."median_brake", NEW."partial_delay_seconds", NEW."limits", NEW."created_at", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'id\', OLD."id", \'slug\', OLD."slug", \'name\', OLD."name", \'adapter\', OLD."adapter", \'parameters\', audit_masked(OLD."parameters"), \'enabled\', OLD."enabled", \'full_schedule\', OLD."full_schedule", \'incremental_schedule\', OLD."incremental_schedule", \'window_lag_seconds\', OLD."window_lag_seconds", \'overlap_seconds\', OLD."overlap_seconds", \'max_partition_stones\', OLD."max_partition_stones", \'delist_brake\', OLD."delist_brake", \'shrink_brake\', OLD."shrink_brake", \'error_budget\', OLD."error_budget", \'median_brake\', OLD."median_brake", \'partial_delay_seconds\', OLD."partial_delay_seconds", \'limits\', OLD."limits", \'created_at\', OLD."created_at")) AS was JOIN jsonb_each(jsonb_build_object(\'id\', NEW."id", \'slug\', NEW."slug", \'name\', NEW."name", \'adapter\', NEW."adapter", \'parameters\', audit_masked(NEW."parameters"), \'enabled\', NEW."enabled", \'full_schedule\', NEW."full_schedule", \'incremental_schedule\', NEW."incremental_schedule", \'window_lag_seconds\', NEW."window_lag_seconds", \'overlap_seconds\', NEW."overlap_seconds", \'max_partition_stones\', NEW."max_partition_stones", \'delist_brake\', NEW."delist_brake", \'shrink_brake\', NEW."shrink_brake", \'error_budget\', NEW."error_budget", \'median_brake\', NEW."median_brake", \'partial_delay_seconds\', NEW."partial_delay_seconds", \'limits\', NEW."limits", \'created_at\', NEW."created_at")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='55676cd683db9ef61f939f2718c8dd905e66e193', operation='UPDATE', pgid='pgtrigger_audit_changed_1ce78', table='ingest_feed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='feed',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "ingest_feedevent" ("id", "slug", "name", "adapter", "parameters", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds", "max_partition_stones", "delist_brake", "shrink_brake", "error_budget", "median_brake", "partial_delay_seconds", "limits", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."id", OLD."slug", OLD."name", OLD."adapter", audit_masked(OLD."parameters"), OLD."enabled", OLD."full_schedule", OLD."incremental_schedule", OLD."window_lag_seconds", OLD."overlap_seconds", OLD."max_partition_stones", OLD."delist_brake", OLD."shrink_brake", OLD."error_budget", OLD."median_brake", OLD."partial_delay_seconds", OLD."limits", OLD."created_at", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='8bb5fcfd8a8aeaf177c8b3fa047ed1ee78aec576', operation='DELETE', pgid='pgtrigger_audit_deleted_b55de', table='ingest_feed', when='AFTER')),
        ),
    ]
