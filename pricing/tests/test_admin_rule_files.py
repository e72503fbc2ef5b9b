"""Files of rules in the admin: a set is exported, a file makes a draft, and what is wrong is told at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from diamondhub.audit.models import AuditEvent
from pricing.admin import rule_files
from pricing.in_force import published_rule_set, with_rules
from pricing.models import RuleSet
from pricing.rule_files import to_yaml
from pricing.tests.admin_pages import EDITOR, signed_in
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db

IMPORT = "admin:pricing_ruleset_import"


@pytest.fixture
def browser() -> Client:
    return signed_in(*EDITOR)


def export_url(rule_set: RuleSet) -> str:
    return reverse("admin:pricing_ruleset_export", args=[rule_set.pk])


def send(browser: Client, content: bytes, **more: str) -> Any:
    file = SimpleUploadedFile("rules.yaml", content, content_type="application/yaml")
    return browser.post(reverse(IMPORT), {"file": file, "reason": "from the buyers", **more}, follow=True)


def a_file(*rules: dict[str, Any]) -> bytes:
    """A file of a draft that is gone again."""
    draft = a_draft(*rules)
    text = to_yaml(draft)
    draft.delete()
    return text.encode()


def test_what_is_exported_makes_the_same_draft_again(browser: Client) -> None:
    draft = a_draft({"name": "Ovals", "modifier": 5, "clauses": [{"shapes": ["OVAL"]}]}, {"name": "Ünï"})

    exported = browser.get(export_url(draft))
    response = send(browser, exported.content)

    made = with_rules(RuleSet.objects.filter(version=draft.version + 1)).get()
    assert exported["Content-Disposition"] == f'attachment; filename="rules-{draft.version}-r0.yaml"'
    assert to_yaml(made) == exported.content.decode()
    assert response.redirect_chain[-1][0] == reverse("admin:pricing_ruleset_change", args=[made.pk])
    assert (made.state, made.created_by) == ("draft", "maria")
    event = AuditEvent.objects.filter(kind="pricing.ruleset", object_id=made.pk).get()
    assert (event.who, event.reason) == ("maria", "from the buyers")


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_saved(browser: Client) -> None:
    file = a_file({"name": "Ovals", "rating": 3}, {"name": "Pears"}).decode()
    wrong = (
        file.replace("rating: 3", "rating: 99").replace("priority: 20", "priority: nine").replace("Pears", "<b>P</b>")
    )
    before = RuleSet.objects.count()

    page = send(browser, (wrong + "\ncolour: blue\n").encode()).content.decode()

    assert "Nothing was saved" in page
    assert "rules[0].rating" in page
    assert "rules[1].priority" in page
    assert "colour" in page
    assert "<b>P</b>" not in page
    assert RuleSet.objects.count() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"- just\n- a list", "must be a mapping"),
        (b"a: &x 1\nb: *x", "anchors and aliases"),
        (b"a: !!python/object:os.system {}", "tags"),
        (b"[" * 5000, "levels deep"),
        (b"x" * (rule_files.MAX_UPLOAD + 1), "at most 950,000 are taken here"),
    ],
)
def test_a_nasty_file_is_refused_with_words(browser: Client, content: bytes, words: str) -> None:
    before = RuleSet.objects.count()

    response = send(browser, content)

    assert response.status_code == 200
    assert words in response.content.decode()
    assert RuleSet.objects.count() == before


def test_a_file_is_only_checked_without_a_reason_and_a_draft_needs_one(browser: Client) -> None:
    file, before = a_file({"name": "Ovals"}), RuleSet.objects.count()

    checked = send(browser, file, reason="", only_check="1").content.decode()
    without = send(browser, file, reason="").content.decode()

    assert "Nothing is wrong with the file: it would make a draft with 1 rule." in checked
    assert "Say why" in without
    assert RuleSet.objects.count() == before


def test_files_go_in_and_out_only_for_whom_may_see_and_add_rules(browser: Client) -> None:
    viewer = signed_in("view_ruleset", "view_rule", name="viewer")
    half = signed_in("view_ruleset", "add_ruleset", name="half")
    in_force = published_rule_set()

    assert viewer.get(export_url(in_force)).status_code == 200
    assert half.get(export_url(in_force)).status_code == 403
    assert [each.get(reverse(IMPORT)).status_code for each in (browser, viewer, half)] == [200, 403, 403]
    assert send(viewer, a_file()).status_code == 403
    assert browser.post(export_url(in_force)).status_code == 405
    assert browser.get(reverse("admin:pricing_ruleset_export", args=[10**9])).status_code == 404
    address = reverse("admin:pricing_ruleset_changelist")
    assert [reverse(IMPORT) in each.get(address).content.decode() for each in (browser, viewer)] == [True, False]
