"""What the start page shows of the machinery, when the sweep last went round, and what of it is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import redis
from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from diamondhub import redis_clients
from diamondhub.admin.display import ago
from diamondhub.operations import away as parts_away
from diamondhub.operations import home, retention
from diamondhub.operations.away import Away
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.looking import Wrong
from diamondhub.telemetry import expected_metrics, health, process_metrics
from diamondhub.telemetry.models import Heartbeat

#: A Redis that does not answer a page's question for so long is away (seconds).
REDIS_SECONDS = 0.5


def last_sweep() -> Iterator[home.Figure]:
    """How long ago beat's sweep went round: long means that no beat or no worker is alive."""
    beat = Heartbeat.objects.filter(name="sweep").first()
    late = beat is None or timezone.now() - beat.seen_at > timedelta(seconds=max(30.0, settings.SWEEP_SECONDS * 6))
    yield home.Figure(
        title="last sweep",
        value=ago(beat.seen_at) if beat else "never",
        url=reverse("admin:telemetry_heartbeat_changelist"),
        tone="bad" if late else "good",
        note="no beat or no worker is running" if late else "",
    )


def rounds_away() -> Iterator[Away]:
    """Sweeps, or rounds of sending alerts, that are not made."""
    seen = dict(
        Heartbeat.objects.filter(name__in=("sweep", "delivery"))
        .annotate(age=Now() - F("seen_at"))
        .values_list("name", "age")
    )
    bounds = {"sweep": max(15.0, 3 * settings.SWEEP_SECONDS), "delivery": max(60.0, 6 * settings.SWEEP_SECONDS)}
    silent = [name for name, bound in bounds.items() if name in seen and seen[name].total_seconds() > bound]
    url = reverse("admin:telemetry_heartbeat_changelist")
    start = "Start `beat` and the worker of the queue `control` (worker-io), or see why they are busy."
    if "sweep" not in seen:
        yield Away("No sweep has ever gone round: nothing starts, goes on or is noticed.", start, url=url)
    elif "sweep" in silent:
        since = timezone.now() - seen["sweep"]
        yield Away("No sweep goes round: nothing starts, goes on or is noticed.", start, since=since, url=url)
    elif "delivery" in silent:
        since = timezone.now() - seen["delivery"]
        yield Away("Alerts are not sent.", start, since=since, url=url)


def redis_away() -> Iterator[Away]:
    """A Redis that does not answer."""
    client = redis_clients.client(settings.REDIS_URL, seconds=REDIS_SECONDS, retry=None)
    try:
        with client:
            client.ping()
    except redis.RedisError:
        yield Away(
            "Redis is away: suppliers are asked nothing, and limits of clients are counted by each web process for itself.",
            "See that the server of REDIS_URL runs and can be reached; all goes on by itself then.",
        )


parts_away.register(rounds_away)
parts_away.register(redis_away)


def away() -> Iterator[Wrong]:
    """Which of Redis and the broker do not answer; asked twice, since one lost packet is no problem."""
    asked = health.shared()
    if not all(outcome.ok for outcome in asked.values()):
        asked = health.shared()
    for name, what in (("redis", "Redis (REDIS_URL)"), ("broker", "The broker (CELERY_BROKER_URL)")):
        if not asked[name].ok:
            yield Wrong(f"{name}-away", name, f"{what} does not answer: {asked[name].detail}", {"check": name})


def _answers(name: str) -> float:
    return float(next(finding.outcome.ok for finding in health.reachable().findings if finding.name == name))


process_metrics.ask("diamondhub_redis_up", "1 if Redis answers this host, else 0.", partial(_answers, "redis"))
process_metrics.ask("diamondhub_broker_up", "1 if the broker answers this host, else 0.", partial(_answers, "broker"))
expected_metrics.expect("diamondhub_database_pool_wait_seconds", lambda _cursor: [("got",), ("failed",)])
expected_metrics.expect(
    "diamondhub_spans_total",
    lambda _cursor: [("exported",), ("lost",)] if settings.OTEL_EXPORTER_OTLP_ENDPOINT else [],
)
home.register(last_sweep, permission="telemetry.view_heartbeat")
retention.keep("telemetry.Heartbeat", how_long="for ever: one row for each part")
looking.register(away, "redis-away", "broker-away", by_web=True)
