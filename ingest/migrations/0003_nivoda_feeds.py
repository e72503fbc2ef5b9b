"""The two feeds of the Nivoda account."""

from django.db import migrations


def create(apps, schema_editor):
    feed = apps.get_model("ingest", "Feed")
    for slug, name, labgrown in (
        ("nivoda-natural", "Nivoda, natural", False),
        ("nivoda-labgrown", "Nivoda, lab-grown", True),
    ):
        feed.objects.get_or_create(
            slug=slug,
            defaults={"name": name, "adapter": "nivoda", "parameters": {"labgrown": labgrown, "aliased_counts": True}},
        )


class Migration(migrations.Migration):
    dependencies = [("ingest", "0002_raw_store")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
