"""Indexes of the list of audited events by what happened, in its order."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

EVENTS = ("apiclientevent", "apikeyevent", "grouprightevent", "membershipevent", "peoplegroupevent", "personevent", "personrightevent")


class Migration(migrations.Migration):
    # What happens meanwhile is recorded.
    atomic = False
    dependencies = [("access", "0050_problem_scopes")]
    operations = [
        AddIndexConcurrently(
            events, models.Index(fields=["pgh_label", "pgh_created_at", "pgh_id"], name=f"{events}_what")
        )
        for events in EVENTS
    ]
