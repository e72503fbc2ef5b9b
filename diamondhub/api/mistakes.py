"""What is wrong with a request, by places such as `clauses[0].carats_max`. Used by fields and serializers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rest_framework.exceptions import ValidationError

#: Mistakes after which no more are looked for.
MAX_ERRORS = 50
#: Names that a client made up are shown so far (characters).
MAX_SHOWN = 60

#: What a fragment of a URI may hold as it is.
_PLAIN = "!$&'()*+,;=:@-._~"
_PART = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]", re.ASCII)


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one parameter or field, and what is accepted."""

    field: str
    message: str
    #: The names and places that lead to it, where `field` does not tell them: names that a client made up.
    path: tuple[str | int, ...] | None = None

    @property
    def pointer(self) -> str:
        """Where in the body it is, as a URI fragment that is a JSON pointer (RFC 6901): `#/clauses/0/carats_max`."""
        path = self.parts()
        return "#" + "".join(f"/{quote(str(part).replace('~', '~0').replace('/', '~1'), safe=_PLAIN)}" for part in path)

    def parts(self) -> tuple[str | int, ...]:
        """The names and places that lead to it."""
        if self.path is not None:
            return self.path
        return tuple(name or int(place) for name, place in _PART.findall(self.field))


class Wrong(ValidationError):
    """Fields that are wrong, all of them; DRF's `detail` has them by place."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        by_place: dict[str, list[str]] = {}
        for error in self.errors:
            by_place.setdefault(error.field, []).append(error.message)
        super().__init__(by_place)


class Mistakes:
    """Mistakes as they are found, in their order."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    @property
    def are_many(self) -> bool:
        """Whether it is no use to look on."""
        return len(self.errors) >= MAX_ERRORS

    def add(self, place: str, message: str, path: tuple[str | int, ...] | None = None) -> None:
        """One more. `path` leads to it where `place` does not tell."""
        self.errors.append(FieldError(place, message, path))

    @contextmanager
    def under(self, place: str) -> Iterator[None]:
        """Keep what the block finds wrong, as mistakes of this place."""
        try:
            yield
        except ValidationError as error:
            outer = FieldError(place, "").parts()
            self.errors += [
                FieldError(
                    joined(place, inner.field),
                    inner.message,
                    None if inner.path is None else (*outer, *inner.path),
                )
                for inner in errors_of(error)
            ]

    def tell(self) -> None:
        """Raise `Wrong` if there is any."""
        if self.errors:
            raise Wrong(self.errors[:MAX_ERRORS])


def errors_of(error: ValidationError) -> Iterable[FieldError]:
    """The fields that an error of DRF names."""
    return error.errors if isinstance(error, Wrong) else _flat(error.detail, "")


def message_of(error: ValidationError) -> str:
    """The first message of an error of one field."""
    return next(iter(errors_of(error))).message


def joined(place: str, inner: str) -> str:
    """The place of a field within another: `clauses[0]` and `color_min` are `clauses[0].color_min`."""
    return f"{place}{inner}" if not place or not inner or inner.startswith("[") else f"{place}.{inner}"


def shown(name: str) -> str:
    """A name that a client made up, in a form that can be shown."""
    return name[:MAX_SHOWN] if name.strip() and name.isprintable() else ascii(name[:MAX_SHOWN])


def _flat(detail: Any, place: str) -> Iterator[FieldError]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flat(inner, joined(place, str(name)))
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _flat(inner, place)
    else:
        yield FieldError(place, str(detail))
