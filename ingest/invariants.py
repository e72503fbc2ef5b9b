"""The checker of the invariants (docs/architecture.md, "Invariants"), run by tests and by operators.

Each check is a function that yields violations in words that name the rows. It only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Count, Max, Q
from psycopg import sql

from diamondhub.alerts.models import Delivery
from diamondhub.operations import pruning
from diamondhub.operations.models import Job, ProblemEvent, Pruning
from ingest.models import ConsolidationBatch, Feed, Partition, Remap, Run
from ingest.models.run import LIVE_STATES
from pricing.compile import Pricing
from pricing.models import RuleSet


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation: the number of the invariant, and the problem in words."""

    invariant: int
    problem: str


def partitions_tile_the_axis() -> Iterator[str]:
    """The partitions of a planned run tile its price axis: no gap, no overlap but shared ends, the last open-ended; those of
    one crowded price tile its carats and its list."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT run.id, ingest_tiling_fault(run.id)
            FROM ingest_run AS run
            WHERE run.state <> 'planning'
                AND EXISTS (SELECT FROM ingest_partition AS p WHERE p.run_id = run.id AND p.kind = 'range')
                AND ingest_tiling_fault(run.id) IS NOT NULL
            """
        )
        for run, fault in cursor.fetchall():
            yield f"run {run}: {fault}"


def ledgers_balance() -> Iterator[str]:
    """Every page's received ids are stored, unchanged, repeated or dead (a constraint says so for each page); every
    stored one is in the raw store and every dead one has its letter; every completed partition was read to its end.

    Archived runs have no ledger any more, and days of payloads that were dropped are not missed.
    """
    kept_from = pruning.kept_from("raw_days")
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
                /* A page that was begun before midnight may have its payloads in the day before. */
                AND (%(kept)s::timestamptz IS NULL OR min(created_at) > %(kept)s::timestamptz + interval '10 minutes')
            """,
            {"kept": kept_from},
        )
        for partition, ledger, rows in cursor.fetchall():
            yield f"partition {partition}: the ledger says {ledger} payloads were stored, the raw store has {rows}"
        cursor.execute(
            """
            /* Index on the letters' run. Items are of pages, stones and batches of batches; a remap may add more. */
            SELECT run.id, pages.dead, batches.dead, letters.items, letters.stones
            FROM ingest_run AS run
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(dead), 0) AS dead FROM ingest_page WHERE run_id = run.id
            ) AS pages
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(dead), 0) AS dead FROM ingest_consolidationbatch WHERE run_id = run.id
            ) AS batches
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE kind = 'item') AS items,
                    coalesce(sum(stones) FILTER (WHERE kind IN ('stone', 'batch')), 0) AS stones
                FROM ingest_deadletter
                WHERE run_id = run.id
            ) AS letters
            WHERE run.archived_at IS NULL AND (pages.dead > letters.items OR batches.dead > letters.stones)
            """
        )
        for run, dead_items, dead_stones, items, stones in cursor.fetchall():
            yield (
                f"run {run}: {dead_items} items and {dead_stones} stones could not be processed, "
                f"but dead letters speak of {items} and {stones}"
            )
    late = Partition.objects.filter(state=Partition.State.COMPLETED, completed_at__isnull=True)
    for pk in late.values_list("pk", flat=True):
        yield f"partition {pk} is completed but does not say when"


def nothing_is_stranded() -> Iterator[str]:
    """Every unfinished row has a live lease or a due time, and is not overdue by more than two sweeps without a lease."""
    for model, unfinished in (
        (Run, Q(state__in=set(LIVE_STATES) - {Run.State.IN_REVIEW.value})),
        (Partition, Q(state=Partition.State.READY)),
        (ConsolidationBatch, Q(state=ConsolidationBatch.State.READY)),
        (Remap, Q(state=Remap.State.READY)),
        (Pruning, Q(state=Pruning.State.READY)),
        (Job, Q(state=Job.State.READY)),
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
    for model in (Run, Partition, ConsolidationBatch, Remap, Pruning, Job, Delivery):
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
    """A diamond's payload hash is that of the newest payload that was consolidated for it.

    Payloads of runs that are not completed are not consolidated yet, and those with a dead letter never were, unless it
    was replayed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* One pass over payloads and one over diamonds. Few payloads are later than the one that their diamond holds, so
               sorting them by stone is cheap. Materialized, or the limit has every stone looked up by itself. */
            WITH later AS MATERIALIZED (
                SELECT r.diamond_id, r.id, r.payload_hash, r.observed_at, d.payload_hash AS held, d.raw_id
                FROM ingest_rawdiamond AS r
                JOIN catalog_diamond AS d
                    ON d.id = r.diamond_id
                    AND r.id > d.raw_id
                    AND (r.observed_at, r.id) > (d.source_updated_at, d.raw_id)
                JOIN ingest_run AS run ON run.id = r.run_id AND run.state = 'completed'
                LEFT JOIN (
                    SELECT DISTINCT run_id, diamond_id FROM ingest_deadletter
                    WHERE diamond_id IS NOT NULL AND state <> 'replayed'
                ) AS dead ON dead.run_id = r.run_id AND dead.diamond_id = r.diamond_id
                WHERE dead.run_id IS NULL
            ), newest AS (
                SELECT DISTINCT ON (diamond_id) * FROM later ORDER BY diamond_id, observed_at DESC, id DESC
            )
            SELECT diamond_id, id, raw_id FROM newest WHERE payload_hash <> held LIMIT 20
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
    """Every diamond's price, rule and rating are what its pinned rule set gives for it on the day that it was priced."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT rule_set FROM catalog_diamond
            WHERE rule_set NOT IN (SELECT version FROM pricing_ruleset WHERE state <> 'draft')
            """
        )
        for (version,) in cursor.fetchall():
            yield f"diamonds are priced by rule set {version}, which was never published"
        for rule_set in RuleSet.objects.exclude(state=RuleSet.State.DRAFT):
            yield from _wrong_prices(cursor, rule_set)


