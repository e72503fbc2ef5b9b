"""The history of prices is written once a statement, not once a stone.

Each insertion of a single row opened the table's piece and its seven indexes anew: a third of what a changed stone took the
database. A statement's stones are now compared as they were and as they are, and those with another price inserted together.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION pricing_keep_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pricing_pricechange (
        diamond_id, changed_on, changed_at, old_price_cents, new_price_cents, old_cost_cents, new_cost_cents,
        old_rule_set, new_rule_set, old_rule, new_rule, old_arm, new_arm, cause, cause_id, actor
    )
    SELECT
        changed.id, (now() AT TIME ZONE 'UTC')::date, now(), was.price_cents, changed.price_cents, was.cost_cents,
        changed.cost_cents, was.rule_set, changed.rule_set, was.rule, changed.rule, was.experiment_arm, changed.experiment_arm,
        COALESCE(NULLIF(current_setting('diamondhub.price_cause', true), ''), 'sql'),
        NULLIF(current_setting('diamondhub.price_cause_id', true), '')::bigint,
        COALESCE(NULLIF(current_setting('diamondhub.price_actor', true), ''), current_user)
    FROM was
    JOIN changed USING (id)
    WHERE was.price_cents <> changed.price_cents;
    RETURN NULL;
END
$$;
-- `changed` as the log of changes calls it: both read the same rows, which are kept once.
CREATE TRIGGER diamond_prices_changed AFTER UPDATE ON catalog_diamond
    REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT
    WHEN (current_setting('diamondhub.prices_kept', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION pricing_keep_changes();

DROP TRIGGER diamond_price_changed ON catalog_diamond;
DROP FUNCTION pricing_keep_change();
"""

BACKWARDS = """
CREATE FUNCTION pricing_keep_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pricing_pricechange (
        diamond_id, changed_on, changed_at, old_price_cents, new_price_cents, old_cost_cents, new_cost_cents,
        old_rule_set, new_rule_set, old_rule, new_rule, old_arm, new_arm, cause, cause_id, actor
    ) VALUES (
        NEW.id, (now() AT TIME ZONE 'UTC')::date, now(), OLD.price_cents, NEW.price_cents, OLD.cost_cents,
        NEW.cost_cents, OLD.rule_set, NEW.rule_set, OLD.rule, NEW.rule, OLD.experiment_arm, NEW.experiment_arm,
        COALESCE(NULLIF(current_setting('diamondhub.price_cause', true), ''), 'sql'),
        NULLIF(current_setting('diamondhub.price_cause_id', true), '')::bigint,
        COALESCE(NULLIF(current_setting('diamondhub.price_actor', true), ''), current_user)
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER diamond_price_changed AFTER UPDATE OF price_cents ON catalog_diamond
    FOR EACH ROW
    WHEN (
        OLD.price_cents <> NEW.price_cents
        AND current_setting('diamondhub.prices_kept', true) IS DISTINCT FROM 'on'
    )
    EXECUTE FUNCTION pricing_keep_change();

DROP TRIGGER diamond_prices_changed ON catalog_diamond;
DROP FUNCTION pricing_keep_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("pricing", "0034_experiment_reason"), ("catalog", "0004_versions_in_commit_order")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
