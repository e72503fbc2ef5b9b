"""Dead letters are not emptied at once, neither by themselves nor with their runs: the audit would not see it.

Who wants none of them deletes them, which is an event each; what refers to them can be emptied then.
"""

from django.db import migrations

from diamondhub.audit.migrations._by_hand import emptied_row_by_row


class Migration(migrations.Migration):
    dependencies = [("ingest", "0031_audit_list"), ("audit", "0002_refuse_rows")]
    operations = emptied_row_by_row("ingest_deadletter")
