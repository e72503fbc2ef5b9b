"""What a run found out by itself before it asked anybody, and what tells that an item was seen before."""

import django.contrib.postgres.fields
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0035_plans")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="review",
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="partition",
            name="unnamed",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, db_default=[], default=list, editable=False, size=None
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                models.F("run"),
                django.db.models.functions.text.MD5("payload"),
                condition=models.Q(("kind", "item")),
                name="dead_letter_item",
            ),
        ),
    ]
