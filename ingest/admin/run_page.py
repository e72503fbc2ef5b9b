"""What the page of a run shows, taken from the run's rows by the same functions that commands report with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from catalog.admin.several_offers import address
from diamondhub.admin.display import NOTHING, Group, badge, dollars, duration, link, moment, number
from diamondhub.database import clock
from diamondhub.operations import snapshots
from ingest import drift, review, rows_of_lists, several_offers, uploads
from ingest.admin import at_work, review_stones
from ingest.admin.density import Picture, Piece, picture
from ingest.admin.partitions import partition_range
from ingest.admin.prices import prices_table
from ingest.admin.request_chart import request_chart
from ingest.live import in_words
from ingest.models import Partition, Run
from ingest.models.plan import RunPlan
from ingest.progress import progress
from ingest.report import report, totals

#: Rows of a page of the partitions' table.
PARTITIONS_PER_PAGE = 20


def live_part(run: Run, page: str) -> dict[str, Any]:
    """The part of the page that is polled: progress, numbers, picture, the partitions' table and the transitions."""
    sums = totals(run)
    now = progress(run, sums)
    done = report(run, taken=sums) if run.live or not run.summary else run.summary
    return {
        "run": run,
        "progress": now,
        "words": in_words(now),
        "numbers": numbers(run, done),
        "stages": stages(done),
        "prices": prices_table(run.prices),
        "picture": density_picture(run),
        "list": list_table(run),
        "drift": drift_lines(run),
        "drift_comparison": drift.comparison(run),
        "partitions": partition_table(run, page, sums.partitions["partitions"]),
        "batches": at_work.batches(run),
        "max_batches": at_work.MAX_BATCHES,
        "events": [
            {"at": event.at, "to": badge(event.to_state), "actor": event.actor, "reason": event.reason}
            for event in sums.events
        ],
        "live_url": reverse("admin:ingest_run_live", args=[run.pk]),
        "partitions_url": _of_run("ingest_partition_changelist", run),
        "failed_url": _of_run("ingest_partition_changelist", run) + "&state__exact=failed",
        "batches_url": _of_run("ingest_consolidationbatch_changelist", run),
        "letters_url": _of_run("ingest_deadletter_changelist", run),
    }


def polled_part(run: Run, page: str) -> str:
    """The live part as the page polls it; its first page is taken once for all who look."""

    def rendered() -> str:
        return render_to_string("admin/ingest/run/live.html", live_part(run, page))

    return _shared("live", run, rendered) if page == "1" else rendered()


def polled_requests(run: Run) -> str:
    """The picture of the run's requests as the page polls it, taken once for all who look; empty without a supplier."""

    def rendered() -> str:
        chart = request_chart(run, clock())
        return (
            render_to_string("admin/ingest/run/requests_picture.html", {"run": run, "requests": chart}) if chart else ""
        )

    return _shared("requests", run, rendered)


def _shared(part: str, run: Run, rendered: Callable[[], str]) -> str:
    """A part of a live run's page by its snapshot. A feed has one live run at most, so there is one for each feed."""
    if not run.live:
        return rendered()
    mark = f"{run.pk} {run.state}"
    of, _, body = snapshots.of(f"{part}-of-feed-{run.feed_id}", lambda _former: f"{mark}\n{rendered()}").partition("\n")
    # Just after a move the snapshot may be that of the state, or of the run, before.
    return body if of == mark else rendered()


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
        (
            "several offers",
            number(done.get("several_offers", {}).get("rows")),
            several_offers.in_words(done.get("several_offers", {})) or "share a certificate with another row",
        ),
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
                    "url": _list_of(run, held.kind, part),
                    "examples": [_example(example) for example in part.examples],
                }
                for part in held.parts
            ],
        }
        for held in review.read(run).held
    ]


def _list_of(run: Run, brake: str, part: review.Part) -> str:
    """Where the whole list of a part's stones or letters is, if it has one."""
    if part.fingerprint:
        return f"{_of_run('ingest_deadletter_changelist', run)}&fingerprint={part.fingerprint}"
    return review_stones.address(run, brake, part.cause) if part.listed and part.stones else ""


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


