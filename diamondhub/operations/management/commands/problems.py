"""What is wrong now, and taking care of it without the admin."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from diamondhub.admin.display import ago, counted
from diamondhub.commands import ReportingCommand, actor
from diamondhub.database import clock
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, reading, tracking

#: Problems that are listed at most.
MAX_LISTED = 100


class Command(ReportingCommand):
    """`problems [<problem>] [--acknowledge FOR --note …|--take-back|--resolve --reason …] [--json]`."""

    help = (
        "List what is wrong now, the worst first, or show one problem; with --acknowledge, note that you take care of it, "
        "with --take-back, that nobody does any more, with --resolve, end one that nothing looks at again."
    )
    expected = (tracking.NotOpen, tracking.NotAcknowledged, tracking.EndsByItself)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("problem", type=int, nargs="?", help="number of a problem")
        deed = parser.add_mutually_exclusive_group()
        deed.add_argument("--acknowledge", metavar="FOR", help="take care of it for so long, e.g. 30m, 4h or 1d")
        deed.add_argument("--take-back", action="store_true", help="nobody takes care of it any more")
        deed.add_argument("--resolve", action="store_true", help="end it by hand")
        parser.add_argument("--note", default="", help="with --acknowledge or --take-back: what is known of it")
        parser.add_argument("--reason", default="", help="with --resolve: why it is right again")
        self.add_json(parser)

    def run(
        self,
        *,
        problem: int | None,
        acknowledge: str | None,
        take_back: bool,
        resolve: bool,
        as_json: bool,
        **options: Any,
    ) -> None:
        if problem is None:
            if acknowledge or take_back or resolve:
                raise CommandError("name the problem by its number")
            self._list(as_json=as_json)
            return
        chosen = Problem.objects.filter(pk=problem).first()
        if chosen is None:
            raise CommandError(f"there is no problem {problem}")
        if acknowledge:
            until = clock() + _duration(acknowledge)
            chosen = tracking.acknowledge(problem, by=actor(), until=until, note=options["note"])
        elif take_back:
            chosen = tracking.take_back(problem, by=actor(), note=options["note"])
        elif resolve:
            chosen = self._resolve(chosen, options["reason"])
        self.say(_as_json(chosen), _in_words(chosen), as_json=as_json)

    def _resolve(self, problem: Problem, reason: str) -> Problem:
        if not reason.strip():
            raise CommandError("say why with --reason: it is kept with the problem")
        return tracking.resolve_by_hand(problem.pk, by=actor(), reason=reason)

    def _list(self, *, as_json: bool) -> None:
        listed = list(reading.unresolved().order_by("place", "first_seen_at")[:MAX_LISTED])
        words = [_line(problem) for problem in listed] or ["nothing is wrong"]
        self.say({"problems": [_as_json(problem) for problem in listed]}, "\n".join(words), as_json=as_json)


def _duration(text: str) -> timedelta:
    written = re.fullmatch(r"(?P<number>[0-9]{1,4})(?P<unit>[mhd])", text.strip(), re.ASCII)
    unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
    time = unit[written["unit"]] * int(written["number"]) if written else timedelta()
    if not timedelta() < time <= tracking.MAX_ACKNOWLEDGED:
        raise CommandError(f"--acknowledge takes a time up to 7d, like 30m, 4h or 1d, not {text[:20]!r}")
    return time


def _line(problem: Problem) -> str:
    state = f", {problem.acknowledged_by} takes care of it" if problem.state == Problem.State.ACKNOWLEDGED else ""
    return f"{problem.pk:>6}  {problem.severity:<8}  {ago(problem.first_seen_at):<18}  {problem.subject}{state}"


def _in_words(problem: Problem) -> str:
    kind = kinds.known(problem.kind)
    since = f"{problem.first_seen_at:%Y-%m-%d %H:%M:%S} UTC, last seen {ago(problem.last_seen_at)}"
    lines = [
        f"problem {problem.pk} ({problem.kind}), {problem.severity}, {problem.state}: {problem.subject}",
        f"about {problem.about}, since {since}, {counted(problem.occurrences, 'time')}",
    ]
    if problem.state == Problem.State.ACKNOWLEDGED and problem.acknowledged_until:
        lines.append(
            f"{problem.acknowledged_by} takes care of it until {problem.acknowledged_until:%Y-%m-%d %H:%M} UTC"
        )
    if problem.state == Problem.State.RESOLVED:
        lines.append(f"resolved: {problem.resolved_why}; {tracking.in_words(problem)}")
    if kind is not None:
        lines.append(f"ends: {kind.ends}; run book: docs/runbooks/{kind.name}.md")
    return "\n".join(lines)


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "problem": problem.pk,
        "kind": problem.kind,
        "about": problem.about,
        "where": problem.where or None,
        "severity": problem.severity,
        "state": problem.state,
        "subject": problem.subject,
        "details": problem.details,
        "occurrences": problem.occurrences,
        "episode": problem.episode,
        "first_seen_at": problem.first_seen_at,
        "last_seen_at": problem.last_seen_at,
        "acknowledged_by": problem.acknowledged_by or None,
        "acknowledged_until": problem.acknowledged_until,
        "resolved_at": problem.resolved_at,
        "resolved_why": problem.resolved_why or None,
    }
