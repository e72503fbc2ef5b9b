"""What of other people's GraphQL is put to the supplier, and in which wrapper."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema, parse, validate

from ingest.errors import OrderingRefused, QueryRefused
from ingest.feeds.nivoda.relaying import prepare
from ingest.sandbox.schema import _SOURCE

COUNT = "query Count($q: DiamondQuery!) { diamonds_by_query_count(query: $q) }"
HOLD = 'mutation { create_hold(ProductId: "x", ProductType: Diamond) { id denied } }'


@pytest.mark.parametrize(
    "query",
    [
        COUNT,
        '{ get_diamond_by_id(diamond_id: "x") { id price diamond { availability } } }',
        "query { a: diamonds_by_query_count(query: {}) b: diamonds_by_query_count(query: {labgrown: true}) }",
        "{ ...counts } fragment counts on Account { diamonds_by_query_count(query: {}) }",
        "query Q($yes: Boolean!) { ... on Account @include(if: $yes) { diamonds_by_query_count(query: {}) } }",
        '{ get_diamond_by_id(diamond_id: "the token of a password") { id } }',
        HOLD,
    ],
)
def test_a_query_is_put_into_the_account_s_wrapper_and_stays_valid(query: str) -> None:
    prepared = prepare(query, {}, may_order=True)

    assert "as(token: $token)" in prepared.text
    assert "$token: String!" in prepared.text
    assert validate(build_schema(_SOURCE.read_text()), parse(prepared.text)) == []


def test_what_is_asked_is_known_for_the_record() -> None:
    read = prepare("{ n: diamonds_by_query_count(query: {}) }", {}, may_order=False)
    order = prepare(HOLD, {}, may_order=True)

    assert (read.kind, read.fields) == ("query", ("diamonds_by_query_count",))
    assert (order.kind, order.fields) == ("mutation", ("create_hold",))


def test_what_is_asked_within_fragments_is_known_for_the_record() -> None:
    query = "mutation { ... { ...F } } fragment F on AccountMutations { ... { a: create_hold } cancel_hold }"

    assert prepare(query, {}, may_order=True).fields == ("create_hold", "cancel_hold")


def test_a_mutation_is_refused_to_whom_may_only_read() -> None:
    with pytest.raises(OrderingRefused):
        prepare(HOLD, {}, may_order=False)


WIDE = " ".join(f"a{n}: b" for n in range(13))
BOMB = "{ ...f0 } " + " ".join(f"fragment f{n} on Account {{ ...f{n + 1} ...f{n + 1} }}" for n in range(30))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("query", "is not GraphQL"),
        ("{ a ", "is not GraphQL"),
        ("{ a } { b }", "one operation"),
        ("fragment f on Account { id }", "one operation"),
        ("type A { b: Int }", "one operation"),
        ("{ a } type A { b: Int }", "one operation"),
        ("subscription { a }", "subscriptions"),
        ('{ authenticate { username_and_password(username: "a", password: "b") { token } } }', "mention authenticate"),
        ("{ a { token } }", "mention token"),
        ("{ a { refreshToken } }", "mention refreshToken"),
        ("{ token: a }", "mention token"),
        ("query ($token: String) { a(x: $token) }", "mention token"),
        ("query ($TOKEN: String) { a(x: $TOKEN) }", "mention TOKEN"),
        ('{ a(token: "x") }', "mention token"),
        ("{ a @b(token: 1) }", "mention token"),
        ("{ ...f } fragment f on Account { token }", "mention token"),
        ("{" + "a{" * 15 + "b" + "}" * 16, "more than 15 levels"),
        ("{" + "a{" * 1_500 + "b" + "}" * 1_501, "nested too deeply|levels deep"),
        ("{ " + "[" * 10 + " }", "is not GraphQL"),
        ("{ a(x: " + "[" * 2_400 + "1" + "]" * 2_400 + ") }", "nested too deeply|levels deep"),
        ("{ " + " ".join(f"a{n}: b" for n in range(26)) + " }", "more than 25 things"),
        ("{ ... { " + " ".join(f"a{n}: b" for n in range(26)) + " } }", "more than 25 things"),
        ("mutation { ... { " + " ".join(f"a{n}: create_hold" for n in range(40)) + " } }", "more than 25 things"),
        ("{ ...F } fragment F on Account { ...G ...G } fragment G on Account { " + WIDE + " }", "more than 25 things"),
        ("{ " + "a " * 6_000 + "}", "is not GraphQL"),
        ("{ " + "a" * 20_000 + " }", "longer than 20,000"),
        (BOMB + " fragment f30 on Account { a }", "more than 2,000 fields"),
        ("{ ...a } fragment a on Account { ...b } fragment b on Account { ...a }", "holds itself"),
        ("{ ...nobody }", "no fragment nobody"),
    ],
)
def test_what_is_not_asked_for_others_is_refused_with_why(query: str, words: str) -> None:
    with pytest.raises(QueryRefused, match=words):
        prepare(query, {}, may_order=True)


@pytest.mark.parametrize("variables", [{"other": 1}, {"token": "x"}, {"q": {}, "Q": {}}])
def test_variables_that_the_query_does_not_declare_are_refused(variables: dict[str, Any]) -> None:
    with pytest.raises(QueryRefused, match="declares no variable"):
        prepare(COUNT, variables, may_order=False)
