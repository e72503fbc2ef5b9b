"""The unknown in items of Nivoda's: fields that nobody asked for, and values that are no grade of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from graphql import FieldNode, OperationDefinitionNode, SelectionSetNode, parse

from catalog.grades import NOT_GRADED, Clarity, FancyIntensity, Fluorescence, LabFinish, fold
from catalog.shapes import known_shape, spelled_shape
from ingest.errors import MappingError
from ingest.feeds import values
from ingest.feeds.adapter import Look
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.fields import Fields, unknown_paths
from ingest.feeds.nivoda.mapping import AVAILABILITY
from ingest.feeds.nivoda.query import PAGE
from ingest.feeds.values import Scalar

#: Where the query's items are.
_ITEMS = ("as", "diamonds_by_query", "items")
#: Words that are no finding.
_NOTHING = values.NOTHING | NOT_GRADED
#: Column → field of the certificate, and the grades that it holds.
_GRADED: dict[str, tuple[str, Any]] = {
    "clarity": ("clarity", Clarity),
    "cut": ("cut", LabFinish),
    "polish": ("polish", LabFinish),
    "symmetry": ("symmetry", LabFinish),
    "fluorescence_intensity": ("floInt", Fluorescence),
    "fancy_intensity": ("f_intensity", FancyIntensity),
}


def _asked_for() -> Fields:
    """The fields of an item, by the query's own text."""
    (operation,) = parse(PAGE).definitions
    assert isinstance(operation, OperationDefinitionNode)
    inside = operation.selection_set
    for name in _ITEMS:
        (field,) = (
            selected
            for selected in inside.selections
            if isinstance(selected, FieldNode) and selected.name.value == name
        )
        assert field.selection_set is not None
        inside = field.selection_set
    return _fields(inside)


def _fields(selected: SelectionSetNode | None) -> Fields:
    fields = selected.selections if selected else ()
    return {field.name.value: _fields(field.selection_set) for field in fields if isinstance(field, FieldNode)}


KNOWN_FIELDS = _asked_for()


def look(item: bytes) -> Look:
    """Look at one item. Raises `MappingError` if it is no JSON object."""
    try:
        decoded = msgspec.json.decode(item)
    except msgspec.DecodeError:
        try:
            decoded = json.loads(item)
        except (ValueError, RecursionError) as error:
            raise MappingError("item", f"is not JSON: {error}") from error
    if not isinstance(decoded, dict):
        raise MappingError("item", "is not an object")
    return Look(unknown_paths(decoded, KNOWN_FIELDS), tuple(_strange(decoded)))


def _strange(item: dict[str, object]) -> Iterator[tuple[str, str]]:
    diamond = item.get("diamond")
    diamond = diamond if isinstance(diamond, dict) else {}
    certificate = diamond.get("certificate")
    certificate = certificate if isinstance(certificate, dict) else {}
    for column, (name, kind) in _GRADED.items():
        said = certificate.get(name)
        if _says(said) and values.grade(kind, _scalar(said)) is None:
            yield column, str(said)
    color = certificate.get("color")
    fancy = (_scalar(certificate.get(name)) for name in ("f_color", "f_intensity", "f_overtone"))
    if _says(color) and fancy_facts(_scalar(color), *fancy).color is None:
        yield "color", str(color)
    shape = values.text(_scalar(certificate.get("shape")), 200)
    if shape is not None and known_shape(shape) is None:
        yield "shape", spelled_shape(shape) or shape
    eye_clean = diamond.get("eyeClean")
    if isinstance(eye_clean, str) and not values.says_eye_clean(eye_clean):
        yield "eye_clean", eye_clean
    availability = diamond.get("availability")
    if _says(availability) and values.name(_scalar(availability), 32) not in AVAILABILITY:
        yield "availability", str(availability)


def _says(value: object) -> bool:
    """Whether something stands there that is more than a word for nothing."""
    return value is not None and value != "" and not (isinstance(value, str) and fold(value) in _NOTHING)


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, str | int | float | bool) else None
