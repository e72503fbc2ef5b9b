"""What must always hold (docs/architecture.md, "Invariants"): one checker, run by tests and by operators.

Each check is a function that returns what is wrong, in words that name the rows. It reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Q
from psycopg import sql

from diamondhub.alerts.models import Delivery
from ingest.models import ConsolidationBatch, Feed, Partition, Run
from ingest.models.run import LIVE_STATES
from pricing.compile import price_expression
from pricing.models import RuleSet


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not hold: the number of the invariant and what is wrong."""

    invariant: int
    problem: str


def partitions_tile_the_axis() -> Iterator[str]:
    """The partitions of a planned run tile its price axis: no gap, no overlap but shared ends, the last open-ended."""
    for run in Run.objects.exclude(state=Run.State.PLANNING).filter(partitions__kind=Partition.Kind.RANGE).distinct():
        ranges = sorted(
            set(run.partitions.filter(kind=Partition.Kind.RANGE).values_list("price_from", "price_to")),
            key=lambda edges: (edges[0], edges[1] is None, edges[1] or 0),
        )
        if ranges[0][0] != 0:
            yield f"run {run.pk}: the first partition starts at {ranges[0][0]}, not at 0"
        if ranges[-1][1] is not None:
            yield f"run {run.pk}: the last partition ends at {ranges[-1][1]}, it should be open-ended"
        shared = bool(run.plan.get("shared_ends"))
        for (_, end), (start, _) in pairwise(ranges):
            if end is None or start - end not in ((0, 1) if shared else (1,)):
                yield f"run {run.pk}: between {end} and {start} dollars per carat partitions gap or overlap"


def ledgers_balance() -> Iterator[str]:
    """Every page's received ids are stored, unchanged, repeated or dead (a constraint says so for each page); every
    stored one is in the raw store; every completed partition was read to its end."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT partition_id, sum(stored) AS ledger, coalesce(max(raw.rows), 0)
            FROM ingest_page
            LEFT JOIN (
                SELECT partition_id AS id, count(*) AS rows FROM ingest_rawdiamond GROUP BY partition_id
            ) AS raw ON raw.id = partition_id
            GROUP BY partition_id
            HAVING sum(stored) <> coalesce(max(raw.rows), 0)
            """
        )
        for partition, ledger, rows in cursor.fetchall():
            yield f"partition {partition}: the ledger says {ledger} payloads were stored, the raw store has {rows}"
    late = Partition.objects.filter(state=Partition.State.COMPLETED, completed_at__isnull=True)
    for pk in late.values_list("pk", flat=True):
        yield f"partition {pk} is completed but does not say when"


def nothing_is_stranded() -> Iterator[str]:
    """What is not finished has a live lease or a due time, and is not overdue by more than two sweeps without a lease."""
    for model, unfinished in (
        (Run, Q(state__in=set(LIVE_STATES) - {Run.State.IN_REVIEW.value})),
        (Partition, Q(state=Partition.State.READY)),
        (ConsolidationBatch, Q(state=ConsolidationBatch.State.READY)),
        (Delivery, Q(state=Delivery.State.PENDING)),
    ):
        for row in model._default_manager.filter(unfinished, due_at__isnull=True):
            yield f"{model._meta.verbose_name} {row.pk} is unfinished and has no due time"
    orphans = Partition.objects.filter(state=Partition.State.READY).exclude(run__state__in=LIVE_STATES)
    for pk in orphans.values_list("pk", flat=True):
        yield f"partition {pk} is open although its run is over"


def no_lease_without_a_holder() -> Iterator[str]:
    """No row says that it is worked on without a live lease: a lease that ran out was taken up within two sweeps."""
    grace = 2 * settings.SWEEP_SECONDS + 5
    for model in (Run, Partition, ConsolidationBatch, Delivery):
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    """
                    SELECT id, lease_owner FROM {}
                    WHERE lease_expires_at < clock_timestamp() - %s * interval '1 second'
                    """
                ).format(sql.Identifier(model._meta.db_table)),
                [grace],
            )
            for pk, owner in cursor.fetchall():
                yield f"{model._meta.verbose_name} {pk}: the lease of {owner} ran out and nobody took it up"


