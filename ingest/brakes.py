"""Brakes: what makes a run suspect, what makes it wait for a person, how it is held, and what an approval covers.

Every bound that a run is held against is decided here (`BRAKES`); planning, `ingest.settling` and `ingest.finishing` ask.
The software looks for itself before it asks anybody: stones that no page showed are asked for by id, windows are counted
again, and what a person is shown says what came of it (`ingest.review`). A person approves what was seen: a brake that
presses harder later holds the run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import Now

from catalog.models import Availability, Diamond
from ingest import dead_letters, delisting, first_day, renumbering, report, second_look
from ingest.cost_sample import CostSample
from ingest.drift import IS_MISSING
from ingest.models import Partition, Run
from ingest.planning.plans import TOLERATED_DIFFERENCE
from ingest.problems import runs as run_problems
from ingest.transitions import transition

#: A run with fewer of its ranges read is not worth consolidating.
MIN_COMPLETED = 0.7
#: Stones that the supplier counts and no page shows before a run is suspect: a share of all, and some in any case.
NEVER_SHOWN, MIN_NEVER_SHOWN = 0.001, 5
#: A run in which so many stones lack what every stone must have waits for approval.
REQUIRED_MISSING = 0.01
#: With fewer stones known a median says nothing.
MIN_KNOWN = 30
#: Stones asked for by id when all that no page showed are too many: 20 requests of 50, a fair sample.
ASKED_AT_LEAST = 1_000
#: Answers by id that are older than this are asked for again before stones are delisted by them (seconds).
ANSWERS_HOLD_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Rule:
    """One brake in words: at which stage it is asked, what is measured, against what, and what the run then does."""

    stage: Literal["planning", "settling", "finishing"]
    measure: str
    bound: str
    then: Literal["suspect", "failed", "held"]


BRAKES: dict[str, Rule] = {
    "uncounted": Rule(
        "planning", "stones of the window that no partition was counted with", f"{TOLERATED_DIFFERENCE:.1%}", "suspect"
    ),
    "shrunk": Rule(
        "settling",
        "stones that the supplier counts or knows by their id, of those that the catalogue has on sale",
        "the feed's shrink brake",
        "suspect",
    ),
    "unaccounted": Rule(
        "settling",
        "stones that a second count of the window has and no page showed, where planning left ranges uncounted",
        f"{TOLERATED_DIFFERENCE:.1%}",
        "suspect",
    ),
    "by_id": Rule(
        "settling",
        "stones that a page has just shown and that the supplier knows by id, if it knew none that no page showed",
        "none",
        "suspect",
    ),
    "never_shown": Rule(
        "finishing",
        "stones that partitions counted again and were not shown in any reading",
        f"{NEVER_SHOWN:.1%}, and more than {MIN_NEVER_SHOWN}",
        "suspect",
    ),
    "completed": Rule(
        "settling", "ranges that were read to their end, once some failed", f"{MIN_COMPLETED:.0%}", "failed"
    ),
    "renumbered": Rule(
        "settling",
        "stones that have a new stock number and the certificate of a listed stone that is not shown under its own",
        f"{renumbering.RENUMBERED:.0%}",
        "held",
    ),
    "median": Rule(
        "settling",
        "by how much the median cost of the feed's stones would move, read off a sample; prices follow costs",
        "the feed's median brake",
        "held",
    ),
    "first_day": Rule(
        "settling",
        "a first run's rows that are not offered, without a required value, or with words or headers that nobody knows",
        "FIRST_DAY_NOT_OFFERED, FIRST_DAY_UNKNOWN_COLUMN, FIRST_DAY_UNKNOWN_WORDS",
        "held",
    ),
    "required_missing": Rule(
        "finishing", "stones without a field that every stone must have", f"{REQUIRED_MISSING:.0%}", "held"
    ),
    "dead_letters": Rule(
        "finishing", "stones that could not be processed, each counted once", "the feed's error budget", "held"
    ),
    "delisting": Rule(
        "finishing",
        "stones that no page showed and that the supplier does not know by their id either, of those listed",
        "the feed's delisting brake",
        "held",
    ),
}


@dataclass(frozen=True, slots=True)
class Brake:
    """One reason to wait: which brake, how hard it presses (a share), and both in words."""

    kind: str
    share: float
    why: str


# --- what fails a run, or makes it suspect ---------------------------------------------------------------------------


def too_little(run: Run) -> str:
    """Why a run with failed partitions is not worth consolidating; empty if it is.

    Stones that nobody could ask for by id fail no run: they are not delisted, that is all.
    """
    ranges = run.partitions.filter(kind=Partition.Kind.RANGE)
    total, completed = ranges.count(), ranges.filter(state=Partition.State.COMPLETED).count()
    if completed >= MIN_COMPLETED * total:
        return ""
    reasons = ranges.filter(state=Partition.State.FAILED).values_list("failure", flat=True).distinct()
    return f"only {completed} of {total} partitions completed: {'; '.join(reasons[:3])}"[:900]


def uncounted(*, total: int, difference: int) -> str:
    """Why a plan whose partitions were all counted lacks too much; empty if it does not."""
    if difference <= TOLERATED_DIFFERENCE * total:
        return ""
    return f"the partitions' counts lack {difference} of {total} stones"


def shrunk(run: Run, *, answered: int = 0) -> str:
    """Why a full run is shown suspiciously little against what is known; empty if it is not.

    `answered` are stones that no page showed and that the supplier knows by their id all the same.
    """
    known = Diamond.objects.filter(feed=run.feed.slug, availability=Availability.AVAILABLE).count()
    shown = run.plan.total
    if not known or shown + answered >= run.feed.shrink_brake * known:
        return ""
    return f"the supplier shows {shown} stones where {known} are known"


def stones_to_ask_for(run: Run, unseen: Sequence[str], *, page_limit: int) -> list[str]:
    """Those of the unseen stones that are asked for by id: all, or a sample where that would cost more than it tells.

    A feed that shrank suddenly is not asked for more than its own pages took.
    """
    pages = report.page_totals(run)["pages"]
    if not shrunk(run) or len(unseen) <= max(ASKED_AT_LEAST, pages * page_limit):
        return list(unseen)
    return list(unseen[:ASKED_AT_LEAST])


def answers_are_old(run: Run) -> bool:
    """Whether the supplier's answers by id are too old to take stones off by them: somebody took long to approve."""
    since = Now() - timedelta(seconds=ANSWERS_HOLD_SECONDS)
    asked = run.partitions.filter(kind=Partition.Kind.CONFIRM)
    return asked.exists() and not asked.filter(completed_at__gt=since).exists()


