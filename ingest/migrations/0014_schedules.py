"""Schedules of feeds and their slots; a brake on the median; what holds a run and what was approved."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import ingest.crontab
from django.db import migrations, models


#: No slot is owed from before a schedule was set or its feed enabled, whoever wrote it and how.
SINCE = """
CREATE FUNCTION ingest_feed_scheduled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.scheduled_since := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER feed_scheduled BEFORE UPDATE ON ingest_feed FOR EACH ROW
WHEN (
    OLD.full_schedule IS DISTINCT FROM NEW.full_schedule
    OR OLD.incremental_schedule IS DISTINCT FROM NEW.incremental_schedule
    OR (NEW.enabled AND NOT OLD.enabled)
)
EXECUTE FUNCTION ingest_feed_scheduled();
"""
WITHOUT_SINCE = "DROP TRIGGER feed_scheduled ON ingest_feed; DROP FUNCTION ingest_feed_scheduled();"


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0013_planning'),
    ]

    operations = [
        migrations.AddField(
            model_name='feed',
            name='full_schedule',
            field=models.CharField(blank=True, default='', help_text='When full runs start, e.g. 0 2 * * * (every day at 02:00 UTC). Empty: never by themselves.', max_length=100, validators=[ingest.crontab.validate]),
        ),
        migrations.AddField(
            model_name='feed',
            name='incremental_schedule',
            field=models.CharField(blank=True, default='', help_text='When incremental runs start, e.g. */15 * * * * (every quarter of an hour). Empty: never by themselves.', max_length=100, validators=[ingest.crontab.validate]),
        ),
        migrations.AddField(
            model_name='feed',
            name='median_brake',
            field=models.FloatField(default=0.3, help_text="A run that would move the median of what the feed's stones cost by more than this share waits.", validators=[django.core.validators.MinValueValidator(0)]),
        ),
        migrations.AddField(
            model_name='feed',
            name='partial_delay_seconds',
            field=models.PositiveIntegerField(blank=True, help_text='How long a run with failed partitions waits for retries. Empty: PARTIAL_DELAY_SECONDS.', null=True, validators=[django.core.validators.MaxValueValidator(86400)]),
        ),
        migrations.AddField(
            model_name='feed',
            name='scheduled_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AddField(
            model_name='run',
            name='approved',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='run',
            name='held',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.CreateModel(
            name='ScheduleSlot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('full', 'Full'), ('incremental', 'Incremental')], max_length=16)),
                ('due_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('started', 'Started'), ('skipped', 'Skipped')], max_length=16)),
                ('reason', models.CharField(blank=True, default='', max_length=500)),
                ('created_at', models.DateTimeField()),
                ('feed', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='slots', to='ingest.feed')),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='slots', to='ingest.run')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('feed', 'due_at', 'kind'), name='slot_once'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'skipped'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='slot_skipped_for_a_reason')],
            },
        ),
        migrations.RunSQL(SINCE, WITHOUT_SINCE),
    ]
