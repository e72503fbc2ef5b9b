"""The index of certificates is over their folded numbers, by which they are looked up."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

import catalog.certificates


class Migration(migrations.Migration):
    # Consolidation goes on meanwhile.
    atomic = False
    dependencies = [("catalog", "0004_versions_in_commit_order")]
    operations = [
        AddIndexConcurrently(
            "diamond",
            models.Index(
                catalog.certificates.Folded("certificate_number"),
                condition=models.Q(("certificate_number__isnull", False)),
                name="diamond_certificate_folded",
            ),
        ),
        RemoveIndexConcurrently("diamond", "diamond_certificate"),
    ]