def newest_payload_wins() -> Iterator[str]:
    """A diamond's payload hash is that of the newest payload that was consolidated for it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.id, newest.id, d.raw_id
            FROM catalog_diamond AS d
            JOIN LATERAL (
                SELECT r.id, r.payload_hash
                FROM ingest_rawdiamond AS r
                JOIN ingest_run AS run ON run.id = r.run_id AND run.state = 'completed'
                WHERE r.diamond_id = d.id
                    AND NOT EXISTS (
                        SELECT FROM ingest_deadletter AS dead WHERE dead.run_id = r.run_id AND dead.diamond_id = d.id
                    )
                ORDER BY r.observed_at DESC, r.id DESC
                LIMIT 1
            ) AS newest ON newest.payload_hash <> d.payload_hash AND newest.id > d.raw_id
            LIMIT 20
            """
        )
        for diamond, newest, raw in cursor.fetchall():
            yield f"diamond {diamond} was mapped from payload {raw}, but payload {newest} is newer"


def watermarks_are_earned() -> Iterator[str]:
    """A feed's watermark is not later than the window of its last run whose partitions all completed."""
    for feed in Feed.objects.filter(watermark__isnull=False):
        complete = (
            Run.objects.filter(feed=feed, state=Run.State.COMPLETED, suspect="")
            .annotate(open=Count("partitions", filter=~Q(partitions__state=Partition.State.COMPLETED)))
            .filter(open=0)
        )
        earned = complete.aggregate(latest=Max("window_to"))["latest"]
        if earned is None or feed.watermark > earned:
            yield f"feed {feed.slug}: the watermark {feed.watermark} is later than any complete run's window ({earned})"


def delisting_is_justified() -> Iterator[str]:
    """No stone was delisted by a run that was incomplete, suspect or not a full one."""
    for run in Run.objects.filter(state=Run.State.COMPLETED).exclude(summary__delisted=0):
        if not run.summary.get("delisted"):
            continue
        incomplete = run.summary.get("partitions_completed") != run.summary.get("partitions")
        if incomplete or run.suspect or run.kind != Run.Kind.FULL:
            yield f"run {run.pk} delisted {run.summary['delisted']} stones though it should not have"


def prices_follow_their_rule_set() -> Iterator[str]:
    """Every diamond's price is what its pinned rule set gives for it, to the cent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT rule_set FROM catalog_diamond WHERE rule_set NOT IN (SELECT version FROM pricing_ruleset)"
        )
        for (version,) in cursor.fetchall():
            yield f"diamonds are priced by rule set {version}, which does not exist"
        for rule_set in RuleSet.objects.exclude(state=RuleSet.State.DRAFT):
            cursor.execute(
                sql.SQL(
                    "SELECT count(*), min(d.id::text) FROM catalog_diamond AS d "
                    "WHERE d.rule_set = {} AND d.price_cents <> {}"
                ).format(sql.Literal(rule_set.version), price_expression(rule_set, "d"))
            )
            wrong, example = cursor.fetchone() or (0, None)
            if wrong:
                yield f"{wrong} diamonds do not cost what rule set {rule_set.version} says, e.g. {example}"


def finished_runs_are_accounted_for() -> Iterator[str]:
    """Every finished run has its audit events, its trace id, and its alert in a final delivery state."""
    for run in Run.objects.exclude(state__in=LIVE_STATES):
        last = run.events.order_by("-id").first()
        if last is None or last.to_state != run.state:
            yield f"run {run.pk} is {run.state}, but its last audit event says {last and last.to_state}"
        if not run.trace_id:
            yield f"run {run.pk} has no trace id"
        deliveries = Delivery.objects.filter(event__dedupe_key__startswith=f"run:{run.pk}:")
        if not deliveries.exists():
            yield f"run {run.pk} is over and nobody was told"


CHECKS: dict[int, Callable[[], Iterator[str]]] = {
    1: partitions_tile_the_axis,
    2: ledgers_balance,
    3: nothing_is_stranded,
    4: no_lease_without_a_holder,
    5: newest_payload_wins,
    6: watermarks_are_earned,
    7: delisting_is_justified,
    8: prices_follow_their_rule_set,
    # 9, the supplier's view of the request rate, is checked where the supplier can be asked: in the tests.
    10: finished_runs_are_accounted_for,
}


def violations() -> list[Violation]:
    """Run every check; an empty list means that all invariants hold."""
    return [Violation(number, problem) for number, check in CHECKS.items() for problem in check()]
