"""Other people's GraphQL on our account: what may be asked is decided on the parsed query, then it is put into the account's
wrapper. `NivodaAdapter.proxy` calls `prepare` and sends what it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import requests
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from ingest.errors import OrderingRefused, QueryRefused, ThrottledBySupplier, TransientSupplierError
from ingest.feeds.adapter import RelayedAnswer
from ingest.feeds.nivoda import answers

#: A query may take so many characters, words of GraphQL, levels, fields at its top and fields in all, fragments unfolded.
MAX_TEXT_LENGTH, MAX_WORDS, MAX_DEPTH, MAX_WIDTH, MAX_FIELDS = 20_000, 5_000, 15, 25, 2_000

#: The kind of what holds and orders.
MUTATION = OperationType.MUTATION.value

_SECRET = re.compile(r"token|authenticat|password", re.IGNORECASE)
_WRAPPER = parse("query ($token: String!) { as(token: $token) { id } }", no_location=True).definitions[0]
assert isinstance(_WRAPPER, OperationDefinitionNode)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query in the account's wrapper; `kind` is "query" or "mutation", `fields` are what it asks for at its top,
    fragments unfolded."""

    text: str
    kind: str
    fields: tuple[str, ...]


def prepare(text: str, variables: Mapping[str, Any], *, may_order: bool) -> Prepared:
    """Check a query and wrap it. Raises `QueryRefused`, or `OrderingRefused` for a mutation that may not be made."""
    if len(text) > MAX_TEXT_LENGTH:
        raise QueryRefused(f"the query must not be longer than {MAX_TEXT_LENGTH:,} characters")
    try:
        document = parse(text, no_location=True, max_tokens=MAX_WORDS)
        visit(document, _Names())
        operation, fragments = _parts(document)
        _check_size(operation, fragments)
        fields = _top(operation, fragments)
    except GraphQLError as error:
        raise QueryRefused(f"the query is not GraphQL: {error.message[:200]}") from error
    except RecursionError as error:
        raise QueryRefused(f"the query nests more than {MAX_DEPTH} levels deep") from error
    if operation.operation == OperationType.SUBSCRIPTION:
        raise QueryRefused("subscriptions are not relayed")
    if operation.operation == OperationType.MUTATION and not may_order:
        raise OrderingRefused("mutations hold and order stones")
    declared = {definition.variable.name.value for definition in operation.variable_definitions or ()}
    if unknown := [name for name in variables if name not in declared]:
        raise QueryRefused(f"the query declares no variable {unknown[0][:60]!a}")
    wrapped = _wrap(operation)
    definitions = tuple(wrapped if node is operation else node for node in document.definitions)
    return Prepared(print_ast(DocumentNode(definitions=definitions)), operation.operation.value, fields)


class _Names(Visitor):
    """Refuses names that have to do with signing in: that is ours to do."""

    def enter_name(self, node: NameNode, *_: Any) -> None:
        if _SECRET.search(node.value):
            raise QueryRefused(f"the query must not mention {node.value[:60]}: signing in is done for you")


def _parts(document: DocumentNode) -> tuple[OperationDefinitionNode, dict[str, FragmentDefinitionNode]]:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if len(operations) != 1 or len(operations) + len(fragments) != len(document.definitions):
        raise QueryRefused("the query must hold one operation, and fragments of different names")
    return operations[0], fragments


def _check_size(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    known: dict[str, tuple[int, int]] = {}

    def measure(selections: SelectionSetNode | None, within: frozenset[str]) -> tuple[int, int]:
        """Levels and fields of a selection, fragments unfolded."""
        levels = fields = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                deep, many = spread(node.name.value, within)
            else:
                deep, many = measure(node.selection_set, within)  # type: ignore[attr-defined]  # field or inline fragment
                if isinstance(node, FieldNode):
                    deep, many = deep + 1, many + 1
            levels, fields = max(levels, deep), fields + many
        return levels, fields

    def spread(name: str, within: frozenset[str]) -> tuple[int, int]:
        if name in within:
            raise QueryRefused(f"the fragment {name[:60]} holds itself")
        if name not in fragments:
            raise QueryRefused(f"there is no fragment {name[:60]}")
        if name not in known:
            known[name] = measure(fragments[name].selection_set, within | {name})
        return known[name]

    levels, fields = measure(operation.selection_set, frozenset())
    if levels > MAX_DEPTH:
        raise QueryRefused(f"the query nests more than {MAX_DEPTH} levels deep")
    if fields > MAX_FIELDS:
        raise QueryRefused(f"the query asks for more than {MAX_FIELDS:,} fields")


def _top(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> tuple[str, ...]:
    """The names of all that is asked for at the top, fragments unfolded: of fragments that hold no ring."""

    def names(selections: SelectionSetNode) -> Iterator[str]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, FragmentSpreadNode):
                yield from names(fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                yield from names(node.selection_set)

    top = tuple(islice(names(operation.selection_set), MAX_WIDTH + 1))
    if len(top) > MAX_WIDTH:
        raise QueryRefused(f"the query asks for more than {MAX_WIDTH} things at once")
    return top


def _wrap(operation: OperationDefinitionNode) -> OperationDefinitionNode:
    assert isinstance(_WRAPPER, OperationDefinitionNode)
    (wrapper,) = _WRAPPER.selection_set.selections
    assert isinstance(wrapper, FieldNode)
    account = FieldNode(name=wrapper.name, arguments=wrapper.arguments, selection_set=operation.selection_set)
    return OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        directives=operation.directives,
        variable_definitions=(*(operation.variable_definitions or ()), *(_WRAPPER.variable_definitions or ())),
        selection_set=SelectionSetNode(selections=(account,)),
    )


class _Error(msgspec.Struct):
    message: str = ""
    path: list[str | int] | None = None
    extensions: dict[str, Any] | None = None


_NULL = msgspec.Raw(b"null")


class _Answer(msgspec.Struct):
    data: msgspec.Raw = _NULL
    errors: list[_Error] | None = None


class _Account(msgspec.Struct):
    account: msgspec.Raw = msgspec.field(name="as", default=_NULL)


def decode(response: requests.Response, body: bytes) -> RelayedAnswer:
    """The supplier's answer within the wrapper, its errors included. Raises as the client's other answers do."""
    if response.status_code != 400:
        answers.check_status(response, body, signing_in=False)
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        account = msgspec.json.decode(answer.data, type=_Account | None)
    except (msgspec.DecodeError, RecursionError) as error:
        raise TransientSupplierError("the supplier's answer cannot be decoded") from error
    held = bytes(account.account) if account else b"null"
    data = None if held == b"null" else held
    errors = answer.errors or []
    if data is None:
        _check_refusal(errors)
    return RelayedAnswer(data, [_told(error) for error in errors])


def _check_refusal(errors: list[_Error]) -> None:
    """An answer without data that speaks of our account, not of the query, is the client's to deal with: raise it."""
    failed = answers.class_of([answers.GraphQLError(e.message, e.extensions) for e in errors], signing_in=False)
    codes = {str((error.extensions or {}).get("code", "")) for error in errors}
    if codes & answers.REFUSED_CODES:
        return
    if not errors or isinstance(failed, ThrottledBySupplier | answers.OutdatedToken):
        raise failed


def _told(error: _Error) -> dict[str, Any]:
    told: dict[str, Any] = {"message": answers.said([answers.GraphQLError(error.message)])[:500]}
    if error.path:
        told["path"] = error.path[1:] if error.path[0] == "as" else error.path
    if code := (error.extensions or {}).get("code"):
        told["code"] = str(code)[:100]
    return told
