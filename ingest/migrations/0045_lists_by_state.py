"""Indexes of the lists that people look at by one state, kind or cause, of tables with a long history."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

NOT_COMPLETED = models.Q(("state", "completed"), _negated=True)
INDEXES = {
    "consolidationbatch": [models.Index(fields=["state", "id"], name="batch_by_state", condition=NOT_COMPLETED)],
    "partition": [models.Index(fields=["state", "id"], name="partition_by_state", condition=NOT_COMPLETED)],
    "run": [
        models.Index(fields=["state", "id"], name="run_by_state"),
        models.Index(fields=["kind", "id"], name="run_by_kind"),
    ],
    "deadletter": [
        models.Index(fields=["fingerprint", "-id"], name="dead_letter_of_cause"),
        models.Index(fields=["state", "id"], name="dead_letter_by_state"),
        models.Index(fields=["kind", "id"], name="dead_letter_by_kind"),
    ],
}


class Migration(migrations.Migration):
    # Runs go on meanwhile.
    atomic = False
    dependencies = [("ingest", "0044_price_meanings")]
    operations = [AddIndexConcurrently(model, index) for model, indexes in INDEXES.items() for index in indexes]
