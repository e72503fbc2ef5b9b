"""Whether this instance can answer requests, and how all of it is: every check at once, all over after `ROUND_SECONDS`.

`views.ready` asks for what an instance cannot do without, the database and its schema; `views.status` for everything. What
one instance shares with all others (beat, Redis, the broker) only informs: were it required, its loss would take every
instance out of service, and with them what works without it. Apps add what they know with `register`, from their
`ready`; this module knows only the ground. What a check says is read by strangers: it never holds an error's own words,
which name hosts and users.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import psycopg
import redis
import structlog
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from kombu import Connection
from kombu.exceptions import OperationalError

from diamondhub import redis_clients
from diamondhub.database import separate_cursor

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
    """An outcome with the name of its check; a failed `required` check makes the instance unready."""

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

    @property
    def status(self) -> str:
        """One word for it: `ready`, `degraded` if it can do without what failed, else `not ready`."""
        if not self.ready:
            return "not ready"
        return "ready" if all(finding.outcome.ok for finding in self.findings) else "degraded"

    def as_json(self, *, details: bool) -> dict[str, Any]:
        """The body of the answer; with `details`, what each check found."""
        checks = [
            {
                "name": finding.name,
                "ok": finding.outcome.ok,
                "required": finding.required,
                **({"detail": finding.outcome.detail} if details else {}),
            }
            for finding in self.findings
        ]
        return {"status": self.status, "checks": checks}


#: A check of this host alone: a look at a file, in a moment.
HostCheck = Callable[[], Outcome]

_database_checks: dict[str, DatabaseCheck] = {}
_host_checks: dict[str, HostCheck] = {}


def register(name: str, check: DatabaseCheck) -> None:
    """Have `check` asked whenever everything is; it informs and makes no instance unready."""
    _database_checks[name] = check


def register_host(name: str, check: HostCheck) -> None:
    """Have `check` asked whenever everything is, also while the database is away."""
    _host_checks[name] = check


class _Examination:
    """A round of checks; whoever asks within `FRESH_SECONDS` of the last one hears the same."""

    def __init__(self, look: Callable[[], Report]) -> None:
        self._look = look
        self._looking = threading.Lock()
        self._last: Report | None = None

    def __call__(self) -> Report:
        with self._looking:
            if self._last is None or time.monotonic() - self._last.at > FRESH_SECONDS:
                self._last = self._look()
            return self._last

    def forget(self) -> None:
        self._last = None


def forget() -> None:
    """Have the next examinations look again, whenever the last ones were."""
    for examination in (ready, status, reachable):
        examination.forget()


#: Whose outcomes are yielded as they come: one that hangs takes only itself and what follows it along.
_Part = Callable[[], Iterator[tuple[str, Outcome]]]


def _round(parts: Iterable[_Part], names: Iterable[str]) -> Report:
    outcomes: dict[str, Outcome] = {}
    # Outcomes come one by one. Daemons, not a pool: one that hangs in a name look-up must not keep the process from ending.
    threads = [threading.Thread(target=outcomes.update, args=(part(),), daemon=True) for part in parts]
    deadline = time.monotonic() + ROUND_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Outcome(ok=False, detail=f"no answer within {ROUND_SECONDS:g} s")
    return Report([Finding(name, name in _REQUIRED, outcomes.get(name, late)) for name in names])


def _look_at_what_is_required() -> Report:
    return _round([lambda: _database_part(_REQUIRED)], _REQUIRED)


def _look_at_what_is_shared() -> Report:
    return _round([_redis_part, _broker_part], ["redis", "broker"])


def _look_at_everything() -> Report:
    checks = {**_REQUIRED, "sweep": _sweep, **_database_checks}
    names = [*_REQUIRED, "sweep", "redis", "broker", *_host_checks, *_database_checks]
    return _round([lambda: _database_part(checks), _redis_part, _broker_part, _host_part], names)


def _failed(check: str, error: Exception) -> Outcome:
    log.warning("health_check_failed", check=check, error=str(error).strip())
    return Outcome(ok=False, detail=f"failed ({type(error).__name__})")


def _host_part() -> Iterator[tuple[str, Outcome]]:
    for name, check in _host_checks.items():
        try:
            yield name, check()
        except Exception as error:  # noqa: BLE001 - a check with a fault of its own has failed, and the others have not
            yield name, _failed(name, error)


# --- the database, and what is known from it ---------------------------------------------------------------------------


def _database_part(checks: Mapping[str, DatabaseCheck]) -> Iterator[tuple[str, Outcome]]:
    asked: set[str] = set()
    try:
        with separate_cursor("diamondhub-health") as cursor:
            for name, check in checks.items():
                yield name, _asked(name, check, cursor)
                asked.add(name)
    except psycopg.Error as error:
        away = Outcome(ok=False, detail="the database is away")
        yield "database", _failed("database", error)
        yield from ((name, away) for name in checks if name not in asked and name != "database")


def _asked(name: str, check: DatabaseCheck, cursor: psycopg.Cursor[Any]) -> Outcome:
    try:
        with cursor.connection.transaction():
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(STEP_SECONDS * 1000))])
            return check(cursor)
    except psycopg.Error as error:
        if cursor.connection.broken:
            raise
        return _failed(name, error)
    except Exception as error:  # noqa: BLE001 - a check with a fault of its own has failed, and the others have not
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


def shared() -> dict[str, Outcome]:
    """Whether `redis` and `broker` answer, which all processes share; takes `STEP_SECONDS` or two."""
    return dict([*_redis_part(), *_broker_part()])


# --- Redis and the broker ----------------------------------------------------------------------------------------------


def _redis_part() -> Iterator[tuple[str, Outcome]]:
    client = redis_clients.client(settings.REDIS_URL, seconds=STEP_SECONDS, retry=None)
    try:
        with client:
            client.ping()
    except redis.RedisError as error:
        yield "redis", _failed("redis", error)
    else:
        yield "redis", Outcome(ok=True, detail="answers")


def _broker_part() -> Iterator[tuple[str, Outcome]]:
    options = {
        "socket_timeout": STEP_SECONDS,
        "socket_connect_timeout": STEP_SECONDS,
        # kombu would wait two seconds between its tries.
        "max_retries": 1,
        "interval_start": 0.01,
        "interval_step": 0,
    }
    connection = Connection(
        settings.CELERY_BROKER_URL,
        ssl=redis_clients.broker_ssl(settings.CELERY_BROKER_URL, ca_file=settings.CELERY_BROKER_CA_FILE),
        connect_timeout=STEP_SECONDS,
        transport_options=options,
    )
    try:
        with connection:
            # Redis as a broker is only spoken to when a channel is opened.
            connection.default_channel  # noqa: B018
    except (OperationalError, OSError) as error:
        yield "broker", _failed("broker", error)
    else:
        yield "broker", Outcome(ok=True, detail="answers")


_REQUIRED: dict[str, DatabaseCheck] = {"database": _database, "migrations": _migrations}

#: Whether this instance can answer requests: its database and the schema.
ready = _Examination(_look_at_what_is_required)
#: Everything that is known about how it goes.
status = _Examination(_look_at_everything)
#: Whether Redis and the broker answer this host.
reachable = _Examination(_look_at_what_is_shared)
