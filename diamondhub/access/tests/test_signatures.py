"""Signed requests: whoever signs as documented is let in, and nothing that was changed, repeated or made up is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from random import randrange
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from diamondhub.access import signing_secrets
from diamondhub.access.authentication import REFUSED
from diamondhub.access.clients import IssuedKey
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.signatures import Signatures
from diamondhub.access.tests.signing import ADDRESS, Signer, digest, problem, send, sign, signing_client
from diamondhub.api.problems import Problem

pytestmark = pytest.mark.django_db

EDIT = "/api/v1/rule-sets"
BODY = json.dumps({"notes": "autumn"}).encode()


@pytest.fixture
def http() -> Client:
    # An address of its own for every test: failures are counted by address for a minute.
    return Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))), raise_request_exception=False)


def get(http: Client, signer: Signer, target: str = ADDRESS, **parameters: Any) -> Any:
    return send(http, "GET", target, signer.headers("GET", target, **parameters))


def post(http: Client, signer: Signer, body: bytes = BODY, **parameters: Any) -> Any:
    return send(http, "POST", EDIT, signer.headers("POST", EDIT, body, **parameters), body)


# --- who is let in ------------------------------------------------------------------------------------------------


def test_a_signed_request_needs_no_key(http: Client) -> None:
    signer, _ = signing_client()

    assert get(http, signer).status_code == 200


def test_a_signed_body_reaches_the_view(http: Client) -> None:
    signer, _ = signing_client("pricing:edit")

    answer = post(http, signer)

    assert answer.status_code == 201, answer.content
    assert answer.json()["notes"] == "autumn"


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/diamonds?shape=ROUND&limit=2",
        "/api/v1/diamonds?shape=ROUND%2CPRINCESS",
        "/api/v1/diamonds?limit=2&shape=ROUND",
        "/api/v1/diamonds?%73hape=ROUND",
        "/api/v1/%64iamonds",
        "/api/v1/diamonds?",
    ],
)
def test_the_target_is_signed_as_it_was_sent(http: Client, target: str) -> None:
    signer, _ = signing_client()

    assert get(http, signer, target).status_code == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/api/v1/diamonds?shape=", 400),
        ("/api/v1/diamonds?shape", 400),
        ("/api/v1/diamonds?shape=round+", 200),
        ("/api/v1/diamonds?shape=round%20", 200),
        ("/api/v1/diamonds?a=%7e&b=~", 400),
        ("/api/v1/diamonds?a=1&a=1", 400),
        ("/api/v1/diamonds?&&", 200),
        ("/api//v1//diamonds", 404),
        ("/api/v1/diamonds/%2e%2e", 404),
        ("/api/v1/diamonds/a%2Fb;c=d", 404),
    ],
)
def test_odd_targets_pass_the_signature_and_are_answered_as_without_one(http: Client, target: str, status: int) -> None:
    signer, _ = signing_client()

    answer = get(http, signer, target)

    assert answer.status_code == status, answer.content
    assert b"signature" not in answer.content.lower()


def test_the_target_of_a_proxy_is_https_and_without_a_port(http: Client, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    settings.ALLOWED_HOSTS = ["shop.example"]
    signer, _ = signing_client()
    signer.scheme, signer.host = "https", "shop.example"

    def answers(host: str) -> Any:
        headers = signer.headers("GET", ADDRESS) | {"Host": host, "X-Forwarded-Proto": "https"}
        return send(http, "GET", ADDRESS, headers).status_code

    assert [answers(host) for host in ("shop.example", "SHOP.example", "shop.example:443")] == [200, 200, 200]
    assert answers("shop.example:80") == 401


def test_any_label_any_order_of_parameters_and_any_spaces_are_taken(http: Client) -> None:
    signer, issued = signing_client()
    values = {"@method": "GET", "@authority": "testserver", "@target-uri": f"http://testserver{ADDRESS}"}
    now = int(time.time())
    parameters = f';alg="hmac-sha256";keyid="dh_{issued.key.key_id}";nonce="a \\"quoted\\" \\\\ one";created={now}'
    fields = sign(signer.secret, values, parameters)
    spaced = (
        fields["Signature-Input"]
        .replace('" "', '"   "')
        .replace("(", "( ")
        .replace(";", ";  ")
        .replace("sig=", "*a.b-c=")
    )

    answer = send(
        http,
        "GET",
        ADDRESS,
        {"Signature-Input": f" {spaced}\t", "Signature": fields["Signature"].replace("sig", "*a.b-c")},
    )

    assert answer.status_code == 200, answer.content


def test_a_key_and_a_signature_of_the_same_key_are_taken(http: Client) -> None:
    signer, issued = signing_client()

    answer = send(http, "GET", ADDRESS, signer.headers("GET", ADDRESS) | {"X-API-Key": issued.text})

    assert answer.status_code == 200


def test_a_key_and_a_signature_of_another_key_are_refused(http: Client) -> None:
    signer, _ = signing_client()
    _, other = signing_client()

    answer = send(http, "GET", ADDRESS, signer.headers("GET", ADDRESS) | {"X-API-Key": other.text})

    assert problem(answer) == (401, "two-keys")


def test_a_wrong_key_is_not_made_good_by_a_signature(http: Client) -> None:
    signer, issued = signing_client()

    answer = send(http, "GET", ADDRESS, signer.headers("GET", ADDRESS) | {"X-API-Key": issued.text[:-1] + "!"})

    assert problem(answer) == (401, "unauthorized")


def test_last_use_is_recorded_of_a_key_that_signs(http: Client) -> None:
    signer, issued = signing_client()

    get(http, signer)

    issued.key.refresh_from_db()
    assert issued.key.last_used_at is not None


@pytest.mark.parametrize("address", ["/admin/login/", "/api/schema/", "/health/live"])
def test_what_anybody_may_have_hangs_on_no_signature(
    http: Client, address: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = send(http, "GET", address, {"Signature": "sig=:x:", "Signature-Input": "sig=nothing"})

    assert answer.status_code == 200


# --- what is refused like a wrong key -----------------------------------------------------------------------------


def revoke(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())


def expire(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate(key: ApiKey) -> None:
    ApiClient.objects.filter(pk=key.client_id).update(active=False)


def delete(key: ApiKey) -> None:
    key.delete()


def replace_secret(key: ApiKey) -> None:
    signing_secrets.issue(key)


def take_secret(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(signing_secret=None)


@pytest.mark.parametrize("spoil", [revoke, expire, deactivate, delete, replace_secret, take_secret])
def test_every_reason_to_refuse_looks_like_a_wrong_key(http: Client, spoil: Callable[[ApiKey], None]) -> None:
    signer, issued = signing_client()
    wrong_key = http.get(ADDRESS, headers={"X-API-Key": "dh_no_key"})
    spoil(issued.key)

    refused = get(http, signer)

    assert problem(refused) == (401, "unauthorized")
    ours = {name: value for name, value in refused.json().items() if name != "request_id"}
    assert ours == {name: value for name, value in wrong_key.json().items() if name != "request_id"}
    assert {*refused.headers} == {*wrong_key.headers}


def test_nobody_is_told_of_clock_or_nonce_without_the_secret(http: Client) -> None:
    signer, _ = signing_client()
    signer.secret = "another"

    late = get(http, signer, created=int(time.time()) - 10_000)

    assert problem(late) == (401, "unauthorized")
    assert "skew_seconds" not in late.json()


def test_a_wrong_signature_spends_no_nonce(http: Client) -> None:
    signer, _ = signing_client()
    forger = Signer(signer.key_id, "another")
    get(http, forger, nonce="n" * 16)

    answer = get(http, signer, nonce="n" * 16)

    assert answer.status_code == 200


@pytest.mark.usefixtures("one_minute")
def test_guessing_is_counted_as_guessing_of_keys_is(http: Client) -> None:
    signer, _ = signing_client()
    forger = Signer(signer.key_id, "another")

    guesses = [get(http, forger).status_code for _ in range(31)]

    assert guesses == [401] * 30 + [429]
    assert get(http, signer).status_code == 200


def test_every_refusal_costs_one_look_at_the_database(http: Client, django_assert_num_queries: Any) -> None:
    signer, issued = signing_client()
    forger = Signer(signer.key_id, "another")
    unknown = Signer("dh_" + "0" * 12, "another")
    get(http, unknown)

    for stranger in (forger, unknown):
        with django_assert_num_queries(1):
            get(http, stranger)
    revoke(issued.key)
    with django_assert_num_queries(1):
        get(http, signer)


# --- what was changed on its way ----------------------------------------------------------------------------------


def change_method(request: dict[str, Any]) -> None:
    request["method"] = "HEAD"


def change_path(request: dict[str, Any]) -> None:
    request["target"] = f"{ADDRESS}/00000000-0000-0000-0000-000000000001"


def change_spelling(request: dict[str, Any]) -> None:
    request["target"] = request["target"].replace("diamonds", "%64iamonds")


def add_parameter(request: dict[str, Any]) -> None:
    request["target"] += "&limit=100"


def spell_parameter_otherwise(request: dict[str, Any]) -> None:
    request["target"] = request["target"].replace("ROUND", "%52OUND")


def reorder_parameters(request: dict[str, Any]) -> None:
    request["target"] = f"{ADDRESS}?limit=2&shape=ROUND"


def change_host(request: dict[str, Any]) -> None:
    request["headers"]["Host"] = "localhost"


def change_scheme(request: dict[str, Any]) -> None:
    request["more"]["wsgi.url_scheme"] = "https"


def change_created(request: dict[str, Any]) -> None:
    created = request["headers"]["Signature-Input"]
    request["headers"]["Signature-Input"] = created.replace(";created=", ";created=1")


def change_nonce(request: dict[str, Any]) -> None:
    request["headers"]["Signature-Input"] = request["headers"]["Signature-Input"].replace('nonce="', 'nonce="x')


def change_mac(request: dict[str, Any]) -> None:
    mac = request["headers"]["Signature"]
    request["headers"]["Signature"] = mac[:10] + ("A" if mac[10] != "A" else "B") + mac[11:]


def add_expiry(request: dict[str, Any]) -> None:
    request["headers"]["Signature-Input"] += f";expires={int(time.time()) + 60}"


def reorder_signature_parameters(request: dict[str, Any]) -> None:
    label, *parameters = request["headers"]["Signature-Input"].split(";")
    request["headers"]["Signature-Input"] = ";".join([label, *reversed(parameters)])


@pytest.mark.parametrize(
    "change",
    [
        change_method,
        change_path,
        change_spelling,
        add_parameter,
        spell_parameter_otherwise,
        reorder_parameters,
        change_host,
        change_scheme,
        change_created,
        change_nonce,
        change_mac,
        add_expiry,
        reorder_signature_parameters,
    ],
)
def test_whatever_is_changed_on_the_way_is_noticed(http: Client, change: Callable[[dict[str, Any]], None]) -> None:
    signer, _ = signing_client()
    target = f"{ADDRESS}?shape=ROUND&limit=2"
    request: dict[str, Any] = {"method": "GET", "target": target, "headers": signer.headers("GET", target), "more": {}}
    change(request)

    answer = send(http, request["method"], request["target"], request["headers"], **request["more"])

    # What answers HEAD has no body.
    assert answer.status_code == 401, answer.content


def test_another_body_is_noticed_before_the_view_acts(http: Client) -> None:
    signer, _ = signing_client("pricing:edit", "pricing:read")
    headers = signer.headers("POST", EDIT, BODY)
    other = BODY.replace(b"autumn", b"winter")

    answer = send(http, "POST", EDIT, headers, other)

    assert problem(answer) == (400, "digest-mismatch")
    drafts = send(http, "GET", EDIT, signer.headers("GET", EDIT)).json()["results"]
    assert {draft["notes"] for draft in drafts}.isdisjoint({"autumn", "winter"})


@pytest.mark.parametrize("field", ["Content-Digest", "Content-Type"])
def test_another_digest_or_type_is_noticed_without_reading_the_body(http: Client, field: str) -> None:
    signer, _ = signing_client("pricing:edit")
    headers = signer.headers("POST", EDIT, BODY)
    headers[field] = digest(b"{}") if field == "Content-Digest" else "application/json; charset=utf-8"

    assert problem(send(http, "POST", EDIT, headers, BODY)) == (401, "unauthorized")


def test_a_body_cannot_be_added_or_taken_away(http: Client) -> None:
    signer, _ = signing_client("pricing:edit")
    without, with_body = signer.headers("POST", EDIT), signer.headers("POST", EDIT, BODY)

    added = send(http, "POST", EDIT, without | {"Content-Type": "application/json"}, BODY)
    taken = send(http, "POST", EDIT, with_body, b"")

    assert problem(added) == problem(taken) == (400, "malformed-signature")


def test_every_digest_that_is_named_must_be_right(http: Client) -> None:
    signer, _ = signing_client("pricing:edit")
    headers = {"Content-Type": "application/json"}

    def answer(content_digest: str) -> Any:
        values = {
            "@method": "POST",
            "@authority": "testserver",
            "@target-uri": f"http://testserver{EDIT}",
            "content-type": "application/json",
            "content-digest": content_digest,
        }
        parameters = f';created={int(time.time())};nonce="{time.time_ns()}";keyid="{signer.key_id}";alg="hmac-sha256"'
        fields = sign(signer.secret, values, parameters) | headers | {"Content-Digest": content_digest}
        return send(http, "POST", EDIT, fields, BODY)

    both = f"{digest(BODY)}, {digest(BODY, 'sha512')}"
    one_wrong = f"{digest(BODY)},{digest(b'{}', 'sha512')}"

    assert answer(both).status_code == answer(digest(BODY, "sha512")).status_code == 201
    assert problem(answer(one_wrong)) == (400, "digest-mismatch")


# --- time and nonces ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [-290, 290])
def test_clocks_may_be_off_by_five_minutes_both_ways(http: Client, skew: int) -> None:
    signer, _ = signing_client()

    assert get(http, signer, created=int(time.time()) + skew).status_code == 200


@pytest.mark.parametrize("skew", [-310, 310, -(10**9), 10**14])
def test_who_knows_the_secret_is_told_how_far_its_clock_is_off(http: Client, skew: int) -> None:
    signer, _ = signing_client()

    answer = get(http, signer, created=max(0, int(time.time()) + skew))

    assert problem(answer) == (401, "signature-out-of-time")
    told = answer.json()
    assert abs(told["skew_seconds"] - skew) < 60
    assert str(abs(told["skew_seconds"])) in told["detail"]
    assert told["server_time"] in told["detail"]
    assert abs((timezone.now() - timezone.datetime.fromisoformat(told["server_time"])).total_seconds()) < 60  # type: ignore[attr-defined]


def test_a_client_may_let_its_signatures_expire_earlier(http: Client) -> None:
    signer, _ = signing_client()
    now = int(time.time())

    good = get(http, signer, created=now - 60, expires=now + 60)
    over = get(http, signer, created=now - 60, expires=now - 1)

    assert good.status_code == 200
    assert problem(over) == (401, "signature-expired")


def test_a_request_that_came_before_is_refused(http: Client) -> None:
    signer, _ = signing_client()
    headers = signer.headers("GET", ADDRESS)

    answers = [send(http, "GET", ADDRESS, headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert problem(answers[1]) == (401, "nonce-used")


def test_a_nonce_is_one_of_its_key(http: Client) -> None:
    nonce = "0123456789"
    signers = [signing_client()[0] for _ in range(2)]

    assert [get(http, signer, nonce=nonce).status_code for signer in signers] == [200, 200]


def refusal(headers: dict[str, str], **environment: str) -> Problem:
    """What the step by itself says to a request."""
    extra: Any = {"RAW_URI": ADDRESS, **environment}
    request = RequestFactory().get(ADDRESS, headers=headers, **extra)
    with pytest.raises(Problem) as refused:
        Signatures().check(Visit(request))
    return refused.value


# --- what cannot be read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"created": None}, "lacks the parameter created"),
        ({"nonce": None}, "lacks the parameter nonce"),
        ({"keyid": None}, "lacks the parameter keyid"),
        ({"alg": None}, "lacks the parameter alg"),
        ({"tag": "shop"}, "tag, which is not accepted"),
        ({"alg": "hmac-sha512"}, '"hmac-sha256"'),
        ({"alg": 256}, "text in quotation marks"),
        ({"created": "1700000000"}, "whole number"),
        ({"expires": "1700000000"}, "whole number"),
        ({"nonce": "short"}, "8 to 64 characters"),
        ({"nonce": "n" * 65}, "8 to 64 characters"),
        ({"keyid": "dh_x"}, "no secret"),
        ({"keyid": ""}, "no secret"),
    ],
)
def test_a_signature_without_what_it_needs_is_told_what_that_is(
    http: Client, parameters: dict[str, Any], words: str
) -> None:
    signer, _ = signing_client()

    answer = get(http, signer, **parameters)

    assert problem(answer) == (400, "malformed-signature")
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "components",
    [
        ["@method", "@authority"],
        ["@method", "@target-uri", "@authority"],
        ["@method", "@authority", "@target-uri", "content-type", "content-digest"],
        ["@method", "@authority", "@target-uri", "date"],
        [],
    ],
)
def test_other_components_are_refused_with_those_that_are_needed(http: Client, components: list[str]) -> None:
    signer, _ = signing_client()
    parameters = f';created={int(time.time())};nonce="0123456789";keyid="{signer.key_id}";alg="hmac-sha256"'

    answer = send(http, "GET", ADDRESS, sign(signer.secret, dict.fromkeys(components, "x"), parameters))

    assert problem(answer) == (400, "malformed-signature")
    assert '("@method" "@authority" "@target-uri")' in answer.json()["detail"]


HOSTILE = [
    "",
    " ",
    "sig",
    "sig=",
    "sig=()",
    "sig=(",
    "sig=)",
    "sig=" + "(" * 4000,
    "sig=(" + " " * 8000,
    "sig=(" + '"' * 7999,
    "sig=()" + ";a" * 4000,
    "sig=()" + ";a=1" * 2000,
    'sig=();a="' + "\\" * 7999,
    'sig=();a="' + "\\\\" * 4000,
    "sig=();created=" + "9" * 7000,
    "sig=();created=1e9",
    "sig=();created=-1",
    "sig=();created=١٢٣",
    "sig=();created",
    'sig=("@method";req)',
    'sig=("@METHOD")',
    "sig=(@method)",
    'sig=("@method" "@method")',
    "sig=(1 2);created=1",
    'a=("@method");created=1, b=("@method");created=1',
    'sig=("@method");created=1;created=2',
    "\x00",
    "sig=(\x00)",
    "é",
    "x" * 8000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_signature_input_that_cannot_be_read_is_a_malformed_signature(text: str) -> None:
    headers = {"Signature-Input": text, "Signature": f"sig=:{'A' * 43}=:"}

    assert refusal(headers).kind == "malformed-signature"


@pytest.mark.parametrize(
    "text",
    [
        *("", "sig", "sig=", "sig=::", "sig=:AAAA:", f"sig=:{'A' * 44}:", f"other=:{'A' * 43}=:", f"sig=:{'é' * 43}=:"),
        *(f"sig=:{'A' * 43}=:;x", f"sig=:{'A' * 43}=:, b=:{'A' * 43}=:", "sig=:" + "A" * 8000, f"sig={'A' * 43}="),
    ],
)
def test_a_signature_that_cannot_be_read_is_a_malformed_signature(text: str) -> None:
    signer, _ = signing_client()

    refused = refusal(signer.headers("GET", ADDRESS) | {"Signature": text})

    assert refused.kind == "malformed-signature"


@pytest.mark.parametrize("missing", ["Signature", "Signature-Input"])
def test_half_a_signature_is_a_malformed_one(http: Client, missing: str) -> None:
    signer, _ = signing_client()
    headers = signer.headers("GET", ADDRESS)
    del headers[missing]

    assert problem(send(http, "GET", ADDRESS, headers)) == (400, "malformed-signature")


@pytest.mark.parametrize(
    "text",
    [
        *("", "sha-256", "sha-256=::", "sha-256=:AAAA:", "md5=:AAAA:", "sha-1=:AAAA:", "sha-256=AAAA", "sha-256=:é:"),
        *("unixsum=:AAAA:", f"{digest(BODY)}, {digest(BODY)}", f"{digest(BODY)},", f"{digest(BODY)}, md5=:AAAA:"),
        *(f"{digest(BODY)};x=1", digest(BODY).upper(), "," * 8000, "sha-256=:" + "A" * 8000 + ":"),
    ],
)
def test_a_digest_that_is_none_or_of_another_kind_is_refused(text: str) -> None:
    signer, _ = signing_client()
    headers = signer.headers("GET", ADDRESS, BODY) | {"Content-Digest": text}

    refused = refusal(headers, CONTENT_LENGTH=str(len(BODY)), CONTENT_TYPE="application/json")

    assert refused.kind == "malformed-signature"
    assert "sha-256" in refused.detail


@pytest.mark.parametrize("target", ["http://testserver/api/v1/diamonds", "*", "api/v1/diamonds"])
def test_a_target_that_is_no_path_is_refused(target: str) -> None:
    signer, _ = signing_client()

    assert refusal(signer.headers("GET", ADDRESS), RAW_URI=target).kind == "malformed-signature"


def test_without_the_raw_target_nobody_is_let_in(http: Client) -> None:
    signer, _ = signing_client()

    answer = http.get(ADDRESS, headers=signer.headers("GET", ADDRESS))

    assert problem(answer) == (503, "signatures-unavailable")


def test_a_servers_other_name_for_the_raw_target_is_known(http: Client) -> None:
    signer, _ = signing_client()
    target = f"{ADDRESS}?shape=%52OUND"

    answer = send(http, "GET", target, signer.headers("GET", target), RAW_URI="", REQUEST_URI=target)

    assert answer.status_code == 200


def test_a_foreign_host_is_a_bad_request(http: Client) -> None:
    signer, _ = signing_client()

    answer = send(http, "GET", ADDRESS, signer.headers("GET", ADDRESS) | {"Host": "evil.example"})

    assert answer.status_code == 400


# --- in which order -----------------------------------------------------------------------------------------------

#: What may be wrong with one request, in the order in which it is looked for, with what is told.
FAULTS = {
    "secret": (401, "unauthorized"),
    "time": (401, "signature-out-of-time"),
    "nonce": (401, "nonce-used"),
    "length": (413, "body-too-large"),
    "scope": (403, "forbidden"),
    "digest": (400, "digest-mismatch"),
}


@pytest.mark.parametrize("first", range(len(FAULTS)))
def test_of_several_faults_the_first_is_told(http: Client, first: int) -> None:
    faults = list(FAULTS)[first:]
    signer, _ = signing_client("catalog:read" if "scope" in faults else "pricing:edit")
    nonce = "0123456789abcdef"
    if "nonce" in faults:
        post(http, signer, nonce=nonce)
    if "secret" in faults:
        signer.secret = "another"
    created = int(time.time()) - (1_000 if "time" in faults else 0)
    headers = signer.headers("POST", EDIT, BODY, nonce=nonce, created=created)
    body = BODY.replace(b"autumn", b"winter") if "digest" in faults else BODY
    length = {"CONTENT_LENGTH": "900000"} if "length" in faults else {}

    answer = send(http, "POST", EDIT, headers, body, **length)

    assert problem(answer) == FAULTS[faults[0]]


# --- clients that must sign ---------------------------------------------------------------------------------------


@pytest.fixture
def publisher() -> tuple[Signer, IssuedKey]:
    signer, issued = signing_client("pricing:read", "pricing:edit")
    ApiClient.objects.filter(pk=issued.key.client_id).update(needs_signature=["pricing:edit"])
    return signer, issued


def test_a_client_that_must_sign_is_refused_without(http: Client, publisher: tuple[Signer, IssuedKey]) -> None:
    signer, issued = publisher

    unsigned = http.post(EDIT, BODY, content_type="application/json", headers={"X-API-Key": issued.text})

    assert problem(unsigned) == (401, "signature-needed")
    assert "pricing:edit" in unsigned.json()["detail"]
    assert unsigned["Accept-Signature"] == (
        'sig=("@method" "@authority" "@target-uri" "content-type" "content-digest");created'
        f';keyid="{signer.key_id}";alg="hmac-sha256"'
    )
    assert post(http, signer).status_code == 201


def test_it_may_go_on_without_where_its_other_scopes_are_needed(
    http: Client, publisher: tuple[Signer, IssuedKey]
) -> None:
    _, issued = publisher

    assert http.get(EDIT, headers={"X-API-Key": issued.text}).status_code == 200


def test_a_stranger_does_not_learn_who_must_sign(http: Client, publisher: tuple[Signer, IssuedKey]) -> None:
    _, issued = publisher
    wrong = issued.text[:-10] + "0000000000"

    unsigned = http.post(EDIT, BODY, content_type="application/json", headers={"X-API-Key": wrong})

    assert problem(unsigned) == (401, "unauthorized")
    assert "Accept-Signature" not in unsigned


# --- secrets ------------------------------------------------------------------------------------------------------


def test_a_sealed_secret_does_not_open_in_another_row_which_is_no_fault_that_a_client_sees(http: Client) -> None:
    signer, issued = signing_client()
    _, other = signing_client()
    ApiKey.objects.filter(pk=other.key.pk).update(signing_secret=ApiKey.objects.get(pk=issued.key.pk).signing_secret)
    moved = Signer(f"dh_{other.key.key_id}", signer.secret)

    answers = [get(http, moved), get(http, Signer(f"dh_{other.key.key_id}", str(other.signing_secret)))]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert {answer.json()["detail"] for answer in answers} == {REFUSED}
