"""What is sealed stays: no row of a published or retired rule set is changed, whoever asks.

Rules and clauses lock their set's row, so that an edit and a publication wait for each other.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION pricing_refuse_sealed(version integer, state text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rule set % is %: it cannot be changed; copy it into a draft', version, state
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION pricing_guard_rule_set() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{state,published_by,published_at,published_reason}';
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    -- All but the states' own story must be as it was, and nothing becomes a draft again.
    IF TG_OP = 'DELETE' OR NEW.state = 'draft' OR to_jsonb(NEW) - free <> to_jsonb(OLD) - free THEN
        PERFORM pricing_refuse_sealed(OLD.version, OLD.state);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER rule_set_sealed BEFORE UPDATE OR DELETE ON pricing_ruleset
    FOR EACH ROW EXECUTE FUNCTION pricing_guard_rule_set();

CREATE FUNCTION pricing_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_set bigint;
    sealed record;
BEGIN
    FOR its_set IN
        SELECT DISTINCT one FROM unnest(ARRAY[
            CASE WHEN TG_OP <> 'INSERT' THEN OLD.rule_set_id END,
            CASE WHEN TG_OP <> 'DELETE' THEN NEW.rule_set_id END
        ]) AS one WHERE one IS NOT NULL
    LOOP
        SELECT version, state INTO sealed FROM pricing_ruleset WHERE id = its_set FOR SHARE;
        IF sealed.state <> 'draft' THEN
            PERFORM pricing_refuse_sealed(sealed.version, sealed.state);
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER rule_sealed BEFORE INSERT OR UPDATE OR DELETE ON pricing_rule
    FOR EACH ROW EXECUTE FUNCTION pricing_guard_rule();

CREATE FUNCTION pricing_guard_clause() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_rule bigint;
    sealed record;
BEGIN
    FOR its_rule IN
        SELECT DISTINCT one FROM unnest(ARRAY[
            CASE WHEN TG_OP <> 'INSERT' THEN OLD.rule_id END,
            CASE WHEN TG_OP <> 'DELETE' THEN NEW.rule_id END
        ]) AS one WHERE one IS NOT NULL
    LOOP
        SELECT rule_set.version, rule_set.state INTO sealed
        FROM pricing_rule AS rule
        JOIN pricing_ruleset AS rule_set ON rule_set.id = rule.rule_set_id
        WHERE rule.id = its_rule
        FOR SHARE OF rule_set;
        IF sealed.state <> 'draft' THEN
            PERFORM pricing_refuse_sealed(sealed.version, sealed.state);
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER clause_sealed BEFORE INSERT OR UPDATE OR DELETE ON pricing_clause
    FOR EACH ROW EXECUTE FUNCTION pricing_guard_clause();

CREATE FUNCTION pricing_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pricing_ruleset WHERE state <> 'draft') THEN
        RAISE EXCEPTION 'rule sets that were published cannot be thrown away' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER rule_set_kept BEFORE TRUNCATE ON pricing_ruleset EXECUTE FUNCTION pricing_refuse_truncate();
CREATE TRIGGER rule_kept BEFORE TRUNCATE ON pricing_rule EXECUTE FUNCTION pricing_refuse_truncate();
CREATE TRIGGER clause_kept BEFORE TRUNCATE ON pricing_clause EXECUTE FUNCTION pricing_refuse_truncate();
"""

DROP = """
DROP TRIGGER clause_kept ON pricing_clause;
DROP TRIGGER rule_kept ON pricing_rule;
DROP TRIGGER rule_set_kept ON pricing_ruleset;
DROP FUNCTION pricing_refuse_truncate();
DROP TRIGGER clause_sealed ON pricing_clause;
DROP FUNCTION pricing_guard_clause();
DROP TRIGGER rule_sealed ON pricing_rule;
DROP FUNCTION pricing_guard_rule();
DROP TRIGGER rule_set_sealed ON pricing_ruleset;
DROP FUNCTION pricing_guard_rule_set();
DROP FUNCTION pricing_refuse_sealed(integer, text);
"""


class Migration(migrations.Migration):
    dependencies = [("pricing", "0003_rules")]
    operations = [migrations.RunSQL(CREATE, DROP)]
