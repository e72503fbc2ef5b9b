"""What operations tell of the state as metrics: what waits in each stage, problems, workers, and how old heartbeats are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count, F
from django.db.models.functions import Extract, Now

from diamondhub.operations import stages, workers
from diamondhub.operations.problems import kinds, reading
from diamondhub.telemetry import state_metrics
from diamondhub.telemetry.models import Heartbeat
from diamondhub.telemetry.state_metrics import Gauge, Value

#: Unresolved problems that are counted.
MAX_PROBLEMS = 100_000


def waiting() -> Iterator[Value]:
    """What is in each stage: the same that the start page shows as queues."""
    for queue in stages.queues():
        stage = (queue.title,)
        yield Value("diamondhub_stage_due_rows", stage, queue.waiting)
        yield Value("diamondhub_stage_oldest_due_seconds", stage, queue.oldest or 0.0)
        yield Value("diamondhub_stage_held_rows", stage, queue.held)
        yield Value("diamondhub_stage_later_rows", stage, queue.later)
        yield Value("diamondhub_stage_paused_rows", stage, queue.resting)


def problems() -> Iterator[Value]:
    """Unresolved problems; a kind that has none is told as 0 by its usual severity, so that rules see it come and go."""
    some = reading.unresolved().order_by("place", "first_seen_at")[:MAX_PROBLEMS]
    rows = some.model.objects.filter(pk__in=some.values("pk")).order_by()
    counted = {
        (severity, kind, state): number
        for severity, kind, state, number in rows.values_list("severity", "kind", "state").annotate(n=Count("pk"))
    }
    for kind in kinds.all_kinds():
        counted.setdefault((str(kind.severity), kind.name, "open"), 0)
    for labels, number in counted.items():
        yield Value("diamondhub_problems", labels, number)


def processes() -> Iterator[Value]:
    """Workers that are there and that are gone, what they hold, and how often some had to be started again."""
    rows = list(workers.listed().annotate(age=Extract(Now() - F("seen_at"), "epoch")))
    there: Counter[tuple[str, str]] = Counter()
    held: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    for row in rows:
        is_there = row.age < workers.GONE_SECONDS
        there[row.program, "there"] += is_there
        there[row.program, "gone"] += not is_there
        held[row.program] += row.held if is_there else 0
        slots[row.program] += row.slots if is_there else 0
    restarts: Counter[str] = Counter()
    for place, times in workers.restarts().items():
        # A place is a host, a program and its queues.
        restarts[place.split(" ")[1]] += times
    for labels, number in there.items():
        yield Value("diamondhub_workers", labels, number)
    for program, number in held.items():
        yield Value("diamondhub_worker_tasks", (program,), number)
        yield Value("diamondhub_worker_slots", (program,), slots[program])
        yield Value("diamondhub_worker_restarts", (program,), restarts[program])
    for queue in workers.queues_without([row for row in rows if row.age < workers.GONE_SECONDS]):
        yield Value("diamondhub_queue_without_workers", (queue,), 1)


def heartbeats() -> Iterator[Value]:
    """How long ago each part of the machinery last went round."""
    ages = Heartbeat.objects.annotate(age=Extract(Now() - F("seen_at"), "epoch"))
    for name, age in ages.values_list("name", "age"):
        yield Value("diamondhub_heartbeat_age_seconds", (name,), max(0.0, float(age)))


state_metrics.register(
    "stages",
    waiting,
    Gauge("diamondhub_stage_due_rows", "Rows of a stage that are due, not paused, and that nobody holds.", ("stage",)),
    Gauge(
        "diamondhub_stage_oldest_due_seconds", "Seconds since the oldest waiting row of a stage was due.", ("stage",)
    ),
    Gauge("diamondhub_stage_held_rows", "Rows of a stage that workers hold.", ("stage",)),
    Gauge("diamondhub_stage_later_rows", "Rows of a stage that are due later.", ("stage",)),
    Gauge("diamondhub_stage_paused_rows", "Rows of a stage that are due and that somebody has paused.", ("stage",)),
)
state_metrics.register(
    "problems",
    problems,
    Gauge("diamondhub_problems", "Problems that are not resolved.", ("severity", "kind", "state")),
)
state_metrics.register(
    "workers",
    processes,
    Gauge("diamondhub_workers", "Processes that are there, or gone without having said so.", ("program", "state")),
    Gauge("diamondhub_worker_tasks", "Tasks, or requests, that processes are at.", ("program",)),
    Gauge("diamondhub_worker_slots", "Tasks, or requests, that processes can be at.", ("program",)),
    Gauge(
        "diamondhub_worker_restarts",
        "Processes that ended without saying so within the last hour, and were started again.",
        ("program",),
    ),
    Gauge("diamondhub_queue_without_workers", "1 for a queue that no worker listens to.", ("queue",)),
)
state_metrics.register(
    "heartbeats",
    heartbeats,
    Gauge("diamondhub_heartbeat_age_seconds", "Seconds since a part of the machinery last went round.", ("name",)),
)
