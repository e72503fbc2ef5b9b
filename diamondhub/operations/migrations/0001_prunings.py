"""Prunings; those that there were so far come with the migration `0037_prunings_moved` of `ingest`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
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
                ("kept_from", models.JSONField(blank=True, default=dict)),
                ("removed", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"abstract": False},
        ),
    ]
