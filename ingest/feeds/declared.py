"""The parameters of an adapter as it declares them: their kinds, titles and help, from the struct that checks them.

A field of the struct has its title and help in `msgspec.Meta`, and words for its values in `extra`. What is of no kind that
is known here is left to the form's JSON.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import inspect

from ingest.feeds.registry import parameters_type


class ParameterKind(enum.Enum):
    """What a parameter's value is."""

    FLAG = "flag"
    CHOICE = "choice"
    TEXT = "text"
    PAIRS = "pairs"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `choices` are (value, words); without a value the adapter finds out for itself, or it is `default`."""

    name: str
    title: str
    help: str
    kind: ParameterKind
    required: bool
    default: Any = None
    choices: tuple[tuple[Any, str], ...] = field(default=())


def parameters_of(adapter: str) -> list[Parameter]:
    """The parameters that a form can ask for, in the order in which the adapter declares them."""
    info = inspect.type_info(parameters_type(adapter))
    assert isinstance(info, inspect.StructType)
    return [parameter for declared in info.fields if (parameter := _parameter(declared)) is not None]


def _parameter(declared: inspect.Field) -> Parameter | None:
    described, words, kind = {}, {}, declared.type
    if isinstance(kind, inspect.Metadata):
        described, words, kind = kind.extra_json_schema or {}, kind.extra or {}, kind.type
    if isinstance(kind, inspect.UnionType):
        (kind,) = [alone for alone in kind.types if not isinstance(alone, inspect.NoneType)] or [kind]
    choices: tuple[tuple[Any, str], ...] = ()
    match kind:
        case inspect.BoolType() if words:
            what, choices = ParameterKind.CHOICE, ((False, words["false"]), (True, words["true"]))
        case inspect.BoolType():
            what = ParameterKind.FLAG
        case inspect.LiteralType():
            what, choices = ParameterKind.CHOICE, tuple((value, str(words.get(value, value))) for value in kind.values)
        case inspect.StrType():
            what = ParameterKind.TEXT
        case inspect.DictType(key_type=inspect.StrType(), value_type=inspect.StrType()):
            what = ParameterKind.PAIRS
        case inspect.DictType(key_type=inspect.StrType(), value_type=inspect.DictType()):
            what = ParameterKind.WORDS
        case _:
            return None
    title = described.get("title") or declared.name.replace("_", " ")
    default = {} if what in (ParameterKind.PAIRS, ParameterKind.WORDS) else declared.default
    return Parameter(
        declared.name,
        title,
        described.get("description", ""),
        what,
        declared.required,
        None if default is msgspec.NODEFAULT else default,
        choices,
    )
