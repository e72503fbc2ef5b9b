"""The supplier's GraphQL schema, bound to its operations.

`build` reads `schema.graphql` and gives every operation a resolver; fields of items need none, they are keys of a dict.
A resolver's context is the request's bearer token (or None).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from graphql import GraphQLEnumType, GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, build_schema

from ingest.sandbox.operations import Operations, Refused
from ingest.sandbox.tokens import SignInFailed, TokenRefused

_SOURCE = Path(__file__).with_name("schema.graphql")

Resolver = Callable[..., Any]


def build(desk: Operations) -> GraphQLSchema:  # noqa: C901 - one small function for each operation
    """The schema whose operations `desk` does."""
    schema = build_schema(_SOURCE.read_text(encoding="utf-8"))
    availability = schema.type_map["Availability"]
    assert isinstance(availability, GraphQLEnumType)
    for place, value in enumerate(availability.values.values()):
        # Resolvers get the place in `trade.AVAILABILITIES`.
        value.value = place

    def account(_: Any, info: GraphQLResolveInfo[str | None], token: str | None = None) -> dict[str, Any]:
        return check_token(desk, token, info.context)

    def authenticate(*_: Any) -> dict[str, Any]:
        return {}

    def sign_in(_: Any, info: GraphQLResolveInfo[str | None], username: str, password: str) -> dict[str, Any]:
        return {"token": desk.tokens.sign_in(username, password)}

    def create_hold(_: Any, info: GraphQLResolveInfo[str | None], ProductId: str, ProductType: str) -> dict[str, Any]:  # noqa: N803 - the supplier's names
        return desk.create_hold(ProductId)

    def cancel_hold(_: Any, info: GraphQLResolveInfo[str | None], hold_id: str) -> dict[str, Any]:
        return desk.cancel_hold(hold_id)

    def create_order(_: Any, info: GraphQLResolveInfo[str | None], items: list[dict[str, Any]]) -> str:
        return desk.create_order([item["offerId"] for item in items])

    def reading(name: str) -> Resolver:
        return lambda _parent, _info, **arguments: read(desk, name, arguments)

    def signed_in(resolver: Resolver) -> Resolver:
        """An operation without the wrapper: for whom the bearer's token says who asks."""

        def resolve(parent: Any, info: GraphQLResolveInfo[str | None], **arguments: Any) -> Any:
            check_token(desk, None, info.context)
            return resolver(parent, info, **arguments)

        return resolve

    trades: dict[str, Resolver] = {
        "create_hold": create_hold,
        "cancel_hold": cancel_hold,
        "create_order": create_order,
    }
    resolvers: dict[str, dict[str, Resolver]] = {
        "Query": {
            "authenticate": authenticate,
            "as": account,
            **{name: signed_in(reading(name)) for name in READINGS},
        },
        "Mutation": {"as": account, **{name: signed_in(trade) for name, trade in trades.items()}},
        "Authentication": {"username_and_password": sign_in},
        "Account": {name: reading(name) for name in READINGS},
        "AccountMutations": trades,
    }
    for type_name, by_field in resolvers.items():
        owner = schema.type_map[type_name]
        assert isinstance(owner, GraphQLObjectType)
        for name, resolver in by_field.items():
            owner.fields[name].resolve = _speaking(resolver)
    return schema


#: The account's reading operations.
READINGS = ("diamonds_by_query", "diamonds_by_query_count", "get_diamond_by_id")


def read(desk: Operations, name: str, arguments: dict[str, Any]) -> Any:
    """Do one of `READINGS` with its coerced arguments. Raises `Refused`."""
    if name == "diamonds_by_query_count":
        return desk.count(arguments["query"])
    if name == "get_diamond_by_id":
        return desk.lookup(arguments["diamond_id"])
    order = arguments.get("order") or {"type": "none", "direction": "ASC"}
    offset, limit = arguments.get("offset"), arguments.get("limit")
    return desk.page(
        arguments["query"],
        0 if offset is None else offset,
        50 if limit is None else limit,
        order["type"],
        order.get("direction") == "DESC",
    )


def check_token(desk: Operations, token: str | None, bearer: str | None) -> dict[str, Any]:
    """Check the token of the wrapper, else the bearer's. Raises `TokenRefused` if neither is valid."""
    try:
        desk.tokens.check(token or "")
    except TokenRefused:
        if bearer is None:
            raise
        desk.tokens.check(bearer)
    return {}


def graphql_error(error: Exception) -> GraphQLError:
    """An operation's refusal in GraphQL's form."""
    code = {TokenRefused: "UNAUTHENTICATED", SignInFailed: "UNAUTHENTICATED", Refused: "BAD_USER_INPUT"}[type(error)]
    return GraphQLError(str(error), extensions={"code": code})


def _speaking(resolver: Resolver) -> Resolver:
    @wraps(resolver)
    def resolve(*arguments: Any, **named: Any) -> Any:
        try:
            return resolver(*arguments, **named)
        except (Refused, SignInFailed, TokenRefused) as error:
            raise graphql_error(error) from error

    return resolve
