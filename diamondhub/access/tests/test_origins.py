"""Publishable keys work in pages of their client's origins and nowhere else; a secret key in a page is refused and told."""

from __future__ import annotations

from ipaddress import ip_address
from random import randrange
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from diamondhub.access import clients, keys, misuse, origins
from diamondhub.access.clients import AccessError, IssuedKey, create_client
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.operations.models import Problem

SHOP = "https://www.shop.example"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("https://www.shop.example", "https://www.shop.example"),
        ("HTTPS://WWW.Shop.Example/", "https://www.shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_has_one_form(written: str, normal: str) -> None:
    assert origins.normal(written) == normal


@pytest.mark.parametrize(
    "written",
    [
        "",
        "*",
        "null",
        "shop.example",
        "//shop.example",
        "ftp://shop.example",
        "file:///",
        "chrome-extension://abcdef",
        "https://",
        "https://*.shop.example",
        "https://shop.example/path",
        "https://shop.example//",
        "https://shop.example?x",
        "https://shop.example#x",
        "https://user@shop.example",
        "https://user:password@shop.example",
        "https://shop..example",
        "https://.shop.example",
        "https://shop.example.",
        "https://shop.example:0",
        "https://shop.example:65536",
        "https://shop.example:",
        "https://shop.example:٤٤٣",
        "https://bücher.example",
        "https://shop.example\n",
        "https://shop.example\0",
        "https://shop.example, https://other.example",
        "https://[::1",
        "https://[zz]",
        "https://" + "a" * 300,
        "\ud800",
    ],
)
def test_what_is_no_origin_is_refused_with_what_is_accepted(written: str) -> None:
    if written == "https://shop.example\n":
        # What people paste may end with a line's end; what a header holds may not.
        assert origins.origin_of(RequestFactory().get("/", headers={"Origin": written})) is None
        return

    with pytest.raises(origins.OriginError, match=r"e\.g\. https://www\.example\.com") as caught:
        origins.normal(written)

    assert len(str(caught.value)) < 450


@given(st.text())
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    try:
        origin = origins.normal(text)
    except origins.OriginError:
        return
    assert origins.normal(origin) == origin


def test_a_list_is_bounded_and_without_repeats() -> None:
    assert origins.normal_list([SHOP, "", f"{SHOP}:443/"]) == [SHOP]
    with pytest.raises(origins.OriginError, match="50 origins, not 51"):
        origins.normal_list(f"https://shop{number}.example" for number in range(51))


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"Origin": SHOP}, SHOP),
        ({"Origin": f"{SHOP}:443"}, SHOP),
        ({"Referer": f"{SHOP}/rings?colour=D"}, SHOP),
        ({"Referer": SHOP}, SHOP),
        ({"Origin": "null", "Referer": f"{SHOP}/"}, None),
        ({"Origin": "", "Referer": f"{SHOP}/"}, None),
        ({"Origin": f"{SHOP}/"}, None),
        ({"Referer": f"https://evil.example/{SHOP}"}, "https://evil.example"),
        ({"Referer": f"https://evil.example?{SHOP}"}, "https://evil.example"),
        ({"Referer": f"https://evil.example#{SHOP}"}, "https://evil.example"),
        ({"Referer": f"https://evil.example\\@{SHOP}"}, "https://evil.example"),
        ({"Referer": "https://www.shop.example@evil.example/"}, None),
        ({"Referer": "nonsense"}, None),
        ({}, None),
    ],
)
def test_where_a_request_comes_from_is_told_by_origin_and_else_by_referer(
    headers: dict[str, str], origin: str | None
) -> None:
    assert origins.origin_of(RequestFactory().get("/", headers=headers)) == origin


# --- at the gate -----------------------------------------------------------------------------------------------------


@pytest.fixture
def http() -> Client:
    misuse.forget()
    # An address of its own for every test: failures are counted by address for a minute.
    return Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))))


@pytest.fixture
def public() -> IssuedKey:
    return create_client("shop page", kind="publishable", scopes=["catalog:read"], origins=[SHOP])


@pytest.fixture
def secret() -> IssuedKey:
    return create_client("shop server", scopes=["catalog:read"])


def asked(http: Client, key: str, **headers: str) -> Any:
    return http.get("/api/v1/diamonds", headers={"X-API-Key": key, **headers})


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{"Origin": SHOP}, {"Referer": f"{SHOP}/rings"}])
def test_a_publishable_key_works_in_its_clients_pages(http: Client, public: IssuedKey, headers: dict[str, str]) -> None:
    assert asked(http, public.text, **headers).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "https://shop.example"},
        {"Origin": "http://www.shop.example"},
        {"Origin": "https://www.shop.example:8443"},
        {"Origin": "https://www.shop.example.evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Referer": f"{SHOP}/"},
        {"Referer": "https://evil.example/"},
    ],
)
def test_a_publishable_key_is_refused_everywhere_else(http: Client, public: IssuedKey, headers: dict[str, str]) -> None:
    answer = asked(http, public.text, **headers)

    assert answer.status_code == 403
    assert answer.json()["type"].endswith("origin-not-allowed")
    public.key.refresh_from_db()
    assert public.key.last_used_at is None


@pytest.mark.django_db
def test_a_publishable_key_opens_nothing_but_reading(http: Client, public: IssuedKey) -> None:
    answer = http.get("/api/v1/pricing/rule-sets", headers={"X-API-Key": public.text, "Origin": SHOP})

    assert answer.status_code in (403, 404)


@pytest.mark.django_db
def test_a_publishable_key_rewritten_as_a_secret_one_is_no_key(http: Client, public: IssuedKey) -> None:
    presented = keys.parse(public.text)
    assert presented is not None

    rewritten = keys.PresentedKey(presented.key_id, presented.secret)

    assert asked(http, rewritten.text).status_code == 401


