from django.db import migrations, models


class Migration(migrations.Migration):
    """Requests that were begun elsewhere, and whose answer is not there yet or never comes."""

    dependencies = [("api", "0001_idempotency")]

    operations = [
        migrations.AddField(
            model_name="idempotentrequest",
            name="begun_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="idempotentrequest",
            name="status",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="idempotentrequest",
            name="body",
            field=models.BinaryField(default=b""),
        ),
    ]
