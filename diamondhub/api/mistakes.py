"""What is wrong with a request, by places such as `clauses[0].carats_max`. Used by fields and serializers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import ValidationError

#: Mistakes after which no more are looked for.
MAX_ERRORS = 50
#: Names that a client made up are shown so far (characters).
MAX_SHOWN = 60


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one parameter or field, and what is accepted."""

    field: str
    message: str


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

    def add(self, place: str, message: str) -> None:
        """One more."""
        self.errors.append(FieldError(place, message))

    @contextmanager
    def under(self, place: str) -> Iterator[None]:
        """Keep what the block finds wrong, as mistakes of this place."""
        try:
            yield
        except ValidationError as error:
            self.errors += [FieldError(joined(place, inner.field), inner.message) for inner in errors_of(error)]

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
