"""One list of the events of all audited tables: a view, here because it needs the tables of every app."""

from django.db import migrations

from diamondhub.audit.migrations._by_hand import view_of

KINDS = (
    "access.apiclient",
    "access.apikey",
    "pricing.ruleset",
    "pricing.rule",
    "pricing.clause",
    "pricing.experiment",
    "ingest.feed",
    "ingest.deadletter",
)


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0030_audited"),
        ("pricing", "0030_audited"),
        ("access", "0030_audited"),
        ("audit", "0001_initial"),
    ]
    operations = [migrations.RunSQL(view_of(KINDS), "DROP VIEW audit_event")]