def _wrong_prices(cursor: CursorWrapper, rule_set: RuleSet) -> Iterator[str]:
    priced = sql.SQL("SELECT * FROM catalog_diamond WHERE rule_set = {}").format(sql.Literal(rule_set.version))
    days: dict[date, sql.Composable] = {datetime.now(UTC).date(): priced}
    if rule_set.rules.filter(Q(valid_from__isnull=False) | Q(valid_to__isnull=False)).exists():
        cursor.execute("SELECT DISTINCT priced_on FROM catalog_diamond WHERE rule_set = %s", [rule_set.version])
        days = {day: sql.SQL("{} AND priced_on = {}").format(priced, sql.Literal(day)) for (day,) in cursor.fetchall()}
    for day, rows in days.items():
        pricing = Pricing(rule_set, day)
        cursor.execute(
            sql.SQL(
                """
                SELECT count(*), min(d.id::text) FROM {rows}
                WHERE (d.price_cents, d.rule, d.rating, d.price_per_carat_cents)
                    IS DISTINCT FROM ({price_cents}, {rule}, {rating}, {price_per_carat_cents})
                """
            ).format(rows=pricing.rows(sql.SQL("({})").format(rows), "d"), **pricing.columns("d"))
        )
        wrong, example = cursor.fetchone() or (0, None)
        if wrong:
            yield f"{wrong} diamonds do not cost what rule set {rule_set.version} says, e.g. {example}"


def finished_runs_are_accounted_for() -> Iterator[str]:
    """Every finished run has its audit events and its trace id, and is in an alert or a problem."""
    horizon = pruning.kept_from("history")
    over = Run.objects.exclude(state__in=LIVE_STATES)
    # Events before the horizon were pruned.
    for run in over.filter(finished_at__gte=horizon) if horizon else over:
        last = run.events.order_by("-id").first()
        if last is None or last.to_state != run.state:
            yield f"run {run.pk} is {run.state}, but its last audit event says {last and last.to_state}"
        if not run.trace_id:
            yield f"run {run.pk} has no trace id"
        deliveries = Delivery.objects.filter(event__dedupe_key__startswith=f"run:{run.pk}:")
        if not deliveries.exists() and not ProblemEvent.objects.filter(where=f"run:{run.pk}").exists():
            yield f"run {run.pk} is over and nobody was told"


