"""Workers as rows, counts by the minute, and snapshots of pages that many look at."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0003_problems_tracked")]
    operations = [
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("program", models.CharField(max_length=32)),
                ("place", models.CharField(max_length=400)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.PositiveIntegerField()),
                ("pool", models.CharField(blank=True, default="", max_length=32)),
                (
                    "queues",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), default=list, size=None
                    ),
                ),
                ("slots", models.PositiveIntegerField(default=0)),
                ("held", models.PositiveIntegerField(default=0)),
                ("version", models.CharField(max_length=40)),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ended",
                    models.CharField(
                        blank=True,
                        choices=[("stopped", "Stopped"), ("replaced", "Replaced"), ("removed", "Removed")],
                        default="",
                        max_length=16,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["place", "started_at"], name="worker_of_place"),
                    models.Index(fields=["seen_at"], name="worker_seen"),
                ]
            },
        ),
        migrations.CreateModel(
            name="Measurement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64)),
                (
                    "labels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), default=list, size=None
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("count", models.BigIntegerField(default=0)),
                ("sum", models.FloatField(default=0.0)),
            ],
            options={
                "indexes": [models.Index(fields=["name", "minute"], name="measurement_by_minute")],
                "constraints": [
                    models.UniqueConstraint(fields=["name", "labels", "minute"], name="measurement_once_a_minute")
                ],
            },
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("begun_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
                ("taken", models.BigIntegerField(default=0)),
                ("body", models.TextField(blank=True, default="")),
            ],
        ),
    ]