@pytest.mark.django_db
def test_a_key_that_was_in_pages_never_becomes_a_secret_one(http: Client, public: IssuedKey) -> None:
    ApiClient.objects.update(kind="secret")

    assert asked(http, public.text).status_code == 401
    assert asked(http, public.text, Origin=SHOP).status_code == 401


@pytest.mark.django_db
def test_a_secret_key_in_a_page_is_refused_and_a_problem_until_it_is_replaced(http: Client, secret: IssuedKey) -> None:
    with capture_logs() as lines:
        answers = [asked(http, secret.text, Origin=origin) for origin in (SHOP, "null", "https://other.example")]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert answers[0].json()["type"].endswith("secret-key-in-browser")
    assert [line["origin"] for line in lines if line["event"] == "key_misused"] == [
        SHOP,
        "null",
        "https://other.example",
    ]
    problem = Problem.objects.get()
    assert (problem.kind, problem.state) == ("secret-key-in-page", "open")
    assert secret.key.key_id in problem.subject
    assert SHOP in problem.subject
    assert secret.text not in f"{problem.subject} {problem.details} {lines}"
    clients.rotate_key(secret.key)
    assert Problem.objects.get().state == "resolved"


@pytest.mark.django_db
def test_every_process_counts_what_it_sees_of_the_same_key_and_writes_it_down_now_and_then(
    http: Client, secret: IssuedKey
) -> None:
    asked(http, secret.text, Origin=SHOP)
    asked(http, secret.text, Origin=SHOP)
    written = Problem.objects.get().occurrences
    misuse.forget()

    asked(http, secret.text, Origin=SHOP)

    assert (written, Problem.objects.get().occurrences) == (1, 2)


@pytest.mark.django_db
def test_a_stranger_with_a_wrong_key_in_a_page_learns_and_causes_nothing(http: Client, secret: IssuedKey) -> None:
    answer = asked(http, keys.PresentedKey(secret.key.key_id, "0" * 43).text, Origin=SHOP)

    assert answer.status_code == 401
    assert not Problem.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["http://testserver", "https://TESTSERVER"])
def test_our_own_pages_may_use_a_secret_key(http: Client, secret: IssuedKey, origin: str) -> None:
    assert asked(http, secret.text, Origin=origin).status_code == 200


@pytest.mark.django_db
def test_a_secret_key_without_origin_is_let_in_whatever_referer_says(http: Client, secret: IssuedKey) -> None:
    assert asked(http, secret.text, Referer=f"{SHOP}/").status_code == 200


# --- for answers to browsers -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_origins_are_those_of_publishable_clients(public: IssuedKey, secret: IssuedKey) -> None:
    assert origins.origins_of(public.key.client) == {SHOP}
    assert origins.origins_of(secret.key.client) == frozenset()
    assert origins.origins_of(ApiClient(kind="secret", origins=[SHOP])) == frozenset()


@pytest.mark.django_db
def test_the_union_has_the_origins_of_active_clients(public: IssuedKey, secret: IssuedKey) -> None:
    other = create_client("other page", kind="publishable", scopes=["catalog:read"], origins=["https://other.example"])
    clients.change_client(other.key.client, active=False)
    origins.forget()

    assert origins.all_origins() == {SHOP}


@pytest.mark.django_db
def test_the_union_costs_no_query_each_time_and_follows_a_change_within_seconds(
    public: IssuedKey, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(origins, "time", SimpleNamespace(monotonic=lambda: now[0]))
    origins.forget()
    origins.all_origins()
    clients.change_client(public.key.client, origins=["https://new.example"])

    with django_assert_num_queries(0):
        origins.all_origins()
    now[0] += origins.UNION_SECONDS + 1

    assert origins.all_origins() == {"https://new.example"}
    origins.forget()


# --- what a client may be --------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"kind": "publishable", "scopes": ["catalog:read"]}, "needs the origins"),
        ({"kind": "publishable", "scopes": ["catalog:read", "pricing:read"], "origins": [SHOP]}, "not pricing:read"),
        ({"kind": "publishable", "scopes": ["pricing:read"], "origins": [SHOP]}, "not pricing:read"),
        ({"kind": "publishable", "scopes": ["catalog:read"], "origins": ["*"]}, "is no origin"),
        ({"kind": "secret", "scopes": ["catalog:read"], "origins": [SHOP]}, "only a publishable client has origins"),
        ({"kind": "open", "scopes": ["catalog:read"]}, "no such kind"),
        ({"kind": "secret", "scopes": ["catalog:read"], "networks": ["everywhere"]}, "is no network"),
    ],
)
def test_terms_that_contradict_each_other_are_refused(terms: Any, words: str) -> None:
    with pytest.raises(AccessError, match=words):
        create_client("shop", **terms)

    assert not ApiClient.objects.exists()


@pytest.mark.django_db
def test_the_database_refuses_a_publishable_client_that_may_more_than_read(public: IssuedKey) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiClient.objects.filter(pk=public.key.client_id).update(scopes=["catalog:read", "pricing:read"])


@pytest.mark.django_db
def test_the_kind_changes_only_once_no_key_of_the_other_kind_is_live(public: IssuedKey) -> None:
    with pytest.raises(AccessError, match="1 live key as a publishable client: revoke it first"):
        clients.change_client(public.key.client, kind="secret", origins=[])
    clients.revoke_key(public.key)

    changed = clients.change_client(public.key.client, kind="secret", origins=[])

    assert not changed.is_publishable
    assert clients.issue_key(changed).text.startswith("dh_")
    assert str(ApiKey.objects.get(pk=public.key.pk)).startswith("dhp_")
