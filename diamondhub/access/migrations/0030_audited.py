"""API clients and keys are audited. What they were until now is not known to the audit."""

import diamondhub.audit.tracking
from diamondhub.audit.migrations._by_hand import not_emptied, only_added_to
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_supplier_scopes'),
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiClientEvent',
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
                ('name', models.CharField(max_length=100, validators=[django.core.validators.ProhibitNullCharactersValidator()])),
                ('active', models.BooleanField(default=True, help_text='An inactive client is refused, whatever its keys say.')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('catalog:read', 'catalog:read'), ('suppliers:proxy', 'suppliers:proxy'), ('suppliers:order', 'suppliers:order')], max_length=64), size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ApiKeyEvent',
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
                ('key_id', models.CharField(editable=False, max_length=12)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apiclient',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apiclientevent" ("id", "name", "active", "scopes", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."id", NEW."name", NEW."active", NEW."scopes", NEW."created_at", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='f0747706cc9d4a2e909a150b24ee3d75cfabde73', operation='INSERT', pgid='pgtrigger_audit_created_927db', table='access_apiclient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apiclient',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "access_apiclientevent" ("id", "name", "active", "scopes", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."id", NEW."name", NEW."active", NEW."scopes", NEW."created_at", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'id\', OLD."id", \'name\', OLD."name", \'active\', OLD."active", \'scopes\', OLD."scopes", \'created_at\', OLD."created_at")) AS was JOIN jsonb_each(jsonb_build_object(\'id\', NEW."id", \'name\', NEW."name", \'active\', NEW."active", \'scopes\', NEW."scopes", \'created_at\', NEW."created_at")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='01476512062089e21146b0c913728ea6dc71f78f', operation='UPDATE', pgid='pgtrigger_audit_changed_77a08', table='access_apiclient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apiclient',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apiclientevent" ("id", "name", "active", "scopes", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."id", OLD."name", OLD."active", OLD."scopes", OLD."created_at", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='bac50f7cd39433118193e38f805f5427f636ade7', operation='DELETE', pgid='pgtrigger_audit_deleted_06116', table='access_apiclient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apikeyevent" ("client_id", "id", "key_id", "created_at", "expires_at", "revoked_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."client_id", NEW."id", NEW."key_id", NEW."created_at", NEW."expires_at", NEW."revoked_at", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='030a802f7b07aab24c4b7dfe369da85655e179e2', operation='INSERT', pgid='pgtrigger_audit_created_43075', table='access_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD."client_id" IS DISTINCT FROM (NEW."client_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."key_id" IS DISTINCT FROM (NEW."key_id") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at"))', func='INSERT INTO "access_apikeyevent" ("client_id", "id", "key_id", "created_at", "expires_at", "revoked_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."client_id", NEW."id", NEW."key_id", NEW."created_at", NEW."expires_at", NEW."revoked_at", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'client_id\', OLD."client_id", \'id\', OLD."id", \'key_id\', OLD."key_id", \'created_at\', OLD."created_at", \'expires_at\', OLD."expires_at", \'revoked_at\', OLD."revoked_at")) AS was JOIN jsonb_each(jsonb_build_object(\'client_id\', NEW."client_id", \'id\', NEW."id", \'key_id\', NEW."key_id", \'created_at\', NEW."created_at", \'expires_at\', NEW."expires_at", \'revoked_at\', NEW."revoked_at")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='6a6270ca16775acc43641fddf6384205d0797870', operation='UPDATE', pgid='pgtrigger_audit_changed_aea76', table='access_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apikeyevent" ("client_id", "id", "key_id", "created_at", "expires_at", "revoked_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."client_id", OLD."id", OLD."key_id", OLD."created_at", OLD."expires_at", OLD."revoked_at", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='2e1571d9399e32956cd99f724e21aa54c4978cea', operation='DELETE', pgid='pgtrigger_audit_deleted_6fc08', table='access_apikey', when='AFTER')),
        ),
        migrations.AddField(
            model_name='apiclientevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.apiclient'),
        ),
        migrations.AddField(
            model_name='apikeyevent',
            name='client',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.apiclient'),
        ),
        migrations.AddField(
            model_name='apikeyevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.apikey'),
        ),
        migrations.AddIndex(
            model_name='apiclientevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='apiclientevent_at'),
        ),
        migrations.AddIndex(
            model_name='apiclientevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='apiclientevent_who'),
        ),
        migrations.AddIndex(
            model_name='apiclientevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='apiclientevent_request'),
        ),
        migrations.AddIndex(
            model_name='apikeyevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='apikeyevent_at'),
        ),
        migrations.AddIndex(
            model_name='apikeyevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='apikeyevent_who'),
        ),
        migrations.AddIndex(
            model_name='apikeyevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='apikeyevent_request'),
        ),
        *only_added_to("access_apiclientevent", "access_apikeyevent"),
        *not_emptied("access_apiclient", "access_apikey"),
    ]
