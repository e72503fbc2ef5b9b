"""Kinds of clients, the origins and networks they are bound to, and under which pepper a key is hashed."""

import diamondhub.audit.tracking
import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0040_pricing_scopes'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='apiclient',
            name='audit_created',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apiclient',
            name='audit_changed',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apiclient',
            name='audit_deleted',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apikey',
            name='audit_created',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apikey',
            name='audit_changed',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apikey',
            name='audit_deleted',
        ),
        migrations.AddField(
            model_name='apiclient',
            name='kind',
            field=models.CharField(choices=[('secret', 'secret (for servers)'), ('publishable', 'publishable (for browsers)')], db_default='secret', default='secret', max_length=16),
        ),
        migrations.AddField(
            model_name='apiclient',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=49), blank=True, db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='apiclient',
            name='origins',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), blank=True, db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='apiclientevent',
            name='kind',
            field=models.CharField(choices=[('secret', 'secret (for servers)'), ('publishable', 'publishable (for browsers)')], db_default='secret', default='secret', max_length=16),
        ),
        migrations.AddField(
            model_name='apiclientevent',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=49), blank=True, db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='apiclientevent',
            name='origins',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), blank=True, db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='apikey',
            name='kind',
            field=models.CharField(choices=[('secret', 'secret (for servers)'), ('publishable', 'publishable (for browsers)')], db_default='secret', default='secret', editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name='apikey',
            name='pepper_fingerprint',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name='apikey',
            name='pepper_version',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='apikey',
            name='replaced_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='replaces', to='access.apikey'),
        ),
        migrations.AddField(
            model_name='apikeyevent',
            name='kind',
            field=models.CharField(choices=[('secret', 'secret (for servers)'), ('publishable', 'publishable (for browsers)')], db_default='secret', default='secret', editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name='apikeyevent',
            name='replaced_by',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.apikey'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apiclient',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apiclientevent" ("id", "name", "active", "kind", "scopes", "origins", "networks", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."id", NEW."name", NEW."active", NEW."kind", NEW."scopes", NEW."origins", NEW."networks", NEW."created_at", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='975d695ef170ebd89c52bcf2c25d75ef333d4295', operation='INSERT', pgid='pgtrigger_audit_created_927db', table='access_apiclient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apiclient',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "access_apiclientevent" ("id", "name", "active", "kind", "scopes", "origins", "networks", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."id", NEW."name", NEW."active", NEW."kind", NEW."scopes", NEW."origins", NEW."networks", NEW."created_at", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'id\', OLD."id", \'name\', OLD."name", \'active\', OLD."active", \'kind\', OLD."kind", \'scopes\', OLD."scopes", \'origins\', OLD."origins", \'networks\', OLD."networks", \'created_at\', OLD."created_at")) AS was JOIN jsonb_each(jsonb_build_object(\'id\', NEW."id", \'name\', NEW."name", \'active\', NEW."active", \'kind\', NEW."kind", \'scopes\', NEW."scopes", \'origins\', NEW."origins", \'networks\', NEW."networks", \'created_at\', NEW."created_at")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='c5d79a515947dc58ebaf59c950d3aeb78b750c05', operation='UPDATE', pgid='pgtrigger_audit_changed_77a08', table='access_apiclient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apiclient',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apiclientevent" ("id", "name", "active", "kind", "scopes", "origins", "networks", "created_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."id", OLD."name", OLD."active", OLD."kind", OLD."scopes", OLD."origins", OLD."networks", OLD."created_at", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='3febcf40e2208219eeea662000faf2667b0c582f', operation='DELETE', pgid='pgtrigger_audit_deleted_06116', table='access_apiclient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apikeyevent" ("client_id", "replaced_by_id", "id", "key_id", "kind", "created_at", "expires_at", "revoked_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."client_id", NEW."replaced_by_id", NEW."id", NEW."key_id", NEW."kind", NEW."created_at", NEW."expires_at", NEW."revoked_at", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='50cf323e409a8a6b5ac2d4fb7e45392c10e94f3a', operation='INSERT', pgid='pgtrigger_audit_created_43075', table='access_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD."client_id" IS DISTINCT FROM (NEW."client_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."key_id" IS DISTINCT FROM (NEW."key_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."replaced_by_id" IS DISTINCT FROM (NEW."replaced_by_id") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at"))', func='INSERT INTO "access_apikeyevent" ("client_id", "replaced_by_id", "id", "key_id", "kind", "created_at", "expires_at", "revoked_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."client_id", NEW."replaced_by_id", NEW."id", NEW."key_id", NEW."kind", NEW."created_at", NEW."expires_at", NEW."revoked_at", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'client_id\', OLD."client_id", \'replaced_by_id\', OLD."replaced_by_id", \'id\', OLD."id", \'key_id\', OLD."key_id", \'kind\', OLD."kind", \'created_at\', OLD."created_at", \'expires_at\', OLD."expires_at", \'revoked_at\', OLD."revoked_at")) AS was JOIN jsonb_each(jsonb_build_object(\'client_id\', NEW."client_id", \'replaced_by_id\', NEW."replaced_by_id", \'id\', NEW."id", \'key_id\', NEW."key_id", \'kind\', NEW."kind", \'created_at\', NEW."created_at", \'expires_at\', NEW."expires_at", \'revoked_at\', NEW."revoked_at")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='f6b3cd14c008af9646137900dbbb1e9983f507c3', operation='UPDATE', pgid='pgtrigger_audit_changed_aea76', table='access_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "access_apikeyevent" ("client_id", "replaced_by_id", "id", "key_id", "kind", "created_at", "expires_at", "revoked_at", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."client_id", OLD."replaced_by_id", OLD."id", OLD."key_id", OLD."kind", OLD."created_at", OLD."expires_at", OLD."revoked_at", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='015157c44491be4ff386cb2d910c4f06aa7955db', operation='DELETE', pgid='pgtrigger_audit_deleted_6fc08', table='access_apikey', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='apiclient',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'publishable'), _negated=True), ('scopes__contained_by', ['catalog:read']), _connector='OR'), name='apiclient_publishable_reads_only'),
        ),
    ]
