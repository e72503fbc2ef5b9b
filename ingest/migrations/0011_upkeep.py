"""Letters that can be replayed, discarded and made obsolete, with every attempt kept; remaps and prunings."""

import django.db.models.deletion
from django.db import migrations, models

#: The attempts at dead letters, which Django cannot describe: range-partitioned by month.
CREATE_ATTEMPTS = """
CREATE SEQUENCE ingest_deadletterattempt_id_seq AS bigint;

CREATE TABLE ingest_deadletterattempt (
    id bigint NOT NULL DEFAULT nextval('ingest_deadletterattempt_id_seq'),
    made_on date NOT NULL,
    letter_id bigint NOT NULL,
    at timestamptz NOT NULL,
    actor varchar(150) NOT NULL,
    outcome varchar(16) NOT NULL,
    reason varchar(500) NOT NULL,
    mapper_version varchar(50) NOT NULL,
    rule_set integer,
    PRIMARY KEY (id, made_on)
) PARTITION BY RANGE (made_on);

ALTER SEQUENCE ingest_deadletterattempt_id_seq OWNED BY ingest_deadletterattempt.id;

-- The page of a letter shows its attempts.
CREATE INDEX deadletterattempt_letter ON ingest_deadletterattempt (letter_id, id);

-- A net for a month that nobody made ahead.
CREATE TABLE ingest_deadletterattempt_default PARTITION OF ingest_deadletterattempt DEFAULT;
"""

DROP_ATTEMPTS = "DROP TABLE ingest_deadletterattempt"

#: Items of pages had the kind that whole pages have now; letters that were closed say so in words.
RENAME_KINDS = """
UPDATE ingest_deadletter SET kind = 'item' WHERE kind = 'page';
UPDATE ingest_deadletter SET closed_at = created_at, closed_by = 'unknown', closed_reason = 'not recorded'
WHERE state NOT IN ('open', 'parked');
"""
RENAME_BACK = "UPDATE ingest_deadletter SET kind = 'page' WHERE kind = 'item'"


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0004_supplier_pauses"),
    ]

    operations = [
        migrations.RunSQL(CREATE_ATTEMPTS, DROP_ATTEMPTS),
        migrations.CreateModel(
            name="DeadLetterAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("made_on", models.DateField()),
                ("letter_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=150)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("inserted", "Inserted"),
                            ("updated", "Updated"),
                            ("unchanged", "Unchanged"),
                            ("superseded", "Superseded"),
                            ("asked_again", "Asked Again"),
                            ("failed", "Failed"),
                            ("parked", "Parked"),
                            ("discarded", "Discarded"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("mapper_version", models.CharField(blank=True, default="", max_length=50)),
                ("rule_set", models.PositiveIntegerField(blank=True, null=True)),
            ],
            options={
                "db_table": "ingest_deadletterattempt",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Pruning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease_owner", models.CharField(blank=True, default="", editable=False, max_length=200)),
                ("lease_token", models.BigIntegerField(default=0, editable=False)),
                ("lease_expires_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("due_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("day", models.DateField(blank=True, null=True, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("ready", "Ready"), ("completed", "Completed")], default="ready", max_length=16
                    ),
                ),
                ("started_by", models.CharField(max_length=150)),
                ("raw_kept_from", models.DateField(blank=True, null=True)),
                ("history_kept_from", models.DateTimeField(blank=True, null=True)),
                ("removed", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Remap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease_owner", models.CharField(blank=True, default="", editable=False, max_length=200)),
                ("lease_token", models.BigIntegerField(default=0, editable=False)),
                ("lease_expires_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("due_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("selection", models.CharField(choices=[("stale", "Stale"), ("all", "All")], max_length=16)),
                ("mapper_version", models.CharField(max_length=50)),
                ("rule_set", models.PositiveIntegerField()),
                ("raw_through", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("ready", "Ready"), ("completed", "Completed"), ("abandoned", "Abandoned")],default="ready",max_length=16
                    ),
                ),
                ("position", models.UUIDField(blank=True, null=True)),
                ("total", models.PositiveIntegerField(default=0)),
                ("looked_at", models.PositiveIntegerField(default=0)),
                ("changed", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("dead", models.PositiveIntegerField(default=0)),
                ("pruned", models.PositiveIntegerField(default=0)),
                ("newer", models.PositiveIntegerField(default=0)),
                ("skipped", models.PositiveIntegerField(default=0)),
                ("trace_id", models.CharField(max_length=32)),
                ("started_by", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AlterModelOptions(
            name="deadletter",
            options={
                "permissions": [
                    ("replay_deadletter", "Can replay dead letters"),
                    ("discard_deadletter", "Can discard dead letters"),
                ]
            },
        ),
        migrations.RemoveIndex(
            model_name="deadletter",
            name="dead_letter_fingerprint",
        ),
        migrations.AddField(
            model_name="consolidationbatch",
            name="last_error",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="attempts",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="batch_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="closed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="closed_by",
            field=models.CharField(blank=True, default="", max_length=150),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="closed_reason",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="exact",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="last_error",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="observed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="partition_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="query_version",
            field=models.CharField(blank=True, default="", max_length=50),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="raw_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="rule_set",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="seen",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="stones",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="run",
            name="archived_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="feed",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dead_letters",
                to="ingest.feed",
            ),
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="kind",
            field=models.CharField(
                choices=[
                    ("page", "Page"),
                    ("item", "Item"),
                    ("stone", "Stone"),
                    ("batch", "Batch"),
                    ("message", "Message"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="run",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dead_letters",
                to="ingest.run",
            ),
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("parked", "Parked"),
                    ("replayed", "Replayed"),
                    ("discarded", "Discarded"),
                    ("superseded", "Superseded"),
                ],
                default="open",
                max_length=16,
            ),
        ),
        migrations.RunSQL(RENAME_KINDS, RENAME_BACK),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "parked"))),
                fields=["fingerprint", "id"],
                name="dead_letter_fingerprint",
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "parked"))), fields=["diamond_id"], name="dead_letter_stone"
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False)), fields=["closed_at"], name="dead_letter_closed"
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("archived_at__isnull", True)), fields=["finished_at"], name="run_not_archived"
            ),
        ),
        migrations.AddConstraint(
            model_name="deadletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("state__in", ("open", "parked"))),
                    models.Q(
                        models.Q(("state__in", ("open", "parked")), _negated=True),
                        ("closed_at__isnull", False),
                        models.Q(("closed_by", ""), _negated=True),
                        models.Q(("closed_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="dead_letter_closed_says_who_and_why",
            ),
        ),
        migrations.AddField(
            model_name="remap",
            name="feed",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="remaps", to="ingest.feed"
            ),
        ),
        migrations.AddConstraint(
            model_name="remap",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "ready")), fields=("feed",), name="one_live_remap_per_feed"
            ),
        ),
    ]