def suspicion_after_asking(run: Run) -> str:
    """Why a full run is suspect by what came of asking for unseen stones by id."""
    asked, answered = delisting.asked_and_answered(run)
    if not asked:
        return shrunk(run)
    if not answered and (why := _answers_nothing(run, asked)):
        return why
    if (why := shrunk(run)) and delisting.count_unseen(run) > asked - answered:
        return f"{why}; of {asked} asked for by id, a sample, it knows {answered}"
    if why := shrunk(run, answered=answered):
        return f"{why}; of {asked} asked for by id it knows {answered}"
    return ""


def _answers_nothing(run: Run, asked: int) -> str:
    """Why it means nothing that the supplier knows none of the stones that it was asked for by id."""
    control = second_look.shown_and_known_by_id(run)
    if control is None or control.known or not control.asked:
        return ""
    return (
        f"the supplier knows none of {asked} stones by id, and none of {control.asked} that a page has just shown: "
        "asking by id proves nothing"
    )


def unaccounted(run: Run) -> str:
    """Why stones may be missing that no partition was counted with; empty if all that there are were shown.

    Where planning could not afford to count every partition, what their counts lack may be in those that it guessed.
    """
    total, lacking = run.plan.total, run.plan.difference
    if not run.plan.uncounted or lacking <= TOLERATED_DIFFERENCE * total:
        return ""
    total = second_look.count_window(run, otherwise=total)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT stone) FROM ingest_page, unnest(stone_ids) AS stone WHERE run_id = %s", [run.pk]
        )
        (shown,) = cursor.fetchone() or (0,)
    if total - shown <= TOLERATED_DIFFERENCE * total:
        return ""
    return f"the supplier counts {total} stones and showed {shown}"


def never_shown(run: Run) -> str:
    """Why a run's partitions miss too much of what the supplier counts, after a recount and two more readings."""
    missing: int = run.partitions.aggregate(missing=Sum("missing"))["missing"] or 0
    if missing <= max(MIN_NEVER_SHOWN, NEVER_SHOWN * run.plan.total):
        return ""
    return f"{missing} stones that the supplier counts were never shown"


# --- what makes a run wait for a person ------------------------------------------------------------------------------


