"""Keys are replaced with an overlap, given an end and revoked, by functions and commands that say what is wrong."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_address
from random import randrange

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from diamondhub.access import clients, keys
from diamondhub.access.clients import AccessError, IssuedKey, create_client
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.audit import history, tracking

#: How far two clocks, and the beginning and end of a test, may be apart.
A_WHILE = timedelta(minutes=5)


@pytest.fixture
def http() -> Client:
    # An address of its own for every test: failures are counted by address for a minute.
    return Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))))


@pytest.fixture
def issued() -> IssuedKey:
    return create_client("shop", scopes=["catalog:read"])


def status_of(http: Client, key: str) -> int:
    return http.get("/api/v1/diamonds", headers={"X-API-Key": key}).status_code


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def end_of(key: ApiKey) -> timedelta:
    """The time that a key has left."""
    key.refresh_from_db()
    assert key.expires_at is not None
    return key.expires_at - timezone.now()


# --- rotation --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_both_keys_work_until_the_overlap_is_over(http: Client, issued: IssuedKey) -> None:
    new = clients.rotate_key(issued.key, overlap=timedelta(days=2))

    during = status_of(http, issued.text), status_of(http, new.text)
    left = end_of(issued.key)
    ApiKey.objects.filter(pk=issued.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert during == (200, 200)
    assert timedelta(days=2) - A_WHILE < left <= timedelta(days=2)
    assert (status_of(http, issued.text), status_of(http, new.text)) == (401, 200)


@pytest.mark.django_db
def test_a_key_that_leaked_ends_at_once(http: Client, issued: IssuedKey) -> None:
    new = clients.rotate_key(issued.key, overlap=timedelta(0))

    assert (status_of(http, issued.text), status_of(http, new.text)) == (401, 200)


@pytest.mark.django_db
def test_a_key_that_ends_before_the_overlap_is_over_ends_when_it_was_to(issued: IssuedKey) -> None:
    clients.change_key(issued.key, expires_days=1)

    clients.rotate_key(issued.key, overlap=timedelta(days=7))

    assert timedelta(days=1) - A_WHILE < end_of(issued.key) <= timedelta(days=1)


@pytest.mark.django_db
def test_a_new_key_lives_as_long_as_the_old_one_was_to(issued: IssuedKey) -> None:
    month = clients.issue_key(issued.key.client, expires_at=timezone.now() + timedelta(days=30))
    ApiKey.objects.filter(pk=month.key.pk).update(
        created_at=timezone.now() - timedelta(days=29), expires_at=timezone.now() + timedelta(days=1)
    )

    endless, limited = clients.rotate_key(issued.key), clients.rotate_key(month.key)
    chosen = clients.rotate_key(endless.key, expires_days=5)

    assert endless.key.expires_at is None
    assert timedelta(days=30) - A_WHILE < end_of(limited.key) <= timedelta(days=30) + A_WHILE
    assert timedelta(days=5) - A_WHILE < end_of(chosen.key) <= timedelta(days=5)


@pytest.mark.django_db
def test_a_key_is_replaced_once(issued: IssuedKey) -> None:
    new = clients.rotate_key(issued.key)

    with pytest.raises(AccessError, match=f"was replaced by dh_{new.key.key_id}_… before"):
        clients.rotate_key(issued.key)

    assert ApiKey.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_replace_the_same_key_at_once_one_does() -> None:
    issued = create_client("shop", scopes=["catalog:read"])

    def rotate(_: int) -> str:
        try:
            clients.rotate_key(issued.key)
        except AccessError as error:
            return str(error)
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(rotate, range(4)))

    assert sorted("was replaced" in outcome for outcome in outcomes) == [False, True, True, True]
    assert "done" in outcomes
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_a_key_that_is_over_is_not_replaced(issued: IssuedKey, state: str) -> None:
    past = timezone.now() - timedelta(seconds=1)
    ApiKey.objects.update(**({"revoked_at": past} if state == "revoked" else {"expires_at": past}))

    with pytest.raises(AccessError, match=f"is {state}: make shop a new key"):
        clients.rotate_key(issued.key)


@pytest.mark.django_db
def test_a_publishable_key_is_replaced_by_one() -> None:
    page = create_client("page", kind="publishable", scopes=["catalog:read"], origins=["https://shop.example"])

    assert clients.rotate_key(page.key).text.startswith("dhp_")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("0", timedelta(0)),
        ("0d", timedelta(0)),
        ("90d", timedelta(days=90)),
    ],
)
def test_an_overlap_is_read(written: str, meant: timedelta) -> None:
    assert clients.overlap_of(written) == meant


@pytest.mark.parametrize(
    "written", ["", "7", "7 days", "-1d", "1.5d", "٧d", "7d\n7d", "1w", "99999999d", "91d", "99999h"]
)
def test_an_overlap_that_cannot_be_is_refused(written: str) -> None:
    with pytest.raises(AccessError, match=r"the overlap (must be like 7d, 12h, 30m or 0|can be up to 90 days)"):
        clients.overlap_of(written)


# --- the commands ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["shop", "{id}", "dh_{id}", "dh_{id}_…"])
def test_the_command_takes_a_client_or_a_key_and_prints_the_new_key_alone(
    http: Client, issued: IssuedKey, form: str
) -> None:
    new = run("rotate_api_key", form.format(id=issued.key.key_id))

    assert keys.parse(new) is not None
    assert (status_of(http, issued.text), status_of(http, new)) == (200, 200)
    assert timedelta(days=7) - A_WHILE < end_of(issued.key) <= timedelta(days=7)


@pytest.mark.django_db
def test_the_command_reports_as_json(issued: IssuedKey) -> None:
    report = json.loads(run("rotate_api_key", "shop", "--overlap", "0", "--expires-days", "3", "--json"))

    assert keys.parse(report["key"]) is not None
    assert report["replaces"]["key_id"] == issued.key.key_id
    assert report["replaces"]["replaced_by"] == report["key_id"]
    assert report["expires_at"] is not None


@pytest.mark.django_db
def test_a_client_with_several_live_keys_is_asked_which(issued: IssuedKey) -> None:
    other = clients.issue_key(issued.key.client)

    with pytest.raises(CommandError, match="name one of") as caught:
        run("rotate_api_key", "shop")

    assert f"dh_{other.key.key_id}, dh_{issued.key.key_id}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.django_db
def test_a_replaced_key_that_still_works_is_not_in_question(issued: IssuedKey) -> None:
    first = run("rotate_api_key", "shop")

    second = run("rotate_api_key", "shop")

    assert keys.parse(first) != keys.parse(second)
    assert ApiKey.objects.filter(replaced_by=None).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rotate_api_key", "nobody"], "no API client and no API key 'nobody'"),
        (["rotate_api_key", "dh_000000000000"], "no API client and no API key"),
        (["rotate_api_key", ""], "no API client and no API key"),
        (["rotate_api_key", "x" * 10_000], "no API client and no API key"),
        (["rotate_api_key", "a\0b"], "must be text in UTF-8"),
        (["rotate_api_key", "shop", "--overlap", "soon"], "must be like 7d"),
        (["rotate_api_key", "shop", "--overlap", "91d"], "up to 90 days"),
        (["rotate_api_key", "shop", "--expires-days", "0"], "1 to 3650"),
        (["create_api_key", "nobody"], "no API client named 'nobody'"),
        (["create_api_key", "shop", "--expires-days", "x"], "whole number"),
        (["change_api_key", "shop", "--never-expires"], "keys are named by their ids"),
        (["change_api_key", "dh_000000000000", "--expires-days", "3"], "there is no API key"),
        (["revoke_api_key", "dh_000000000000"], "there is no API key"),
        (["change_api_client", "nobody"], "no API client named"),
        (["change_api_client", "shop", "--scope", "everything"], "no such scope"),
        (["change_api_client", "shop", "--origin", "https://shop.example"], "only a publishable client"),
        (["change_api_client", "shop", "--network", "everywhere"], "is no network"),
        (["change_api_client", "shop", "--kind", "publishable", "--origin", "https://a.example"], "revoke it first"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(issued: IssuedKey, arguments: list[str], words: str) -> None:
    before = list(ApiKey.objects.values()), list(ApiClient.objects.values())

    with pytest.raises(CommandError, match=words) as caught:
        run(*arguments)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert (list(ApiKey.objects.values()), list(ApiClient.objects.values())) == before


@pytest.mark.django_db
@pytest.mark.parametrize("command", [["rotate_api_key"], ["revoke_api_key"], ["change_api_key", "--never-expires"]])
def test_a_whole_key_is_refused_as_a_name_and_not_repeated(issued: IssuedKey, command: list[str]) -> None:
    with pytest.raises(CommandError, match="by its id only") as caught:
        run(*command, issued.text)

    assert issued.text not in str(caught.value)
    assert ApiKey.objects.get().revoked_at is None


@pytest.mark.django_db
def test_a_further_key_leaves_the_first_as_it_is(http: Client, issued: IssuedKey) -> None:
    further = run("create_api_key", "shop")

    assert (status_of(http, issued.text), status_of(http, further)) == (200, 200)
    issued.key.refresh_from_db()
    assert issued.key.expires_at is None


@pytest.mark.django_db
def test_a_key_is_given_an_end_and_none(issued: IssuedKey) -> None:
    some = json.loads(run("change_api_key", issued.key.key_id, "--expires-days", "3", "--json"))
    none = json.loads(run("change_api_key", issued.key.key_id, "--never-expires", "--json"))

    assert some["expires_at"] is not None
    assert none["expires_at"] is None


@pytest.mark.django_db
def test_a_revoked_key_is_refused_from_the_next_request_on_and_for_ever(http: Client, issued: IssuedKey) -> None:
    before = status_of(http, issued.text)

    run("revoke_api_key", f"dh_{issued.key.key_id}")

    assert (before, status_of(http, issued.text)) == (200, 401)
    with pytest.raises(CommandError, match="was revoked before"):
        run("revoke_api_key", issued.key.key_id)
    with pytest.raises(CommandError, match="for ever"):
        run("change_api_key", issued.key.key_id, "--never-expires")


@pytest.mark.django_db
def test_a_client_is_changed_and_shown(http: Client, issued: IssuedKey) -> None:
    shown = json.loads(
        run(
            *("change_api_client", "shop", "--scope", "catalog:read", "--scope", "pricing:read"),
            *("--network", "10.0.0.0/8", "--network", "2001:db8::1", "--json"),
        )
    )

    assert shown["scopes"] == ["catalog:read", "pricing:read"]
    assert shown["networks"] == ["10.0.0.0/8", "2001:db8::1/128"]
    assert [key["key_id"] for key in shown["keys"]] == [issued.key.key_id]
    assert status_of(http, issued.text) == 200
    assert json.loads(run("change_api_client", "shop", "--any-network", "--json"))["networks"] == []


@pytest.mark.django_db
def test_a_client_is_switched_off_and_on(http: Client, issued: IssuedKey) -> None:
    run("change_api_client", "shop", "--off")
    off = status_of(http, issued.text)

    run("change_api_client", "shop", "--on")

    assert (off, status_of(http, issued.text)) == (401, 200)


@pytest.mark.django_db
def test_a_client_is_shown_without_being_changed(issued: IssuedKey) -> None:
    words = run("change_api_client", "shop")

    assert f"dh_{issued.key.key_id}_… does not end, never used" in words
    assert tracking.AUDITED["access.apiclient"].events.objects.filter(pgh_label="changed").count() == 0


@pytest.mark.django_db
def test_a_publishable_client_is_made_by_command() -> None:
    report = json.loads(
        run("create_api_client", "page", "--kind", "publishable", "--origin", "https://Shop.example/", "--json")
    )

    assert report["key"].startswith("dhp_")
    assert report["kind"] == "publishable"
    assert ApiClient.objects.get().origins == ["https://shop.example"]


# --- the audit -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_everything_is_in_the_history_of_the_client_and_no_secret(issued: IssuedKey) -> None:
    new = run("rotate_api_key", "shop", "--overlap", "1d")
    run("change_api_client", "shop", "--network", "10.0.0.0/8")
    run("change_api_key", issued.key.key_id, "--expires-days", "3")
    run("revoke_api_key", issued.key.key_id)

    events = history.events_of(ApiClient.objects.get())

    told = [(event.kind, str(event.what)) for event in events]
    assert sorted(told) == [
        ("access.apiclient", "changed"),
        ("access.apiclient", "created"),
        *[("access.apikey", "changed")] * 3,
        *[("access.apikey", "created")] * 2,
    ]
    everything = json.dumps([[event.before, event.after] for event in events], default=str)
    assert "10.0.0.0/8" in everything
    for text in (issued.text, new):
        presented = keys.parse(text)
        assert presented is not None
        assert presented.secret not in everything
