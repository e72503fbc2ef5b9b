from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='tries',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='delivery',
            name='trying_since',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