def renumbering_brake(run: Run) -> list[Brake]:
    """The brake of a run, not consolidated yet, whose stones have too many of them a new number and an old certificate."""
    renumbered = renumbering.find(run)
    return [] if renumbered is None else [Brake("renumbered", round(renumbered.share, 4), renumbered.why)]


def median_brake(run: Run, costs: CostSample) -> list[Brake]:
    """The brake of a run whose payloads, not consolidated yet, would move the median of what the feed's stones cost.

    Prices follow costs by the rule set, so that is by how much the median price would move.
    """
    if len(costs.known) < MIN_KNOWN or costs.moved <= run.feed.median_brake:
        return []
    why = f"it would move the median cost by {costs.moved:.0%}, more than {run.feed.median_brake:.0%}"
    return [Brake("median", round(costs.moved, 4), why)]


def first_day_brake(run: Run) -> list[Brake]:
    """The brake of a feed's first run, not consolidated yet: there is no run before to hold it against."""
    if not first_day.is_first(run):
        return []
    faults = first_day.faults_of(run)
    if not faults:
        return []
    return [Brake("first_day", max(fault.share for fault in faults), "; ".join(fault.words for fault in faults))]


def end_brakes(run: Run, *, may_delist: bool) -> list[Brake]:
    """The brakes of a run that is consolidated: what it lacks, what could not be processed, and what it would take off."""
    pages = report.page_totals(run)
    stones = pages["received"] - pages["repeats"]
    brakes = [*_required_missing(run, stones), *_dead_letters(run, stones)]
    return [*brakes, *_delisting(run)] if may_delist else brakes


def _required_missing(run: Run, stones: int) -> list[Brake]:
    for name, number in missing_fields(run):
        if number > max(1, REQUIRED_MISSING * stones):
            why = f"{name} is missing on {number:,} of {stones:,} stones, more than {REQUIRED_MISSING:.0%}"
            return [Brake("required_missing", number / max(1, stones), why)]
    return []


def missing_fields(run: Run) -> list[tuple[str, int]]:
    """Required fields that stones of the run lack, and how many lack each; most first."""
    missing = run.dead_letters.filter(reason=IS_MISSING).values_list("field").annotate(n=Count("id"))
    return list(missing.order_by("-n", "field"))


def _dead_letters(run: Run, stones: int) -> list[Brake]:
    dead = dead_letters.stones_of(run)
    if dead <= max(1, run.feed.error_budget * stones):
        return []
    why = f"{dead} of {stones} stones are dead letters, more than {run.feed.error_budget:.0%}"
    return [Brake("dead_letters", dead / max(1, stones), why)]


def _delisting(run: Run) -> list[Brake]:
    unseen, listed = delisting.count_unseen(run), count_listed(run)
    if not delists_too_many(run, unseen, listed):
        return []
    asked, answered = delisting.asked_and_answered(run)
    of_asked = f"the supplier does not know them by their id; of {asked} that no page showed it knows {answered}"
    why = (
        f"it would delist {unseen} of {listed} stones, more than {run.feed.delist_brake:.0%}: "
        f"{of_asked if asked else 'the supplier cannot be asked for them by id'}"
    )
    return [Brake("delisting", unseen / max(1, listed), why)]


def delists_too_many(run: Run, unseen: int, listed: int) -> bool:
    """Whether taking so many stones off the feed's listed ones needs a person."""
    return unseen > run.feed.delist_brake * listed


def count_listed(run: Run) -> int:
    """How many stones of the run's feed are listed now."""
    return Diamond.objects.filter(feed=run.feed.slug, availability__in=delisting.LISTED).count()


# --- holding ---------------------------------------------------------------------------------------------------------


def pressing(run: Run, brakes: Sequence[Brake]) -> list[Brake]:
    """Those of the brakes that nobody has approved, or that press harder than what was approved."""
    return [brake for brake in brakes if brake.share > run.approved.get(brake.kind, -1.0) + 1e-9]


def hold(run: Run, brakes: Sequence[Brake], review: dict[str, Any]) -> None:
    """Have the run wait for a person, and tell people; part of a transaction. `review` is what they are shown."""
    why = "; ".join(brake.why for brake in brakes)
    held = {brake.kind: brake.share for brake in brakes}
    if transition(run, Run.State.IN_REVIEW, reason=why, held=held, review=review):
        details = {
            "looked_at": {brake["kind"]: brake["looked"] for brake in review["held"]},
            "approve": f"manage.py approve_run {run.pk} --reason …",
            "cancel": f"manage.py cancel_run {run.pk}",
        }
        run_problems.held(run, why, details)