def partition_table(run: Run, page: str, partitions: int) -> Any:
    """One page of the run's partitions, of which there are so many; a page that there is not is the nearest one."""
    pages = Paginator(partition_rows(run), PARTITIONS_PER_PAGE)
    # What the run's sums have counted is not counted again.
    pages.count = partitions
    shown = pages.get_page(page)
    now = timezone.now()
    for partition in shown.object_list:
        partition.at_work = at_work.at_work(partition, now)
        partition.ran_into = at_work.last_error(partition)
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


def list_table(run: Run) -> dict[str, Any] | None:
    """What became of the rows of the run's list, as a sum, and the words and headers of it that nobody knows."""
    account = rows_of_lists.account_of(run)
    if account is None:
        return None
    rows = [("received", account.received, f"{account.letters:,} of them dead letters" if account.letters else "")]
    rows += [
        (f"not offered: {word or 'without a word'}", number, _NOBODY_KNOWS if _is_unknown(account, word) else "")
        for word, number in account.not_offered.items()
    ]
    rows += [(what, number, _LEFT_OUT.get(what, "")) for what, number in account.left_out.items()]
    if account.not_shown:
        rows.append(("offered, in no page", account.not_shown, _NOT_SHOWN))
    unknown = [
        (field.replace("_", " "), ", ".join(f"{word} ({number:,})" for word, number in words.items()))
        for field, words in account.unknown_words.items()
    ]
    if headers := {header: number for header, number in account.unknown_headers.items() if number}:
        unknown.append(("headers", ", ".join(f"{header} ({number:,})" for header, number in headers.items())))
    return {
        "rows": [(what, number(count), note) for what, count, note in rows],
        "total": number(account.rows),
        "unknown": unknown,
    }


_NOBODY_KNOWS = "a word that nobody knows"
_NOT_SHOWN = "the run is not over, lacks partitions, or has a list that is not newer than the catalogue"
_LEFT_OUT = {
    "repeated": "a later row describes the same stone",
    "sums": "totals, averages and repeated headers",
    "footers": "rows that say nothing of a stone",
    "hidden": "rows that the workbook does not show",
    "struck": "rows that the workbook strikes out",
}


def _is_unknown(account: rows_of_lists.Account, word: str) -> bool:
    return word in account.unknown_words.get("availability", {})


def drift_lines(run: Run) -> list[tuple[str, str, str, bool, str]]:
    """What the supplier sends that is strange: (what, share of stones, share in the runs before, whether it jumped, the
    address of its stones)."""
    return [
        (
            line.what,
            f"{line.now:.1%}",
            NOTHING if line.before is None else f"{line.before:.1%}",
            line.jumped,
            review_stones.address_of_drift(run, *line.about),
        )
        for line in drift.lines(run)
    ]


def groups(run: Run) -> list[Group]:
    """What the run was asked to do, and with which versions."""
    window = f"{run.window_from:%Y-%m-%d %H:%M:%S} UTC" if run.window_from else "the beginning"
    until = f"{run.window_to:%Y-%m-%d %H:%M:%S} UTC" if run.window_to else "not fixed yet"
    return [
        Group(
            "Order",
            [
                ("kind", run.get_kind_display()),
                ("started by", run.started_by),
                ("reason", run.reason or NOTHING),
                *_uploaded(run),
                ("started", moment(run.created_at)),
                ("finished", moment(run.finished_at)),
                ("window, supplier's clock", f"{window} to {until}"),
                ("approved by", run.approved_by or NOTHING),
            ],
        ),
        *_several_offers(run),
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


def _several_offers(run: Run) -> list[Group]:
    """What the run's stones share with other rows; nothing where they share nothing."""
    counted = run.summary.get("several_offers", {})
    if not any(counted.get(name) for name in ("rows", "contradicting")):
        return []
    lines = [
        ("share a certificate with another row", number(counted["rows"])),
        ("of them in this list itself", number(counted["within"])),
        *((f"of them with {feed}", number(rows)) for feed, rows in sorted(counted["feeds"].items())),
        ("contradict a row with their certificate", number(counted["contradicting"])),
        ("the stones", link(address(), "in the explorer")),
    ]
    return [Group("Several offers of one stone", lines)]


def _uploaded(run: Run) -> list[tuple[str, str]]:
    """The list that the run read, where a person uploaded it."""
    upload = uploads.of_run(run, run.feed)
    if upload is None:
        return []
    return [("list", f"{upload.name}, uploaded by {upload.uploaded_by} at {upload.completed_at:%Y-%m-%d %H:%M:%S} UTC")]


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
