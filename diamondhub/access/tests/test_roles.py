"""Ready-made groups: made once, given what is new, and otherwise left as people want them; and the page for who may not."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from diamondhub.access import roles
from diamondhub.access.models import Role
from diamondhub.operations.problems import kinds

pytestmark = pytest.mark.django_db


def held(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


def permission(name: str) -> Permission:
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def browser_of(*groups: str, name: str = "olga") -> Client:
    person = User.objects.create_user(name, is_staff=True)
    person.groups.set(Group.objects.filter(name__in=groups))
    browser = Client()
    browser.force_login(person)
    return browser


def test_the_groups_are_there_after_migrate_with_all_that_the_table_says() -> None:
    for name, wanted in roles.ROLES.items():
        assert held(name) == set(wanted), name


def test_every_name_of_the_table_is_a_permission() -> None:
    wanted = Q(pk__in=[])
    for name in set().union(*roles.ROLES.values()):
        app, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)

    assert Permission.objects.filter(wanted).count() == len(set().union(*roles.ROLES.values()))


def test_nobody_of_them_gives_rights_or_sees_more_than_the_auditor_may() -> None:
    for name, wanted in roles.ROLES.items():
        changed = {each for each in wanted if each.startswith("auth.") and ".view_" not in each}

        assert changed == set(), name
    assert not [each for each in roles.ROLES["Auditor"] if ".view_" not in each and ".export_" not in each]


@pytest.mark.parametrize("name", ["Duty", "Auditor"])
def test_who_is_on_duty_and_who_audits_sees_every_problem_that_there_can_be(name: str) -> None:
    unseen = {kind.name: kind.permission for kind in kinds.all_kinds() if kind.permission not in roles.ROLES[name]}

    assert unseen == {}


def test_every_button_beside_a_problem_is_for_one_of_the_groups() -> None:
    theirs = frozenset().union(*roles.ROLES.values())

    lacking = {
        (kind.name, button.label): button.permission
        for kind in kinds.all_kinds()
        for button in kind.buttons
        if button.permission not in theirs
    }

    assert lacking == {}


def test_who_is_on_duty_says_who_is_told_what_and_the_auditor_looks_on() -> None:
    alerts = {name: {each for each in wanted if each.startswith("alerts.")} for name, wanted in roles.ROLES.items()}

    assert {"alerts.change_channel", "alerts.change_rule", "alerts.change_delivery"} <= alerts["Duty"]
    assert {"alerts.view_channel", "alerts.view_channelstate", "alerts.view_rule"} <= alerts["Auditor"]
    assert "pricing.view_pricechange" in roles.ROLES["Merchandiser"]


def test_what_people_took_away_or_added_stays_so() -> None:
    group = Group.objects.get(name="Duty")
    group.permissions.remove(permission("ingest.change_run"))
    group.permissions.add(permission("pricing.publish_ruleset"))

    roles.make()

    assert "ingest.change_run" not in held("Duty")
    assert "pricing.publish_ruleset" in held("Duty")


def test_what_a_later_version_adds_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    new = "catalog.delete_exchangerate"
    monkeypatch.setattr(roles, "ROLES", {**roles.ROLES, "Auditor": roles.ROLES["Auditor"] | {new}})
    roles.make()
    given = new in held("Auditor")
    Group.objects.get(name="Auditor").permissions.remove(permission(new))

    roles.make()

    assert given
    assert new not in held("Auditor")


def test_a_group_that_people_deleted_is_not_made_again() -> None:
    Group.objects.get(name="Duty").delete()

    roles.make()

    assert not Group.objects.filter(name="Duty").exists()


def test_a_group_that_people_had_made_under_the_name_is_theirs() -> None:
    Role.objects.filter(name="Duty").delete()
    Group.objects.get(name="Duty").permissions.clear()

    roles.make()
    roles.make()

    assert held("Duty") == set()


def test_a_permission_that_no_model_has_yet_is_given_once_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = permission("catalog.view_diamond").content_type
    monkeypatch.setattr(roles, "ROLES", {**roles.ROLES, "Duty": roles.ROLES["Duty"] | {"catalog.polish_diamond"}})
    roles.make()
    Permission.objects.create(content_type=kind, codename="polish_diamond", name="Can polish diamonds")

    roles.make()

    assert "catalog.polish_diamond" in held("Duty")


def test_they_are_made_when_the_last_app_has_its_permissions() -> None:
    *_, last = apps.get_app_configs()
    Role.objects.all().delete()
    Group.objects.all().delete()

    from django.db.models.signals import post_migrate

    post_migrate.send(last, app_config=last, verbosity=0, interactive=False, using="default", plan=[], apps=apps)

    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)


# --- the page that refuses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "lacks", "name"),
    [
        ("admin:ingest_run_changelist", "ingest.view_run", "Can view run"),
        ("admin:pricing_ruleset_changelist", "pricing.view_ruleset", "Can view rule set"),
        ("admin:auth_user_add", "auth.add_user", "Can add user"),
    ],
)
def test_who_may_not_is_told_which_permission_is_lacking_and_whom_to_ask(address: str, lacks: str, name: str) -> None:
    User.objects.create_superuser("ruth", "ruth@example.com", "x", first_name="Ruth", last_name="Root")
    browser = browser_of()

    response = browser.get(reverse(address))
    html = response.content.decode()

    assert response.status_code == 403
    assert lacks in html
    assert name in html
    assert 'href="mailto:ruth@example.com">Ruth Root' in html
    assert "dh-card" in html


def test_the_groups_that_would_open_it_are_named() -> None:
    html = browser_of("API admin").get(reverse("admin:ingest_run_changelist")).content.decode()

    assert "These groups have it: Auditor, Duty, Merchandiser." in html


def test_what_only_superusers_may_is_said_to_be_theirs() -> None:
    html = browser_of("Auditor").get(reverse("admin:auth_group_add")).content.decode()

    assert "only superusers may do it" in html


def test_the_page_escapes_the_names_that_people_have() -> None:
    User.objects.create_superuser("root", "a@example.com", "x", first_name="<script>alert(1)</script>")

    html = browser_of(name="<b>olga").get(reverse("admin:ingest_run_changelist")).content.decode()

    assert "<script>alert(1)" not in html
    assert "<b>olga" not in html


def test_a_button_that_is_refused_has_the_same_page() -> None:
    response = browser_of("Auditor").post(reverse("admin:ingest_run_cancel", args=[1]), {"reason": "x"})

    assert response.status_code == 403
    assert "ingest.change_run" in response.content.decode()


def test_who_is_no_staff_sees_no_menu_and_no_names() -> None:
    User.objects.create_superuser("ruth", "ruth@example.com", "x")
    browser = Client()
    browser.force_login(User.objects.create_user("guest"))

    response = browser.get(reverse("admin:ingest_run_changelist"))

    assert response.status_code == 302
    assert b"ruth" not in response.content
