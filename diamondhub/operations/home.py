"""The admin's start page: what needs somebody, and figures and cards that apps register in their `operations.py`.

`context` is named in the theme's settings and called by the admin for its index; `now` and `slow` are the parts of the page
that ask for themselves anew. All of them show one snapshot, which is taken for everybody at once (`snapshots`): parts are
asked for what they show once for all viewers, and each viewer sees what their rights are for. Every part must cost little at
any size: counts of what should be rare stop at a cap.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from diamondhub.operations import needs, snapshots
from diamondhub.operations.needs import Found

log = structlog.get_logger(__name__)

#: Counts on the start page stop here.
MAX_COUNT = 1_000
#: The name of the snapshot.
HOME = "home"
#: Parts that are taken less often than this are in the page's slow part, below the others (seconds).
SLOW_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One number at the top of the page, which leads to `url`; `tone` is `good`, `warn`, `bad` or nothing."""

    title: str
    value: str
    url: str
    tone: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A titled part below the figures: a template of the admin with its context."""

    title: str
    template: str
    context: dict[str, Any]

    @property
    def body(self) -> SafeString:
        """The part as HTML."""
        return render_to_string(self.template, self.context)


@dataclass(frozen=True, slots=True)
class TakenCard:
    """A card as the snapshot has it: rendered."""

    title: str
    html: str

    @property
    def body(self) -> SafeString:
        """The part as HTML, which a template has made."""
        return mark_safe(self.html)  # noqa: S308


@dataclass(frozen=True, slots=True)
class TakenPart:
    """What a part showed when it was last asked (`at`, seconds since 1970), and for whom it is."""

    name: str
    permission: str
    at: float
    slow: bool
    figures: list[Figure] = field(default_factory=list)
    cards: list[TakenCard] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Home:
    """The whole page, for somebody who may see everything."""

    at: float
    found: Found
    parts: list[TakenPart]


#: What an app shows; asked once for each snapshot, or less often.
Part = Callable[[], Iterable[Figure | Card]]


@dataclass(frozen=True, slots=True)
class _Registered:
    name: str
    part: Part
    permission: str
    every: float


_parts: dict[str, _Registered] = {}


def register(part: Part, *, permission: str, every: float = 0.0) -> None:
    """Show `part` to everybody who has `permission` (`<app>.<codename>`), below what was registered before.

    It is asked for each snapshot, or no more often than once in `every` seconds.
    """
    name = f"{part.__module__}.{part.__qualname__}"
    _parts[name] = _Registered(name, part, permission, every)


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what this person may see to the index page's context."""
    home = latest()
    return {**context, **_now_for(request, home), **_slow_for(request, home)}


def now(request: HttpRequest) -> HttpResponse:
    """The part of the page that is asked for every two seconds."""
    return render(request, "admin/home/now.html", _now_for(request, latest()))


def slow(request: HttpRequest) -> HttpResponse:
    """The part of the page that is asked for every minute."""
    return render(request, "admin/home/slow.html", _slow_for(request, latest()))


def latest() -> Home:
    """The page as it was within the last seconds."""
    return msgspec.json.decode(snapshots.of(HOME, _taken), type=Home)


def _now_for(request: HttpRequest, home: Home) -> dict[str, Any]:
    parts = [part for part in home.parts if not part.slow and request.user.has_perm(part.permission)]
    return {
        "needs": needs.shown_to(request.user, home.found),
        "figures": [figure for part in parts for figure in part.figures],
        "cards": [card for part in parts for card in part.cards],
    }


def _slow_for(request: HttpRequest, home: Home) -> dict[str, Any]:
    parts = [part for part in home.parts if part.slow and request.user.has_perm(part.permission)]
    return {"slow_cards": [card for part in parts for card in part.cards]}


def _taken(former: str) -> str:
    """The page as it is now, as text; what is taken less often stays as it was."""
    try:
        before = {part.name: part for part in msgspec.json.decode(former, type=Home).parts} if former else {}
    except msgspec.DecodeError:
        # Another version of the code has written it.
        before = {}
    moment = time.time()
    parts = [
        kept
        if (kept := before.get(registered.name)) is not None and 0 <= moment - kept.at < registered.every
        else _ask(registered, moment)
        for registered in _parts.values()
    ]
    return msgspec.json.encode(Home(moment, needs.find(), parts), enc_hook=_plain).decode()


def _plain(value: Any) -> str:
    """Text that is marked as safe, as plain text."""
    if isinstance(value, str):
        return value + ""
    raise TypeError(f"the start page cannot keep {type(value).__name__}")


def _ask(registered: _Registered, moment: float) -> TakenPart:
    figures: list[Figure] = []
    cards: list[TakenCard] = []
    try:
        for item in registered.part():
            if isinstance(item, Figure):
                figures.append(item)
            else:
                cards.append(TakenCard(item.title, item.body))
    except Exception as error:
        log.exception("part_of_home_failed", part=registered.name)
        if isinstance(error, DatabaseError):
            if connection.in_atomic_block:
                raise
            connection.close_if_unusable_or_obsolete()
        # All others are shown; this one says that it is not.
        words = render_to_string("admin/home/failed.html", {"part": registered.name, "error": type(error).__name__})
        cards = [TakenCard("Cannot be shown", words)]
    slow = registered.every >= SLOW_SECONDS and not figures
    return TakenPart(registered.name, registered.permission, moment, slow, figures, cards)


def capped_count(rows: QuerySet[Any]) -> tuple[int, str]:
    """The number of rows up to `MAX_COUNT`, and as text that says if there are more."""
    count = rows.order_by()[: MAX_COUNT + 1].count()
    return count, f"{count:,}" if count <= MAX_COUNT else f"{MAX_COUNT:,}+"
