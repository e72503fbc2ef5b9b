"""Secrets of feeds: set without being shown, opened only for where they are sent, used in place of the settings'."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from diamondhub.audit.tracking import AUDITED
from ingest import feed_secrets
from ingest.feed_secrets import NoSuchSecret, SecretCannotBeOpened, UnusableSecret
from ingest.feeds.adapters import adapter_of, mapping_adapter_of
from ingest.feeds.nivoda import build as nivoda
from ingest.feeds.nivoda.build import NivodaNotConfigured
from ingest.feeds.pricelist import source
from ingest.feeds.pricelist.errors import ListRefused
from ingest.models import Feed, FeedSecret
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests.admin_pages import messages_of, signed_in
from ingest.tests.sealed_secrets import SECRET, account  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


def feed(adapter: str = "nivoda", **parameters: Any) -> Feed:
    """A feed with an account of its own."""
    if adapter == "nivoda":
        parameters = {"labgrown": True, "username": "theirs", **parameters}
    return Feed.objects.create(slug="rosy", name="Rosy", adapter=adapter, parameters=parameters)


def test_a_secret_that_was_set_opens_and_does_not_lie_in_clear() -> None:
    rosy = feed()

    feed_secrets.set_secret(rosy, "password", SECRET)

    assert feed_secrets.opened(rosy) == {"password": SECRET}
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(ingest_feedsecret)::text FROM ingest_feedsecret")
        (row,) = cursor.fetchone()
    assert SECRET not in row
    assert SECRET.encode().hex() not in row


def test_setting_it_again_replaces_it_and_both_are_in_the_history_without_it() -> None:
    rosy = feed()

    feed_secrets.set_secret(rosy, "password", "the first one")
    feed_secrets.set_secret(rosy, "password", SECRET)
    feed_secrets.remove_secret(rosy, "password")

    events = AUDITED["ingest.feedsecret"].events.objects.order_by("pgh_id")
    labels = [event.pgh_label for event in events]
    assert (labels[0], labels[-1], labels.count("changed")) == ("created", "deleted", 2)
    assert not any(hasattr(event, "sealed") for event in events)
    assert feed_secrets.opened(rosy) == {}


def test_a_secret_copied_to_another_feed_opens_nothing_there() -> None:
    rosy = feed()
    other = Feed.objects.create(slug="other", name="Other", adapter="nivoda", parameters=rosy.parameters)
    feed_secrets.set_secret(rosy, "password", SECRET)

    FeedSecret.objects.update(feed=other)

    with pytest.raises(SecretCannotBeOpened, match="does not open"):
        feed_secrets.opened(other)


@pytest.mark.parametrize("changes", [{"username": "mallory"}, {"endpoint": "https://evil.example/api"}])
def test_a_password_is_not_sent_to_another_account_or_endpoint_than_it_was_set_for(changes: dict[str, str]) -> None:
    rosy = feed()
    feed_secrets.set_secret(rosy, "password", SECRET)

    rosy.parameters |= changes
    rosy.save()

    with pytest.raises(SecretCannotBeOpened, match="set it again"):
        adapter_of(rosy)
    (state,) = feed_secrets.states(rosy)
    assert not state.usable


def test_changing_the_destination_in_the_database_opens_nothing() -> None:
    rosy = feed()
    feed_secrets.set_secret(rosy, "password", SECRET)
    rosy.parameters |= {"username": "mallory"}
    rosy.save()

    FeedSecret.objects.update(destination=feed_secrets._hashed(nivoda.secrets_of(rosy.parameters)["password"]))

    with pytest.raises(SecretCannotBeOpened, match="does not open"):
        feed_secrets.opened(rosy)


@pytest.mark.parametrize("value", ["", "x" * 2001, "two\nlines", "nul\0", "half\ud800"])
def test_what_cannot_be_a_secret_is_refused(value: str) -> None:
    with pytest.raises(UnusableSecret):
        feed_secrets.set_secret(feed(), "password", value)


def test_a_secret_that_the_feed_does_not_send_is_refused_by_name() -> None:
    rosy = feed()

    with pytest.raises(NoSuchSecret, match="its secrets are: password"):
        feed_secrets.set_secret(rosy, "token", SECRET)
    with pytest.raises(NoSuchSecret, match="no secret 'password'"):
        feed_secrets.remove_secret(rosy, "password")


def test_the_password_of_the_settings_is_not_sent_for_an_account_of_the_feeds_own() -> None:
    with pytest.raises(NivodaNotConfigured, match="own account has no password"):
        adapter_of(feed())


def test_a_feed_names_no_endpoint_that_the_operator_does_not_know() -> None:
    rosy = feed(endpoint="https://evil.example/api")
    feed_secrets.set_secret(rosy, "password", SECRET)

    with pytest.raises(NivodaNotConfigured, match="NIVODA_ENDPOINTS"):
        adapter_of(rosy)


def test_items_are_mapped_without_any_account() -> None:
    rosy = feed(endpoint="https://evil.example/api")

    assert mapping_adapter_of(rosy).mapper_version


def test_each_account_has_a_limiter_of_its_own_and_feeds_of_one_account_share_it(settings: Any) -> None:
    ours = nivoda.limiter_name(settings.NIVODA_ENDPOINT, "ours")
    theirs = nivoda.limiter_name(settings.NIVODA_ENDPOINT, "theirs")

    assert ours == "nivoda"
    assert theirs not in (ours, nivoda.limiter_name(settings.NIVODA_ENDPOINT, "others"))
    assert nivoda.limiter_name("https://elsewhere.example/api", "theirs") != theirs


def test_a_feed_signs_in_with_the_account_of_its_own(settings: Any) -> None:
    options = Options(stones=10, username="theirs", password=SECRET)
    with Sandbox(options) as supplier:
        settings.NIVODA_ENDPOINTS = [supplier.url]
        rosy = feed(endpoint=supplier.url)
        feed_secrets.set_secret(rosy, "password", SECRET)

        assert adapter_of(rosy).server_time()

        # The next request of the same process already has the new one, which the supplier does not know.
        feed_secrets.set_secret(rosy, "password", "another one, and wrong")
        assert adapter_of(rosy) is not None
        with pytest.raises(Exception, match="refuses the sign-in"):
            adapter_of(rosy).server_time()


def test_an_address_has_its_secrets_filled_in_encoded() -> None:
    address = "https://us:{password}@lists.example/list.csv?token={token}"

    filled = source.filled(address, {"password": "p@ss/{token}", "token": "t&x=1"})

    assert filled == "https://us:p%40ss%2F%7Btoken%7D@lists.example/list.csv?token=t%26x%3D1"
    assert source.places_of("list-{token}.csv") == ()
    with pytest.raises(ListRefused, match="needs the token"):
        source.filled(address, {"password": "p"})


def test_a_price_list_may_have_a_password_and_a_token() -> None:
    rosy = feed("pricelist", source="https://us:{password}@lists.example/list.csv?token={token}")

    feed_secrets.set_secret(rosy, "token", SECRET)

    assert [(state.name, state.usable) for state in feed_secrets.states(rosy)] == [("password", False), ("token", True)]


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_reads_a_secret_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    rosy = feed()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{SECRET}\n".encode())))
    out = io.StringIO()

    call_command("set_feed_secret", "rosy", "password", as_json=True, stdout=out)

    assert json.loads(out.getvalue()) == {"feed": "rosy", "secret": "password", "state": "set"}
    assert feed_secrets.opened(rosy) == {"password": SECRET}


def test_the_command_reads_a_secret_from_a_file_and_removes_it(tmp_path: Any) -> None:
    rosy = feed()
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    call_command("set_feed_secret", "rosy", "password", file=str(tmp_path / "secret"), stdout=io.StringIO())
    assert feed_secrets.opened(rosy) == {"password": SECRET}
    call_command("set_feed_secret", "rosy", "password", remove=True, stdout=io.StringIO())

    assert feed_secrets.opened(rosy) == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "1 to 2,000"), (b"\xff\xfe", "no text in UTF-8"), (None, "no such file"), (b"a\nb", "line")],
)
def test_the_command_refuses_what_is_no_secret_in_one_line(tmp_path: Any, content: bytes | None, says: str) -> None:
    feed()
    if content is not None:
        (tmp_path / "secret").write_bytes(content)

    with pytest.raises(CommandError, match=says):
        call_command("set_feed_secret", "rosy", "password", file=str(tmp_path / "secret"))


def test_a_feed_is_created_with_its_secrets(tmp_path: Any, settings: Any) -> None:
    with Sandbox(Options(stones=10, username="theirs", password=SECRET)) as supplier:
        settings.NIVODA_ENDPOINTS = [supplier.url]
        (tmp_path / "secrets").write_text(json.dumps({"password": SECRET}))
        parameters = json.dumps({"labgrown": True, "username": "theirs", "endpoint": supplier.url})

        call_command(
            *("create_feed", "rosy", "--adapter", "nivoda", "--parameters", parameters),
            *("--secrets", str(tmp_path / "secrets")),
            stdout=io.StringIO(),
        )

    assert feed_secrets.opened(Feed.objects.get(slug="rosy")) == {"password": SECRET}


def test_secrets_that_are_no_json_are_not_shown(tmp_path: Any) -> None:
    (tmp_path / "secrets").write_text(SECRET)

    with pytest.raises(CommandError, match="--secrets is not JSON") as refused:
        call_command(
            *("create_feed", "rosy", "--adapter", "nivoda", "--parameters", "{}"),
            *("--secrets", str(tmp_path / "secrets")),
        )

    assert SECRET not in str(refused.value)


# --- the admin -----------------------------------------------------------------------------------------------------


def secret_url(rosy: Feed, name: str = "password") -> str:
    return reverse("admin:ingest_feed_set_secret", args=[rosy.pk, name])


def test_a_secret_is_set_replaced_and_removed_in_the_admin_and_never_shown() -> None:
    rosy = feed()
    browser = signed_in(superuser=True)

    pages = [
        browser.post(secret_url(rosy), {"secret": "the first one"}, follow=True),
        browser.post(secret_url(rosy), {"secret": SECRET, "reason": "rotated"}, follow=True),
    ]
    assert feed_secrets.opened(rosy) == {"password": SECRET}
    pages.append(browser.post(secret_url(rosy), {"remove": "1"}, follow=True))

    assert [messages_of(page) for page in pages] == [
        ["The password is set. It is not shown again."],
        ["The password is set. It is not shown again."],
        ["The password is removed."],
    ]
    assert not any(SECRET in page.content.decode() or "the first one" in page.content.decode() for page in pages)
    assert feed_secrets.opened(rosy) == {}
    assert AUDITED["ingest.feedsecret"].events.objects.filter(pgh_who="olga", pgh_reason="rotated").exists()


@pytest.mark.parametrize("permissions", [(), ("view_feed",), ("view_feed", "view_feedsecret", "add_feedsecret")])
def test_a_secret_is_set_by_nobody_who_may_not_change_feeds(permissions: tuple[str, ...]) -> None:
    rosy = feed()

    response = signed_in(*permissions).post(secret_url(rosy), {"secret": SECRET})

    assert response.status_code == 403
    assert not FeedSecret.objects.exists()


def test_an_unknown_secret_or_feed_is_refused_in_words() -> None:
    rosy = feed()
    browser = signed_in(superuser=True)

    assert (
        "its secrets are: password"
        in messages_of(browser.post(secret_url(rosy, "pin"), {"secret": "x"}, follow=True))[0]
    )
    assert (
        browser.post(reverse("admin:ingest_feed_set_secret", args=[0, "password"]), {"secret": "x"}).status_code == 302
    )
    assert browser.get(secret_url(rosy)).status_code == 405


def test_who_may_only_view_a_feed_is_not_shown_the_passwords_in_its_addresses() -> None:
    rosy = feed("pricelist", source="https://user:s3cretpw@lists.example/list.csv?token=tok3n")
    page = reverse("admin:ingest_feed_change", args=[rosy.pk])

    viewed = signed_in("view_feed").get(page).content.decode()

    assert "lists.example/list.csv" in viewed
    assert "s3cretpw" not in viewed
    assert "tok3n" not in viewed


def test_who_may_change_a_feed_still_edits_its_parameters() -> None:
    rosy = feed("pricelist", source="https://user:s3cretpw@lists.example/list.csv?token=tok3n")

    page = (
        signed_in("view_feed", "change_feed").get(reverse("admin:ingest_feed_change", args=[rosy.pk])).content.decode()
    )

    assert "s3cretpw" in page
    assert 'name="parameters"' in page