def changes_are_logged() -> Iterator[str]:
    """Every version that is kept is counted once and has its stones in the log, and every stone that changed since the log
    begins is in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* One statement, so that all of it is of one moment. A stone changed when its transaction began, and the version
               of that was taken later. */
            WITH kept AS (
                SELECT v.* FROM catalog_datasetversion AS v, catalog_versioncounter AS c WHERE v.version > c.forgotten
            ), logged AS (
                SELECT c.diamond_id AS id, max(kept.created_at) AS at
                FROM kept
                JOIN catalog_change AS c ON c.change_set = kept.id AND c.changed_on = kept.changed_on
                GROUP BY c.diamond_id
            ), beginning AS (
                /* All is there from the first version on or, if some were forgotten, from the day behind theirs. */
                SELECT CASE WHEN c.forgotten = 0 THEN '-infinity'::date
                    ELSE greatest(
                        (SELECT max(changed_on) + 1 FROM catalog_datasetversion AS v WHERE v.version <= c.forgotten),
                        (SELECT min(changed_on) + 1 FROM kept)
                    )
                    END AS day
                FROM catalog_versioncounter AS c
            )
            SELECT
                (SELECT version - forgotten FROM catalog_versioncounter),
                (SELECT count(*) FROM kept),
                (SELECT max(version) FROM kept),
                (SELECT version FROM catalog_versioncounter),
                (
                    SELECT min(version) FROM kept
                    WHERE NOT EXISTS (
                        SELECT FROM catalog_change AS c
                        WHERE c.change_set = kept.id AND c.changed_on = kept.changed_on
                    )
                ),
                (
                    SELECT min(d.id::text) FROM catalog_diamond AS d, beginning
                    WHERE d.changed_at >= beginning.day::timestamp AT TIME ZONE 'UTC'
                        AND NOT EXISTS (SELECT FROM logged WHERE logged.id = d.id AND logged.at >= d.changed_at)
                ),
                (
                    SELECT string_agg(tgname, ', ' ORDER BY tgname) FROM pg_trigger
                    WHERE tgrelid IN ('catalog_diamond'::regclass, 'catalog_datasetversion'::regclass)
                        AND tgfoid IN (
                            'catalog_log_changes'::regproc, 'catalog_take_version'::regproc, 'catalog_emptied'::regproc
                        )
                        AND tgenabled IN ('D', 'R')
                )
            """
        )
        counted, rows, newest, counter, bare, unlogged, disabled = cursor.fetchone()
    if counted != rows:
        yield f"{counted} versions were counted since the log begins, and {rows} are kept"
    if rows and newest != counter:
        yield f"the newest version is {newest}, and the counter is at {counter}"
    if bare is not None:
        yield f"version {bare} has no stones in the log of changes"
    if unlogged is not None:
        yield f"stone {unlogged} changed, and is not in the log of changes since then"
    if disabled:
        yield f"triggers that log changes are switched off: {disabled}"


def the_index_says_what_the_table_says() -> Iterator[str]:
    """The index of this host has of every stone what the table has, where there is an index and it is of this version."""
    # Numpy takes memory and time to start, which programs without an index need not spend.
    from catalog.index import checking

    yield from checking.differences()


def changes_and_index_are_true() -> Iterator[str]:
    """The log of changes has what changed, and the index of this host what the table says."""
    yield from changes_are_logged()
    yield from the_index_says_what_the_table_says()


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
    11: changes_and_index_are_true,
}


#: The rules in words, by number.
RULES: dict[int, str] = {
    1: "The partitions of a planned run tile its axis",
    2: "Every partition's ledger balances",
    3: "Nothing that is not finished stays without a lease or a due time",
    4: "No row says that it is worked on without a live lease",
    5: "A diamond holds its newest consolidated payload",
    6: "Watermarks are not later than the last complete run",
    7: "No stone was delisted by an incomplete or suspect run",
    8: "Every price is what its pinned rule set gives",
    10: "Every finished run has its events, its trace and its alert",
    11: "The log of changes and the index say what the table says",
}


def violations() -> list[Violation]:
    """Run every check; an empty list means that all invariants hold."""
    return [Violation(number, problem) for number, check in CHECKS.items() for problem in check()]
