from django.db import migrations, models


class Migration(migrations.Migration):
    """Until when a receiver asked to be left alone."""

    dependencies = [("webhooks", "0001_webhooks")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="quiet_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
