"""What can be wrong with feeds, runs, dead letters and suppliers, and news of runs.

Problems are about `feed:<slug>`, `account:<limiter's name>` or `cause:<fingerprint>`; those of runs occur at `run:<number>`,
pauses at `pause:<number>`.
"""

from __future__ import annotations

from urllib.parse import quote

from django.urls import reverse

from diamondhub.operations.problems.kinds import Address, Button, Kind, NewsKind, Severity, declare, declare_news
from ingest.background.checking import BROKEN_INVARIANT
from ingest.models import Feed, Run

#: Who may see what of it.
_FEEDS, _RUNS, _LETTERS = "ingest.view_feed", "ingest.view_run", "ingest.view_deadletter"
START, DECIDE = "ingest.add_run", "ingest.change_run"
_REPLAY, _DISCARD = "ingest.replay_deadletter", "ingest.discard_deadletter"


def _part(target: str, kind: str) -> str:
    """What a target of that kind names; nothing for one of another kind."""
    begins = f"{kind}:"
    return target.removeprefix(begins) if target.startswith(begins) else ""


def _run(target: str) -> int | None:
    number = _part(target, "run")
    return int(number) if number.isdecimal() else None


def _run_page(target: str) -> str:
    run = _run(target)
    return reverse("admin:ingest_run_changelist") if run is None else reverse("admin:ingest_run_change", args=[run])


def _of_run(name: str) -> Address:
    def address(target: str) -> str:
        run = _run(target)
        return "" if run is None else reverse(f"admin:{name}", args=[run])

    return address


def _feed_id(target: str) -> int | None:
    slug, run = _part(target, "feed"), _run(target)
    if run is not None:
        return Run.objects.filter(pk=run).values_list("feed_id", flat=True).first()
    return Feed.objects.filter(slug=slug).values_list("pk", flat=True).first()


def _feed_page(target: str) -> str:
    feed = _feed_id(target)
    return reverse("admin:ingest_feed_changelist") if feed is None else reverse("admin:ingest_feed_change", args=[feed])


def _start(kind: str) -> Address:
    def address(target: str) -> str:
        feed = _feed_id(target)
        return "" if feed is None else reverse("admin:ingest_feed_start", args=[feed, kind])

    return address


def _feeds_of_account(_target: str) -> str:
    return reverse("admin:ingest_feed_changelist")


def _letters_page(target: str) -> str:
    page = reverse("admin:ingest_deadletter_changelist")
    if (run := _run(target)) is not None:
        return f"{page}?run={run}"
    return f"{page}?fingerprint={quote(_part(target, 'cause'))}"


def _resume(target: str) -> str:
    number = _part(target, "pause")
    return reverse("admin:ingest_pause_resume", args=[number]) if number.isdecimal() else ""


def _pauses_page(_target: str) -> str:
    return reverse("admin:ingest_pause_changelist")


def _of_cause(name: str, asked: str = "") -> Address:
    def address(target: str) -> str:
        cause = _part(target, "cause")
        return reverse(f"admin:{name}", args=["cause", cause]) + asked if cause.isalnum() else ""

    return address


START_FULL = Button("Start a full run", _start("full"), START, acts=True)
START_INCREMENTAL = Button("Start an incremental run", _start("incremental"), START, acts=True)
RETRY = Button("Retry the failed partitions", _of_run("ingest_run_retry"), DECIDE, acts=True)
APPROVE = Button("Approve and go on", _of_run("ingest_run_approve"), DECIDE, acts=True, reason=True)
CANCEL = Button("Cancel the run", _of_run("ingest_run_cancel"), DECIDE, acts=True)
RESUME = Button("Resume", _resume, DECIDE, acts=True)
LOOK_AT_FEED = Button("The feed's settings", _feed_page, _FEEDS)
REPLAY_CAUSE = Button(
    "Replay the letters", _of_cause("ingest_deadletter_replay", "?parked"), _REPLAY, acts=True, reason=True
)
DISCARD_CAUSE = Button("Discard the letters", _of_cause("ingest_deadletter_discard"), _DISCARD, acts=True, reason=True)

_A_LATER_RUN = "a later run of the feed completes"

