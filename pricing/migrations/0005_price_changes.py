"""The history of prices: a table in monthly pieces, and the trigger on the diamonds that fills it.

A repricing writes its own changes in sets and says so with the setting `diamondhub.prices_kept`, local to its transaction.
"""

from django.db import migrations

CREATE = """
CREATE SEQUENCE pricing_pricechange_id_seq AS bigint;

CREATE TABLE pricing_pricechange (
    id bigint NOT NULL DEFAULT nextval('pricing_pricechange_id_seq'),
    diamond_id uuid NOT NULL,
    changed_on date NOT NULL,
    changed_at timestamptz NOT NULL,
    old_price_cents bigint NOT NULL,
    new_price_cents bigint NOT NULL,
    old_cost_cents bigint NOT NULL,
    new_cost_cents bigint NOT NULL,
    old_rule_set bigint NOT NULL,
    new_rule_set bigint NOT NULL,
    old_rule bigint,
    new_rule bigint,
    old_arm varchar(64),
    new_arm varchar(64),
    cause varchar(16) NOT NULL,
    cause_id bigint,
    actor varchar(150) NOT NULL,
    PRIMARY KEY (id, changed_on)
) PARTITION BY RANGE (changed_on);

ALTER SEQUENCE pricing_pricechange_id_seq OWNED BY pricing_pricechange.id;

-- One stone's history, newest first; filled in the order of ids, it stays small beside the rows.
CREATE INDEX pricechange_diamond ON pricing_pricechange (diamond_id, changed_on);

CREATE TABLE pricing_pricechange_default PARTITION OF pricing_pricechange DEFAULT;

CREATE FUNCTION pricing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of prices is only added to' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER pricechange_kept BEFORE UPDATE OR DELETE ON pricing_pricechange
    FOR EACH ROW EXECUTE FUNCTION pricing_refuse_change();

CREATE TRIGGER pricechange_kept_whole BEFORE TRUNCATE ON pricing_pricechange
    EXECUTE FUNCTION pricing_refuse_change();

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
"""

DROP = """
DROP TRIGGER diamond_price_changed ON catalog_diamond;
DROP FUNCTION pricing_keep_change();
DROP TABLE pricing_pricechange;
DROP FUNCTION pricing_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("pricing", "0004_sealed"), ("catalog", "0002_priced_on")]
    operations = [migrations.RunSQL(CREATE, DROP)]
