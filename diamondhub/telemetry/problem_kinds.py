"""What can be wrong with what all processes share: Redis, with the limiter in it, and the broker."""

from __future__ import annotations

from diamondhub.operations.problems.kinds import Kind, Severity, declare

_SEES = "operations.view_problem"


def _health(_target: str) -> str:
    return "/health/status"


declare(
    Kind(
        "redis-away",
        "Redis is away",
        Severity.CRITICAL,
        found="the Redis of `REDIS_URL` does not answer: no request goes to a supplier, clients' limits are kept by host",
        ends="by itself, when it answers",
        permission=_SEES,
        link=_health,
    ),
    Kind(
        "broker-away",
        "The broker is away",
        Severity.CRITICAL,
        found="the broker of `CELERY_BROKER_URL` does not answer: workers hear of nothing",
        ends="by itself, when it answers",
        permission=_SEES,
        link=_health,
    ),
)
