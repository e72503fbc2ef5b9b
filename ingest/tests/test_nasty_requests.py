"""What nobody should send, sent to every address that takes such a thing: each is a precise 4xx, none a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client, override_settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from catalog.models import Diamond
from catalog.tests.factories import a_diamond, committed
from diamondhub.access.clients import create_client
from diamondhub.access.scopes import Scope
from diamondhub.api import cursors, examples
from diamondhub.api.views import _generated
from ingest.tests import factories
from pricing import experiments
from pricing.models import RuleSet
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db

#: No value of any parameter or field: text that is written into a query, or JSON that is written into a body.
NO_VALUES = {
    "NUL": "\x00",
    "half a surrogate pair": "\ud800",
    "a list of 10,000": ",".join(["1"] * 10_000),
    "100,000 letters": "x" * 100_000,
}
NO_NUMBERS = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "1e309": "1e309",
    "10^30": "1" + "0" * 30,
    "-10^30": "-1" + "0" * 30,
    "Arabic digits": "١٢٣",
    "underscores": "1_000",
    "empty": "",
    "a blank": " 1",
    "a plus": "+1",
    "hexadecimal": "0x10",
    "an exponent": "1e2",
    "two points": "1.2.3",
}
NO_NAMES = {"unknown": "NO_SUCH_GRADE", "of another case": "ex cellent!", "empty": "", "two commas": "D,,E"}
NO_MOMENTS = {
    "no day": "2026-02-30",
    "a year beyond": "99999-01-01",
    "digits of another script": "٢٠٢٦-٠١-٠١",
    "an offset beyond": "2026-01-01T00:00:00+23:59",
    "words": "yesterday",
}
#: Whole bodies that are no JSON object, or none that is unambiguous.
NO_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "null": b"null",
    "a number": b"1e999",
    "a doubled key": b'{"reason": "x", "reason": "y"}',
    "a doubled key, escaped": b'{"reason": "x", "\\u0072eason": "y"}',
    "depth 1,000": b'{"reason":' * 1_000 + b"1" + b"}" * 1_000,
    "depth 1,000 of lists": b'{"reason":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "NaN": b'{"reason": NaN}',
    "Infinity": b'{"reason": -Infinity}',
    "1e309": b'{"reason": 1e309}',
    "10^30": b'{"reason": 1' + b"0" * 30 + b"}",
    "NUL": b'{"reason": "\\u0000"}',
    "half a surrogate pair": b'{"reason": "\\ud800"}',
    "half a surrogate pair as a name": b'{"\\udfff": 1}',
    "no UTF-8": b'{"reason": "\xff"}',
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "an unknown field": b'{"no_such_field": 1}',
    "10,000 fields": json.dumps({f"f{number}": 1 for number in range(5_000)}).encode(),
}
#: Fields or parameters from which on they are filters.
MANY_FIELDS = 50
#: Heads with a body that are refused before it is read, and how.
NO_HEADS: dict[str, tuple[dict[str, str], int]] = {
    "no type": ({"CONTENT_TYPE": ""}, 415),
    "text": ({"CONTENT_TYPE": "text/plain"}, 415),
    "a form": ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415),
    "multipart": ({"CONTENT_TYPE": "multipart/form-data; boundary=x"}, 415),
    "XML": ({"CONTENT_TYPE": "application/xml"}, 415),
    "another charset": ({"CONTENT_TYPE": "application/json; charset=utf-16"}, 415),
    "a bomb": ({"HTTP_CONTENT_ENCODING": "gzip"}, 415),
    "no length": ({"CONTENT_LENGTH": ""}, 411),
    "chunks": ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 411),
    "a negative length": ({"CONTENT_LENGTH": "-1"}, 400),
    "a length in Arabic digits": ({"CONTENT_LENGTH": "\u0661"}, 400),
    "900 MB": ({"CONTENT_LENGTH": "900000000"}, 413),
}


@pytest.fixture
def supplier() -> Iterator[None]:
    """An account of a supplier that nobody reaches: what is refused must be so before it is asked."""
    account = {"NIVODA_ENDPOINT": "http://127.0.0.1:1/", "NIVODA_USERNAME": "nobody", "NIVODA_PASSWORD": "nothing"}
    with override_settings(**account):
        factories.forget_clients()
        yield
    factories.forget_clients()


@pytest.fixture
def http(supplier: None) -> Client:
    a_diamond(id=examples.ID)
    draft = a_draft({"modifier": 5})
    experiments.new("spring", RuleSet.objects.get(version=draft.version), Decimal(10))
    factories.feed()
    key = factories.a_busy_client().text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the document: method, address with values that there are, and its description."""
    for path, methods in _generated()["paths"].items():
        for method, operation in methods.items():
            address = path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    address = address.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
            yield method, address, operation


