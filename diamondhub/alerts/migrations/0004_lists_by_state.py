"""Indexes of the lists that people look at by severity, and by what became of deliveries."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Deliveries go on meanwhile.
    atomic = False
    dependencies = [("alerts", "0003_channels_and_rules")]
    operations = [
        AddIndexConcurrently("event", models.Index(fields=["severity", "id"], name="alert_event_by_severity")),
        AddIndexConcurrently(
            "delivery",
            models.Index(
                fields=["state", "event"],
                name="delivery_by_state",
                condition=models.Q(("state", "delivered"), _negated=True),
            ),
        ),
    ]
