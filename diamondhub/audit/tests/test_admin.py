"""The audit in the admin: the history of an object, the list of all events, and its export."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.audit import export
from diamondhub.audit.acting import acting
from diamondhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

LIST = "/admin/audit/auditevent/"
VIEW, EXPORT = "view_auditevent", "export_auditevent"


def signed_in(*permissions: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client(headers={"X-Request-Id": "request-of-olga"})
    browser.force_login(person)
    return browser


def a_client(name: str = "shop", *, user: str = "maria", **told: Any) -> ApiClient:
    with acting(user, **told):
        return ApiClient.objects.create(name=name, scopes=["catalog:read"])


def listed(browser: Client, query: str = "") -> list[AuditEvent]:
    response = browser.get(f"{LIST}?{query}")
    assert response.status_code == 200, response
    return list(response.context["cl"].result_list)


def names(events: list[AuditEvent]) -> set[str]:
    return {event.after["name"] for event in events if event.kind == "access.apiclient"}


def exported(browser: Client, query: str = "") -> list[dict[str, str]]:
    response: Any = browser.get(f"{reverse('admin:audit_auditevent_export')}?{query}")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(response).decode(), newline="")))


def test_an_edit_in_the_admin_names_the_person_and_the_request() -> None:
    client = a_client()
    browser = signed_in("change_apiclient", "view_apiclient")

    browser.post(
        reverse("admin:access_apiclient_change", args=[client.pk]), {"kind": "secret", "scopes": ["catalog:read"]}
    )

    event = AuditEvent.objects.get(what="changed", kind="access.apiclient")
    assert (event.who, event.request_id, event.before) == ("olga", "request-of-olga", {"active": True})
    assert event.via == f"POST /admin/access/apiclient/{client.pk}/change/"


def test_the_history_of_an_object_shows_each_field_before_and_after_the_newest_first() -> None:
    client = a_client()
    with acting("otto", reason="they left us", via="command x", request_id="abc"):
        ApiClient.objects.update(active=False)

    page = signed_in("view_apiclient").get(reverse("admin:access_apiclient_history", args=[client.pk]))

    text = page.content.decode()
    assert "<b>active</b>: yes → no" in text
    assert "they left us" in text
    assert text.index("otto") < text.index("maria")


def test_the_history_has_what_happened_to_an_objects_parts_and_to_no_other_object() -> None:
    issued, other = (create_client(name, scopes=["catalog:read"]) for name in ("shop", "other"))

    page = signed_in("view_apiclient").get(reverse("admin:access_apiclient_history", args=[issued.key.client_id]))

    text = page.content.decode()
    assert issued.key.key_id in text
    assert other.key.key_id not in text


def test_a_history_is_seen_by_whom_may_see_the_object() -> None:
    client = a_client()

    page = signed_in(VIEW).get(reverse("admin:access_apiclient_history", args=[client.pk]))

    assert page.status_code == 403


def test_the_history_of_what_is_gone_leads_away() -> None:
    page = signed_in("view_apiclient").get(reverse("admin:access_apiclient_history", args=[4711]))

    assert page.status_code == 302


def test_a_history_shows_a_bounded_number_of_events() -> None:
    client = a_client()
    for number in range(120):
        ApiClient.objects.update(name=f"shop {number}")

    page = signed_in("view_apiclient").get(reverse("admin:access_apiclient_history", args=[client.pk]))

    assert len(page.context["table"].rows) == 100
    assert "shop 119" in page.content.decode()


def test_the_list_needs_its_own_permission() -> None:
    browser = signed_in("view_apiclient", "change_apiclient")

    assert browser.get(LIST).status_code == 403
    assert browser.get(reverse("admin:audit_auditevent_export")).status_code == 403


def test_the_list_shows_all_kinds_the_newest_first() -> None:
    a_client("first")
    create_client("second", scopes=["catalog:read"])

    events = listed(signed_in(VIEW))

    # All of one transaction, so the order is that of their kinds' numbers.
    kinds = {event.kind for event in events}
    assert {"access.apiclient", "access.apikey", "auth.user", "auth.user_user_permissions"} == kinds
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)


def test_the_list_is_filtered_by_kind_what_object_who_and_request() -> None:
    shop = a_client("shop", user="maria", request_id="request-1")
    a_client("tool", user="otto", request_id="request-2")
    create_client("third", scopes=["catalog:read"])
    with acting("otto", request_id="request-3"):
        ApiClient.objects.filter(name="third").delete()
    browser = signed_in(VIEW)

    assert names(listed(browser, "who=maria")) == {"shop"}
    assert names(listed(browser, "request_id=request-2")) == {"tool"}
    assert names(listed(browser, f"kind=access.apiclient&object_id={shop.pk}")) == {"shop"}
    assert {event.kind for event in listed(browser, "kind=access.apikey")} == {"access.apikey"}
    assert names(listed(browser, "what=deleted")) == {"third"}
    assert listed(browser, "kind=nothing") == []


def test_the_list_is_searched_by_who_request_and_object() -> None:
    shop = a_client("shop", user="maria", request_id="request-1")
    a_client("tool", user="otto", request_id="request-2")
    browser = signed_in(VIEW)

    assert names(listed(browser, "q=otto")) == {"tool"}
    assert names(listed(browser, "q=request-1")) == {"shop"}
    assert names(listed(browser, f"q=API client {shop.pk}")) == {"shop"}
    assert names(listed(browser, f"q=access.apiclient:{shop.pk}")) == {"shop"}
    assert listed(browser, "q=nobody") == []


def test_the_list_is_filtered_by_days(today: date) -> None:
    a_client("shop")
    browser = signed_in(VIEW)
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)

    assert names(listed(browser, f"since={yesterday}&until={tomorrow}")) == {"shop"}
    assert names(listed(browser, f"since={yesterday}")) == {"shop"}
    assert listed(browser, f"until={yesterday}") == []
    assert listed(browser, f"since={tomorrow}") == []


@pytest.mark.parametrize(
    "query",
    [
        *(
            "since=x",
            "until=2026-13-01",
            "since=0001-01-01",
            "until=9999-12-31",
            "object_id=x",
            "object_id=9" + "9" * 40,
        ),
        *(
            "who=%00",
            "q=%00",
            "request_id=%00",
            "q=rule 99999999999999999999",
            "kind=%00",
            "p=x",
            "nonsense=1",
            "o=1.2",
        ),
    ],
)
def test_wrong_queries_are_no_errors(query: str) -> None:
    a_client()
    browser = signed_in(VIEW, EXPORT)

    assert browser.get(f"{LIST}?{query}", follow=True).status_code in (200, 400)
    assert browser.get(f"{LIST}export/?{query}", follow=True).status_code in (200, 400)


def test_an_event_has_a_page_with_every_field() -> None:
    a_client("shop", reason="a new shop")
    event = AuditEvent.objects.get()

    page = signed_in(VIEW).get(reverse("admin:audit_auditevent_change", args=[quote(event.id)]))

    assert page.status_code == 200
    assert "a new shop" in page.content.decode()


@pytest.mark.parametrize("address", ["x", "access.apiclient:x", "access.apiclient:99999999999999999999", "nothing:1"])
def test_an_event_that_does_not_exist_leads_away(address: str) -> None:
    assert signed_in(VIEW).get(f"{LIST}{address}/change/").status_code == 302


def test_nobody_adds_changes_or_deletes_events_in_the_admin() -> None:
    a_client()
    event = AuditEvent.objects.get()
    User.objects.create_superuser("root")
    browser = Client()
    browser.force_login(User.objects.get(username="root"))
    before = AuditEvent.objects.count()
    page = f"{LIST}{quote(event.id)}"

    assert browser.post(f"{LIST}add/", {}).status_code == 403
    assert browser.post(f"{page}/change/", {"who": "x"}).status_code == 405
    assert browser.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert AuditEvent.objects.count() == before


def test_the_export_has_the_events_of_the_list() -> None:
    a_client("shop", user="maria", via="POST /x", reason="new", request_id="request-1")
    a_client("tool", user="otto")

    (row,) = exported(signed_in(VIEW, EXPORT), "who=maria")

    assert (row["who"], row["what"], row["kind"], row["reason"]) == ("maria", "created", "access.apiclient", "new")
    assert (row["by means of"], row["request id"]) == ("POST /x", "request-1")
    assert "name: shop" in row["changes"]
    assert '"name":"shop"' in row["after"]


def test_the_export_needs_a_permission_of_its_own_and_get() -> None:
    browser = signed_in(VIEW)

    assert browser.get(f"{LIST}export/").status_code == 403
    assert browser.post(f"{LIST}export/").status_code == 405
    assert "Export these events" not in browser.get(LIST).content.decode()


HOSTILE = [
    '=HYPERLINK("http://x";"y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1",
    'a","b\nc',
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_formula_or_breaks_the_file(text: str) -> None:
    a_client("shop", user=text, reason="x" + text)

    (row,) = (row for row in exported(signed_in(VIEW, EXPORT)) if row["kind"] == "access.apiclient")

    assert row["who"].removeprefix("'") == text
    assert row["reason"] == "x" + text
    assert row["who"].startswith("'") is (text not in HOSTILE[-2:])
    for cell in row.values():
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_what_follows_a_semicolon_is_no_cell_of_its_own() -> None:
    a_client("shop", reason="ok;=1+1;x")
    answer: Any = signed_in(VIEW, EXPORT).get(f"{LIST}export/")

    lines = b"".join(answer.streaming_content).decode().splitlines()

    (line,) = (line for line in lines if "ok;=1+1" in line)
    assert '"ok;=1+1;x"' in line


def test_no_text_becomes_markup() -> None:
    client = a_client("<script>alert(1)</script>", user="<b>maria</b>", reason="<i>why</i>")
    browser = signed_in(VIEW, "view_apiclient")

    for page in (LIST, reverse("admin:access_apiclient_history", args=[client.pk])):
        text = browser.get(page).content.decode()
        assert "<script>alert(1)" not in text
        assert "<b>maria" not in text
        assert "<i>why" not in text


def test_the_export_is_bounded_and_says_where_it_was_cut() -> None:
    for number in range(5):
        a_client(f"shop {number}")

    lines = list(export.lines(AuditEvent.objects.all(), most=3))

    assert len(lines) == 1 + 3 + 1
    assert lines[-1].startswith('"Cut after 3 events')


def test_the_export_goes_on_from_chunk_to_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "CHUNK", 2)
    for number in range(5):
        create_client(f"shop {number}", scopes=["catalog:read"])

    events = list(export.newest_first(AuditEvent.objects.all()))

    # Clients and keys have numbers of their own, so that events of one moment share them.
    assert len(events) == len({event.id for event in events}) == 10


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20000-01-01T00:00:00Z", "0044-03-15 BC"])
def test_a_moment_that_python_does_not_know_is_shown_as_it_is_kept(moment: str) -> None:
    client = a_client()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_apikey (client_id, key_id, secret_hash, created_at, revoked_at) "
            "VALUES (%s, 'a', '', now(), %s)",
            [client.pk, moment],
        )
        cursor.execute("UPDATE access_apikey SET expires_at = %s", [moment])
    browser = signed_in(VIEW, EXPORT)

    assert len(listed(browser, "kind=access.apikey")) == 2
    changed, created = exported(browser, "kind=access.apikey")
    assert "revoked at: " in created["changes"]
    assert changed["changes"].startswith("expires at: – → ")
