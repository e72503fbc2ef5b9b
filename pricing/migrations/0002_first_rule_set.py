"""The base margins as the first published rule set, so that there always is one in force."""

from django.db import migrations
from django.db.models.functions import Now


def publish(apps, schema_editor):
    apps.get_model("pricing", "RuleSet").objects.get_or_create(
        version=1,
        defaults={
            "state": "published",
            "margin_natural": 40,
            "margin_lab_grown": 79,
            "margin_fancy": 40,
            "notes": "Base margins.",
            "published_at": Now(),
        },
    )


class Migration(migrations.Migration):
    dependencies = [("pricing", "0001_initial")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
