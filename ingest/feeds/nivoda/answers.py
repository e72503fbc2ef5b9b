"""The meaning of Nivoda's answers: the data in the shape that was asked for, or the exception that says what went wrong.

Statuses, GraphQL errors and undecodable bodies are told apart here, for the client and for the relay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import requests
import structlog

from diamondhub import retry_after
from ingest.errors import (
    PermanentSupplierError,
    SignInRefused,
    ThrottledBySupplier,
    TransientSupplierError,
    UndecodableAnswer,
)

log = structlog.get_logger(__name__)

#: Longest pause that a supplier's Retry-After is believed for (seconds).
MAX_RETRY_AFTER = 600.0

_TOKEN_TROUBLE = re.compile(
    r"(token|jwt).*(invalid|expired|unauthori[sz]ed|malformed)|(invalid|expired|unauthori[sz]ed).*(token|jwt)",
    re.IGNORECASE | re.DOTALL,
)
_THROTTLED = re.compile(r"rate.?limit|too many requests|throttl", re.IGNORECASE)
_REFUSED_REQUEST = re.compile(
    r"cannot query field|unknown (argument|type|field)|syntax error|variable \"?\$", re.IGNORECASE
)
#: Half of a surrogate pair alone, which JSON allows and the decoder does not; what is sound is matched to be passed over.
_SURROGATES = re.compile(
    rb"(?P<sound>\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
#: Codes of GraphQL errors that blame the query.
REFUSED_CODES = frozenset({"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT"})


class GraphQLError(msgspec.Struct):
    """One entry of an answer's `errors`."""

    message: str = ""
    extensions: dict[str, Any] | None = None


Data = TypeVar("Data")


class _Envelope(msgspec.Struct, Generic[Data]):
    data: Data | None = None
    errors: list[GraphQLError] | None = None


class OutdatedToken(Exception):
    """The supplier does not accept the token any more."""


def decode(response: requests.Response, body: bytes, shape: type[Data], *, signing_in: bool) -> Data:
    """The `data` of an answer as `shape`. Raises a `SupplierError` or `OutdatedToken`."""
    check_status(response, body, signing_in=signing_in)
    try:
        envelope = _envelope(body, shape)
    except (msgspec.DecodeError, RecursionError) as error:
        # `data` of another shape usually stands beside errors that say why.
        errors = _errors_of(body)
        # What is kept of an answer must not hold a token.
        kept = b"" if signing_in else body
        if errors is None:
            kind = response.headers.get("Content-Type", "no content type").partition(";")[0]
            raise UndecodableAnswer(f"the supplier's answer cannot be decoded ({kind}): {error}", body=kept) from error
        if not errors:
            raise UndecodableAnswer(f"the supplier's answer has an unexpected shape: {error}", body=kept) from error
        raise class_of(errors, signing_in=signing_in) from error
    if envelope.data is None:
        raise class_of(envelope.errors or [], signing_in=signing_in)
    if envelope.errors:
        # All that was asked for is there; what is wrong with a part of it shows in the part.
        log.warning("supplier_answers_with_errors", errors=[error.message[:200] for error in envelope.errors[:3]])
    return envelope.data


def _envelope(body: bytes, shape: type[Data]) -> _Envelope[Data]:
    """Decode an answer; one stone's broken text must not cost the page."""
    try:
        return _decoder(shape).decode(body)
    except msgspec.DecodeError:
        mended = _SURROGATES.sub(lambda found: found["sound"] or rb"\ufffd", body)
        if mended == body:
            raise
        return _decoder(shape).decode(mended)


def check_status(response: requests.Response, body: bytes, *, signing_in: bool) -> None:
    """Raise the error that an answer with another status than 200 stands for."""
    status = response.status_code
    if status == 200:
        return
    pause = retry_after.seconds_of(response.headers, at_most=MAX_RETRY_AFTER)
    if status == 429 or (status == 503 and pause is not None):
        raise ThrottledBySupplier(f"the supplier answers {status}", retry_after=pause)
    if status in (401, 403):
        if signing_in:
            raise SignInRefused(refusal(f"HTTP {status}"))
        raise OutdatedToken(f"HTTP {status}")
    if status >= 500 or status == 408:
        raise TransientSupplierError(f"the supplier answers {status}")
    if 300 <= status < 400:
        raise PermanentSupplierError(f"the supplier answers {status}: check NIVODA_ENDPOINT")
    # A refused query may come as a 400 with GraphQL errors.
    errors = _errors_of(body) or []
    words = said(errors)[:300]
    raise PermanentSupplierError(f"the supplier answers {status}{': ' + words if words else ''}")


def class_of(errors: Sequence[GraphQLError], *, signing_in: bool) -> Exception:
    """The exception that a list of GraphQL errors without data stands for."""
    words = said(errors)[:500] or "no data and no errors"
    codes = {str((error.extensions or {}).get("code", "")) for error in errors}
    if _THROTTLED.search(words):
        return ThrottledBySupplier(f"the supplier says: {words}")
    if signing_in and errors and re.search(r"password|username|credential|not.?found|unauthori", words, re.IGNORECASE):
        return SignInRefused(refusal(words))
    if _TOKEN_TROUBLE.search(words):
        return OutdatedToken(words)
    if codes & REFUSED_CODES or _REFUSED_REQUEST.search(words):
        return PermanentSupplierError(f"the supplier refuses the query: {words}")
    return TransientSupplierError(f"the supplier says: {words}")


def said(errors: Sequence[GraphQLError]) -> str:
    """The supplier's words on one line, without what logs, rows and headers cannot take."""
    words = "; ".join(error.message for error in errors)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def _errors_of(body: bytes) -> list[GraphQLError] | None:
    try:
        return _decoder(msgspec.Raw).decode(body).errors or []
    except (msgspec.DecodeError, RecursionError):
        return None


_decoders: dict[object, msgspec.json.Decoder[Any]] = {}


def _decoder(shape: type[Data]) -> msgspec.json.Decoder[_Envelope[Data]]:
    if shape not in _decoders:
        _decoders[shape] = msgspec.json.Decoder(_Envelope[shape])  # type: ignore[valid-type]
    return _decoders[shape]


def refusal(words: str) -> str:
    """The words for a refused sign-in."""
    return f"the supplier refuses the sign-in ({words}): check NIVODA_USERNAME and NIVODA_PASSWORD, or the feed's own"


def date_of(response: requests.Response) -> datetime | None:
    """The supplier's own time, if its answer tells it."""
    return retry_after.moment_of(response.headers.get("Date", ""))
