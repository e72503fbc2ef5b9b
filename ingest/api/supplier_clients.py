"""What the supplier's own clients send: a sign-in, a query in the wrapper of a token (`as(token:) { … }`), or a plain one.

The wrapper is taken off here, so that an adapter gets what it gets from everybody, and its answer is put back into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    parse,
    print_ast,
)

#: As adapters bound it: what is longer is refused there, with words.
MAX_TEXT_LENGTH, MAX_WORDS = 20_000, 5_000


@dataclass(frozen=True, slots=True, repr=False)
class SignIn:
    """A sign-in: the client's name and key, and the names under which the answer's parts are asked for."""

    username: str
    password: str
    keys: tuple[str, str, str]

    def answer(self, token: str) -> dict[str, Any]:
        """The answer's `data`."""
        outer, middle, inner = self.keys
        return {outer: {middle: {inner: token}}}


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A query without its wrapper; `token` is the one of the wrapper, `key` the wrapper's name in the answer, if any."""

    text: str
    variables: dict[str, Any]
    token: str | None = None
    key: str | None = None


def read(text: str, variables: Mapping[str, Any]) -> SignIn | Asked:
    """What a body asks for. What is no GraphQL, or nothing of these, stays as it is: adapters refuse it with words."""
    plain = Asked(text, dict(variables))
    if len(text) > MAX_TEXT_LENGTH:
        return plain
    try:
        document = parse(text, no_location=True, max_tokens=MAX_WORDS)
    except (GraphQLError, RecursionError):
        return plain
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1:
        return plain
    (operation,) = operations
    field = _only(operation.selection_set)
    if field is None or field.directives:
        return plain
    if field.name.value == "authenticate":
        return _sign_in(field, variables) or plain
    if field.name.value == "as" and field.selection_set is not None:
        return _unwrapped(document, operation, field, variables) or plain
    return plain


def _only(selections: SelectionSetNode | None) -> FieldNode | None:
    """The one field of a selection, if it is one; `__typename` beside it, which some clients add, is passed over."""
    nodes = [
        node
        for node in (selections.selections if selections else ())
        if not (isinstance(node, FieldNode) and node.name.value == "__typename")
    ]
    return nodes[0] if len(nodes) == 1 and isinstance(nodes[0], FieldNode) else None


def _sign_in(field: FieldNode, variables: Mapping[str, Any]) -> SignIn | None:
    middle = _only(field.selection_set)
    inner = _only(middle.selection_set) if middle is not None else None
    if middle is None or inner is None or (middle.name.value, inner.name.value) != ("username_and_password", "token"):
        return None
    given = {argument.name.value: _text(argument, variables) for argument in middle.arguments or ()}
    username, password = given.get("username"), given.get("password")
    if username is None or password is None:
        return None
    return SignIn(username, password, (_key(field), _key(middle), _key(inner)))


def _unwrapped(
    document: DocumentNode, operation: OperationDefinitionNode, field: FieldNode, variables: Mapping[str, Any]
) -> Asked | None:
    arguments = {argument.name.value: argument for argument in field.arguments or ()}
    if arguments.keys() - {"token"}:
        return None
    argument = arguments.get("token")
    token = _text(argument, variables) if argument is not None else None
    named = argument.value.name.value if argument is not None and isinstance(argument.value, VariableNode) else None
    declared = operation.variable_definitions or ()
    assert field.selection_set is not None
    plain = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        directives=operation.directives,
        variable_definitions=tuple(node for node in declared if node.variable.name.value != named),
        selection_set=field.selection_set,
    )
    text = print_ast(
        DocumentNode(definitions=tuple(plain if node is operation else node for node in document.definitions))
    )
    left = {name: value for name, value in variables.items() if name != named}
    return Asked(text, left, token or None, _key(field))


def _key(field: FieldNode) -> str:
    return (field.alias or field.name).value


def _text(argument: ArgumentNode, variables: Mapping[str, Any]) -> str | None:
    value = argument.value
    if isinstance(value, StringValueNode):
        return value.value
    given = variables.get(value.name.value) if isinstance(value, VariableNode) else None
    return given if isinstance(given, str) else None
