"""Pauses that suppliers asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0003_nivoda_feeds")]
    operations = [
        migrations.CreateModel(
            name="SupplierPause",
            fields=[
                ("account", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
        )
    ]
