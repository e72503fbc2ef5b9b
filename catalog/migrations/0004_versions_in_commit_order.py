"""Versions in commit order: one counter row, the log of changed stones in daily pieces, and the triggers that keep both.

`catalog.changes.log` says what they do and why they never wait in a circle.
"""

import uuid

from django.db import migrations, models

CREATE = """
INSERT INTO catalog_versioncounter (one, version, generation, forgotten, incarnation)
SELECT 1, coalesce(max(version), 0), gen_random_uuid(), coalesce(max(version), 0), ''
FROM catalog_datasetversion;

CREATE TABLE catalog_change (
    change_set bigint NOT NULL,
    changed_on date NOT NULL,
    diamond_id uuid NOT NULL
) PARTITION BY RANGE (changed_on);

-- One change set's stones in the order of their ids: pages of changes read it from where the last one ended.
CREATE INDEX change_of_set ON catalog_change (change_set, diamond_id);

CREATE TABLE catalog_change_default PARTITION OF catalog_change DEFAULT;

-- Which database this is, so that one that came from a backup, or whose last commits were lost, is told from the one that
-- counted so far: another cluster, another history of one (a promotion), another database, or tables that were made anew.
CREATE FUNCTION catalog_incarnation() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    cluster text := '';
BEGIN
    BEGIN
        SELECT system_identifier || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) INTO cluster
        FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege OR undefined_function THEN
        -- A provider that keeps these to itself: the database and its tables must tell.
        NULL;
    END;
    RETURN concat_ws(
        '/', cluster, (SELECT oid FROM pg_database WHERE datname = current_database()), 'catalog_versioncounter'::regclass::oid
    );
END
$$;

UPDATE catalog_versioncounter SET incarnation = catalog_incarnation() WHERE version > 0;

-- The stones that a statement wrote, appended to the log under the change set of its transaction.
CREATE FUNCTION catalog_log_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    own bigint := NULLIF(current_setting('diamondhub.change_set', true), '')::bigint;
BEGIN
    IF own IS NULL THEN
        IF NOT EXISTS (SELECT FROM changed) THEN
            RETURN NULL;
        END IF;
        INSERT INTO catalog_datasetversion (cause, changed_on, created_at)
        VALUES (COALESCE(NULLIF(current_setting('diamondhub.change_cause', true), ''), 'sql'), today, now())
        RETURNING id INTO own;
        PERFORM set_config('diamondhub.change_set', own::text, true);
    END IF;
    INSERT INTO catalog_change (change_set, changed_on, diamond_id) SELECT own, today, id FROM changed;
    RETURN NULL;
END
$$;
CREATE TRIGGER diamond_inserted AFTER INSERT ON catalog_diamond
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog_log_changes();
CREATE TRIGGER diamond_updated AFTER UPDATE ON catalog_diamond
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog_log_changes();
CREATE TRIGGER diamond_deleted AFTER DELETE ON catalog_diamond
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog_log_changes();

-- At the end of a transaction: the next version for its change set, and with it the counter's lock until the commit.
CREATE FUNCTION catalog_take_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    here text;
    counter catalog_versioncounter;
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- To the end of the queue: the checks of foreign keys that wait for the commit, too, come first.
        UPDATE catalog_datasetversion SET created_at = clock_timestamp() WHERE id = NEW.id AND version IS NULL;
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM catalog_datasetversion WHERE id = NEW.id AND version IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    here := catalog_incarnation();
    UPDATE catalog_versioncounter SET version = version + 1 RETURNING * INTO counter;
    IF counter.incarnation <> here THEN
        PERFORM catalog_begin_anew(here, counter.version - 1);
        SELECT * INTO counter FROM catalog_versioncounter;
    END IF;
    UPDATE catalog_datasetversion SET version = counter.version, created_at = clock_timestamp() WHERE id = NEW.id;
    RETURN NULL;
END
$$;

-- Numbers that were given out before are not given out for other stones: the count goes on far beyond them.
CREATE FUNCTION catalog_begin_anew(here text, before bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    beyond bigint := CASE WHEN before = 0 THEN 0 ELSE before + 1000000 + floor(random() * 1000000000)::bigint END;
BEGIN
    UPDATE catalog_versioncounter
    SET version = beyond + 1, forgotten = beyond, generation = gen_random_uuid(), incarnation = here;
END
$$;
CREATE CONSTRAINT TRIGGER version_taken AFTER INSERT OR UPDATE ON catalog_datasetversion
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.version IS NULL) EXECUTE FUNCTION catalog_take_version();

-- Stones that are all gone at once are in no log, so everybody begins anew.
CREATE FUNCTION catalog_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    SELECT version INTO before FROM catalog_versioncounter FOR UPDATE;
    IF before > 0 THEN
        PERFORM catalog_begin_anew(catalog_incarnation(), before);
        -- No change set is of this version.
        UPDATE catalog_versioncounter SET forgotten = version;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER diamond_emptied BEFORE TRUNCATE ON catalog_diamond EXECUTE FUNCTION catalog_emptied();
"""

DROP = """
DROP TRIGGER diamond_emptied ON catalog_diamond;
DROP TRIGGER version_taken ON catalog_datasetversion;
DROP TRIGGER diamond_deleted ON catalog_diamond;
DROP TRIGGER diamond_updated ON catalog_diamond;
DROP TRIGGER diamond_inserted ON catalog_diamond;
DROP FUNCTION catalog_emptied();
DROP FUNCTION catalog_begin_anew(text, bigint);
DROP FUNCTION catalog_take_version();
DROP FUNCTION catalog_log_changes();
DROP FUNCTION catalog_incarnation();
DROP TABLE catalog_change;
-- The rows' numbers become the versions again.
DELETE FROM catalog_datasetversion;
SELECT setval(pg_get_serial_sequence('catalog_datasetversion', 'id'), greatest(max(version), 1)) FROM catalog_versioncounter;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_columns_of_payloads")]
    operations = [
        migrations.RenameField("datasetversion", "version", "id"),
        migrations.AlterField(
            "datasetversion",
            "id",
            models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
        ),
        migrations.AddField("datasetversion", "version", models.BigIntegerField(null=True)),
        migrations.AddField("datasetversion", "changed_on", models.DateField(null=True)),
        migrations.AddField("datasetversion", "told_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunSQL(
            "UPDATE catalog_datasetversion SET version = id, told_at = created_at, "
            "changed_on = (created_at AT TIME ZONE 'UTC')::date",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("datasetversion", "version", models.BigIntegerField(null=True, unique=True)),
        migrations.AlterField("datasetversion", "changed_on", models.DateField()),
        migrations.AlterField(
            "datasetversion",
            "created_at",
            models.DateTimeField(),
        ),
        migrations.AddIndex(
            "datasetversion",
            models.Index(
                fields=["-told_at"], name="version_told", condition=models.Q(("told_at__isnull", False))
            ),
        ),
        migrations.CreateModel(
            name="VersionCounter",
            fields=[
                ("one", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("generation", models.UUIDField(default=uuid.uuid4)),
                ("forgotten", models.BigIntegerField()),
                ("incarnation", models.TextField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("one", 1)), name="one_version_counter"),
                ],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
