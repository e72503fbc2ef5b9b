"""Letters had two indexes on their run: `dead_letter_run` stays, the one that Django made beside it goes."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0040_stale_feeds_and_request_counts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='deadletter',
            name='run',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='dead_letters', to='ingest.run'),
        ),
    ]
