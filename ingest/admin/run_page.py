"""What the page of a run shows, taken from the run's rows by the same functions that commands report with."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.urls import reverse

from diamondhub.admin.display import NOTHING, Group, badge, dollars, duration, moment, number
from ingest import drift, review
from ingest.admin.density import Picture, Piece, picture
from ingest.admin.partitions import partition_range
from ingest.models import Partition, Run
from ingest.models.plan import RunPlan
from ingest.operations import in_words
from ingest.progress import progress
from ingest.report import report

#: Rows of a page of the partitions' table.
PARTITIONS_PER_PAGE = 20


def live_part(run: Run, page: str) -> dict[str, Any]:
    """The part of the page that is polled: progress, numbers, picture, the partitions' table and the transitions."""
    now = progress(run)
    done = report(run) if run.live or not run.summary else run.summary
    return {
        "run": run,
        "progress": now,
        "words": in_words(now),
        "numbers": numbers(run, done),
        "stages": stages(done),
        "picture": density_picture(run),
        "drift": drift_lines(run),
        "drift_comparison": drift.comparison(run),
        "partitions": partition_table(run, page),
        "events": [
            {"at": event.at, "to": badge(event.to_state), "actor": event.actor, "reason": event.reason}
            for event in run.events.order_by("id")
        ],
        "live_url": reverse("admin:ingest_run_live", args=[run.pk]),
        "partitions_url": _of_run("ingest_partition_changelist", run),
        "failed_url": _of_run("ingest_partition_changelist", run) + "&state__exact=failed",
        "batches_url": _of_run("ingest_consolidationbatch_changelist", run),
        "letters_url": _of_run("ingest_deadletter_changelist", run),
    }


def _of_run(name: str, run: Run) -> str:
    return f"{reverse(f'admin:{name}')}?run={run.pk}"


def numbers(run: Run, done: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The report's numbers: (label, value, what it means)."""
    # Reports of old runs do not say it.
    unseen: dict[str, int] = done.get("unseen", {})
    return [
        ("requests", number(done["requests"]), f"{done['planning_requests']:,} of them for planning"),
        ("pages", number(done["pages"]), "received and stored"),
        ("stones received", number(done["received"]), f"{done['repeats']:,} of them seen twice"),
        ("payloads stored", number(done["stones_stored"]), f"{done['unchanged']:,} stones unchanged"),
        ("new", number(done["inserted"]), "diamonds inserted"),
        ("changed", number(done["updated"]), "diamonds updated"),
        ("asked for by id", number(sum(unseen.values())), "no page showed them"),
        ("delisted", number(done["delisted"]), "the supplier no longer knows them"),
        ("never shown", number(done["missing"]), "counted by the supplier"),
        ("dead letters", number(done["dead_letters"]), "could not be processed"),
    ]


def review_of(run: Run) -> list[dict[str, Any]]:
    """What the run was held for, by brake and cause, with links to the stones and dead letters that it is about."""
    return [
        {
            "name": held.kind.replace("_", " "),
            "why": held.why,
            "measure": held.measure,
            "bound": held.bound,
            "looked": held.looked,
            "parts": [
                {
                    "stones": number(part.stones),
                    "share": f"{part.share:.1%}",
                    "words": part.words,
                    "url": part.fingerprint
                    and f"{_of_run('ingest_deadletter_changelist', run)}&fingerprint={part.fingerprint}",
                    "examples": [_example(example) for example in part.examples],
                }
                for part in held.parts
            ],
        }
        for held in review.read(run).held
    ]


def _example(example: review.Example) -> dict[str, str]:
    costs = ""
    if example.brought is not None:
        costs = f"{dollars(example.cost)} to {dollars(example.brought)}"
        if example.again is not None:
            costs += f", asked again {dollars(example.again)}"
    elif example.cost is not None:
        costs = f"{dollars(example.cost)}, {example.availability.replace('_', ' ')}"
    return {
        "stone": example.stone,
        "url": reverse("admin:catalog_diamond_change", args=[example.diamond]) if example.diamond else "",
        "letter_url": reverse("admin:ingest_deadletter_change", args=[example.letter]) if example.letter else "",
        "costs": costs,
    }


def stages(done: dict[str, Any]) -> str:
    """How long each stage took so far."""
    return ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in done["seconds"].items()) or NOTHING


