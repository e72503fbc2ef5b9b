"""Everything that can be wrong, as one table: each app declares its kinds in its `problem_kinds.py`.

A kind says how bad it is, how it is found and how it ends, who may see it, and where its page and its button are. Its run
book is the file `docs/runbooks/<name>.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import models


class Severity(models.TextChoices):
    """How bad a problem is: `critical` needs somebody now, `warning` today, `info` is to be known."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


#: The worst first.
BY_URGENCY: tuple[Severity, ...] = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)

#: Makes the admin's address of what a problem is about, of `Problem.target` (`run:17`).
Address = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Button:
    """What mends a problem of a kind, or leads to it.

    `address` makes the admin's address of what the problem is about (`Problem.target`), or nothing if there is none. With
    `acts` it is posted to, in a form with its token and a `reason`, which must be given where `reason` says so; else it is a
    link. Only who has `permission` (`<app>.<codename>`) sees it.
    """

    label: str
    address: Address
    permission: str
    acts: bool = False
    reason: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    `found` and `ends` say in words how it is found and how it ends. `link` makes the admin's address of what it is about.
    With `by_hand` a person may resolve it: one of events, which nothing looks at again.
    """

    name: str
    title: str
    severity: Severity
    found: str
    ends: str
    #: Who has it (`<app>.<codename>`) sees problems of this kind.
    permission: str
    link: Address | None = None
    buttons: tuple[Button, ...] = ()
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class NewsKind:
    """One kind of news that is no problem: something went as it should, and people may want to know."""

    name: str
    title: str
    permission: str


_kinds: dict[str, Kind] = {}
_news: dict[str, NewsKind] = {}


def declare(*kinds: Kind) -> None:
    """Add kinds to the table. Raises `ImproperlyConfigured` if two have one name."""
    for kind in kinds:
        if _kinds.get(kind.name, kind) != kind:
            raise ImproperlyConfigured(f"problems: two kinds are called {kind.name}")
        _kinds[kind.name] = kind


def declare_news(*kinds: NewsKind) -> None:
    """Add kinds of news to their table. Raises `ImproperlyConfigured` if two have one name."""
    for kind in kinds:
        if _news.get(kind.name, kind) != kind:
            raise ImproperlyConfigured(f"news: two kinds are called {kind.name}")
        _news[kind.name] = kind


def kind(name: str) -> Kind:
    """The kind of that name. Raises `KeyError`: a problem of a kind that nobody declared is a bug."""
    return _kinds[name]


def known(name: str) -> Kind | None:
    """The kind of that name; None for one that former versions declared."""
    return _kinds.get(name)


def all_kinds() -> Iterable[Kind]:
    """Every kind, in the order of their names."""
    return [_kinds[name] for name in sorted(_kinds)]


def all_news() -> Iterable[NewsKind]:
    """Every kind of news, in the order of their names."""
    return [_news[name] for name in sorted(_news)]
