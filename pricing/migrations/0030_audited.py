"""Rule sets, rules, clauses and experiments are audited. What they were until now is not known to the audit."""

import diamondhub.audit.tracking
from diamondhub.audit.migrations._by_hand import not_emptied, only_added_to
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pricing', '0005_price_changes'),
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClauseEvent',
            fields=[
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_id', models.BigAutoField(primary_key=True, serialize=False)),
                ('pgh_before', models.JSONField(null=True)),
                ('pgh_who', models.TextField()),
                ('pgh_via', models.TextField(default='')),
                ('pgh_reason', models.TextField(default='')),
                ('pgh_request_id', models.TextField(default='')),
                ('id', models.BigIntegerField()),
                ('stone_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=500, verbose_name='stone types')),
                ('stone_types_excluded', models.BooleanField(default=False, verbose_name='none of these')),
                ('shapes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=500, verbose_name='shapes')),
                ('shapes_excluded', models.BooleanField(default=False, verbose_name='none of these')),
                ('labs', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=500, verbose_name='labs')),
                ('labs_excluded', models.BooleanField(default=False, verbose_name='none of these')),
                ('feeds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=500, verbose_name='feeds')),
                ('feeds_excluded', models.BooleanField(default=False, verbose_name='none of these')),
                ('suppliers', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=500, verbose_name='suppliers')),
                ('suppliers_excluded', models.BooleanField(default=False, verbose_name='none of these')),
                ('fancy_colors', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=500, verbose_name='fancy colours')),
                ('fancy_colors_excluded', models.BooleanField(default=False, verbose_name='none of these')),
                ('color_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'D'), (2, 'E'), (3, 'F'), (4, 'G'), (5, 'H'), (6, 'I'), (7, 'J'), (8, 'K'), (9, 'L'), (10, 'M'), (11, 'N'), (12, 'O'), (13, 'P'), (14, 'Q'), (15, 'R'), (16, 'S'), (17, 'T'), (18, 'U'), (19, 'V'), (20, 'W'), (21, 'X'), (22, 'Y'), (23, 'Z')], null=True, verbose_name='colour, best')),
                ('color_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'D'), (2, 'E'), (3, 'F'), (4, 'G'), (5, 'H'), (6, 'I'), (7, 'J'), (8, 'K'), (9, 'L'), (10, 'M'), (11, 'N'), (12, 'O'), (13, 'P'), (14, 'Q'), (15, 'R'), (16, 'S'), (17, 'T'), (18, 'U'), (19, 'V'), (20, 'W'), (21, 'X'), (22, 'Y'), (23, 'Z')], null=True, verbose_name='colour, worst')),
                ('clarity_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'FL'), (2, 'IF'), (3, 'VVS1'), (4, 'VVS2'), (5, 'VS1'), (6, 'VS2'), (7, 'SI1'), (8, 'SI2'), (9, 'SI3'), (10, 'I1'), (11, 'I2'), (12, 'I3')], null=True, verbose_name='clarity, best')),
                ('clarity_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'FL'), (2, 'IF'), (3, 'VVS1'), (4, 'VVS2'), (5, 'VS1'), (6, 'VS2'), (7, 'SI1'), (8, 'SI2'), (9, 'SI3'), (10, 'I1'), (11, 'I2'), (12, 'I3')], null=True, verbose_name='clarity, worst')),
                ('cut_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'EXCELLENT'), (2, 'VERY GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True, verbose_name='cut, best')),
                ('cut_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'EXCELLENT'), (2, 'VERY GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True, verbose_name='cut, worst')),
                ('polish_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'EXCELLENT'), (2, 'VERY GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True, verbose_name='polish, best')),
                ('polish_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'EXCELLENT'), (2, 'VERY GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True, verbose_name='polish, worst')),
                ('symmetry_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'EXCELLENT'), (2, 'VERY GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True, verbose_name='symmetry, best')),
                ('symmetry_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'EXCELLENT'), (2, 'VERY GOOD'), (3, 'GOOD'), (4, 'FAIR'), (5, 'POOR')], null=True, verbose_name='symmetry, worst')),
                ('fluorescence_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'NONE'), (2, 'FAINT'), (3, 'MEDIUM'), (4, 'STRONG'), (5, 'VERY STRONG')], null=True, verbose_name='fluorescence, weakest')),
                ('fluorescence_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'NONE'), (2, 'FAINT'), (3, 'MEDIUM'), (4, 'STRONG'), (5, 'VERY STRONG')], null=True, verbose_name='fluorescence, strongest')),
                ('fancy_intensity_min', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'FAINT'), (2, 'VERY LIGHT'), (3, 'LIGHT'), (4, 'FANCY LIGHT'), (5, 'FANCY'), (6, 'FANCY INTENSE'), (7, 'FANCY VIVID'), (8, 'FANCY DARK'), (9, 'FANCY DEEP')], null=True, verbose_name='fancy intensity, faintest')),
                ('fancy_intensity_max', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'FAINT'), (2, 'VERY LIGHT'), (3, 'LIGHT'), (4, 'FANCY LIGHT'), (5, 'FANCY'), (6, 'FANCY INTENSE'), (7, 'FANCY VIVID'), (8, 'FANCY DARK'), (9, 'FANCY DEEP')], null=True, verbose_name='fancy intensity, deepest')),
                ('carats_min', models.DecimalField(blank=True, decimal_places=3, max_digits=8, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='carats from')),
                ('carats_max', models.DecimalField(blank=True, decimal_places=3, max_digits=8, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='carats to')),
                ('cost_cents_min', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000000000)], verbose_name='cost from, cents')),
                ('cost_cents_max', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000000000)], verbose_name='cost to, cents')),
                ('cost_per_carat_cents_min', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000000000)], verbose_name='cost per carat from, cents')),
                ('cost_per_carat_cents_max', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000000000)], verbose_name='cost per carat to, cents')),
                ('ratio_min', models.DecimalField(blank=True, decimal_places=3, max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='ratio from')),
                ('ratio_max', models.DecimalField(blank=True, decimal_places=3, max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='ratio to')),
                ('table_pct_min', models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='table from, %')),
                ('table_pct_max', models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='table to, %')),
                ('depth_pct_min', models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='depth from, %')),
                ('depth_pct_max', models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='depth to, %')),
                ('has_image', models.BooleanField(blank=True, null=True, verbose_name='with an image')),
                ('has_video', models.BooleanField(blank=True, null=True, verbose_name='with a video')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ExperimentEvent',
            fields=[
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_id', models.BigAutoField(primary_key=True, serialize=False)),
                ('pgh_before', models.JSONField(null=True)),
                ('pgh_who', models.TextField()),
                ('pgh_via', models.TextField(default='')),
                ('pgh_reason', models.TextField(default='')),
                ('pgh_request_id', models.TextField(default='')),
                ('id', models.BigIntegerField()),
                ('slug', models.SlugField(db_index=False, max_length=64, verbose_name='name')),
                ('share', models.DecimalField(decimal_places=2, max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.01')), django.core.validators.MaxValueValidator(Decimal('99.99'))], verbose_name='share of the stones, %')),
                ('salt', models.CharField(editable=False, max_length=32)),
                ('state', models.CharField(choices=[('prepared', 'Prepared'), ('running', 'Running'), ('ended', 'Ended')], default='prepared', editable=False, max_length=16)),
                ('notes', models.TextField(blank=True, default='', max_length=4000)),
                ('results', models.JSONField(blank=True, default=dict, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('started_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ended_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('ended_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ended_reason', models.CharField(blank=True, default='', editable=False, max_length=500)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RuleEvent',
            fields=[
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_id', models.BigAutoField(primary_key=True, serialize=False)),
                ('pgh_before', models.JSONField(null=True)),
                ('pgh_who', models.TextField()),
                ('pgh_via', models.TextField(default='')),
                ('pgh_reason', models.TextField(default='')),
                ('pgh_request_id', models.TextField(default='')),
                ('id', models.BigIntegerField()),
                ('number', models.PositiveIntegerField(editable=False)),
                ('priority', models.PositiveIntegerField(help_text='Lower comes first; the first rule that matches wins.')),
                ('name', models.CharField(max_length=200)),
                ('modifier', models.DecimalField(decimal_places=3, default=0, max_digits=7, validators=[django.core.validators.MinValueValidator(Decimal('-9999')), django.core.validators.MaxValueValidator(9999)], verbose_name='modifier, percentage points')),
                ('fixed_cents', models.BigIntegerField(default=0, verbose_name='fixed amount, cents')),
                ('ending_cents', models.PositiveIntegerField(blank=True, null=True, verbose_name='price ending, cents')),
                ('ending_step_cents', models.PositiveIntegerField(blank=True, null=True, verbose_name='in steps of, cents')),
                ('ending_mode', models.CharField(choices=[('nearest', 'Nearest'), ('up', 'Up')], default='nearest', max_length=8, verbose_name='rounded')),
                ('rating', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)])),
                ('valid_from', models.DateField(blank=True, null=True)),
                ('valid_to', models.DateField(blank=True, null=True)),
                ('active', models.BooleanField(default=True)),
                ('notes', models.CharField(blank=True, default='', max_length=1000)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RuleSetEvent',
            fields=[
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_id', models.BigAutoField(primary_key=True, serialize=False)),
                ('pgh_before', models.JSONField(null=True)),
                ('pgh_who', models.TextField()),
                ('pgh_via', models.TextField(default='')),
                ('pgh_reason', models.TextField(default='')),
                ('pgh_request_id', models.TextField(default='')),
                ('id', models.BigIntegerField()),
                ('version', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Retired')], default='draft', max_length=16)),
                ('margin_natural', models.DecimalField(decimal_places=3, max_digits=7, validators=[django.core.validators.MinValueValidator(Decimal('-99.999')), django.core.validators.MaxValueValidator(9999)], verbose_name='natural margin, %')),
                ('margin_lab_grown', models.DecimalField(decimal_places=3, max_digits=7, validators=[django.core.validators.MinValueValidator(Decimal('-99.999')), django.core.validators.MaxValueValidator(9999)], verbose_name='lab-grown margin, %')),
                ('margin_fancy', models.DecimalField(decimal_places=3, max_digits=7, validators=[django.core.validators.MinValueValidator(Decimal('-99.999')), django.core.validators.MaxValueValidator(9999)], verbose_name='fancy margin, %')),
                ('floor_margin', models.DecimalField(blank=True, decimal_places=3, max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(Decimal('-99.999')), django.core.validators.MaxValueValidator(9999)], verbose_name='floor margin over cost, %')),
                ('notes', models.TextField(blank=True, default='', max_length=4000)),
                ('based_on', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('created_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('published_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('published_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('published_reason', models.CharField(blank=True, default='', editable=False, max_length=500)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='clause',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_clauseevent" ("rule_id", "id", "stone_types", "stone_types_excluded", "shapes", "shapes_excluded", "labs", "labs_excluded", "feeds", "feeds_excluded", "suppliers", "suppliers_excluded", "fancy_colors", "fancy_colors_excluded", "color_min", "color_max", "clarity_min", "clarity_max", "cut_min", "cut_max", "polish_min", "polish_max", "symmetry_min", "symmetry_max", "fluorescence_min", "fluorescence_max", "fancy_intensity_min", "fancy_intensity_max", "carats_min", "carats_max", "cost_cents_min", "cost_cents_max", "cost_per_carat_cents_min", "cost_per_carat_cents_max", "ratio_min", "ratio_max", "table_pct_min", "table_pct_max", "depth_pct_min", "depth_pct_max", "has_image", "has_video", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."rule_id", NEW."id", NEW."stone_types", NEW."stone_types_excluded", NEW."shapes", NEW."shapes_excluded", NEW."labs", NEW."labs_excluded", NEW."feeds", NEW."feeds_excluded", NEW."suppliers", NEW."suppliers_excluded", NEW."fancy_colors", NEW."fancy_colors_excluded", NEW."color_min", NEW."color_max", NEW."clarity_min", NEW."clarity_max", NEW."cut_min", NEW."cut_max", NEW."polish_min", NEW."polish_max", NEW."symmetry_min", NEW."symmetry_max", NEW."fluorescence_min", NEW."fluorescence_max", NEW."fancy_intensity_min", NEW."fancy_intensity_max", NEW."carats_min", NEW."carats_max", NEW."cost_cents_min", NEW."cost_cents_max", NEW."cost_per_carat_cents_min", NEW."cost_per_carat_cents_max", NEW."ratio_min", NEW."ratio_max", NEW."table_pct_min", NEW."table_pct_max", NEW."depth_pct_min", NEW."depth_pct_max", NEW."has_image", NEW."has_video", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='0f1de3742e9aec981e157c9da8142dcf86db681b', operation='INSERT', pgid='pgtrigger_audit_created_3148f', table='pricing_clause', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='clause',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "pricing_clauseevent" ("rule_id", "id", "stone_types", "stone_types_excluded", "shapes", "shapes_excluded", "labs", "labs_excluded", "feeds", "feeds_excluded", "suppliers", "suppliers_excluded", "fancy_colors", "fancy_colors_excluded", "color_min", "color_max", "clarity_min", "clarity_max", "cut_min", "cut_max", "polish_min", "polish_max", "symmetry_min", "symmetry_max", "fluorescence_min", "fluorescence_max", "fancy_intensity_min", "fancy_intensity_max", "carats_min", "carats_max", "cost_cents_min", "cost_cents_max", "cost_per_carat_cents_min", "cost_per_carat_cents_max", "ratio_min", "ratio_max", "table_pct_min", "table_pct_max", "depth_pct_min", "depth_pct_max", "has_image", "has_video", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."rule_id", NEW."id", NEW."stone_types", NEW."stone_types_excluded", NEW."shapes", NEW."shapes_excluded", NEW."labs", NEW."labs_excluded", NEW."feeds", NEW."feeds_excluded", NEW."suppliers", NEW."suppliers_excluded", NEW."fancy_colors", NEW."fancy_colors_excluded", NEW."color_min", NEW."color_max", NEW."clarity_min", NEW."clarity_max", NEW."cut_min", NEW."cut_max", NEW."polish_min", NEW."polish_max", NEW."symmetry_min", NEW."symmetry_max", NEW."fluorescence_min", NEW."fluorescence_max", NEW."fancy_intensity_min", NEW."fancy_intensity_max", NEW."carats_min", NEW."carats_max", NEW."cost_cents_min", NEW."cost_cents_max", NEW."cost_per_carat_cents_min", NEW."cost_per_carat_cents_max", NEW."ratio_min", NEW."ratio_max", NEW."table_pct_min", NEW."table_pct_max", NEW."depth_pct_min", NEW."depth_pct_max", NEW."has_image", NEW."has_video", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'rule_id\', OLD."rule_id", \'id\', OLD."id", \'stone_types\', OLD."stone_types", \'stone_types_excluded\', OLD."stone_types_excluded", \'shapes\', OLD."shapes", \'shapes_excluded\', OLD."shapes_excluded", \'labs\', OLD."labs", \'labs_excluded\', OLD."labs_excluded", \'feeds\', OLD."feeds", \'feeds_excluded\', OLD."feeds_excluded", \'suppliers\', OLD."suppliers", \'suppliers_excluded\', OLD."suppliers_excluded", \'fancy_colors\', OLD."fancy_colors", \'fancy_colors_excluded\', OLD."fancy_colors_excluded", \'color_min\', OLD."color_min", \'color_max\', OLD."color_max", \'clarity_min\', OLD."clarity_min", \'clarity_max\', OLD."clarity_max", \'cut_min\', OLD."cut_min", \'cut_max\', OLD."cut_max", \'polish_min\', OLD."polish_min", \'polish_max\', OLD."polish_max", \'symmetry_min\', OLD."symmetry_min", \'symmetry_max\', OLD."symmetry_max", \'fluorescence_min\', OLD."fluorescence_min", \'fluorescence_max\', OLD."fluorescence_max", \'fancy_intensity_min\', OLD."fancy_intensity_min", \'fancy_intensity_max\', OLD."fancy_intensity_max", \'carats_min\', OLD."carats_min", \'carats_max\', OLD."carats_max", \'cost_cents_min\', OLD."cost_cents_min", \'cost_cents_max\', OLD."cost_cents_max", \'cost_per_carat_cents_min\', OLD."cost_per_carat_cents_min", \'cost_per_carat_cents_max\', OLD."cost_per_carat_cents_max", \'ratio_min\', OLD."ratio_min", \'ratio_max\', OLD."ratio_max", \'table_pct_min\', OLD."table_pct_min", \'table_pct_max\', OLD."table_pct_max", \'depth_pct_min\', OLD."depth_pct_min", \'depth_pct_max\', OLD."depth_pct_max") || jsonb_build_object(\'has_image\', OLD."has_image", \'has_video\', OLD."has_video")) AS was JOIN jsonb_each(jsonb_build_object(\'rule_id\', NEW."rule_id", \'id\', NEW."id", \'stone_types\', NEW."stone_types", \'stone_types_excluded\', NEW."stone_types_excluded", \'shapes\', NEW."shapes", \'shapes_excluded\', NEW."shapes_excluded", \'labs\', NEW."labs", \'labs_excluded\', NEW."labs_excluded", \'feeds\', NEW."feeds", \'feeds_excluded\', NEW."feeds_excluded", \'suppliers\', NEW."suppliers", \'suppliers_excluded\', NEW."suppliers_excluded", \'fancy_colors\', NEW."fancy_colors", \'fancy_colors_excluded\', NEW."fancy_colors_excluded", \'color_min\', NEW."color_min", \'color_max\', NEW."color_max", \'clarity_min\', NEW."clarity_min", \'clarity_max\', NEW."clarity_max", \'cut_min\', NEW."cut_min", \'cut_max\', NEW."cut_max", \'polish_min\', NEW."polish_min", \'polish_max\', NEW."polish_max", \'symmetry_min\', NEW."symmetry_min", \'symmetry_max\', NEW."symmetry_max", \'fluorescence_min\', NEW."fluorescence_min", \'fluorescence_max\', NEW."fluorescence_max", \'fancy_intensity_min\', NEW."fancy_intensity_min", \'fancy_intensity_max\', NEW."fancy_intensity_max", \'carats_min\', NEW."carats_min", \'carats_max\', NEW."carats_max", \'cost_cents_min\', NEW."cost_cents_min", \'cost_cents_max\', NEW."cost_cents_max", \'cost_per_carat_cents_min\', NEW."cost_per_carat_cents_min", \'cost_per_carat_cents_max\', NEW."cost_per_carat_cents_max", \'ratio_min\', NEW."ratio_min", \'ratio_max\', NEW."ratio_max", \'table_pct_min\', NEW."table_pct_min", \'table_pct_max\', NEW."table_pct_max", \'depth_pct_min\', NEW."depth_pct_min", \'depth_pct_max\', NEW."depth_pct_max") || jsonb_build_object(\'has_image\', NEW."has_image", \'has_video\', NEW."has_video")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='6fbf30739cf5e48002a6fdcce686303f40007590', operation='UPDATE', pgid='pgtrigger_audit_changed_9fd52', table='pricing_clause', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='clause',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_clauseevent" ("rule_id", "id", "stone_types", "stone_types_excluded", "shapes", "shapes_excluded", "labs", "labs_excluded", "feeds", "feeds_excluded", "suppliers", "suppliers_excluded", "fancy_colors", "fancy_colors_excluded", "color_min", "color_max", "clarity_min", "clarity_max", "cut_min", "cut_max", "polish_min", "polish_max", "symmetry_min", "symmetry_max", "fluorescence_min", "fluorescence_max", "fancy_intensity_min", "fancy_intensity_max", "carats_min", "carats_max", "cost_cents_min", "cost_cents_max", "cost_per_carat_cents_min", "cost_per_carat_cents_max", "ratio_min", "ratio_max", "table_pct_min", "table_pct_max", "depth_pct_min", "depth_pct_max", "has_image", "has_video", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."rule_id", OLD."id", OLD."stone_types", OLD."stone_types_excluded", OLD."shapes", OLD."shapes_excluded", OLD."labs", OLD."labs_excluded", OLD."feeds", OLD."feeds_excluded", OLD."suppliers", OLD."suppliers_excluded", OLD."fancy_colors", OLD."fancy_colors_excluded", OLD."color_min", OLD."color_max", OLD."clarity_min", OLD."clarity_max", OLD."cut_min", OLD."cut_max", OLD."polish_min", OLD."polish_max", OLD."symmetry_min", OLD."symmetry_max", OLD."fluorescence_min", OLD."fluorescence_max", OLD."fancy_intensity_min", OLD."fancy_intensity_max", OLD."carats_min", OLD."carats_max", OLD."cost_cents_min", OLD."cost_cents_max", OLD."cost_per_carat_cents_min", OLD."cost_per_carat_cents_max", OLD."ratio_min", OLD."ratio_max", OLD."table_pct_min", OLD."table_pct_max", OLD."depth_pct_min", OLD."depth_pct_max", OLD."has_image", OLD."has_video", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='fd806c56c12cd8e05a696192fe421c32c2fc2ebf', operation='DELETE', pgid='pgtrigger_audit_deleted_01e3b', table='pricing_clause', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experiment',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_experimentevent" ("rule_set_id", "id", "slug", "share", "salt", "state", "notes", "results", "created_at", "started_by", "started_at", "ended_by", "ended_at", "ended_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."rule_set_id", NEW."id", NEW."slug", NEW."share", NEW."salt", NEW."state", NEW."notes", NEW."results", NEW."created_at", NEW."started_by", NEW."started_at", NEW."ended_by", NEW."ended_at", NEW."ended_reason", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='26a2e8da877c7ae50a27311147824ad0a75b64fd', operation='INSERT', pgid='pgtrigger_audit_created_339a7', table='pricing_experiment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experiment',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "pricing_experimentevent" ("rule_set_id", "id", "slug", "share", "salt", "state", "notes", "results", "created_at", "started_by", "started_at", "ended_by", "ended_at", "ended_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."rule_set_id", NEW."id", NEW."slug", NEW."share", NEW."salt", NEW."state", NEW."notes", NEW."results", NEW."created_at", NEW."started_by", NEW."started_at", NEW."ended_by", NEW."ended_at", NEW."ended_reason", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'rule_set_id\', OLD."rule_set_id", \'id\', OLD."id", \'slug\', OLD."slug", \'share\', OLD."share", \'salt\', OLD."salt", \'state\', OLD."state", \'notes\', OLD."notes", \'results\', OLD."results", \'created_at\', OLD."created_at", \'started_by\', OLD."started_by", \'started_at\', OLD."started_at", \'ended_by\', OLD."ended_by", \'ended_at\', OLD."ended_at", \'ended_reason\', OLD."ended_reason")) AS was JOIN jsonb_each(jsonb_build_object(\'rule_set_id\', NEW."rule_set_id", \'id\', NEW."id", \'slug\', NEW."slug", \'share\', NEW."share", \'salt\', NEW."salt", \'state\', NEW."state", \'notes\', NEW."notes", \'results\', NEW."results", \'created_at\', NEW."created_at", \'started_by\', NEW."started_by", \'started_at\', NEW."started_at", \'ended_by\', NEW."ended_by", \'ended_at\', NEW."ended_at", \'ended_reason\', NEW."ended_reason")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='75619fc0307c868955502ac157debc8e0c99117a', operation='UPDATE', pgid='pgtrigger_audit_changed_4a779', table='pricing_experiment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experiment',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_experimentevent" ("rule_set_id", "id", "slug", "share", "salt", "state", "notes", "results", "created_at", "started_by", "started_at", "ended_by", "ended_at", "ended_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."rule_set_id", OLD."id", OLD."slug", OLD."share", OLD."salt", OLD."state", OLD."notes", OLD."results", OLD."created_at", OLD."started_by", OLD."started_at", OLD."ended_by", OLD."ended_at", OLD."ended_reason", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='0b10a26b47179ecea211408b90433a1bd555b805', operation='DELETE', pgid='pgtrigger_audit_deleted_f7dd0', table='pricing_experiment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rule',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_ruleevent" ("rule_set_id", "id", "number", "priority", "name", "modifier", "fixed_cents", "ending_cents", "ending_step_cents", "ending_mode", "rating", "valid_from", "valid_to", "active", "notes", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."rule_set_id", NEW."id", NEW."number", NEW."priority", NEW."name", NEW."modifier", NEW."fixed_cents", NEW."ending_cents", NEW."ending_step_cents", NEW."ending_mode", NEW."rating", NEW."valid_from", NEW."valid_to", NEW."active", NEW."notes", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='07d1d22d4e9135a14963a39957a2092fdd15b52d', operation='INSERT', pgid='pgtrigger_audit_created_0cc3a', table='pricing_rule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rule',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "pricing_ruleevent" ("rule_set_id", "id", "number", "priority", "name", "modifier", "fixed_cents", "ending_cents", "ending_step_cents", "ending_mode", "rating", "valid_from", "valid_to", "active", "notes", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."rule_set_id", NEW."id", NEW."number", NEW."priority", NEW."name", NEW."modifier", NEW."fixed_cents", NEW."ending_cents", NEW."ending_step_cents", NEW."ending_mode", NEW."rating", NEW."valid_from", NEW."valid_to", NEW."active", NEW."notes", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'rule_set_id\', OLD."rule_set_id", \'id\', OLD."id", \'number\', OLD."number", \'priority\', OLD."priority", \'name\', OLD."name", \'modifier\', OLD."modifier", \'fixed_cents\', OLD."fixed_cents", \'ending_cents\', OLD."ending_cents", \'ending_step_cents\', OLD."ending_step_cents", \'ending_mode\', OLD."ending_mode", \'rating\', OLD."rating", \'valid_from\', OLD."valid_from", \'valid_to\', OLD."valid_to", \'active\', OLD."active", \'notes\', OLD."notes")) AS was JOIN jsonb_each(jsonb_build_object(\'rule_set_id\', NEW."rule_set_id", \'id\', NEW."id", \'number\', NEW."number", \'priority\', NEW."priority", \'name\', NEW."name", \'modifier\', NEW."modifier", \'fixed_cents\', NEW."fixed_cents", \'ending_cents\', NEW."ending_cents", \'ending_step_cents\', NEW."ending_step_cents", \'ending_mode\', NEW."ending_mode", \'rating\', NEW."rating", \'valid_from\', NEW."valid_from", \'valid_to\', NEW."valid_to", \'active\', NEW."active", \'notes\', NEW."notes")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='e42fc0814c510ff36440422af2f456b22a3ec435', operation='UPDATE', pgid='pgtrigger_audit_changed_40196', table='pricing_rule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rule',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_ruleevent" ("rule_set_id", "id", "number", "priority", "name", "modifier", "fixed_cents", "ending_cents", "ending_step_cents", "ending_mode", "rating", "valid_from", "valid_to", "active", "notes", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."rule_set_id", OLD."id", OLD."number", OLD."priority", OLD."name", OLD."modifier", OLD."fixed_cents", OLD."ending_cents", OLD."ending_step_cents", OLD."ending_mode", OLD."rating", OLD."valid_from", OLD."valid_to", OLD."active", OLD."notes", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='63ac4adf8e03b770598e9fa316c8361d75f7a998', operation='DELETE', pgid='pgtrigger_audit_deleted_d733b', table='pricing_rule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ruleset',
            trigger=pgtrigger.compiler.Trigger(name='audit_created', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_rulesetevent" ("id", "version", "state", "margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin", "notes", "based_on", "created_by", "created_at", "published_by", "published_at", "published_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (NEW."id", NEW."version", NEW."state", NEW."margin_natural", NEW."margin_lab_grown", NEW."margin_fancy", NEW."floor_margin", NEW."notes", NEW."based_on", NEW."created_by", NEW."created_at", NEW."published_by", NEW."published_at", NEW."published_reason", now(), \'created\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='378c00c1fc9af69e0a6b36458fca55fd3e952fd2', operation='INSERT', pgid='pgtrigger_audit_created_c9acf', table='pricing_ruleset', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ruleset',
            trigger=pgtrigger.compiler.Trigger(name='audit_changed', sql=diamondhub.audit.tracking.TriggerSql(condition='WHEN (OLD."based_on" IS DISTINCT FROM (NEW."based_on") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by" IS DISTINCT FROM (NEW."created_by") OR OLD."floor_margin" IS DISTINCT FROM (NEW."floor_margin") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."margin_fancy" IS DISTINCT FROM (NEW."margin_fancy") OR OLD."margin_lab_grown" IS DISTINCT FROM (NEW."margin_lab_grown") OR OLD."margin_natural" IS DISTINCT FROM (NEW."margin_natural") OR OLD."notes" IS DISTINCT FROM (NEW."notes") OR OLD."published_at" IS DISTINCT FROM (NEW."published_at") OR OLD."published_by" IS DISTINCT FROM (NEW."published_by") OR OLD."published_reason" IS DISTINCT FROM (NEW."published_reason") OR OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."version" IS DISTINCT FROM (NEW."version"))', func='INSERT INTO "pricing_rulesetevent" ("id", "version", "state", "margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin", "notes", "based_on", "created_by", "created_at", "published_by", "published_at", "published_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id, pgh_before) VALUES (NEW."id", NEW."version", NEW."state", NEW."margin_natural", NEW."margin_lab_grown", NEW."margin_fancy", NEW."floor_margin", NEW."notes", NEW."based_on", NEW."created_by", NEW."created_at", NEW."published_by", NEW."published_at", NEW."published_reason", now(), \'changed\', NEW."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\'), (SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(jsonb_build_object(\'id\', OLD."id", \'version\', OLD."version", \'state\', OLD."state", \'margin_natural\', OLD."margin_natural", \'margin_lab_grown\', OLD."margin_lab_grown", \'margin_fancy\', OLD."margin_fancy", \'floor_margin\', OLD."floor_margin", \'notes\', OLD."notes", \'based_on\', OLD."based_on", \'created_by\', OLD."created_by", \'created_at\', OLD."created_at", \'published_by\', OLD."published_by", \'published_at\', OLD."published_at", \'published_reason\', OLD."published_reason")) AS was JOIN jsonb_each(jsonb_build_object(\'id\', NEW."id", \'version\', NEW."version", \'state\', NEW."state", \'margin_natural\', NEW."margin_natural", \'margin_lab_grown\', NEW."margin_lab_grown", \'margin_fancy\', NEW."margin_fancy", \'floor_margin\', NEW."floor_margin", \'notes\', NEW."notes", \'based_on\', NEW."based_on", \'created_by\', NEW."created_by", \'created_at\', NEW."created_at", \'published_by\', NEW."published_by", \'published_at\', NEW."published_at", \'published_reason\', NEW."published_reason")) AS becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value)); RETURN NULL;', hash='bfd9a5115255bf7d175fcbe0a7b53475b4817e4f', operation='UPDATE', pgid='pgtrigger_audit_changed_38633', table='pricing_ruleset', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ruleset',
            trigger=pgtrigger.compiler.Trigger(name='audit_deleted', sql=diamondhub.audit.tracking.TriggerSql(func='INSERT INTO "pricing_rulesetevent" ("id", "version", "state", "margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin", "notes", "based_on", "created_by", "created_at", "published_by", "published_at", "published_reason", pgh_created_at, pgh_label, pgh_obj_id, pgh_who, pgh_via, pgh_reason, pgh_request_id) VALUES (OLD."id", OLD."version", OLD."state", OLD."margin_natural", OLD."margin_lab_grown", OLD."margin_fancy", OLD."floor_margin", OLD."notes", OLD."based_on", OLD."created_by", OLD."created_at", OLD."published_by", OLD."published_at", OLD."published_reason", now(), \'deleted\', OLD."id", COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'user\', session_user || \' (SQL)\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'via\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'reason\', \'\'), COALESCE(NULLIF(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb ->> \'request_id\', \'\')); RETURN NULL;', hash='f8fdacdf2aff7e671afd54a57fec2691110052a4', operation='DELETE', pgid='pgtrigger_audit_deleted_0d0ce', table='pricing_ruleset', when='AFTER')),
        ),
        migrations.AddField(
            model_name='clauseevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.clause'),
        ),
        migrations.AddField(
            model_name='clauseevent',
            name='rule',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.rule'),
        ),
        migrations.AddField(
            model_name='experimentevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.experiment'),
        ),
        migrations.AddField(
            model_name='experimentevent',
            name='rule_set',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.ruleset'),
        ),
        migrations.AddField(
            model_name='ruleevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.rule'),
        ),
        migrations.AddField(
            model_name='ruleevent',
            name='rule_set',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.ruleset'),
        ),
        migrations.AddField(
            model_name='rulesetevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='pricing.ruleset'),
        ),
        migrations.AddIndex(
            model_name='clauseevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='clauseevent_at'),
        ),
        migrations.AddIndex(
            model_name='clauseevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='clauseevent_who'),
        ),
        migrations.AddIndex(
            model_name='clauseevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='clauseevent_request'),
        ),
        migrations.AddIndex(
            model_name='experimentevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='experimentevent_at'),
        ),
        migrations.AddIndex(
            model_name='experimentevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='experimentevent_who'),
        ),
        migrations.AddIndex(
            model_name='experimentevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='experimentevent_request'),
        ),
        migrations.AddIndex(
            model_name='ruleevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='ruleevent_at'),
        ),
        migrations.AddIndex(
            model_name='ruleevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='ruleevent_who'),
        ),
        migrations.AddIndex(
            model_name='ruleevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='ruleevent_request'),
        ),
        migrations.AddIndex(
            model_name='rulesetevent',
            index=models.Index(fields=['pgh_created_at', 'pgh_id'], name='rulesetevent_at'),
        ),
        migrations.AddIndex(
            model_name='rulesetevent',
            index=models.Index(fields=['pgh_who', 'pgh_created_at'], name='rulesetevent_who'),
        ),
        migrations.AddIndex(
            model_name='rulesetevent',
            index=models.Index(condition=models.Q(('pgh_request_id', ''), _negated=True), fields=['pgh_request_id'], name='rulesetevent_request'),
        ),
        *only_added_to("pricing_rulesetevent", "pricing_ruleevent", "pricing_clauseevent", "pricing_experimentevent"),
        *not_emptied("pricing_experiment"),
    ]
