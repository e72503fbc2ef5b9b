"""Query parameters, declared once: parsed strictly, and described in the OpenAPI document from the same words.

An API lists its `Parameter`s; `parse` reads a request by them and reports every mistake at once. Nothing of a request
reaches a query but what one of these parsers returned.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter

from diamondhub.api.problems import FieldError, InvalidParameters

Value = TypeVar("Value")
#: Values that one list may hold.
MAX_LIST_LENGTH = 50
#: Parameters that one request may carry; no API here knows as many.
MAX_PARAMETERS = 200


class Kind(ABC, Generic[Value]):
    """How one kind of value is written in a query."""

    @abstractmethod
    def parse(self, text: str) -> Value:
        """The value. Raises `ValueError` with what is accepted, as the end of a sentence about the parameter."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the text."""


@dataclass(frozen=True)
class Number(Kind[Decimal]):
    """A plain decimal number within bounds: digits and at most one point, no sign, no exponent."""

    low: Decimal
    high: Decimal
    places: int

    def parse(self, text: str) -> Decimal:
        if re.fullmatch(rf"[0-9]{{1,15}}(\.[0-9]{{1,{self.places}}})?", text, re.ASCII):
            number = Decimal(text)
            if self.low <= number <= self.high:
                return number.normalize()
        raise ValueError(f"must be a number from {self.low} to {self.high} with at most {self.places} decimals")

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": float(self.low), "maximum": float(self.high)}


@dataclass(frozen=True)
class Money(Kind[int]):
    """An amount in dollars, at most two decimals, as cents."""

    high: int

    def parse(self, text: str) -> int:
        if found := re.fullmatch(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?", text, re.ASCII):
            cents = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
            if cents <= self.high * 100:
                return cents
        raise ValueError(f"must be an amount in dollars from 0 to {self.high}, such as 1234.50")

    def schema(self) -> dict[str, Any]:
        # Without an example: Swagger UI would fill it in, and every search tried there would find nothing.
        return {"type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,2})?$"}


@dataclass(frozen=True)
class Whole(Kind[int]):
    """A whole number within bounds."""

    low: int
    high: int

    def parse(self, text: str) -> int:
        if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII) and self.low <= int(text) <= self.high:
            return int(text)
        raise ValueError(f"must be a whole number from {self.low} to {self.high}")

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class YesNo(Kind[bool]):
    """`true` or `false`."""

    def parse(self, text: str) -> bool:
        if text not in {"true", "false"}:
            raise ValueError("must be true or false")
        return text == "true"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class OneOf(Kind[Value]):
    """One of a few names."""

    values: Mapping[str, Value]

    @classmethod
    def members(cls, enumeration: type[Enum]) -> OneOf[Any]:
        """The names of an enumeration, each for its value."""
        return OneOf({member.name: member.value for member in enumeration})

    def parse(self, text: str) -> Value:
        if text not in self.values:
            raise ValueError(f"must be one of {', '.join(self.values)}")
        return self.values[text]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True)
class Text(Kind[str]):
    """A short text: `pattern` is a regular expression for the whole of it, `accepted` says the same in words."""

    pattern: str
    accepted: str

    def parse(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(f"must be {self.accepted}")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


class Moment(Kind[datetime]):
    """A point in time as RFC 3339 writes it, with its offset."""

    _FORM = re.compile(
        r"(19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})",
        re.ASCII,
    )

    def parse(self, text: str) -> datetime:
        try:
            if self._FORM.fullmatch(text):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise ValueError("must be a time with its offset, such as 2026-01-31T08:00:00Z (a + is written %2B)")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class Day(Kind[date]):
    """A day of the calendar."""

    def parse(self, text: str) -> date:
        try:
            if re.fullmatch(r"(19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}", text, re.ASCII):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise ValueError("must be a day such as 2026-01-31")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True)
class ListOf(Kind[tuple[Value, ...]]):
    """Up to `MAX_LIST_LENGTH` values with commas between; the same value twice is the same as once."""

    kind: Kind[Value]

    def parse(self, text: str) -> tuple[Value, ...]:
        parts = text.split(",")
        if len(parts) > MAX_LIST_LENGTH:
            raise ValueError(f"must not hold more than {MAX_LIST_LENGTH} values")
        try:
            return tuple(sorted({self.kind.parse(part) for part in parts}))  # type: ignore[type-var]  # names and numbers
        except ValueError as error:
            raise ValueError(f"{error}, or several with commas between") from None

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.kind.schema(), "minItems": 1, "maxItems": MAX_LIST_LENGTH}


@dataclass(frozen=True)
class Parameter:
    """One query parameter."""

    name: str
    kind: Kind[Any]
    description: str
    default: str | None = None

    def described(self) -> OpenApiParameter:
        """What the OpenAPI document says of it."""
        schema = self.kind.schema()
        if self.default is not None:
            schema["default"] = [self.default] if schema["type"] == "array" else self.kind.parse(self.default)
        return OpenApiParameter(
            self.name,
            schema,
            OpenApiParameter.QUERY,
            description=self.description,
            explode=False if schema["type"] == "array" else None,
            style="form" if schema["type"] == "array" else None,
        )


@dataclass(frozen=True)
class Order:
    """Two parameters of which the first must not be beyond the second; `message` ends a sentence about the first."""

    low: str
    high: str
    message: str


def parse(request: HttpRequest, parameters: Sequence[Parameter], orders: Sequence[Order] = ()) -> dict[str, Any]:
    """The values of a request's query by parameter name, defaults filled in, absent ones left out.

    Raises `InvalidParameters` with every mistake: unknown and repeated parameters, malformed and out-of-range values, a
    lower bound above its upper bound, bytes that are no UTF-8.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    pairs = _pairs(request.META.get("QUERY_STRING", ""))
    for name, times in Counter(name for name, _ in pairs).items():
        if name not in known:
            errors.append(FieldError(_shown(name), _unknown(name, known)))
        elif times > 1:
            errors.append(FieldError(name, "must be given once"))
    for name, text in {**{p.name: p.default for p in parameters if p.default is not None}, **dict(pairs)}.items():
        if name not in known or any(error.field == name for error in errors):
            continue
        try:
            values[name] = known[name].kind.parse(text)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    errors += [
        FieldError(order.low, order.message)
        for order in orders
        if order.low in values and order.high in values and values[order.low] > values[order.high]
    ]
    if errors:
        raise InvalidParameters(errors)
    return values


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        # WSGI hands bytes over as Latin-1; what they say is UTF-8, or nothing.
        text = query.encode("latin-1").decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeError:
        raise InvalidParameters([FieldError("query", "must be UTF-8, percent-encoded")]) from None
    except ValueError:
        raise InvalidParameters([FieldError("query", f"must not have more than {MAX_PARAMETERS} parameters")]) from None
    return pairs


def _unknown(name: str, known: Mapping[str, Parameter]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"is not a parameter of this address{f'; did you mean {close[0]}?' if close else ''}"


def _shown(name: str) -> str:
    return name[:60] if name.isprintable() else ascii(name[:60])
