"""What is no plan leaves the plan: how often a run's stages broke down, and how often planning failed, are columns.

Not in one transaction: nobody waits for the lock of the new columns while the rows are gone through.
"""

from django.db import migrations, models

MOVE = """
UPDATE ingest_run
SET
    crashes = coalesce((plan ->> 'crashes')::integer, 0),
    planning_failures = coalesce((plan ->> 'failures')::integer, 0),
    plan = plan - ARRAY['crashes', 'failures']
WHERE plan ?| ARRAY['crashes', 'failures'];
"""

MOVE_BACK = """
UPDATE ingest_run
SET plan = plan || jsonb_strip_nulls(
    jsonb_build_object('crashes', nullif(crashes, 0), 'failures', nullif(planning_failures, 0))
)
WHERE crashes > 0 OR planning_failures > 0;
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ingest", "0034_run_actions")]
    operations = [
        migrations.AddField(
            "run",
            "crashes",
            models.PositiveIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="How often a stage broke down in a way that nobody foresaw.",
            ),
        ),
        migrations.AddField(
            "run",
            "planning_failures",
            models.PositiveIntegerField(
                db_default=0, default=0, editable=False, help_text="How often planning failed by the supplier."
            ),
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
    ]