def partition_rows(run: Run) -> QuerySet[Any]:
    """The run's partitions, what asks for attention first: failed, worked at, waiting, over."""
    return (
        run.partitions.defer("stone_ids")
        .annotate(
            working=Q(state=Partition.State.READY, lease_expires_at__gt=Now()),
            rank=Case(
                When(state=Partition.State.FAILED, then=Value(0)),
                When(state=Partition.State.READY, lease_expires_at__gt=Now(), then=Value(1)),
                When(state=Partition.State.READY, then=Value(2)),
                default=Value(3),
                output_field=IntegerField(),
            ),
        )
        .order_by("rank", "kind", "ordinal")
    )


def partition_table(run: Run, page: str) -> Any:
    """One page of the run's partitions; a page that there is not is the nearest one."""
    shown = Paginator(partition_rows(run), PARTITIONS_PER_PAGE).get_page(page)
    for partition in shown.object_list:
        partition.range = partition_range(partition)
        partition.badge = badge("working" if partition.working else partition.state)
        walked = max(0, partition.next_offset - partition.offset_from)
        partition.walked = f"{walked:,} of {partition.expected:,}"
        partition.share = min(1.0, walked / partition.expected) if partition.expected else 1.0
    return shown


def density_picture(run: Run) -> Picture | None:
    """The picture of the plan and of its partitions' states; None for a run whose plan says too little."""
    if not run.plan.density:
        return None
    rows = (
        run.partitions.filter(kind=Partition.Kind.RANGE)
        .order_by("ordinal")
        .annotate(working=Q(state=Partition.State.READY, lease_expires_at__gt=Now()))
        .values_list("price_from", "price_to", "state", "working")
    )
    return picture(
        run.plan.density, [Piece(start, end, "working" if at_work else state) for start, end, state, at_work in rows]
    )


def drift_lines(run: Run) -> list[tuple[str, str, str, bool]]:
    """What the supplier sends that is strange: (what, share of stones, share in the last runs, whether it jumped)."""
    return [
        (line.what, f"{line.now:.1%}", NOTHING if line.before is None else f"{line.before:.1%}", line.jumped)
        for line in drift.lines(run)
    ]


def groups(run: Run) -> list[Group]:
    """What the run was asked to do, and with which versions."""
    window = f"{run.window_from:%Y-%m-%d %H:%M:%S}" if run.window_from else "the beginning"
    until = f"{run.window_to:%Y-%m-%d %H:%M:%S}" if run.window_to else "not fixed yet"
    return [
        Group(
            "Order",
            [
                ("kind", run.get_kind_display()),
                ("started by", run.started_by),
                ("reason", run.reason or NOTHING),
                ("started", moment(run.created_at)),
                ("finished", moment(run.finished_at)),
                ("window, supplier's clock", f"{window} to {until}"),
                ("approved by", run.approved_by or NOTHING),
            ],
        ),
        Group("Plan", _plan_lines(run.plan)),
        Group(
            "Pinned",
            [
                ("rule set", run.rule_set),
                ("experiment", run.experiment.slug if run.experiment else NOTHING),
                ("query", run.query_version or NOTHING),
                ("mapper", run.mapper_version or NOTHING),
                ("trace id", run.trace_id),
            ],
        ),
    ]


def _plan_lines(plan: RunPlan) -> list[tuple[str, str]]:
    def once_made(text: str) -> str:
        return text if plan.made else NOTHING

    return [
        ("cut by", {"learned": "last known density", "adaptive": "search"}.get(plan.method or "", NOTHING)),
        ("stones counted", once_made(number(plan.total))),
        ("partitions", once_made(number(plan.partitions))),
        ("largest partition", once_made(number(plan.largest))),
        ("mean partition", once_made(number(round(plan.mean)))),
        ("requests for it", number(plan.requests)),
        ("took", once_made(duration(plan.seconds))),
        ("counts that do not add up", once_made(number(plan.difference))),
        ("ranges share their ends", "yes" if plan.shared_ends else "no"),
    ]