def parameters(kinds: set[str], *, formats: set[str | None]) -> Iterator[tuple[str, str, str, Any]]:
    filters: set[str] = set()
    for method, address, operation in operations():
        asked = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
        if len(asked) >= MANY_FIELDS:
            # Filters are the same wherever they are taken.
            asked = {name: parameter for name, parameter in asked.items() if name not in filters}
            filters |= asked.keys()
        for parameter in asked.values():
            schema = parameter["schema"]
            inner = schema.get("items", schema)
            if parameter["in"] == "query" and inner.get("type") in kinds and inner.get("format") in formats:
                yield method, address, parameter["name"], inner


def ask(http: Client, method: str, address: str, name: str, value: str) -> Any:
    written = quote(value.encode("utf-8", "surrogatepass"), safe=",")
    return http.generic(method.upper(), f"{address}?{name}={written}")


def told(answer: Any, case: Any) -> str | None:
    """What is wrong with a refusal; None if it is a precise one."""
    if not 400 <= answer.status_code < 500:
        return f"{case}: {answer.status_code}"
    if answer["Content-Type"] != "application/problem+json":
        return f"{case}: {answer['Content-Type']}"
    body = answer.json()
    return None if body["detail"] and body["type"].startswith("/api/problems/") else f"{case}: {body}"


def faults(outcomes: Iterator[tuple[Any, Any]]) -> list[str]:
    return [wrong for answer, case in outcomes if (wrong := told(answer, case))]


def test_no_parameter_takes_what_is_no_text(http: Client) -> None:
    every = list(
        parameters({"string", "number", "integer", "boolean"}, formats={None, "date", "date-time", "uuid", "double"})
    )

    wrong = faults(
        (ask(http, method, address, name, value), (method, address, name, what))
        for method, address, name, _ in every
        for what, value in NO_VALUES.items()
    )

    assert len(every) > 30
    assert wrong == []


def test_no_number_is_taken_that_is_none(http: Client) -> None:
    # Amounts are numbers too, written as texts.
    numbers = [*parameters({"number", "integer"}, formats={None, "double"})]
    numbers += [
        found for found in parameters({"string"}, formats={None}) if "[0-9]{1,13}" in found[3].get("pattern", "")
    ]

    wrong = faults(
        (ask(http, method, address, name, value), (method, address, name, what))
        for method, address, name, _ in numbers
        for what, value in {**NO_NUMBERS, "negative": "-1"}.items()
    )

    assert len(numbers) > 8
    assert wrong == []


def test_no_grade_and_no_name_is_taken_that_there_is_not(http: Client) -> None:
    named = [found for found in parameters({"string"}, formats={None}) if "enum" in found[3]]

    wrong = faults(
        (ask(http, method, address, name, value), (method, address, name, what))
        for method, address, name, _ in named
        for what, value in NO_NAMES.items()
    )

    assert len(named) > 5
    assert wrong == []


def test_no_moment_is_taken_that_there_is_not(http: Client) -> None:
    moments = list(parameters({"string"}, formats={"date", "date-time"}))

    wrong = faults(
        (ask(http, method, address, name, value), (method, address, name, what))
        for method, address, name, _ in moments
        for what, value in NO_MOMENTS.items()
    )

    assert moments
    assert wrong == []


def test_no_parameter_of_one_value_is_taken_twice_and_none_unknown_or_in_bytes_that_are_no_text(http: Client) -> None:
    outcomes = []
    for method, address, operation in operations():
        queries = ["no_such_parameter=1", "%ff=1", "x=%ff", "&".join(f"p{number}=1" for number in range(300)), "=1"]
        # Lists are one list, however often their parameter stands there.
        names = [
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query" and parameter["schema"]["type"] != "array"
        ]
        queries += [f"{name}=1&{name}=1" for name in names]
        outcomes += [
            (
                http.generic(method.upper(), f"{address}?{query}", "{}", content_type="application/json"),
                (method, address, query[:60]),
            )
            for query in queries
        ]

    assert faults(iter(outcomes)) == []
    assert {answer.status_code for answer, _ in outcomes} == {400}


