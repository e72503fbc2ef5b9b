"""What a message says, as channels get it: plain words, which each channel escapes in its own way.

Items are kept on the event as they were when it was written, so that each try says the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from diamondhub.admin.display import counted, duration
from diamondhub.alerts import links
from diamondhub.alerts.models import Delivery, Event
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds

#: Problems that one message tells of; of more it says how many there are.
MAX_ITEMS = 20
#: Longest word that stands before a subject.
_WORDS = {
    Event.What.RECURRED: "again: ",
    Event.What.REMINDER: "still: ",
    Event.What.ESCALATION: "nobody takes care of it: ",
    Event.What.RESOLVED: "resolved: ",
}


@dataclass(frozen=True)
class Item:
    """One problem, or one of the news, in a message."""

    kind: str
    severity: str
    subject: str
    problem: int | None = None
    state: str = ""
    episode: int = 0
    occurrences: int = 0
    #: Occurrences since it was last told of.
    since_told: int = 0
    #: ISO 8601, UTC.
    first_seen: str = ""
    last_seen: str = ""
    #: Of one that is resolved: how long it lasted, in words, and why it ended.
    lasted: str = ""
    why: str = ""
    #: Who takes care of it, and until when.
    taken_by: str = ""
    taken_until: str = ""

    @property
    def url(self) -> str:
        """The page of the problem."""
        return links.problem(self.problem) if self.problem else ""

    @property
    def run_book(self) -> str:
        """What to do."""
        return links.run_book(self.kind) if self.problem else ""

    @property
    def key(self) -> str:
        """What systems of duty know the problem's episode by."""
        return f"diamondhub-problem-{self.problem}-{self.episode}"

    def facts(self) -> str:
        """Since when, how often, what became of it: one line."""
        if not self.problem:
            return ""
        words = [f"since {_spoken(self.first_seen)}"]
        if self.occurrences > 1:
            words.append(f"{counted(self.occurrences, 'occurrence')}, the last {_spoken(self.last_seen)}")
        if self.since_told:
            words.append(f"{self.since_told:,} since the last message")
        if self.state == Problem.State.RESOLVED:
            words.append(f"resolved after {self.lasted}" + (f": {self.why}" if self.why else ""))
        elif self.taken_by:
            words.append(f"{self.taken_by} takes care of it until {_spoken(self.taken_until)}")
        return "; ".join(words)


@dataclass(frozen=True)
class Message:
    """What is sent on one channel. `key` is the same in every try; `thread` is that of the problem, if it is about one."""

    key: str
    what: str
    kind: str
    severity: str
    subject: str
    created_at: datetime
    items: list[Item] = field(default_factory=list)
    more: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    trace_id: str = ""
    thread: str = ""
    tries: int = 1

    @property
    def title(self) -> str:
        """The subject with what the message does."""
        return _WORDS.get(Event.What(self.what), "") + self.subject

    def lines(self) -> list[str]:
        """All that is said below the title, in plain text."""
        said: list[str] = []
        for item in self.items:
            if len(self.items) > 1 or item.subject != self.subject:
                said.append(f"[{item.severity}] {item.subject}")
            said += [text for text in (item.facts(), item.url, _labelled("what to do", item.run_book)) if text]
            said.append("")
        if self.more:
            said += [f"… and {self.more:,} more{': ' + links.home() if links.home() else ''}", ""]
        return said[:-1] if said else said


def _labelled(label: str, text: str) -> str:
    return f"{label}: {text}" if text else ""


def item_of(problem: Problem, *, counted_before: int = 0) -> Item:
    """What a message says of a problem as it is now."""
    resolved = problem.state == Problem.State.RESOLVED
    until = problem.acknowledged_until
    return Item(
        kind=problem.kind,
        severity=problem.severity,
        subject=problem.subject,
        problem=problem.pk,
        state=problem.state,
        episode=problem.episode,
        occurrences=problem.occurrences,
        since_told=max(0, problem.occurrences - counted_before) if counted_before else 0,
        first_seen=problem.first_seen_at.isoformat(),
        last_seen=problem.last_seen_at.isoformat(),
        lasted=duration((problem.resolved_at or problem.last_seen_at) - problem.first_seen_at) if resolved else "",
        why=problem.resolved_why if resolved else "",
        taken_by=problem.acknowledged_by if problem.state == Problem.State.ACKNOWLEDGED else "",
        taken_until=until.isoformat() if until and problem.state == Problem.State.ACKNOWLEDGED else "",
    )


def item_of_news(event: Event) -> Item:
    """What a message says of news that quiet hours have held."""
    return Item(
        kind=event.kind, severity=event.severity, subject=event.subject, first_seen=event.created_at.isoformat()
    )


def subject_of(items: list[Item], more: int, *, title: str) -> str:
    """One line for all items: the subject of a single one, else how many there are of what."""
    if len(items) == 1 and not more:
        return items[0].subject
    return f"{len(items) + more:,} × {title}: {items[0].subject}"


def title_of(kind: str) -> str:
    """A kind in words."""
    named = {each.name: each.title for each in kinds.all_kinds()}
    return named.get(kind, kind.replace("_", " ").replace("-", " "))


def written(items: list[Item]) -> list[dict[str, Any]]:
    """The items as the event keeps them."""
    return [asdict(item) for item in items]


def message_of(delivery: Delivery) -> Message:
    """The message of a delivery whose event was read with it."""
    event = delivery.event
    return Message(
        key=delivery.key.hex,
        what=event.what,
        kind=event.kind,
        severity=event.severity,
        subject=event.subject,
        created_at=event.created_at,
        items=[Item(**item) for item in event.items],
        more=event.more,
        details=event.details,
        trace_id=event.trace_id,
        thread=f"problem.{event.problem_id}" if event.problem_id else "",
        tries=max(1, delivery.tries),
    )


def _spoken(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else "?"
