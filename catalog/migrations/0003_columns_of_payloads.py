"""Columns for what payloads hold besides: NULL until stones are mapped (again), so that no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_priced_on'),
    ]

    operations = [
        migrations.AddField(
            model_name='diamond',
            name='blue',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='bowtie',
            field=models.SmallIntegerField(blank=True, choices=[(1, 'NONE'), (2, 'SLIGHT'), (3, 'MEDIUM'), (4, 'STRONG')], null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='culet_size',
            field=models.SmallIntegerField(blank=True, choices=[(1, 'NONE'), (2, 'VERY_SMALL'), (3, 'SMALL'), (4, 'MEDIUM'), (5, 'SLIGHTLY_LARGE'), (6, 'LARGE'), (7, 'VERY_LARGE'), (8, 'EXTREMELY_LARGE')], null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='girdle_from',
            field=models.SmallIntegerField(blank=True, choices=[(1, 'EXTREMELY_THIN'), (2, 'VERY_THIN'), (3, 'THIN'), (4, 'SLIGHTLY_THIN'), (5, 'MEDIUM'), (6, 'SLIGHTLY_THICK'), (7, 'THICK'), (8, 'VERY_THICK'), (9, 'EXTREMELY_THICK')], null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='girdle_to',
            field=models.SmallIntegerField(blank=True, choices=[(1, 'EXTREMELY_THIN'), (2, 'VERY_THIN'), (3, 'THIN'), (4, 'SLIGHTLY_THIN'), (5, 'MEDIUM'), (6, 'SLIGHTLY_THICK'), (7, 'THICK'), (8, 'VERY_THICK'), (9, 'EXTREMELY_THICK')], null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='gray',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='growth_method',
            field=models.CharField(blank=True, max_length=8, null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='key_to_symbols',
            field=models.CharField(blank=True, max_length=300, null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='location_city',
            field=models.CharField(blank=True, max_length=80, null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='location_country',
            field=models.CharField(blank=True, max_length=80, null=True),
        ),
        migrations.AddField(
            model_name='diamond',
            name='return_days',
            field=models.SmallIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='diamond',
            name='cut',
            field=models.PositiveSmallIntegerField(blank=True, choices=[(0, 'IDEAL'), (1, 'EXCELLENT'), (2, 'VERY_GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True),
        ),
        migrations.AlterField(
            model_name='diamond',
            name='polish',
            field=models.PositiveSmallIntegerField(blank=True, choices=[(0, 'IDEAL'), (1, 'EXCELLENT'), (2, 'VERY_GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True),
        ),
        migrations.AlterField(
            model_name='diamond',
            name='symmetry',
            field=models.PositiveSmallIntegerField(blank=True, choices=[(0, 'IDEAL'), (1, 'EXCELLENT'), (2, 'VERY_GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True),
        ),
    ]
