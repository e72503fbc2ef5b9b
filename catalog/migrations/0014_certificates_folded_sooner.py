"""The index of certificates is over the form of the fold that takes half the time; the values are the same."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

import catalog.certificates


class Migration(migrations.Migration):
    # Consolidation goes on meanwhile.
    atomic = False
    dependencies = [("catalog", "0013_events_by_what_happened")]
    operations = [
        AddIndexConcurrently(
            "diamond",
            models.Index(
                catalog.certificates.Folded("certificate_number"),
                condition=models.Q(("certificate_number__isnull", False)),
                name="diamond_certificate_number",
            ),
        ),
        RemoveIndexConcurrently("diamond", "diamond_certificate_folded"),
    ]
