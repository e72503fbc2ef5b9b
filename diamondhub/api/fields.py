"""Strict fields of serializers: the same declaration reads a query's text and a body's JSON, and describes both in OpenAPI.

DRF's own fields are lenient where a client should be told: they take `"1"` for a number, `1` for yes, digits of other
scripts, and trim texts. `to_internal_value` reads JSON, `from_text` what stands in a query, `to_representation` answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

from rest_framework import serializers

from diamondhub import money
from diamondhub.api.mistakes import Mistakes, message_of

#: Values that one list may hold.
MAX_LIST_LENGTH = 50
#: Texts that are longer are not compared with what they might have meant (characters).
MAX_COMPARED = 100
#: Longest reason of a deed (characters).
MAX_REASON_LENGTH = 500
#: Years of moments and days: nothing of the trade's is older, and PostgreSQL, Python and JSON's readers hold them all.
MIN_YEAR, MAX_YEAR = 1970, 2999
#: PostgreSQL takes no offset beyond this, though no place on earth has more than 14 hours.
MAX_OFFSET = timedelta(hours=15, minutes=59)

_UUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: The same for schemas, whose readers know no half surrogates.
_PLAIN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
_PLAIN_IN_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text is as the pattern says, in ASCII."""
    return re.fullmatch(pattern, text, re.ASCII) is not None


