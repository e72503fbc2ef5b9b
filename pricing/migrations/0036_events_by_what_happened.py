"""Indexes of the list of audited events by what happened, in its order."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

EVENTS = ("clauseevent", "experimentevent", "ruleevent", "rulesetevent")


class Migration(migrations.Migration):
    # What happens meanwhile is recorded.
    atomic = False
    dependencies = [("pricing", "0035_price_changes_in_sets")]
    operations = [
        AddIndexConcurrently(
            events, models.Index(fields=["pgh_label", "pgh_created_at", "pgh_id"], name=f"{events}_what")
        )
        for events in EVENTS
    ]
