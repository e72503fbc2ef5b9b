"""Single months of the history of prices cannot be emptied either; `diamondhub.timed_tables` guards new ones."""

from django.db import migrations

_EACH_PIECE = """
DO $$
DECLARE piece regclass;
BEGIN
    FOR piece IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'pricing_pricechange'::regclass LOOP
        EXECUTE format({statement}, piece);
    END LOOP;
END
$$
"""
_GUARD = "'CREATE TRIGGER pricechange_kept_whole BEFORE TRUNCATE ON %s EXECUTE FUNCTION pricing_refuse_change()'"


class Migration(migrations.Migration):
    dependencies = [("pricing", "0031_surveys")]
    operations = [
        migrations.RunSQL(
            _EACH_PIECE.format(statement=_GUARD),
            _EACH_PIECE.format(statement="'DROP TRIGGER pricechange_kept_whole ON %s'"),
        )
    ]