def nearest(text: str, known: Iterable[str]) -> str:
    """The end of a message: `; did you mean ROUND?`, or nothing if no known name is close."""
    if len(text) > MAX_COMPARED:
        return ""
    close = get_close_matches(text, list(known), n=1) or get_close_matches(text.upper(), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def plain(found: str) -> dict[str, Any]:
    """The schema's part for plain text in which this regular expression is found."""
    return {"pattern": _PLAIN, "allOf": [{"pattern": found}]}


class Field(serializers.Field[Any, Any, Any, Any]):
    """What all fields here share: messages that end a sentence about the field."""

    default_error_messages = {"required": "is missing", "null": "must not be null"}
    #: What is said of a lower bound that is above its upper bound `{high}`.
    beyond = "must not be above {high}"

    def from_text(self, text: str) -> Any:
        """The value that a query's text writes. Raises `ValidationError`."""
        return self.to_internal_value(text)

    def to_representation(self, value: Any) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        """The JSON schema: of the answer's value for a field that is read only, else of what is taken."""
        raise NotImplementedError

    def body_schema(self) -> dict[str, Any]:
        """The schema of what a body may hold, where that is another than what a query may."""
        return self.schema()


class Whole(Field):
    """A whole number, within bounds if there are any, and always one of 64 bits."""

    default_error_messages = {"invalid": "must be a whole number{within}"}

    def __init__(self, low: int | None = None, high: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = low, high

    def to_internal_value(self, data: Any) -> int:
        low, high = self._ends()
        if not isinstance(data, int) or isinstance(data, bool) or not low <= data <= high:
            self.fail("invalid", within=_within(self.low, self.high))
        return data

    def from_text(self, text: str) -> int:
        return self.to_internal_value(int(text) if re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) else None)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", **_bounds(*self._ends())}

    def _ends(self) -> tuple[int, int]:
        return (-(2**63) if self.low is None else self.low), (2**63 - 1 if self.high is None else self.high)


class Number(Field):
    """A decimal of at most `places` decimals: digits and at most one point, no exponent; a sign only if it may be negative.

    In JSON it is a number, or a text of such digits. Answers have it as a JSON number.
    """

    default_error_messages = {"invalid": "must be a number{within} with at most {places} decimals"}

    def __init__(
        self, places: int, low: Decimal | int | None = None, high: Decimal | int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.places, self.low, self.high = places, low, high

    def to_internal_value(self, data: Any) -> Decimal:
        return self._checked(_plain(data))

    def from_text(self, text: str) -> Decimal:
        sign = "-?" if self.low is None or self.low < 0 else ""
        decimals = rf"(\.[0-9]{{1,{self.places}}})?" if self.places else ""
        # Normal, so that the same number written otherwise makes the same query.
        plain = re.fullmatch(rf"{sign}[0-9]{{1,15}}{decimals}", text, re.ASCII)
        return self._checked(Decimal(text) if plain else None).normalize()

    def _checked(self, number: Decimal | None) -> Decimal:
        if (
            number is None
            or number != round(number, self.places)
            or (self.low is not None and number < self.low)
            or (self.high is not None and number > self.high)
        ):
            self.fail("invalid", within=_within(self.low, self.high), places=self.places)
        return number

    def to_representation(self, value: Any) -> float:
        return float(value)

    def schema(self) -> dict[str, Any]:
        if self.read_only:
            return {"type": "number", "format": "double"}
        return {"type": "number", **{name: float(bound) for name, bound in _bounds(self.low, self.high).items()}}


class Dollars(Field):
    """An amount in US dollars of at most two decimals, which is whole cents inside; JSON has it as text or number.

    `high` is the largest amount in dollars. Without it the amount may be negative.
    """

    default_error_messages = {"invalid": "must be an amount in dollars{within} such as 1234.50"}

    def __init__(self, high: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.high = high

    def to_internal_value(self, data: Any) -> int:
        return self._checked(_plain(data))

    def from_text(self, text: str) -> int:
        sign = "-?" if self.high is None else ""
        plain = re.fullmatch(rf"{sign}[0-9]{{1,13}}(\.[0-9]{{1,2}})?", text, re.ASCII)
        return self._checked(Decimal(text) if plain else None)

    def _checked(self, number: Decimal | None) -> int:
        bounded = self.high is None or (number is not None and 0 <= number <= self.high)
        if number is None or number != round(number, 2) or not bounded:
            self.fail("invalid", within="" if self.high is None else f" from 0 to {self.high},")
        return int(number * 100)

    def to_representation(self, value: int) -> str | None:
        return money.to_text(value)

    def schema(self) -> dict[str, Any]:
        if self.read_only:
            return {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$", "example": "1234.50"}
        sign = "-?" if self.high is None else ""
        # Without an example: Swagger UI would fill it in, and every search tried there would find nothing.
        return {"type": "string", "pattern": rf"^{sign}[0-9]{{1,13}}(\.[0-9]{{1,2}})?$"}


class YesNo(Field):
    """True or false."""

    default_error_messages = {"invalid": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def from_text(self, text: str) -> bool:
        return self.to_internal_value({"true": True, "false": False}.get(text))

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class OneOf(Field):
    """One of a few names, each for its value; a list of names stands for itself, an enumeration for its members' values."""

    default_error_messages = {"invalid": "must be one of {names}{hint}"}

    def __init__(self, values: Mapping[str, Any] | Iterable[str] | type[Enum], **options: Any) -> None:
        super().__init__(**options)
        if isinstance(values, type):
            self.values: Mapping[str, Any] = {member.name: member.value for member in values}
        else:
            self.values = values if isinstance(values, Mapping) else {name: name for name in values}
        self._names = {value: name for name, value in self.values.items()}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.values:
            hint = nearest(data, self.values) if isinstance(data, str) else ""
            self.fail("invalid", names=", ".join(self.values), hint=hint)
        return self.values[data]

    def to_representation(self, value: Any) -> str:
        return self._names[value]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}


class Grade(OneOf):
    """A grade of the trade, stored as its place in the trade's order, by its name.

    `read` reads the other spellings that the trade has; it returns None for one that says there is no grade, and raises
    `ValueError` for one that it does not know. Answers have the name.
    """

    beyond = "must not be beyond {high}; grades go from the best to the worst"

    def __init__(
        self,
        grades: type[IntEnum] | Iterable[IntEnum],
        *,
        read: Callable[[str], int | None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__({grade.name: grade.value for grade in grades}, **options)
        self._spelled = read

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and data not in self.values and self._spelled and len(data) <= MAX_COMPARED:
            try:
                grade = self._spelled(data)
            except ValueError:
                grade = None
            if grade is not None and int(grade) in self._names:
                return int(grade)
        return int(super().to_internal_value(data))


class Text(Field):
    """A text without control characters.

    `pattern` is a regular expression for the whole of it, and `accepted` says the same in words. `lines` allows for breaks
    of lines. `max_length` and `min_length` are in characters, after nothing was trimmed.
    """

    default_error_messages = {
        "invalid": "must be {accepted}",
        "control": "must be plain text without control characters",
        "long": "must not be longer than {max_length:,} characters",
        "short": "must have at least {min_length} characters",
        "empty": "must not be empty",
    }

    def __init__(
        self,
        pattern: str = "",
        accepted: str = "a text",
        *,
        min_length: int = 0,
        max_length: int | None = None,
        lines: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.pattern, self.accepted = pattern, accepted
        self.min_length, self.max_length, self.lines = min_length, max_length, lines

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or (self.pattern and not re.fullmatch(self.pattern, data, re.ASCII)):
            self.fail("invalid", accepted=self.accepted)
        if (_CONTROL_IN_LINES if self.lines else _CONTROL).search(data):
            self.fail("control")
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("long", max_length=self.max_length)
        if len(data) < self.min_length:
            self.fail("short" if data else "empty", min_length=self.min_length)
        return data

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": self._written_pattern(),
            **({"minLength": self.min_length} if self.min_length else {}),
            **({"maxLength": self.max_length} if self.max_length is not None else {}),
        }

    def _written_pattern(self) -> str:
        if self.pattern:
            return f"^{self.pattern}$"
        return _PLAIN_IN_LINES if self.lines else _PLAIN


class Id(Field):
    """An id: a UUID in its usual form, in letters of either case."""

    default_error_messages = {"invalid": "must be a UUID such as 5c1f7a52-6b0e-5c8b-9d53-0c6a4e1f2b7d"}

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not re.fullmatch(_UUID, data, re.ASCII):
            self.fail("invalid")
        return UUID(data)

    def to_representation(self, value: UUID) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


class Reason(Text):
    """The reason of a deed, without the blanks around it."""

    default_error_messages = {"blank": "must say why"}

    def __init__(self, max_length: int = MAX_REASON_LENGTH, **options: Any) -> None:
        why = "Why; it is kept for those who ask later."
        super().__init__(max_length=max_length, lines=True, **{"help_text": why, **options})

    def to_internal_value(self, data: Any) -> str:
        reason = super().to_internal_value(data.strip() if isinstance(data, str) else data)
        return reason or self.fail("blank")

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "minLength": 1, "allOf": [{"pattern": r"\S"}]}


class Name(Text):
    """A name of the trade in upper case with underscores, such as a shape's; `normal` gives the name that is kept for it."""

    _PATTERN = r"[A-Z0-9][A-Z0-9_]*"

    def __init__(
        self, max_length: int, example: str, *, normal: Callable[[str], str | None] | None = None, **options: Any
    ) -> None:
        super().__init__(
            rf"(?=.{{1,{max_length}}}$){self._PATTERN}",
            f"a name in upper case with underscores, such as {example}",
            **options,
        )
        self._normal = normal

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        return (self._normal(name) or name) if self._normal else name


class Day(Field):
    """A day of the calendar as 2026-01-31."""

    default_error_messages = {"invalid": "must be a day such as 2026-01-31"}

    def __init__(self, min_year: int = MIN_YEAR, max_year: int = MAX_YEAR, **options: Any) -> None:
        super().__init__(**options)
        self.min_year, self.max_year = min_year, max_year

    def to_internal_value(self, data: Any) -> date:
        day: date | None = None
        if isinstance(data, date) and not isinstance(data, datetime):
            # Where a day is a value of the format itself, as in YAML.
            day = data
        elif isinstance(data, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", data, re.ASCII):
            try:
                day = date.fromisoformat(data)
            except ValueError:
                pass
        if day is None or not self.min_year <= day.year <= self.max_year:
            self.fail("invalid")
        return day

    def to_representation(self, value: date) -> str:
        return value.isoformat()

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


class Moment(Field):
    """A point in time as RFC 3339 writes it, with its offset; in UTC inside."""

    default_error_messages = {
        "invalid": "must be a time with its offset, such as 2026-01-31T08:00:00Z (a + is written %2B)"
    }
    _FORM = re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
    )

    def to_internal_value(self, data: Any) -> datetime:
        try:
            if isinstance(data, str) and self._FORM.fullmatch(data):
                moment = datetime.fromisoformat(data)
                offset = moment.utcoffset()
                if offset is not None and abs(offset) <= MAX_OFFSET and MIN_YEAR <= moment.year <= MAX_YEAR:
                    return moment.astimezone(UTC)
        except ValueError:
            pass
        return self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return value.isoformat().replace("+00:00", "Z")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class ListOf(Field):
    """A list: with commas between in a query, where the same value twice is the same as once; an array in JSON.

    `child` is a field or, for JSON only, a serializer. A mistake in an array is told with its place, `[2]`.
    """

    default_error_messages = {
        "not_a_list": "must be a list of {things}",
        "short": "must be a list of {things}, at least {min_length}",
        "long": "must not hold more than {max_length} values",
    }

    def __init__(
        self,
        child: serializers.Field[Any, Any, Any, Any],
        *,
        things: str = "values",
        max_length: int = MAX_LIST_LENGTH,
        min_length: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.child, self.things = child, things
        self.max_length, self.min_length = max_length, min_length
        self.child.bind(field_name="", parent=self)  # type: ignore[arg-type]  # as DRF's own lists do

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", things=self.things)
        if len(data) < self.min_length:
            self.fail("short", min_length=self.min_length, things=self.things)
        if len(data) > self.max_length:
            self.fail("long", max_length=self.max_length)
        mistakes = Mistakes()
        values = []
        for place, inner in enumerate(data):
            with mistakes.under(f"[{place}]"):
                values.append(self.child.run_validation(inner))
            if mistakes.are_many:
                break
        mistakes.tell()
        return values

    def from_text(self, text: str) -> tuple[Any, ...]:
        return self.from_texts([text])

    def from_texts(self, texts: Iterable[str]) -> tuple[Any, ...]:
        """The values of a parameter that is given once or several times."""
        assert isinstance(self.child, Field)
        parts = [part for text in texts for part in text.split(",")]
        if len(parts) > self.max_length:
            self.fail("long", max_length=self.max_length)
        try:
            return self.tidy([self.child.from_text(part) for part in parts])
        except serializers.ValidationError as error:
            raise serializers.ValidationError(_of_several(message_of(error))) from None

    def tidy(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """A query's values in one order, each once."""
        return tuple(sorted(set(values)))

    def to_representation(self, value: Iterable[Any]) -> list[Any]:
        return [self.child.to_representation(inner) for inner in value]

    def schema(self) -> dict[str, Any]:
        assert isinstance(self.child, Field)
        return {"type": "array", "items": self.child.schema(), **self.lengths(text=True)}

    def body_schema(self) -> dict[str, Any]:
        assert isinstance(self.child, Field)
        return {"type": "array", "items": self.child.body_schema(), **self.lengths(text=False)}

    def lengths(self, *, text: bool) -> dict[str, int]:
        """The bounds of the length as a schema has them; a query's list is never empty."""
        low = max(1, self.min_length) if text else self.min_length
        return {**({"minItems": low} if low else {}), "maxItems": self.max_length}


class Anything(Field):
    """A JSON object of whatever names and values; null is an empty one."""

    default_error_messages = {"invalid": "must be an object"}

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {}}


class Limit(Whole):
    """How many entries a page has at most."""

    def __init__(self, high: int = 100, *, default: int = 50, help_text: str = "Entries on a page.") -> None:
        super().__init__(1, high, default=default, help_text=help_text)


class Cursor(Text):
    """Where a page begins."""

    def __init__(self, *, help_text: str = "Where the page begins: `next` of the page before.") -> None:
        super().__init__(
            r"[A-Za-z0-9_:-]{1,500}", "the `next` of an answer, unchanged", required=False, help_text=help_text
        )


def _of_several(message: str) -> str:
    """What is said of one value, of a list in a query: it says what is taken, before any hint, that there may be several."""
    if not message.startswith("must be "):
        return message
    accepted, semicolon, hint = message.partition(";")
    return f"{accepted}, or several with commas between{semicolon}{hint}"


def _plain(value: Any) -> Decimal | None:
    """A finite decimal number from a number or a text of plain digits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    written = value if isinstance(value, str) else repr(value)
    return Decimal(written) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", written, re.ASCII) else None


def _within(low: Any, high: Any) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else f" of at most {high}" if high is not None else ""


def _bounds(low: Any, high: Any) -> dict[str, Any]:
    return {
        **({} if low is None else {"minimum": low}),
        **({} if high is None else {"maximum": high}),
    }
