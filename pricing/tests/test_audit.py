"""The audit of rule sets, rules, clauses and experiments: each change, by whom and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from diamondhub.audit import words
from diamondhub.audit.acting import acting
from diamondhub.audit.models import RecordedChange
from diamondhub.audit.tracking import AUDITED
from pricing import editing, publishing
from pricing.in_force import published_rule_set
from pricing.models import Clause, Experiment, Rule, RuleSet
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def events(kind: str, **where: Any) -> list[RecordedChange]:
    """Events of a kind, the newest first."""
    return list(AUDITED[f"pricing.{kind}"].events.objects.filter(**where).order_by("-pgh_id"))


#: Kind, what to change, to what, and what was there before.
CHANGES: list[tuple[str, Any, str, Any, Any]] = [
    ("ruleset", RuleSet, "margin_natural", 41, 40),
    ("rule", Rule, "modifier", 5, 0),
    ("clause", Clause, "has_video", True, None),
    ("experiment", Experiment, "notes", "b", "a"),
]


def everything() -> None:
    """A draft with a rule and a clause, and an experiment with it."""
    draft = a_draft({"name": "ovals", "clauses": [{"shapes": ["OVAL"]}]})
    Experiment.objects.create(slug="spring", rule_set=draft, share=Decimal(10), salt="x", notes="a")


@pytest.mark.parametrize(("kind", "model", "field", "to", "was"), CHANGES)
@pytest.mark.parametrize("how", ["save", "bulk update", "sql"])
def test_what_changes_a_row_is_an_event(kind: str, model: Any, field: str, to: Any, was: Any, how: str) -> None:
    everything()
    row = model.objects.order_by("-pk")[0]

    with acting("maria", reason="spring"):
        if how == "save":
            setattr(row, field, to)
            row.save()
        elif how == "bulk update":
            model.objects.filter(pk=row.pk).update(**{field: to})
        else:
            value = f"'{to}'" if isinstance(to, str) else to
            sql(f"UPDATE {model._meta.db_table} SET {field} = {value} WHERE id = {row.pk}")

    (event,) = events(kind, pgh_label="changed", pgh_obj_id=row.pk)
    assert (event.pgh_before, getattr(event, field)) == ({field: was}, to)
    assert (event.pgh_who, event.pgh_reason) == ("maria", "spring")


@pytest.mark.parametrize("kind", ["rule", "clause"])
def test_rows_that_come_and_go_are_events(kind: str) -> None:
    draft = a_draft({"clauses": [{"shapes": ["OVAL"]}]})

    draft.rules.all().delete()

    deleted, created = events(kind)
    assert (created.pgh_label, deleted.pgh_label) == ("created", "deleted")


def test_publishing_says_who_and_why_for_both_sets() -> None:
    before, draft = published_rule_set(), a_draft()

    publishing.publish(draft.pk, actor="maria", reason="spring prices")

    published, retired = (events("ruleset", pgh_obj_id=one.pk)[0] for one in (draft, before))
    assert (published.pgh_before or {})["state"] == "draft"
    assert (retired.pgh_before or {}) == {"state": "published"}
    for event in (published, retired):
        assert (event.pgh_who, event.pgh_reason) == ("maria", "spring prices")


def test_a_copy_is_the_doing_of_whom_it_is_made_for() -> None:
    draft = editing.new_draft(actor="maria", source=a_draft({"clauses": [{}]}))

    assert events("ruleset", pgh_obj_id=draft.pk)[0].pgh_who == "maria"
    assert events("rule", rule_set_id=draft.pk)[0].pgh_who == "maria"
    assert events("clause")[0].pgh_who == "maria"


def test_the_count_of_edits_is_no_event() -> None:
    draft = a_draft()

    editing.edited(draft.pk, revision=0)

    assert [event.pgh_label for event in events("ruleset", pgh_obj_id=draft.pk)] == ["created"]


def test_a_refused_change_of_a_sealed_set_leaves_no_event() -> None:
    before = published_rule_set()

    with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic():
        RuleSet.objects.filter(pk=before.pk).update(margin_natural=1)

    assert events("ruleset", pgh_obj_id=before.pk) == []


def test_the_history_of_a_rule_set_has_its_rules_and_clauses_in_words() -> None:
    draft = a_draft({"name": "ovals", "fixed_cents": 12_345, "clauses": [{"shapes": ["OVAL"], "color_max": 5}]})
    other = a_draft({"name": "pears", "clauses": [{"shapes": ["PEAR"]}]})
    with acting("maria", reason="dearer"):
        Rule.objects.filter(rule_set=draft).update(fixed_cents=-200)
    draft.rules.all().delete()
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))

    page = browser.get(reverse("admin:pricing_ruleset_history", args=[draft.pk]))

    text = page.content.decode()
    assert "<b>fixed amount</b>: $123.45 → -$2.00" in text
    assert "dearer" in text
    assert "shape is OVAL" in text
    assert "PEAR" not in text
    assert other.pk != draft.pk
    assert text.index(">deleted<") < text.index("dearer")


def test_a_grade_is_told_by_its_name() -> None:
    assert words.in_words(Clause, "color_max", 5) == Clause(color_max=5).get_color_max_display()


def test_a_draft_that_is_thrown_away_in_the_admin_leaves_its_events() -> None:
    draft = a_draft({"name": "ovals"})
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))

    browser.post(reverse("admin:pricing_ruleset_delete", args=[draft.pk]), {"post": "yes", "revision": draft.revision})

    assert not RuleSet.objects.filter(pk=draft.pk).exists()
    for kind in ("ruleset", "rule", "clause"):
        (event,) = events(kind, pgh_label="deleted")
        assert (event.pgh_who, event.pgh_via) == ("olga", f"POST /admin/pricing/ruleset/{draft.pk}/delete/")
