"""The admin's start page: figures and cards that apps register in their `operations.py`, for whom may see them.

`context` is named in the theme's settings and called by the admin for its index. Every part must cost little at any size:
counts of what should be rare stop at a cap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

#: Counts on the start page stop here.
MAX_COUNT = 1_000


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


#: What an app shows; asked once for each view of the page.
Part = Callable[[], Iterable[Figure | Card]]

_parts: dict[Part, str] = {}


def register(part: Part, *, permission: str) -> None:
    """Show `part` to everybody who has `permission` (`<app>.<codename>`), below what was registered before."""
    _parts[part] = permission


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures and cards that this person may see to the index page's context."""
    shown = [item for part, permission in _parts.items() if request.user.has_perm(permission) for item in part()]
    context["figures"] = [item for item in shown if isinstance(item, Figure)]
    context["cards"] = [item for item in shown if isinstance(item, Card)]
    return context


def capped_count(rows: QuerySet[Any]) -> tuple[int, str]:
    """The number of rows up to `MAX_COUNT`, and as text that says if there are more."""
    count = rows.order_by()[: MAX_COUNT + 1].count()
    return count, f"{count:,}" if count <= MAX_COUNT else f"{MAX_COUNT:,}+"
