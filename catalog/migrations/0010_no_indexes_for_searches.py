"""Searches are answered by the index beside the database, so the table's indexes for them go.

Concurrently, so that consolidation goes on meanwhile; what is left are the primary key and the certificates.
"""

from __future__ import annotations

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("catalog", "0009_saved_views")]

    operations = [
        RemoveIndexConcurrently(model_name="diamond", name="diamond_price"),
        RemoveIndexConcurrently(model_name="diamond", name="diamond_kind"),
    ]
