"""What operations themselves show on the start page: queues and workers; and which of their rows are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from diamondhub.admin.display import NOTHING, address, ago, badge, duration, number
from diamondhub.database import clock
from diamondhub.operations import home, measuring, retention, stages, workers
from diamondhub.operations.charts import Series, chart
from diamondhub.operations.measuring import API_CALLS
from diamondhub.operations.models import Pruning
from diamondhub.version import version


def queues_card() -> Iterator[home.Card]:
    """What waits in each stage, and for how long."""
    rows = [
        {
            "title": queue.title,
            "url": queue.url,
            "waiting": f"{number(queue.waiting)}{'+' if queue.capped else ''}",
            "oldest": NOTHING if queue.oldest is None else duration(queue.oldest),
            "held": number(queue.held),
            "later": number(queue.later),
            "paused": number(queue.resting),
        }
        for queue in stages.queues()
    ]
    if rows:
        yield home.Card("Queues", "admin/home/queues.html", {"queues": rows})


def workers_card() -> Iterator[home.Card]:
    """Every process that serves or works."""
    rows = list(workers.listed()[: workers.MAX_SHOWN])
    now, deaths, own = clock(), workers.restarts(), version()
    yield home.Card(
        "Workers",
        "admin/home/workers.html",
        {
            "workers": [
                {
                    "url": address("operations_worker_change", row.pk),
                    "program": row.program,
                    "host": row.host,
                    "pid": row.pid,
                    "pool": row.pool,
                    "queues": ", ".join(row.queues) or NOTHING,
                    "busy": f"{row.held} of {row.slots}" if row.slots else NOTHING,
                    "seen": ago(row.seen_at),
                    "badge": badge("failed", "gone")
                    if (now - row.seen_at).total_seconds() >= workers.GONE_SECONDS
                    else "",
                    "up": duration(now - row.started_at),
                    "deaths": number(deaths.get(row.place, 0)),
                    "version": row.version,
                    "differs": row.version != own,
                }
                for row in rows
            ]
        },
    )


def _prunings_url() -> str:
    return ""


def api_charts() -> Iterator[home.Card]:
    """Calls of the API in the last day, and how long they took."""
    now = timezone.now()
    counted, seconds = (
        measuring.by_quarter(API_CALLS),
        measuring.summed(measuring.by_quarter(API_CALLS, of="sum").values()),
    )
    outcomes = {
        outcome: measuring.summed(values for labels, values in counted.items() if labels[0] == outcome)
        for outcome in ("answered", "refused", "limited", "failed")
    }
    calls = measuring.summed(outcomes.values())
    classes = {
        bound: sum(sum(values.values()) for labels, values in counted.items() if labels[1:] == (bound,))
        for bound in (*(f"{bound:g}" for bound in measuring.BOUNDS), measuring.UNBOUNDED)
    }
    total, late = sum(calls.values()), measuring.quantile(classes, 0.95)
    mean = {quarter: 1000 * seconds.get(quarter, 0.0) / count for quarter, count in calls.items() if count}
    yield home.Card(
        "The API",
        "admin/home/charts.html",
        {
            "charts": [
                chart(
                    "API calls",
                    "a quarter of an hour",
                    [
                        Series("answered", "one", outcomes["answered"]),
                        Series("refused", "two", outcomes["refused"]),
                        Series("over a limit", "three", outcomes["limited"]),
                        Series("failed", "bad", outcomes["failed"]),
                    ],
                    now,
                    words=f"{total:,.0f} calls in the last day, {sum(outcomes['failed'].values()):,.0f} of them failed.",
                ),
                chart(
                    "Time to answer",
                    "milliseconds on average",
                    [Series("ms", "one", mean)],
                    now,
                    words="No calls in the last day."
                    if late is None
                    else f"95 of 100 calls were answered within {1000 * late:,.0f} ms.",
                    adds_up=False,
                ),
            ]
        },
    )


stages.register("pruning", lambda: Pruning.objects.filter(state=Pruning.State.READY), url=_prunings_url)
home.register(queues_card, permission="operations.view_worker")
home.register(workers_card, permission="operations.view_worker")
home.register(api_charts, permission="access.view_apiclient", every=60)
retention.register_rows("workers", workers.forgotten)
retention.register_rows("measurements", measuring.forgotten)
