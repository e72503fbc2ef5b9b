"""Indexes of the list of audited events by what happened, in its order."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

EVENTS = ("subscriptionevent",)


class Migration(migrations.Migration):
    # What happens meanwhile is recorded.
    atomic = False
    dependencies = [("webhooks", "0002_quiet_until")]
    operations = [
        AddIndexConcurrently(
            events, models.Index(fields=["pgh_label", "pgh_created_at", "pgh_id"], name=f"{events}_what")
        )
        for events in EVENTS
    ]
