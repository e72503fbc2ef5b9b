"""Making messages of notices that are due: those of one group become one message, in one transaction with their end.

Any number of workers do it at once: who is first at a group's notices has them. Nothing here waits for a lock, so whoever
changes a problem waits for no more than the writing of one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from diamondhub.alerts import messages
from diamondhub.alerts import terms as rules
from diamondhub.alerts.listening import DIGEST, NAGGING, What
from diamondhub.alerts.messages import MAX_ITEMS
from diamondhub.alerts.models import Delivery, Event, Notice
from diamondhub.alerts.terms import Terms
from diamondhub.database import clock
from diamondhub.operations.models import Problem
from diamondhub.operations.problems.kinds import BY_URGENCY, Severity

#: Notices that one message takes up at most; of more another is made.
MAX_GROUP = 5_000
#: Messages that one round makes at most: the next one goes on.
MAX_MESSAGES = 500
#: What only repeats waits so long where the message before has not gone out yet.
BEHIND = timedelta(minutes=5)


def gather(now: datetime | None = None, *, problem: int | None = None) -> list[Event]:
    """Make messages of what is due; returns them. With `problem`, only of what that one alone is told by, due or not."""
    at = now or clock()
    waiting = Notice.objects.filter(state=Notice.State.WAITING)
    if problem is None:
        due = waiting.filter(due_at__lte=at)
    else:
        due = waiting.filter(Q(what=What.OPENED) | Q(due_at__lte=at), problem=problem)
    groups = due.values("rule", "channel", "group").annotate(first=Min("due_at")).order_by("first")
    made = [
        _tell(group["rule"], group["channel"], group["group"], at=at, problem=problem)
        for group in groups[:MAX_MESSAGES]
    ]
    return [event for event in made if event is not None]


@transaction.atomic
def _tell(rule: str, channel: str, group: str, *, at: datetime, problem: int | None) -> Event | None:
    """Make one message of a group. None if there is nothing to say, or others are saying it."""
    only = {} if problem is None else {"problem": problem}
    notices = list(
        Notice.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=Notice.State.WAITING, rule=rule, channel=channel, group=group, **only)
        .order_by("pk")[:MAX_GROUP]
    )
    # Whoever is changing a problem decides first what is to be said of it.
    numbers = [notice.problem_id for notice in notices if notice.problem_id]
    problems = {
        each.pk: each
        for each in Problem.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(pk__in=numbers)
        .order_by("pk")
    }
    news = {each.pk: each for each in Event.objects.filter(pk__in=[notice.news_id for notice in notices])}
    terms = rules.of_notice(notices[0], rules.in_force()) if notices else None
    told: list[tuple[Notice, messages.Item]] = []
    held: dict[datetime, list[int]] = {}
    for notice in notices:
        if notice.problem_id is None:
            item = messages.item_of_news(news[notice.news_id]) if notice.news_id in news else None
        elif notice.problem_id in problems:
            item = _said_of(notice, problems[notice.problem_id], at)
        else:
            continue
        until = terms.held_until(item.severity, at) if item and terms else None
        if until is not None:
            held.setdefault(until, []).append(notice.pk)
        elif item is not None:
            told.append((notice, item))
    for until, numbers in held.items():
        each_by_itself = terms is not None and terms.channel.individually
        Notice.objects.filter(pk__in=numbers).update(due_at=until, group=group if each_by_itself else DIGEST)
    if not told:
        return None
    event = _written(told, problems, channel=channel, group=group, at=at)
    occurrences = Problem.objects.filter(pk=OuterRef("problem_id")).values("occurrences")
    Notice.objects.filter(pk__in=[notice.pk for notice, _item in told]).update(
        state=Notice.State.TOLD, finished_at=at, message=event, counted=Coalesce(Subquery(occurrences), 0)
    )
    _remind_later([notice for notice, _item in told], problems, terms, at)
    return event


def _said_of(notice: Notice, problem: Problem, at: datetime) -> messages.Item | None:
    """What a notice says of a problem; None, and the notice ends or waits on, if there is nothing to be said any more."""
    mine = Notice.objects.filter(pk=notice.pk)
    stale = notice.episode != problem.episode and notice.what != What.OPENED
    if stale or (notice.what in NAGGING and problem.state != Problem.State.OPEN):
        mine.update(state=Notice.State.ENDED, finished_at=at, why="it is over, or somebody takes care of it")
        return None
    if notice.what in (What.RECURRED, What.REMINDER) and _is_on_its_way(notice):
        # The channel is behind: what it was not told yet says it.
        mine.update(due_at=at + BEHIND)
        return None
    return messages.item_of(problem, counted_before=notice.counted)


def _is_on_its_way(notice: Notice) -> bool:
    return Delivery.objects.filter(
        event__notices__problem=notice.problem_id, channel=notice.channel, state=Delivery.State.PENDING
    ).exists()


def _written(
    told: Sequence[tuple[Notice, messages.Item]],
    problems: dict[int, Problem],
    *,
    channel: str,
    group: str,
    at: datetime,
) -> Event:
    items = sorted((item for _notice, item in told), key=lambda item: BY_URGENCY.index(Severity(item.severity)))
    shown, more = items[:MAX_ITEMS], len(items) - MAX_ITEMS
    what = {notice.what for notice, _item in told}
    of_one_kind = len({item.kind for item in items}) == 1
    about = {item.problem for item in items}
    single = problems[next(iter(about))] if len(about) == 1 and None not in about else None  # type: ignore[index]
    event = Event.objects.create(
        dedupe_key=f"notice:{told[0][0].pk}:{channel}",
        kind=items[0].kind if of_one_kind else "several",
        severity=items[0].severity,
        what=Event.What.DIGEST if group == DIGEST and len(items) > 1 else what.pop(),
        subject=messages.subject_of(
            shown, max(0, more), title=messages.title_of(items[0].kind) if of_one_kind else "problems and news"
        ),
        details=single.details if single else {},
        trace_id=single.trace_id if single else "",
        problem=single,
        items=messages.written(shown),
        more=max(0, more),
    )
    Delivery.objects.create(event=event, channel=channel, due_at=at)
    return event


def _remind_later(notices: Sequence[Notice], problems: dict[int, Problem], terms: Terms | None, at: datetime) -> None:
    """Write the next reminder of each critical problem that nobody takes care of."""
    if terms is None or not terms.repeat:
        return
    reminders = []
    for notice in notices:
        problem = problems.get(notice.problem_id or 0)
        if (
            problem is not None
            and notice.what in (What.OPENED, What.REMINDER)
            and problem.severity == Severity.CRITICAL
            and problem.state == Problem.State.OPEN
        ):
            reminders.append(
                Notice(
                    problem=problem,
                    episode=problem.episode,
                    rule=notice.rule,
                    channel=notice.channel,
                    what=What.REMINDER,
                    group=rules.group_of(terms.channel, What.REMINDER, problem),
                    due_at=at + terms.repeat,
                    counted=problem.occurrences,
                    created_at=at,
                )
            )
    Notice.objects.bulk_create(reminders, ignore_conflicts=True)
