"""The fields of a JSON payload as paths, e.g. `diamond.certificate.product_images.url`; a list is passed through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Names of fields, each with the fields below it.
Fields = Mapping[str, "Fields"]

#: Longest path that is told (characters), and items of a list that are looked at.
_MAX_LENGTH, _ITEMS = 120, 3
_NONE: Fields = {}


def unknown_paths(payload: Any, known: Fields) -> tuple[str, ...]:
    """The paths in a decoded payload that are not known, without what lies below them."""
    return tuple(dict.fromkeys(_unknown(payload, known, "")))


def _unknown(value: Any, known: Fields, above: str) -> Iterator[str]:
    if type(value) is list:
        for item in value[:_ITEMS]:
            if type(item) is dict:
                yield from _unknown(item, known, above)
    elif type(value) is dict:
        for name, inner in value.items():
            if name not in known:
                yield f"{above}{name}"[:_MAX_LENGTH]
            elif type(inner) is dict or type(inner) is list:
                yield from _unknown(inner, known.get(name, _NONE), f"{above}{name}.")
