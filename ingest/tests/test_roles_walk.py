"""Each ready-made group walks through the whole admin: all that its menu has opens, and nothing that it may not see."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from diamondhub.access import roles
from diamondhub.admin import menu
from diamondhub.operations import away, snapshots
from ingest.tests.test_admin_rights import EVERYBODYS, LEADING, OWN, addresses, fingerprint, one_of_each

pytestmark = pytest.mark.django_db

ROLES = sorted(roles.ROLES)
#: Models of which it hangs on each row's kind who may see it; their own tests try that.
OF_KINDS = ("operations_problem_", "operations_job_")
#: What an address's name ends with that shows one model, so that it takes the right to look at this.
OF_A_MODEL = ("changelist", "history", "change")


def member(name: str) -> tuple[User, Client]:
    person = User.objects.create_user("olga", is_staff=True)
    person.groups.add(Group.objects.get(name=name))
    browser = Client(raise_request_exception=False)
    browser.force_login(person)
    return person, browser


def links_of_the_menu(browser: Client) -> list[str]:
    html = browser.get(reverse("admin:index")).content.decode()
    sidebar = html.partition('id="nav-sidebar-apps"')[2].partition("</ol>\n")[0] + html.partition("nav-sidebar-apps")[2]
    listed = {str(item["link"]) for group in menu.NAVIGATION for item in group["items"]}
    return sorted(listed & set(re.findall(r'href="([^"]+)"', sidebar)))


@pytest.mark.parametrize("role", ROLES)
def test_everything_in_the_menu_of_a_role_opens_and_every_list_that_it_may_see_is_there(role: str) -> None:
    one_of_each()
    person, browser = member(role)

    links = links_of_the_menu(browser)

    assert {link: browser.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    assert links
    for group in menu.NAVIGATION:
        for item in group["items"]:
            app, model, *page = str(item["link"]).strip("/").split("/")[1:]
            if f"{app}_{model}_".startswith(OF_KINDS):
                continue
            rights = ("add",) if page else ("view", "change")
            may_see = any(person.has_perm(f"{app}.{right}_{model}") for right in rights)
            assert (str(item["link"]) in links) is may_see, (role, item["title"])


@pytest.mark.parametrize("role", ROLES)
def test_no_page_opens_that_a_role_may_not_see_and_what_it_may_does(role: str) -> None:
    one_of_each()
    person, browser = member(role)
    before = fingerprint()
    wrong = []

    for address, name in addresses():
        if name in EVERYBODYS | LEADING | OWN or address == "/admin/login/":
            continue
        status = browser.get(address).status_code
        may_see = _may_see(person, name)
        if may_see is not None and status != (200 if may_see else 403) and not name.startswith(OF_KINDS):
            wrong.append((address, name, status))

    assert wrong == []
    assert fingerprint() == before


def _may_see(person: User, name: str) -> bool | None:
    """Whether this person may see the page of this name by their rights to its model; None if its name does not say so."""
    for model, model_admin in admin.site._registry.items():
        options = model._meta
        for ending in OF_A_MODEL:
            if name == f"{options.app_label}_{options.model_name}_{ending}":
                see = [f"{options.app_label}.{verb}_{options.model_name}" for verb in ("view", "change")]
                if model_admin.has_change_permission.__qualname__.startswith("ReadOnlyAdmin"):
                    see = see[:1]
                return any(person.has_perm(each) for each in see)
    return None


def test_a_superuser_has_the_whole_menu() -> None:
    one_of_each()
    browser = Client()
    browser.force_login(User.objects.create_superuser("ruth"))

    links = links_of_the_menu(browser)

    assert len(links) == sum(len(group["items"]) for group in menu.NAVIGATION)


def test_every_entry_of_the_menu_leads_to_a_model_of_the_admin() -> None:
    for group in menu.NAVIGATION:
        for item in group["items"]:
            app, model = str(item["link"]).split("/")[2:4]

            assert admin.site.is_registered(apps.get_model(app, model)), item["title"]


@pytest.mark.parametrize("role", ROLES)
def test_the_start_page_of_a_role_costs_no_error_and_few_queries(
    role: str, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_of_each()
    # What is shared for some seconds is shared by both visits, however long they take.
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 600.0)
    monkeypatch.setattr(away, "FRESH_SECONDS", 600.0)
    _, browser = member(role)
    browser.get(reverse("admin:index"))

    with django_assert_max_num_queries(15):
        assert browser.get(reverse("admin:index")).status_code == 200
