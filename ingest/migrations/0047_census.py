from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0046_review_stones")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="census",
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        )
    ]
