"""Planned ranges: offset slices, and the database's own proof that a run's partitions tile its window.

No extension is needed: the run is put in front of the price in one 64-bit range, so that a plain range index excludes
overlaps within a run (runs below 2^31, prices below 2^32).
"""

from django.db import migrations, models

FILL = """
UPDATE ingest_partition AS partition
SET shares_end = true
FROM ingest_run AS run
WHERE run.id = partition.run_id
    AND partition.kind = 'range'
    AND partition.price_to IS NOT NULL
    AND (run.plan -> 'shared_ends') = 'true'::jsonb;
"""

CREATE = """
-- No two ranges of a run overlap. Of the partitions of one crowded price, only the first takes part: the others have its
-- range, and the trigger below holds them together.
ALTER TABLE ingest_partition ADD CONSTRAINT partition_no_overlap EXCLUDE USING gist (
    int8range(
        run_id * 4294967296 + price_from,
        run_id * 4294967296 + coalesce(price_to, 4294967295),
        CASE WHEN shares_end THEN '[)' ELSE '[]' END
    ) WITH &&
) WHERE (kind = 'range' AND coalesce(carats_from, 0) = 0 AND offset_from = 0);

-- What is wrong with the partitions of a run: the first gap or overlap of its ranges, of the carats within a price, or of
-- the offsets within those; NULL if they tile the window.
CREATE FUNCTION ingest_tiling_fault(run bigint) RETURNS text LANGUAGE sql STABLE AS $$
    WITH
    prices AS (
        SELECT
            price_from, price_to, shares_end,
            lag(price_from) OVER (ORDER BY price_from) IS NULL AS first,
            lead(price_from) OVER (ORDER BY price_from, price_to) AS following
        FROM (
            SELECT DISTINCT price_from, price_to, shares_end
            FROM ingest_partition
            WHERE run_id = run AND kind = 'range'
        ) AS ranges
    ),
    weights AS (
        SELECT
            price_from, carats_from, carats_to,
            lag(price_from) OVER by_weight IS NULL AS first,
            lead(carats_from) OVER by_weight AS following,
            count(*) OVER (PARTITION BY price_from) AS pieces
        FROM (
            SELECT DISTINCT price_from, carats_from, carats_to
            FROM ingest_partition
            WHERE run_id = run AND kind = 'range'
        ) AS ranges
        WINDOW by_weight AS (PARTITION BY price_from ORDER BY carats_from, carats_to)
    ),
    places AS (
        SELECT
            price_from, offset_from, offset_to,
            lag(price_from) OVER by_place IS NULL AS first,
            lead(offset_from) OVER by_place AS following
        FROM ingest_partition
        WHERE run_id = run AND kind = 'range'
        WINDOW by_place AS (PARTITION BY price_from, carats_from ORDER BY offset_from, offset_to)
    ),
    faults AS (
        SELECT -1 AS place, 'it has no partitions' AS fault
        WHERE NOT EXISTS (SELECT FROM prices)
        UNION ALL
        SELECT price_from, format('the first partition starts at %s, not at 0', price_from)
        FROM prices
        WHERE first AND price_from <> 0
        UNION ALL
        SELECT
            price_from,
            CASE
                WHEN following IS NULL THEN format('the last partition ends at %s, it should be open-ended', price_to)
                ELSE format('between %s and %s dollars per carat partitions gap or overlap', price_to, following)
            END
        FROM prices
        WHERE following IS DISTINCT FROM price_to + CASE WHEN shares_end THEN 0 ELSE 1 END
        UNION ALL
        SELECT price_from, format('at %s dollars per carat the partitions do not tile the carats', price_from)
        FROM weights
        WHERE (first AND coalesce(carats_from, 0) <> 0)
            OR (pieces > 1 AND carats_from IS NULL)
            -- Neighbours touch, or share their end.
            OR (following IS NULL) <> (carats_to IS NULL)
            OR following NOT IN (carats_to, carats_to + 0.01)
        UNION ALL
        SELECT price_from, format('at %s dollars per carat the slices do not tile the list', price_from)
        FROM places
        WHERE (first AND offset_from <> 0) OR following IS DISTINCT FROM offset_to
    )
    SELECT fault FROM faults ORDER BY place LIMIT 1
$$;

CREATE FUNCTION ingest_run_must_be_tiled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fault text := ingest_tiling_fault(NEW.id);
BEGIN
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the partitions of run % do not tile its window: %', NEW.id, fault
            USING ERRCODE = 'check_violation', CONSTRAINT = 'run_partitions_tile';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER run_partitions_tile AFTER UPDATE OF state ON ingest_run FOR EACH ROW
WHEN (OLD.state = 'planning' AND NEW.state = 'ingesting')
EXECUTE FUNCTION ingest_run_must_be_tiled();

CREATE FUNCTION ingest_partition_range_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the range of partition % was planned and does not change', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'partition_range_fixed';
END
$$;

CREATE TRIGGER partition_range_fixed BEFORE UPDATE ON ingest_partition FOR EACH ROW
WHEN (
    (OLD.run_id, OLD.kind, OLD.price_from, OLD.price_to, OLD.shares_end, OLD.carats_from, OLD.carats_to, OLD.offset_from, OLD.offset_to)
    IS DISTINCT FROM
    (NEW.run_id, NEW.kind, NEW.price_from, NEW.price_to, NEW.shares_end, NEW.carats_from, NEW.carats_to, NEW.offset_from, NEW.offset_to)
)
EXECUTE FUNCTION ingest_partition_range_is_fixed();
"""

DROP = """
DROP TRIGGER partition_range_fixed ON ingest_partition;
DROP FUNCTION ingest_partition_range_is_fixed();
DROP TRIGGER run_partitions_tile ON ingest_run;
DROP FUNCTION ingest_run_must_be_tiled();
DROP FUNCTION ingest_tiling_fault(bigint);
ALTER TABLE ingest_partition DROP CONSTRAINT partition_no_overlap;
"""


class Migration(migrations.Migration):
    # The new columns are filled before the constraints that need them, each step by itself.
    dependencies = [("ingest", "0012_drift")]
    operations = [
        migrations.AddField("partition", "shares_end", models.BooleanField(default=False)),
        migrations.AddField("partition", "offset_from", models.PositiveIntegerField(default=0)),
        migrations.AddField("partition", "offset_to", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            "partition",
            models.CheckConstraint(
                condition=models.Q(("offset_to__isnull", True), ("offset_to__gt", models.F("offset_from")), _connector="OR"),
                name="partition_offsets_not_empty",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(CREATE, DROP),
    ]
