"""An index of the list of problems of one severity, in its order."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Problems are noticed meanwhile.
    atomic = False
    dependencies = [("operations", "0006_examinations")]
    operations = [
        AddIndexConcurrently(
            "problem",
            models.Index(fields=["severity", "place", "-last_seen_at", "-id"], name="problem_by_severity"),
        ),
    ]
