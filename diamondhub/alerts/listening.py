"""What follows from a change of a problem: notices that are due some time, written in the problem's own transaction.

A problem that opens is told by every rule that applies to it; one that occurs again is counted, and told of again after ever
longer pauses; one that somebody takes care of is left alone; one that ends is told of where it was told of before. Nothing
here waits for a process: `gathering` makes messages of what is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from diamondhub.alerts import terms as rules
from diamondhub.alerts.models import Channel, Delivery, Event, Notice
from diamondhub.alerts.terms import CRITICAL_WAIT, Terms
from diamondhub.operations.models import Problem
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.tracking import Change, News

What = Notice.What
#: What taking care of a problem ends.
NAGGING = (What.RECURRED, What.REMINDER, What.ESCALATION)
#: The pause before the first word that a problem goes on occurring is the rule's interval; each further one is so many times
#: as long, up to a day.
RECURRED_FACTOR, MAX_RECURRED_PAUSE = 4, timedelta(days=1)
#: The group of what quiet hours have held, and of what a new channel is told first: one message for all.
DIGEST = "digest"


def hear(news: News) -> None:
    """Write and end notices as a change of a problem demands. Part of its transaction, while the problem is locked."""
    problem, at = news.problem, news.at
    match news.change:
        case Change.OPENED | Change.REOPENED | Change.WORSENED | Change.ACKNOWLEDGEMENT_ENDED:
            _call(problem, news.change, at)
        case Change.RECURRED:
            _count(problem, at)
        case Change.ACKNOWLEDGED:
            _leave_alone(problem, at, "somebody takes care of it")
        case Change.RESOLVED:
            _leave_alone(problem, at, "the problem is resolved")
            _tell_the_end(problem, at)


def catch_up(key: str, at: datetime) -> int:
    """Have a channel that is new, or newly told of more, told what is open; returns how many problems that are.

    All of it is one message, at once.
    """
    terms = rules.by_key(key)
    if terms is None:
        return 0
    unresolved = Problem.objects.exclude(state=Problem.State.RESOLVED)
    known = Notice.objects.filter(rule=key, what=What.OPENED).exclude(state=Notice.State.ENDED)
    told = set(known.filter(problem__in=unresolved).values_list("problem", "episode"))
    missing = [
        problem
        for problem in unresolved.order_by("pk")
        if terms.apply_to(problem) and (problem.pk, problem.episode) not in told
    ]
    _write(
        _notice(problem, terms, What.OPENED, at, due=at, group="" if terms.channel.individually else DIGEST)
        for problem in missing
    )
    return len(missing)


def _call(problem: Problem, change: Change, at: datetime) -> None:
    _end(problem, [What.RESOLVED], at, "the problem is back")
    in_force = rules.in_force()
    there = {terms.channel.name: terms.channel for terms in in_force}
    notices: list[Notice] = []
    for terms in in_force:
        if not terms.apply_to(problem):
            continue
        group = rules.group_of(terms.channel, What.OPENED, problem)
        due = _due(problem, terms, group, at)
        notices.append(_notice(problem, terms, What.OPENED, at, due=due))
        if problem.severity == Severity.CRITICAL:
            # One that waits in quiet hours waits no longer.
            _waiting(problem).filter(rule=terms.key, what=What.OPENED, due_at__gt=due).update(due_at=due, group=group)
        escalated = Notice.objects.filter(
            problem=problem, episode=problem.episode, rule=terms.key, what=What.ESCALATION
        ).exclude(state=Notice.State.ENDED)
        if terms.escalate_to not in there or (change is Change.WORSENED and escalated.exists()):
            continue
        notices.append(
            _notice(
                problem,
                terms,
                What.ESCALATION,
                at,
                due=at + terms.escalate_after,
                channel=there[terms.escalate_to],
            )
        )
    _write(notices)


def _due(problem: Problem, terms: Terms, group: str, at: datetime) -> datetime:
    """When a problem is told: together with what waits already, and not soon after others of its kind were told."""
    due = at + terms.wait
    alike = Notice.objects.filter(rule=terms.key, channel=terms.channel.name, group=group)
    last = alike.filter(state=Notice.State.TOLD).order_by("-finished_at").values_list("finished_at", flat=True).first()
    if last is not None:
        due = max(due, last + terms.interval)
    if problem.severity == Severity.CRITICAL:
        due = min(due, at + max(terms.wait, timedelta(seconds=CRITICAL_WAIT)))
    first = alike.filter(state=Notice.State.WAITING).order_by("due_at").values_list("due_at", flat=True).first()
    return due if first is None else min(due, first)


def _count(problem: Problem, at: datetime) -> None:
    """Have it told that a problem goes on occurring, where that was not said lately and nothing is to be said anyway."""
    if problem.state != Problem.State.OPEN:
        return
    of_episode = list(
        Notice.objects.filter(problem=problem, episode=problem.episode, what__in=(What.OPENED, What.RECURRED))
        .exclude(state=Notice.State.ENDED)
        .order_by("pk")
        .only("rule", "state", "what", "finished_at", "counted")
    )
    waiting = {notice.rule for notice in of_episode if notice.state == Notice.State.WAITING}
    told: dict[str, list[Notice]] = {}
    for notice in of_episode:
        if notice.rule not in waiting:
            told.setdefault(notice.rule, []).append(notice)
    if not told:
        return
    in_force = rules.in_force()
    notices = []
    for terms in in_force:
        before = told.get(terms.key)
        if not before or not terms.interval:
            continue
        times = sum(notice.what == What.RECURRED for notice in before)
        pause = min(MAX_RECURRED_PAUSE, terms.interval * RECURRED_FACTOR ** min(times, 10))
        last = max(notice.finished_at for notice in before if notice.finished_at)
        notices.append(
            _notice(
                problem,
                terms,
                What.RECURRED,
                at,
                due=max(at + terms.wait, last + pause),
                counted=max(notice.counted for notice in before),
            )
        )
    _write(notices)


def _leave_alone(problem: Problem, at: datetime, why: str) -> None:
    _end(problem, list(NAGGING), at, why)
    # What only reminds of it, and has not gone out yet, need not go out any more.
    unsent = Delivery.objects.filter(
        event__problem=problem,
        event__what__in=(Event.What.RECURRED, Event.What.REMINDER, Event.What.ESCALATION),
        state=Delivery.State.PENDING,
        lease_expires_at__isnull=True,
    )
    unsent.update(
        state=Delivery.State.WITHDRAWN, due_at=None, finished_at=at, last_error=why, tries=0, trying_since=None
    )


def _tell_the_end(problem: Problem, at: datetime) -> None:
    """Have it told that a problem is over where it was told that it is there.

    Where that still waits to be told, one message says both.
    """
    told = (
        Notice.objects.filter(problem=problem, episode=problem.episode, state=Notice.State.TOLD)
        .filter(what__in=(What.OPENED, What.ESCALATION))
        .values_list("rule", "channel", "what")
    )
    in_force = {terms.key: terms for terms in rules.in_force()}
    there = {terms.channel.name: terms.channel for terms in in_force.values()}
    notices = {}
    for rule, channel, what in told.order_by("what").distinct():
        terms = in_force.get(rule)
        if terms is None or not terms.tell_resolved or channel not in there:
            continue
        if what == What.ESCALATION and channel == terms.channel.name:
            continue
        notices[rule, channel] = _notice(problem, terms, What.RESOLVED, at, due=at + terms.wait, channel=there[channel])
    _write(notices.values())


def _notice(
    problem: Problem,
    terms: Terms,
    what: Notice.What,
    at: datetime,
    *,
    due: datetime,
    channel: Channel | None = None,
    group: str = "",
    counted: int = 0,
) -> Notice:
    channel = channel or terms.channel
    return Notice(
        problem=problem,
        episode=problem.episode,
        rule=terms.key,
        channel=channel.name,
        what=what,
        group=group or rules.group_of(channel, what, problem),
        due_at=due,
        counted=counted,
        created_at=at,
    )


def _write(notices: Iterable[Notice]) -> None:
    """Write notices but those of which one waits already."""
    Notice.objects.bulk_create(notices, ignore_conflicts=True)


def _waiting(problem: Problem) -> QuerySet[Notice]:
    return Notice.objects.filter(problem=problem, state=Notice.State.WAITING)


def _end(problem: Problem, what: list[Notice.What], at: datetime, why: str) -> None:
    _waiting(problem).filter(what__in=what).update(state=Notice.State.ENDED, finished_at=at, why=why)
