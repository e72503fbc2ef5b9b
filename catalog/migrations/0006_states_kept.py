"""The history of availability: a table in monthly pieces, and the trigger on the diamonds that fills it.

Statements that do not set the availability, as those of repricings, never look at the trigger.
"""

from django.db import migrations, models

CREATE = """
CREATE SEQUENCE catalog_availabilitychange_id_seq AS bigint;

CREATE TABLE catalog_availabilitychange (
    id bigint NOT NULL DEFAULT nextval('catalog_availabilitychange_id_seq'),
    diamond_id uuid NOT NULL,
    changed_on date NOT NULL,
    changed_at timestamptz NOT NULL,
    old varchar(16) NOT NULL,
    new varchar(16) NOT NULL,
    PRIMARY KEY (id, changed_on)
) PARTITION BY RANGE (changed_on);

ALTER SEQUENCE catalog_availabilitychange_id_seq OWNED BY catalog_availabilitychange.id;

-- One stone's history, newest first.
CREATE INDEX availabilitychange_diamond ON catalog_availabilitychange (diamond_id, changed_on);

CREATE TABLE catalog_availabilitychange_default PARTITION OF catalog_availabilitychange DEFAULT;

CREATE FUNCTION catalog_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of availability is only added to' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER availabilitychange_kept BEFORE UPDATE OR DELETE ON catalog_availabilitychange
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse_change();

CREATE TRIGGER availabilitychange_kept_whole BEFORE TRUNCATE ON catalog_availabilitychange
    EXECUTE FUNCTION catalog_refuse_change();

CREATE FUNCTION catalog_keep_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_availabilitychange (diamond_id, changed_on, changed_at, old, new)
    VALUES (NEW.id, (now() AT TIME ZONE 'UTC')::date, now(), OLD.availability, NEW.availability);
    RETURN NULL;
END
$$;
CREATE TRIGGER diamond_availability_changed AFTER UPDATE OF availability ON catalog_diamond
    FOR EACH ROW
    WHEN (OLD.availability <> NEW.availability)
    EXECUTE FUNCTION catalog_keep_state();
"""

DROP = """
DROP TRIGGER diamond_availability_changed ON catalog_diamond;
DROP FUNCTION catalog_keep_state();
DROP TABLE catalog_availabilitychange;
DROP FUNCTION catalog_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_certificates_folded")]
    operations = [
        migrations.RunSQL(
            CREATE,
            DROP,
            state_operations=[
                migrations.CreateModel(
                    name="AvailabilityChange",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("diamond_id", models.UUIDField()),
                        ("changed_on", models.DateField()),
                        ("changed_at", models.DateTimeField()),
                        ("old", models.CharField(max_length=16)),
                        ("new", models.CharField(max_length=16)),
                    ],
                    options={
                        "db_table": "catalog_availabilitychange",
                        "ordering": ["-changed_at", "-id"],
                        "managed": False,
                    },
                )
            ],
        )
    ]
