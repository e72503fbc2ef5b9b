"""The raw store's table, which Django cannot describe: range-partitioned by day, payloads of type `json`."""

from django.db import migrations

CREATE = """
CREATE SEQUENCE ingest_rawdiamond_id_seq AS bigint;

CREATE TABLE ingest_rawdiamond (
    id bigint NOT NULL DEFAULT nextval('ingest_rawdiamond_id_seq'),
    received_on date NOT NULL,
    run_id bigint NOT NULL,
    partition_id bigint NOT NULL,
    diamond_id uuid NOT NULL,
    supplier_stone_id varchar(100) NOT NULL,
    payload json NOT NULL,
    payload_hash bytea NOT NULL CHECK (octet_length(payload_hash) = 16),
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (id, received_on)
) PARTITION BY RANGE (received_on);

ALTER SEQUENCE ingest_rawdiamond_id_seq OWNED BY ingest_rawdiamond.id;

-- Consolidation reads a run's payloads by ranges of stones; the walk looks up single ones.
CREATE INDEX rawdiamond_run_stone ON ingest_rawdiamond (run_id, diamond_id);

-- A net for a day that nobody made ahead; empty as long as planning and the sweep do their work.
CREATE TABLE ingest_rawdiamond_default PARTITION OF ingest_rawdiamond DEFAULT;

DO $$
BEGIN
    -- Payloads are stored compressed; lz4 costs a fraction of the default, where the server was built with it.
    ALTER TABLE ingest_rawdiamond ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION
    WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
END
$$;
"""

DROP = "DROP TABLE ingest_rawdiamond"


class Migration(migrations.Migration):
    dependencies = [("ingest", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