def test_a_lower_bound_above_its_upper_one_is_refused_with_both_names(http: Client) -> None:
    every = {
        name: schema
        for _, address, name, schema in parameters({"number", "string"}, formats={None, "double"})
        if address == "/api/v1/diamonds"
    }
    pairs = [(name, name.replace("_min", "_max")) for name in every if name.endswith("_min")]

    for low, high in pairs:
        names = every[low].get("enum")
        lowest, highest = (names[-1], names[0]) if names else ("2", "1")
        answer = http.get(f"/api/v1/diamonds?{low}={lowest}&{high}={highest}")

        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (400, low)
        assert high in error["message"]
    assert len(pairs) > 5


def lists_in_pages() -> list[str]:
    return [
        address
        for method, address, operation in operations()
        if method == "get" and any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ()))
    ]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "x" * 500,
        "x" * 501,
        "bnVsbA:1tZ0xk:abc",
        "é",
        "..%2f..%2fetc",
        "W10:1vOaBc:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_a_cursor_that_is_forged_is_refused_by_every_list(http: Client, cursor: str) -> None:
    lists = lists_in_pages()

    assert len(lists) >= 4
    assert faults((http.get(f"{address}?cursor={cursor}"), (address, cursor)) for address in lists) == []


def test_a_cursor_of_another_query_or_of_before_is_refused_by_every_list(http: Client) -> None:
    foreign = cursors.encode([1], "another query")
    before = cursors.encode([], "")

    wrong = faults(
        (http.get(f"{address}?cursor={cursor}"), (address, cursor))
        for address in lists_in_pages()
        for cursor in (foreign, before)
    )

    assert wrong == []


def test_a_cursor_of_another_client_is_refused_by_every_list_in_pages(http: Client) -> None:
    a_diamond()
    for cents in (1, 2):
        Diamond.objects.filter(pk=examples.ID).update(price_cents=cents)
    committed()
    another = Client(headers={"X-API-Key": create_client("another", scopes=list(Scope)).text})
    pages = [f"{address}?limit=1{'&after=0' if 'changes' in address else ''}" for address in lists_in_pages()]

    given = {page: cursor for page in pages if (cursor := http.get(page).json().get("next"))}

    assert {"diamonds", "changes", "history", "price-history", "rule-sets", "events"} <= {
        page.partition("?")[0].rpartition("/")[2] for page in given
    }
    for page, cursor in given.items():
        refused = another.get(f"{page}&cursor={cursor}")
        assert http.get(f"{page}&cursor={cursor}").status_code == 200
        assert (refused.status_code, refused.json()["type"]) == (400, "/api/problems/wrong-cursor"), page


def with_bodies() -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, address, operation) for method, address, operation in operations() if "requestBody" in operation]


@pytest.mark.parametrize("what", NO_BODIES)
def test_what_is_no_body_is_refused_by_every_operation_that_takes_one(http: Client, what: str) -> None:
    body = NO_BODIES[what]
    outcomes = []
    for method, address, operation in with_bodies():
        if body or operation["requestBody"]["required"]:
            answer = http.generic(method.upper(), address, body, content_type="application/json")
            outcomes.append((answer, (method, address)))

    assert len(outcomes) > 8
    assert faults(iter(outcomes)) == []


def _meta(head: dict[str, str]) -> dict[str, Any]:
    return {"CONTENT_TYPE": "application/json", **head}


@pytest.mark.parametrize("what", NO_HEADS)
def test_a_body_is_refused_by_its_head_before_it_is_read(http: Client, what: str) -> None:
    head, status = NO_HEADS[what]
    outcomes = [
        (
            http.generic(method.upper(), address, b'{"reason": "x"}', **_meta(head)),
            (method, address),
        )
        for method, address, operation in with_bodies()
        if status != 411 or operation["requestBody"]["required"]
    ]

    assert faults(iter(outcomes)) == []
    assert {answer.status_code for answer, _ in outcomes} == {status}


