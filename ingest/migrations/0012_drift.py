"""What batches counted of the supplier's fields, and runs of it all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0011_upkeep")]
    operations = [
        migrations.AddField("consolidationbatch", "drift", models.JSONField(blank=True, default=dict)),
        migrations.AddField("run", "drift", models.JSONField(blank=True, default=dict)),
    ]