declare(
    # --- ends of runs ------------------------------------------------------------------------------------------------
    Kind(
        "run-failed",
        "A run failed",
        Severity.CRITICAL,
        found="a run has ended as failed",
        ends=f"{_A_LATER_RUN}, or this one after its partitions were retried",
        permission=_RUNS,
        link=_run_page,
        buttons=(RETRY, START_FULL, START_INCREMENTAL),
        by_hand=True,
    ),
    Kind(
        "run-cancelled",
        "A run was cancelled",
        Severity.INFO,
        found="somebody has cancelled a run",
        ends=_A_LATER_RUN,
        permission=_RUNS,
        link=_run_page,
        buttons=(START_FULL, START_INCREMENTAL),
        by_hand=True,
    ),
    Kind(
        "run-completed-in-part",
        "A run completed without all of its partitions",
        Severity.WARNING,
        found="a run has completed while partitions of it have failed: their stones are as they were, none is delisted",
        ends="a run of the same kind, or a full one, completes whole, or this one after its partitions were retried",
        permission=_RUNS,
        link=_run_page,
        buttons=(RETRY, START_FULL),
        by_hand=True,
    ),
    Kind(
        "run-suspect",
        "A run is suspect",
        Severity.CRITICAL,
        found="counts do not add up, or the supplier shows far too little: nothing is delisted, the watermark stays",
        ends="a run of the same kind, or a full one, completes without doubts",
        permission=_RUNS,
        link=_run_page,
        buttons=(START_FULL,),
        by_hand=True,
    ),
    Kind(
        "run-in-review",
        "A run waits for a person",
        Severity.CRITICAL,
        found="a brake holds a run: it would delist too many stones, move the median too far, has too many letters, or is "
        "a first one of which too much is not understood",
        ends="somebody approves or cancels the run",
        permission=_RUNS,
        link=_run_page,
        buttons=(APPROVE, CANCEL),
    ),
    Kind(
        "run-stalled",
        "A run does not get on",
        Severity.CRITICAL,
        found="a live run has brought neither a page nor a batch for ten minutes",
        ends="by itself, when the run goes on or ends",
        permission=_RUNS,
        link=_run_page,
        buttons=(CANCEL,),
    ),
    Kind(
        "schema-drift",
        "What the supplier sends has changed",
        Severity.WARNING,
        found="a run's stones have a new field, lack a value much more often, or have values that we do not know",
        ends="a later run is like the runs before it",
        permission=_RUNS,
        link=_run_page,
        by_hand=True,
    ),
    # --- feeds -------------------------------------------------------------------------------------------------------
    Kind(
        "feed-stale",
        "A feed is too old",
        Severity.WARNING,
        found="a feed's watermark is older than its bound (the feed's own, or by its schedules); critical at twice that",
        ends="by itself, when a run has moved the watermark, or the feed is disabled",
        permission=_FEEDS,
        link=_feed_page,
        buttons=(START_INCREMENTAL, START_FULL, LOOK_AT_FEED),
    ),
    Kind(
        "slots-skipped",
        "Scheduled runs are not started",
        Severity.WARNING,
        found="three slots of a feed's schedules in a row started no run",
        ends="a slot starts a run",
        permission=_FEEDS,
        link=_feed_page,
        buttons=(START_INCREMENTAL, START_FULL, LOOK_AT_FEED),
        by_hand=True,
    ),
    Kind(
        "schedule-unreadable",
        "A schedule cannot be read",
        Severity.CRITICAL,
        found="a feed's schedule is no crontab: no run is started by it",
        ends="by itself, when the schedule can be read or the feed is disabled",
        permission=_FEEDS,
        link=_feed_page,
        buttons=(LOOK_AT_FEED,),
    ),
    Kind(
        "work-paused",
        "Somebody has paused something",
        Severity.INFO,
        found="a person has paused a supplier's account, a feed, or consolidation, for a reason",
        ends="somebody resumes it, or its time is over",
        permission="ingest.view_pause",
        link=_pauses_page,
        buttons=(RESUME,),
    ),
    # --- dead letters ------------------------------------------------------------------------------------------------
    Kind(
        "letters-over-budget",
        "Too many stones could not be processed",
        Severity.CRITICAL,
        found="more of a run's stones are dead letters than the feed's error budget allows",
        ends="the run is approved or cancelled, its letters are replayed or discarded, or a later run completes",
        permission=_LETTERS,
        link=_letters_page,
        buttons=(APPROVE, CANCEL),
        by_hand=True,
    ),
    Kind(
        "letters-parked",
        "Dead letters are parked",
        Severity.WARNING,
        found="letters of one cause have failed at five replays, which skip them from now on",
        ends="the letters are replayed, discarded, or superseded by a run",
        permission=_LETTERS,
        link=_letters_page,
        buttons=(REPLAY_CAUSE, DISCARD_CAUSE),
        by_hand=True,
    ),
    Kind(
        "message-letter",
        "A message could not be answered",
        Severity.WARNING,
        found="a worker has got a message that it could not read, or that broke the task",
        ends="the letters of that cause are replayed or discarded",
        permission=_LETTERS,
        link=_letters_page,
        buttons=(REPLAY_CAUSE, DISCARD_CAUSE),
        by_hand=True,
    ),
    # --- suppliers ---------------------------------------------------------------------------------------------------
    Kind(
        "supplier-failing",
        "The supplier fails",
        Severity.CRITICAL,
        found="half of our last requests to an account, of five at least, or the last five of all, brought no answer or an "
        "error",
        ends="by itself, when less than a fifth of the last requests fail, and the last of all does not",
        permission=_FEEDS,
        link=_feeds_of_account,
    ),
    Kind(
        "supplier-throttling",
        "The supplier throttles",
        Severity.WARNING,
        found="five of the last requests to an account, and a twentieth of them, were refused as too many",
        ends="by itself, when none was refused in the last three minutes of requests",
        permission=_FEEDS,
        link=_feeds_of_account,
    ),
    Kind(
        "sign-in-refused",
        "The supplier does not let us in",
        Severity.CRITICAL,
        found="the supplier has refused an account's user or password",
        ends="the supplier lets us in",
        permission=_FEEDS,
        link=_feeds_of_account,
        by_hand=True,
    ),
)

declare(BROKEN_INVARIANT)
declare_news(NewsKind("run_completed", "A run completed", _RUNS))