def test_a_body_beyond_the_bound_of_its_operation_is_refused_everywhere(http: Client) -> None:
    body = json.dumps({"reason": "x" * 1_100_000})

    outcomes = [
        (http.generic(method.upper(), address, body, content_type="application/json"), (method, address))
        for method, address, _ in with_bodies()
    ]

    assert {answer.status_code for answer, _ in outcomes} == {413}
    assert faults(iter(outcomes)) == []


def fields_of(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of a body, as the document describes them."""
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    described: dict[str, dict[str, Any]] = _generated()["components"]["schemas"][reference.rpartition("/")[2]][
        "properties"
    ]
    return described


def kind_of(field: dict[str, Any]) -> str:
    """What the document says of a field, but for its words."""
    return json.dumps({key: value for key, value in field.items() if key not in ("description", "examples")})


def example_of(operation: dict[str, Any]) -> dict[str, Any]:
    example: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["example"]
    return example


def mistakes(answer: Any) -> list[dict[str, str]]:
    """What an answer says is wrong with fields."""
    found: list[dict[str, str]] = answer.json().get("errors", []) if answer.status_code >= 400 else []
    return found


def test_the_example_of_every_body_is_understood(http: Client) -> None:
    """What the document shows is taken, or refused for what there is, never for how it is written."""
    not_understood = []
    for method, address, operation in with_bodies():
        if operation["operationId"] == "ask_supplier":
            # It is asked, and is not there.
            continue
        answer = http.generic(
            method.upper(), address, json.dumps(example_of(operation)), content_type="application/json"
        )
        if answer.status_code >= 500 or any("already" not in told["message"] for told in mistakes(answer)):
            not_understood.append((method, address, answer.status_code, answer.json()))

    assert not_understood == [], "\n".join(map(str, not_understood))


def test_no_field_of_any_body_takes_what_it_cannot_hold_and_each_is_named(http: Client) -> None:
    outcomes = []
    tried: set[str] = set()
    unnamed = []
    for method, address, operation in with_bodies():
        if operation["operationId"] == "ask_supplier":
            # A query and its variables are the supplier's to judge.
            continue
        names = list(fields := fields_of(operation))
        if len(fields) >= MANY_FIELDS:
            # Of filters, those of each kind once.
            kinds = {kind_of(field): name for name, field in fields.items()}
            names = [name for kind, name in kinds.items() if kind not in tried]
            tried |= kinds.keys()
        for name in names:
            described = Draft202012Validator({**fields[name], "components": _generated()["components"]})
            value: Any
            for value in (
                {"a": 1}, [[[]]], 10**30, -(10**30), "\u0661", "\ud800", "x" * 50_000, ["x"] * 10_000, 1, True, None,
            ):  # fmt: skip
                # Amounts are texts, so that no program makes binary fractions of them; a number that is exact is understood.
                if described.is_valid(value) or (value == 1 and described.is_valid("1")):
                    continue
                body = json.dumps({**example_of(operation), name: value})
                answer = http.generic(method.upper(), address, body, content_type="application/json")
                case = (method, address, name, str(value)[:30])
                outcomes.append((answer, case))
                if answer.status_code in (400, 422):
                    at_fault = {error["field"].partition("[")[0].partition(".")[0] for error in answer.json()["errors"]}
                    if name not in at_fault:
                        unnamed.append((case, answer.json()))

    assert (wrong := faults(iter(outcomes))) == [], "\n".join(wrong)
    assert unnamed == []
    assert len(outcomes) > 1_000


def test_a_query_of_a_megabyte_and_odd_addresses_are_no_fault_of_ours(http: Client) -> None:
    addresses = (
        f"/api/v1/diamonds?shape={'x' * 1_000_000}",
        "/api/v1/diamonds/%00", "/api/v1/diamonds/%ff", "/api/v1/rule-sets/99999999999999999999", "/api/v1/rule-sets/-1",
        "/api/v1/repricings/99999999999999999999999999", "/api/v1/experiments/%C3%A9", "/api/v1//diamonds", "/api/v1/..;/x",
        "/api/v1/rule-sets/\u0661", "/api/problems/%00", "/api/v1/suppliers/%0a/graphql",
    )  # fmt: skip

    wrong = faults((http.get(address), address[:60]) for address in addresses)

    assert wrong == []


def test_http_1_0_is_answered_like_any_other(http: Client) -> None:
    answer = http.get("/api/v1/diamonds", SERVER_PROTOCOL="HTTP/1.0")

    assert answer.status_code == 200
