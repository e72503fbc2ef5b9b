"""The scopes of the supplier proxy."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apiclient',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('catalog:read', 'catalog:read'), ('suppliers:proxy', 'suppliers:proxy'), ('suppliers:order', 'suppliers:order')], max_length=64), size=None),
        ),
    ]
