"""Formatting of values in the admin: badges of states, money, moments and durations, and the parts of a row's page.

Everything that comes from a supplier is escaped here or in the templates; no text is marked safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from django.db.models import Model
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

#: The colour of every word of state, severity and availability that the admin shows as a badge.
TONES = {
    "good": (
        "completed",
        "available",
        "delivered",
        "published",
        "replayed",
        "active",
        "inserted",
        "updated",
        "created",
        "finished",
        "resolved",
    ),
    "busy": (
        "planning",
        "ingesting",
        "settling",
        "consolidating",
        "working",
        "running",
        "info",
        "changed",
        "publishable",
        "acknowledged",
    ),
    "warn": (
        "in_review",
        "on_hold",
        "warning",
        "pending",
        "suspect",
        "open",
        "opened",
        "parked",
        "paused",
        "expired",
        "replaced",
        "recurred",
    ),
    "bad": ("failed", "dead", "critical", "revoked", "deleted", "reopened", "worsened"),
}
_TONE = {word: tone for tone, words in TONES.items() for word in words}
#: The sign for an unknown value.
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Group:
    """A titled group of a row's fields: (label, value) pairs."""

    title: str
    fields: Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of a page; `note` stands where there are no rows."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = "None."


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page's head."""

    title: str
    url: str
    icon: str = field(default="arrow_forward")


def address_of(view: str, identity: UUID) -> str:
    """The address of a view that takes one id: as `reverse`, for pages that have hundreds of them."""
    return _address_of_nobody(view, get_script_prefix()).replace(_NOBODY, str(identity))


_NOBODY = str(UUID(int=0))


@lru_cache(maxsize=100)
def _address_of_nobody(view: str, _prefix: str) -> str:
    return reverse(view, args=[_NOBODY])


def badge(word: str, title: str = "") -> SafeString:
    """A state as a coloured badge; empty for no word."""
    return format_html(
        '<span class="dh-badge dh-{}">{}</span>', _TONE.get(word, "dull"), title or word.replace("_", " ")
    )


def dollars(cents: int | None) -> str:
    """Cents for people: `$1,234.50`."""
    return NOTHING if cents is None else f"${cents // 100:,}.{cents % 100:02d}"


def spoken(name: str | None) -> str:
    """A name of shape or grade for people: `CUSHION_BRILLIANT` becomes `Cushion brilliant`."""
    return name.replace("_", " ").capitalize() if name else NOTHING


def number(value: float | None) -> str:
    """A number with separated thousands."""
    return NOTHING if value is None else f"{value:,}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: `1 rule`, `2,000 rules`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(span: timedelta | float | None) -> str:
    """A duration in its two largest units: `48 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`."""
    if span is None:
        return NOTHING
    seconds = max(0, round(span.total_seconds() if isinstance(span, timedelta) else span))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def moment(at: datetime | None) -> str | SafeString:
    """A moment to the second, in UTC, with its age as the tooltip."""
    if at is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), ago(at), f"{at:%Y-%m-%d %H:%M:%S} UTC"
    )


def ago(at: datetime | None) -> str:
    """The age of a moment: `3 min 05 s ago`, `in 10 s`."""
    if at is None:
        return "never"
    age = timezone.now() - at
    return f"{duration(age)} ago" if age >= timedelta(0) else f"in {duration(-age)}"


def progress_bar(share: float, text: str = "") -> SafeString:
    """A bar that is filled to `share` (0 to 1), with a text behind it."""
    whole = round(max(0.0, min(1.0, share)) * 100)
    return format_html(
        '<span class="dh-progress"><progress max="100" value="{}" aria-label="Progress"></progress> <span>{}</span></span>',
        whole,
        text or f"{whole} %",
    )


def address(name: str, *arguments: Any) -> str:
    """The path of an admin page by its URL name, empty if there is no such page."""
    try:
        return reverse(f"admin:{name}", args=arguments)
    except NoReverseMatch:
        return ""


def row_link(row: Model, text: str = "") -> str | SafeString:
    """A link to the page of a row; plain text if it has none."""
    url = address(f"{row._meta.app_label}_{row._meta.model_name}_change", row.pk)
    return link(url, text or str(row)) if url else text or str(row)


def link(url: str, text: str) -> SafeString:
    """A link inside the admin."""
    return format_html('<a class="dh-link" href="{}">{}</a>', url, text)


def outside_link(url: str | None) -> str | SafeString:
    """A link out of the admin, only for addresses of the web; anything else is shown as text and cannot be followed."""
    if not url:
        return NOTHING
    if not of_the_web(url):
        return url
    return format_html('<a class="dh-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>', url, url)


def of_the_web(url: str) -> bool:
    """Whether a supplier's address is http or https: a `javascript:` one must never become a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def pretty_json(text: str) -> str:
    """JSON indented without touching a number or the order of its keys; a text that is no JSON comes back as it is."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


def code(text: str) -> SafeString:
    """A text word for word, in a box that scrolls."""
    return format_html('<pre class="dh-code">{}</pre>', text)


def json_code(value: Any) -> str | SafeString:
    """A JSON value in a box."""
    return code(pretty_json(msgspec.json.encode(value).decode())) if value else NOTHING


def field_value(row: Model, name: str) -> Any:
    """A field of a row as the pages show it: choices by their names, moments, flags, empty ones as a dash."""
    value = getattr(row, name)
    display = getattr(row, f"get_{name}_display", None)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if display is not None:
        return display()
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, int) and name != "id" and not name.endswith("_id"):
        return f"{value:,}"
    if isinstance(value, dict):
        return json_code(value)
    if isinstance(value, Model):
        return row_link(value)
    return value
