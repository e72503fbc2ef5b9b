"""A large repricing begins with a survey, whose batches may name their diamonds."""


import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pricing', '0030_audited'),
    ]

    operations = [
        migrations.AddField(
            model_name='repricingbatch',
            name='kind',
            field=models.CharField(choices=[('survey', 'Survey'), ('range', 'Range'), ('named', 'Named')], default='range', max_length=8),
        ),
        migrations.AddField(
            model_name='repricingbatch',
            name='named',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, null=True, size=None),
        ),
    ]
