"""The buttons of a problem as they are shown to a person, and until when it can be acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds

#: Who may acknowledge problems and resolve them by hand.
CHANGE = "operations.change_problem"


@dataclass(frozen=True, slots=True)
class Shown:
    """A button with its address, for one problem and one person."""

    label: str
    url: str
    acts: bool
    reason: bool


def buttons_of(problem: Problem, user: Any) -> Iterator[Shown]:
    """The buttons that mend the problem and that this person may use."""
    kind = kinds.known(problem.kind)
    if kind is None or problem.state == Problem.State.RESOLVED:
        return
    for button in kind.buttons:
        url = button.address(problem.target) if user.has_perm(button.permission) else ""
        if url:
            yield Shown(button.label, url, button.acts, button.reason)


def link_of(problem: Problem) -> str:
    """The address of what the problem is about; empty if it has no page."""
    kind = kinds.known(problem.kind)
    return kind.link(problem.target) if kind is not None and kind.link is not None else ""


def _in(hours: int) -> Callable[[datetime], datetime]:
    return lambda now: now + timedelta(hours=hours)


def _tomorrow(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), time(8), tzinfo=now.tzinfo)


#: Until when a problem can be acknowledged: the word that forms send, what people read, and the moment.
UNTIL: dict[str, tuple[str, Callable[[datetime], datetime]]] = {
    "1h": ("for an hour", _in(1)),
    "4h": ("for four hours", _in(4)),
    "tomorrow": ("until tomorrow, 08:00 UTC", _tomorrow),
}
