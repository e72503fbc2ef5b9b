"""Users, groups and rights: given by superusers only, nobody rises above what he may, and all of it is in the audit."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from diamondhub.audit import history, words
from diamondhub.audit.acting import acting
from diamondhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

PASSWORD, OTHER = "a long enough one", "another long one"
CHANGER = ("view_user", "change_user", "add_user", "delete_user", "view_group", "change_group", "add_group")


def person(name: str, *permissions: str, **fields: Any) -> User:
    made: User = User.objects.create_user(name, is_staff=True, password=PASSWORD, **fields)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def signed_in(someone: User) -> Client:
    browser = Client()
    browser.force_login(someone)
    return browser


def page(name: str, *arguments: Any) -> str:
    return reverse(f"admin:auth_{name}", args=arguments)


def form(of: User, **changes: Any) -> dict[str, Any]:
    """The form of a user as it is, as a browser sends it."""
    return {
        "username": of.username,
        "first_name": of.first_name,
        "last_name": of.last_name,
        "email": of.email,
        "is_active": "on",
        "date_joined_0": f"{of.date_joined:%Y-%m-%d}",
        "date_joined_1": f"{of.date_joined:%H:%M:%S}",
        **changes,
    }


EVERYTHING: dict[str, Any] = {"is_staff": "on", "is_superuser": "on", "user_permissions": ["1", "2"]}


def test_who_may_change_users_gives_nobody_a_right_not_even_himself() -> None:
    given = {**EVERYTHING, "groups": [str(Group.objects.create(name="publishers").pk)]}
    changer, other = person("olga", *CHANGER), User.objects.create_user("otto")
    browser = signed_in(changer)

    for someone in (changer, other):
        answer = browser.post(page("user_change", someone.pk), form(someone, first_name="X", **given))

        assert answer.status_code == 302
        someone.refresh_from_db()
        assert (someone.first_name, someone.is_superuser, someone.is_staff) == ("X", False, someone is changer)
        assert not someone.groups.exists()
    assert set(changer.user_permissions.values_list("codename", flat=True)) == set(CHANGER)
    assert not other.user_permissions.exists()


def test_superusers_give_rights() -> None:
    group = Group.objects.create(name="publishers")
    root, other = User.objects.create_superuser("root"), User.objects.create_user("otto")

    rights = {"is_staff": "on", "groups": [str(group.pk)], "user_permissions": [str(Permission.objects.all()[0].pk)]}
    signed_in(root).post(page("user_change", other.pk), form(other, **rights))

    other.refresh_from_db()
    assert other.is_staff
    assert list(other.groups.all()) == [group]
    assert other.user_permissions.count() == 1


@pytest.mark.parametrize("which", ["superuser", "more", "more by a group", "inactive with more"])
def test_nobody_changes_deletes_or_takes_over_who_may_do_more(which: str) -> None:
    if which == "superuser":
        above = User.objects.create_superuser("root", password=PASSWORD)
    else:
        above = person("publisher", *([] if which == "more by a group" else ["publish_ruleset"]))
    if which == "more by a group":
        group = Group.objects.create(name="publishers")
        group.permissions.set(Permission.objects.filter(codename="publish_ruleset"))
        above.groups.add(group)
    if which == "inactive with more":
        User.objects.filter(pk=above.pk).update(is_active=False)
    browser = signed_in(person("olga", *CHANGER))

    answers = [
        browser.post(page("user_change", above.pk), form(above, username="mine")),
        browser.get(page("user_password_change", above.pk)),
        browser.post(page("user_password_change", above.pk), {"password1": OTHER, "password2": OTHER}),
        browser.post(page("user_delete", above.pk), {"post": "yes"}),
    ]
    browser.post(
        page("user_changelist"),
        {"action": "delete_selected", "_selected_action": [above.pk], "post": "yes", "index": 0},
    )

    assert [answer.status_code for answer in answers] == [403] * 4
    above.refresh_from_db()
    assert above.username != "mine"
    assert above.check_password(PASSWORD)


def test_the_password_of_who_may_no_more_is_set() -> None:
    below = person("otto", "view_user")
    browser = signed_in(person("olga", *CHANGER))

    answer = browser.post(
        page("user_password_change", below.pk), {"usable_password": "true", "password1": OTHER, "password2": OTHER}
    )

    assert answer.status_code == 302
    below.refresh_from_db()
    assert below.check_password(OTHER)


def test_groups_are_made_and_changed_by_superusers_only() -> None:
    group = Group.objects.create(name="publishers")
    browser = signed_in(person("olga", *CHANGER))

    assert browser.post(page("group_add"), {"name": "mine"}).status_code == 403
    assert browser.post(page("group_change", group.pk), {"name": "x", "permissions": ["1"]}).status_code == 403
    assert browser.post(page("group_delete", group.pk), {"post": "yes"}).status_code == 403
    assert browser.get(page("group_change", group.pk)).status_code == 200
    group.refresh_from_db()
    assert group.name == "publishers"
    assert not group.permissions.exists()


# --- the audit -----------------------------------------------------------------------------------------------------


def told(kind: str, **filters: Any) -> list[tuple[str, str, str]]:
    """What happened to a kind, by whom, and what was there before."""
    events = AuditEvent.objects.filter(kind=kind, **filters).order_by("event_id")
    return [(event.what, event.who, str(sorted(event.before or {}))) for event in events]


@pytest.mark.parametrize("how", ["orm", "update", "sql"])
def test_making_somebody_a_superuser_is_in_the_audit_whatever_makes_it(how: str) -> None:
    someone = User.objects.create_user("otto")

    with acting("olga", reason="we are two now"):
        if how == "orm":
            someone.is_superuser = True
            someone.save()
        elif how == "update":
            User.objects.filter(pk=someone.pk).update(is_superuser=True)
        else:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE auth_user SET is_superuser = true WHERE id = %s", [someone.pk])

    assert told("auth.user", what="changed") == [("changed", "olga", "['is_superuser']")]


def test_groups_and_rights_that_come_and_go_are_in_the_audit_and_in_the_histories() -> None:
    someone, group = User.objects.create_user("otto"), Group.objects.create(name="publishers")
    right = Permission.objects.get(codename="publish_ruleset")

    with acting("olga"):
        group.permissions.add(right)
        someone.groups.add(group)
        someone.user_permissions.add(right)
        someone.user_permissions.clear()
        someone.groups.remove(group)

    assert told("auth.user_groups") == [("created", "olga", "[]"), ("deleted", "olga", "[]")]
    assert told("auth.user_user_permissions") == [("created", "olga", "[]"), ("deleted", "olga", "[]")]
    assert told("auth.group_permissions", who="olga") == [("created", "olga", "[]")]
    of_otto = [words.object_name(event) for event in history.events_of(someone)]
    assert any("in group publishers" in name for name in of_otto)
    assert any(f"user {someone.pk} may {right.name.removeprefix('Can ')}" in name for name in of_otto)
    assert len(history.events_of(group)) == 2


def test_a_new_password_is_in_the_audit_and_no_hash_is() -> None:
    someone = User.objects.create_user("otto", password=PASSWORD)
    before = someone.password

    with acting("olga"):
        someone.set_password(OTHER)
        someone.save()

    (event,) = AuditEvent.objects.filter(kind="auth.user", what="changed")
    assert [str(change) for change in words.changes(event)] == ["a secret: not kept → not kept"]
    everything = str(list(AuditEvent.objects.values()))
    assert before not in everything
    assert someone.password not in everything


def test_the_history_of_a_user_is_shown_to_who_may_see_users() -> None:
    root, someone = User.objects.create_superuser("root"), User.objects.create_user("otto")
    signed_in(root).post(page("user_change", someone.pk), form(someone, is_staff="on"))

    html = signed_in(root).get(page("user_history", someone.pk)).content.decode()

    assert "staff status" in html
    assert "no → yes" in html
    assert signed_in(person("nobody")).get(page("user_history", someone.pk)).status_code == 403
