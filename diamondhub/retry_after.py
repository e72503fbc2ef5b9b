"""How long an answer asks to be left alone: its `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def seconds_of(headers: Mapping[str, str], *, at_most: float) -> float | None:
    """The seconds, a date by the answer's own clock; None if the answer does not say, or says no such thing."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return min(at_most, float(text))
    moment = moment_of(text)
    if moment is None:
        return None
    now = moment_of(headers.get("Date", "")) or datetime.now(UTC)
    return min(at_most, max(0.0, (moment - now).total_seconds()))


def moment_of(text: str) -> datetime | None:
    """A header's date; None for what is none."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
