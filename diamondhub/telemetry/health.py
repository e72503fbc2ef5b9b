"""Whether this instance can do its work: every check at once, all of them over after `ROUND_SECONDS`.

`views.ready` asks. Apps add what they know with `register`, from their `ready`; this module knows only the ground. What a
check says is read by strangers: it never holds an error's own words, which name hosts and users.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import psycopg
import redis
import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.loader import MigrationLoader
from kombu import Connection
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

#: All checks together take no longer; one that is not over by then has failed (seconds).
ROUND_SECONDS = 2.0
#: The longest statement of a check, and the longest wait for an answer of Redis or the broker (seconds).
STEP_SECONDS = 1.0
#: Whoever asks again within this time hears the same answer: strangers cannot keep the database busy (seconds).
FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class Outcome:
    """What a check found. `detail` is public."""

    ok: bool
    detail: str


#: A check of the database: asks on a cursor of its own connection, in autocommit.
DatabaseCheck = Callable[["psycopg.Cursor[Any]"], Outcome]


@dataclass(frozen=True)
class Finding:
    """An outcome with the name of its check; only a failed `required` check makes the instance unready."""

    name: str
    required: bool
    outcome: Outcome


@dataclass(frozen=True)
class Report:
    """All findings of one round."""

    findings: list[Finding]
    at: float = field(default_factory=time.monotonic)

    @property
    def ready(self) -> bool:
        """Whether every required check passed."""
        return all(finding.outcome.ok for finding in self.findings if finding.required)

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        checks = [
            {
                "name": finding.name,
                "ok": finding.outcome.ok,
                "required": finding.required,
                "detail": finding.outcome.detail,
            }
            for finding in self.findings
        ]
        return {"status": "ready" if self.ready else "not ready", "checks": checks}


_database_checks: dict[str, tuple[DatabaseCheck, bool]] = {}


def register(name: str, check: DatabaseCheck, *, required: bool) -> None:
    """Have `check` asked in every round. Without `required` it only informs."""
    _database_checks[name] = (check, required)


_examining = threading.Lock()
_last: list[Report] = []


def examine() -> Report:
    """A report no older than `FRESH_SECONDS`."""
    with _examining:
        if not _last or time.monotonic() - _last[-1].at > FRESH_SECONDS:
            _last[:] = [_round()]
        return _last[-1]


def forget() -> None:
    """Have the next `examine` look again, whenever the last one was."""
    _last.clear()


def _round() -> Report:
    found: dict[str, Outcome] = {}
    parts: list[Callable[[], Iterable[tuple[str, Outcome]]]] = [_database_part, _redis_part, _broker_part]
    # Daemons, not a pool: one that hangs in a name look-up must not keep the process from ending.
    threads = [threading.Thread(target=lambda part=part: found.update(part()), daemon=True) for part in parts]
    deadline = time.monotonic() + ROUND_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    names = {
        "database": True,
        "migrations": True,
        "sweep": True,
        "redis": True,
        "broker": True,
        **{name: required for name, (_, required) in _database_checks.items()},
    }
    late = Outcome(ok=False, detail=f"no answer within {ROUND_SECONDS:g} s")
    return Report([Finding(name, required, found.get(name, late)) for name, required in names.items()])


def _failed(check: str, error: Exception) -> Outcome:
    log.warning("health_check_failed", check=check, error=str(error).strip())
    return Outcome(ok=False, detail=f"failed ({type(error).__name__})")


# --- the database, and what is known from it ---------------------------------------------------------------------------


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[Any]]:
    # Not Django's connection: a pool that is used up, or a server that swallows packets, would be waited for too long.
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    parameters.update(connect_timeout=2, autocommit=True, application_name="diamondhub-health")
    with psycopg.connect(**parameters) as connection, connection.cursor() as cursor:
        yield cursor


def _database_part() -> Iterable[tuple[str, Outcome]]:
    checks: dict[str, DatabaseCheck] = {"database": _database, "migrations": _migrations, "sweep": _sweep}
    checks |= {name: check for name, (check, _) in _database_checks.items()}
    outcomes: dict[str, Outcome] = {}
    try:
        with _cursor() as cursor:
            for name, check in checks.items():
                outcomes[name] = _asked(name, check, cursor)
    except psycopg.Error as error:
        away = _failed("database", error)
        outcomes = {
            "database": away,
            **{name: Outcome(False, "the database is away") for name in checks if name != "database"},
        }
    return outcomes.items()


def _asked(name: str, check: DatabaseCheck, cursor: psycopg.Cursor[Any]) -> Outcome:
    try:
        with cursor.connection.transaction():
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(STEP_SECONDS * 1000))])
            return check(cursor)
    except psycopg.Error as error:
        if cursor.connection.broken:
            raise
        return _failed(name, error)


def _database(cursor: psycopg.Cursor[Any]) -> Outcome:
    cursor.execute(
        "SELECT current_setting('max_connections')::int - count(*)"
        " FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    (left,) = cursor.fetchone() or (0,)
    return Outcome(ok=True, detail=f"answers, {left} connections left")


def _migrations(cursor: psycopg.Cursor[Any]) -> Outcome:
    cursor.execute("SELECT app, name FROM django_migrations")
    missing = sorted(_newest_migrations() - set(cursor.fetchall()))
    if missing:
        return Outcome(ok=False, detail=f"{'.'.join(missing[0])} and perhaps others are not applied; run migrate")
    return Outcome(ok=True, detail="all applied")


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def _sweep(cursor: psycopg.Cursor[Any]) -> Outcome:
    cursor.execute("SELECT extract(epoch FROM now() - seen_at)::float FROM telemetry_heartbeat WHERE name = 'sweep'")
    row = cursor.fetchone()
    if row is None:
        return Outcome(ok=False, detail="there was none yet: is beat running, and a worker of the control queue?")
    longest = max(30.0, settings.SWEEP_SECONDS * 6)
    return Outcome(ok=row[0] <= longest, detail=f"the last one was {row[0]:.0f} s ago")


# --- Redis and the broker ----------------------------------------------------------------------------------------------


def _redis_part() -> Iterable[tuple[str, Outcome]]:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=STEP_SECONDS, socket_connect_timeout=STEP_SECONDS, retry=None
    )
    try:
        with client:
            client.ping()
    except redis.RedisError as error:
        return [("redis", _failed("redis", error))]
    return [("redis", Outcome(ok=True, detail="answers"))]


def _broker_part() -> Iterable[tuple[str, Outcome]]:
    options = {
        "socket_timeout": STEP_SECONDS,
        "socket_connect_timeout": STEP_SECONDS,
        # kombu would wait two seconds between its tries.
        "max_retries": 1,
        "interval_start": 0.01,
        "interval_step": 0,
    }
    connection = Connection(settings.CELERY_BROKER_URL, connect_timeout=STEP_SECONDS, transport_options=options)
    try:
        with connection:
            # Redis as a broker is only spoken to when a channel is opened.
            connection.default_channel  # noqa: B018
    except (OperationalError, OSError) as error:
        return [("broker", _failed("broker", error))]
    return [("broker", Outcome(ok=True, detail="answers"))]
