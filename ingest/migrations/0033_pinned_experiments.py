"""Runs and remaps pin the experiment as they pin the rule set, instead of working it out from when they began."""

import django.db.models.deletion
from django.db import migrations, models

_OF_THEN = """
    UPDATE {table} AS job
    SET experiment_id = (
        SELECT id FROM pricing_experiment
        WHERE started_at <= job.created_at AND (ended_at IS NULL OR ended_at > job.created_at)
        ORDER BY id DESC
        LIMIT 1
    )
    WHERE EXISTS (SELECT FROM pricing_experiment WHERE started_at IS NOT NULL)
"""


def _pinned(model: str) -> migrations.AddField:
    return migrations.AddField(
        model,
        "experiment",
        models.ForeignKey(
            blank=True,
            db_index=False,
            help_text="The experiment that prices its share of these stones.",
            null=True,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="+",
            to="pricing.experiment",
        ),
    )


class Migration(migrations.Migration):
    dependencies = [("ingest", "0032_dead_letters_kept"), ("pricing", "0031_surveys")]
    operations = [
        _pinned("run"),
        _pinned("remap"),
        *(
            migrations.RunSQL(_OF_THEN.format(table=table), migrations.RunSQL.noop)
            for table in ("ingest_run", "ingest_remap")
        ),
    ]
