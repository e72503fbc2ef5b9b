"""Whole lists of the stones that a review or a suspicion is about."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0045_lists_by_state")]
    operations = [
        migrations.CreateModel(
            name="ReviewStone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("brake", models.CharField(max_length=20)),
                ("cause", models.CharField(max_length=16)),
                ("place", models.PositiveIntegerField()),
                ("diamond_id", models.UUIDField()),
                ("cost_cents", models.BigIntegerField(blank=True, null=True)),
                ("brought_cents", models.BigIntegerField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="review_stones",
                        to="ingest.run",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "reviewstone",
            models.UniqueConstraint(fields=("run", "place", "brake", "cause"), name="review_stone_place"),
        ),
    ]
