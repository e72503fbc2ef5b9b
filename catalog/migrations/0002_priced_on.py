"""The day by which a price was made, and an upper bound for what a stone may cost."""

import datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [
        # No rule has had days before this, so any day is right for the prices that there are.
        migrations.AddField("diamond", "priced_on", models.DateField(default=datetime.date.today), preserve_default=False),
        migrations.AddConstraint(
            "diamond",
            models.CheckConstraint(condition=models.Q(("cost_cents__lte", 10**11)), name="diamond_cost_sane"),
        ),
    ]
