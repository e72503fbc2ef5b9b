"""What the doctor asks the servers beside PostgreSQL: Redis, the cache, the broker, mail; their clocks and TLS."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings

from diamondhub import redis_clients
from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.problems.kinds import Severity
from diamondhub.telemetry import scrub

#: The longest wait for a server's answer (seconds).
ANSWER_SECONDS = 2.0
#: Clocks that differ by more make ages and leases look wrong; signed requests are refused from five minutes on (seconds).
APART_SECONDS, FAR_APART_SECONDS = 5.0, 60.0
#: Share of a Redis's memory in use from which on it is soon full.
FULL = 0.85


# --- Redis -------------------------------------------------------------------------------------------------------------


@register("redis", "Does Redis keep what it is given, and has it room?")
def redis_keeps() -> Iterator[Said]:
    """REDIS_URL, and the broker where that is another Redis: limits, nonces and messages must not be evicted."""
    urls = {"REDIS_URL": settings.REDIS_URL}
    if settings.CELERY_BROKER_URL != settings.REDIS_URL and urlsplit(settings.CELERY_BROKER_URL).scheme.startswith(
        "redis"
    ):
        urls["CELERY_BROKER_URL"] = settings.CELERY_BROKER_URL
    for name, url in urls.items():
        try:
            said = _information(url)
        except redis.RedisError as error:
            yield Finding(
                f"The Redis of {name} does not answer: {_words(error)}.",
                f"Start it, or mend {name} and the network between. Suppliers are not asked meanwhile.",
                Severity.CRITICAL,
            )
            continue
        policy, used, most = said["maxmemory_policy"], int(said["used_memory"]), int(said["maxmemory"])
        yield f"{name}: {policy}, {used / 1e6:,.0f} MB of {f'{most / 1e6:,.0f} MB' if most else 'what the host has'}"
        if policy != "noeviction":
            yield Finding(
                f"The Redis of {name} may evict what it keeps (maxmemory-policy {policy}): a limit or a nonce that is "
                "forgotten lets somebody in.",
                "`CONFIG SET maxmemory-policy noeviction`, and in its configuration file.",
                Severity.CRITICAL,
            )
        if most and used > FULL * most:
            yield Finding(
                f"The Redis of {name} uses {used / 1e6:,.0f} of {most / 1e6:,.0f} MB; a full one refuses to be written.",
                "Raise maxmemory, and look with `--bigkeys` what takes it.",
            )
        if said.get("role") == "slave":
            yield Finding(
                f"{name} names a replica, which nothing can be written to.",
                "Name the primary, or a proxy that follows it.",
                Severity.CRITICAL,
            )


@register("cache", "Is the Redis of kept answers one of its own, which may forget?")
def cache_is_apart() -> Iterator[Said]:
    """CACHE_URL: evicting, and not where limits and nonces are."""
    if not settings.CACHE_URL:
        yield "no CACHE_URL: no answers are kept"
        return
    try:
        cache, other = _information(settings.CACHE_URL), _information(settings.REDIS_URL)
    except redis.RedisError as error:
        yield Finding(
            f"The Redis of CACHE_URL or REDIS_URL does not answer: {_words(error)}.",
            "Start it, or mend the address. Without CACHE_URL's, answers are made anew each time.",
        )
        return
    yield f"{cache['maxmemory_policy']}, {int(cache['maxmemory']) / 1e6:,.0f} MB"
    if cache["run_id"] == other["run_id"]:
        is_same_database = _number(settings.CACHE_URL) == _number(settings.REDIS_URL)
        yield Finding(
            f"CACHE_URL and REDIS_URL are one server{', and one database of it' if is_same_database else ''}: either kept "
            "answers fill it until limits cannot be written, or what must be kept is evicted.",
            "Give kept answers a Redis of their own, or leave CACHE_URL out.",
            Severity.CRITICAL if is_same_database else Severity.WARNING,
        )
    elif not cache["maxmemory_policy"].startswith("allkeys-") or not int(cache["maxmemory"]):
        yield Finding(
            f"The Redis of CACHE_URL forgets nothing ({cache['maxmemory_policy']}, maxmemory {cache['maxmemory']}): when it "
            "is full no answer is kept any more, or its host has no memory left.",
            "`CONFIG SET maxmemory-policy allkeys-lfu`, `CONFIG SET maxmemory 256mb`, and in its configuration file.",
        )


def _information(url: str) -> dict[str, Any]:
    with redis_clients.client(url, seconds=ANSWER_SECONDS, retry=None) as client:
        told: Any = client.info()
    return {**told}


def _number(url: str) -> str:
    return urlsplit(url).path.strip("/") or "0"


def _words(error: Exception) -> str:
    return scrub.reason(str(error).strip() or type(error).__name__, 200)


# --- clocks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock showed (seconds since 1970) and how exact that is (seconds either way, but for the way)."""

    at: float
    exact_to: float = 0.0


#: Reads a clock now; None where there is none to be read.
Clock = Callable[[], Reading | None]

_clocks: dict[str, Clock] = {}


def register_clock(name: str, clock: Clock) -> None:
    """Have a clock compared with all others."""
    _clocks[name] = clock


def _of_the_database() -> Reading:
    with database() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float")
        (at,) = cursor.fetchone() or (0.0,)
    return Reading(at)


def _of_redis() -> Reading:
    with redis_clients.client(settings.REDIS_URL, seconds=ANSWER_SECONDS, retry=None) as client:
        told: Any = client.time()
    return Reading(told[0] + told[1] / 1e6)


register_clock("this host", lambda: Reading(time.time()))
register_clock("the database", _of_the_database)
register_clock("Redis", _of_redis)


@register("clocks", "Do the clocks of this host, the database, Redis and the supplier agree?", seconds=15.0)
def clocks_agree() -> Iterator[Said]:
    """Each against each other one, as far as the way to them lets one know."""
    offsets: dict[str, tuple[float, float]] = {}
    for name, clock in _clocks.items():
        begun, wall = time.monotonic(), time.time()
        try:
            reading = clock()
        except Exception as error:  # noqa: BLE001 - a clock that cannot be read says nothing of the others
            yield f"the clock of {name} could not be read: {_words(error)}"
            continue
        way = time.monotonic() - begun
        if reading is not None:
            offsets[name] = (reading.at - wall - way / 2, way / 2 + reading.exact_to)
    yield ", ".join(f"{name} {offset:+.1f} s (± {blur:.1f})" for name, (offset, blur) in offsets.items())
    for (name, (offset, blur)), (other, (its_offset, its_blur)) in combinations(offsets.items(), 2):
        apart = abs(offset - its_offset) - blur - its_blur
        if apart > APART_SECONDS:
            yield Finding(
                f"The clocks of {name} and {other} are {apart:,.0f} s apart or more; "
                f"{name if offset > its_offset else other} is ahead.",
                "Run a time service (chrony, systemd-timesyncd) on both hosts; a supplier's clock is theirs to mend.",
                Severity.CRITICAL if apart > FAR_APART_SECONDS else Severity.WARNING,
            )


# --- TLS ---------------------------------------------------------------------------------------------------------------


@register("tls", "Is the way to each server encrypted, and its certificate verified?")
def ways_are_verified() -> Iterator[Said]:
    """Of each server that is not on this host."""
    yield from _of_the_way_to_the_database()
    for name in ("REDIS_URL", "CACHE_URL", "CELERY_BROKER_URL"):
        parts = urlsplit(getattr(settings, name))
        if not parts.hostname or is_of_this_host(parts.hostname):
            continue
        if parts.scheme not in ("rediss", "amqps"):
            yield unencrypted(name, f"{parts.scheme}s://")
        else:
            # The factory verifies (`redis_clients`), so what speaks TLS is verified.
            yield f"{name}: TLS, verified"
    for endpoint in {settings.NIVODA_ENDPOINT, *settings.NIVODA_ENDPOINTS} - {""}:
        parts = urlsplit(endpoint)
        if parts.scheme != "https" and not is_of_this_host(parts.hostname or ""):
            yield unencrypted("NIVODA_ENDPOINT", "https://")
    celery: dict[str, Any] = settings.CELERY
    ssl_options = celery["broker_use_ssl"]
    if ssl_options and ssl.CERT_REQUIRED not in (ssl_options.get("ssl_cert_reqs"), ssl_options.get("cert_reqs")):
        yield Finding(
            "The broker's certificate is not verified: whoever sits between can read and send messages.",
            "Take what sets broker_use_ssl out; DiamondHub verifies by itself, and CELERY_BROKER_CA_FILE names your CA.",
            Severity.CRITICAL,
        )


def _of_the_way_to_the_database() -> Iterator[Said]:
    host = str(settings.DATABASES["default"]["HOST"])
    if not host or host.startswith("/") or is_of_this_host(host):
        return
    with database() as cursor:
        cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        (is_encrypted,) = cursor.fetchone() or (False,)
    mode = str(settings.DATABASES["default"]["OPTIONS"].get("sslmode", "prefer"))
    if not is_encrypted:
        yield unencrypted("DATABASE_URL", "?sslmode=verify-full&sslrootcert=…")
    elif mode not in ("verify-full", "verify-ca"):
        yield Finding(
            f"The database's certificate is not verified (sslmode={mode}): whoever sits between can read everything.",
            "Add ?sslmode=verify-full&sslrootcert=<file> to DATABASE_URL (sslrootcert=system for a public CA).",
        )
    else:
        yield f"DATABASE_URL: TLS, {mode}"


def unencrypted(variable: str, instead: str) -> Finding:
    """The finding of a way without TLS."""
    return Finding(
        f"What goes over {variable} is not encrypted: passwords and prices can be read on the way.",
        f"Use {instead} there.",
        Severity.CRITICAL if settings.PRODUCTION else Severity.WARNING,
    )


def is_of_this_host(host: str) -> bool:
    """Whether what goes to `host` leaves this host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "")


# --- mail --------------------------------------------------------------------------------------------------------------


@register("mail", "Does the mail server answer and take us?", seconds=15.0)
def mail_server_answers() -> Iterator[Said]:
    """A greeting, TLS and a sign-in as they are set; no message is sent."""
    if "email" not in settings.ALERT_CHANNELS:
        yield "no e-mail is sent (ALERT_CHANNELS)"
        return
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        yield f"e-mail goes through {settings.EMAIL_BACKEND}, which is not asked"
        return
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        yield from _greet()
    except (OSError, smtplib.SMTPException) as error:
        yield Finding(
            f"The mail server at {server} cannot be used: {type(error).__name__}: {_words(error)}.",
            "Mend EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS or the account, or the network between; alerts wait meanwhile.",
            Severity.CRITICAL,
        )


def _greet() -> Iterator[Said]:
    seconds = min(settings.EMAIL_TIMEOUT, 4.0)
    context = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=seconds, context=context)
        if settings.EMAIL_USE_SSL
        else smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=seconds)
    ) as server:
        server.ehlo_or_helo_if_needed()
        offers_tls = server.has_extn("starttls")
        if settings.EMAIL_USE_TLS:
            server.starttls(context=context)
            server.ehlo()
        if settings.EMAIL_HOST_USER:
            # A program that is not given the password cannot try it.
            if settings.EMAIL_HOST_PASSWORD:
                server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
            else:
                yield "the sign-in was not tried: this program has no EMAIL_HOST_PASSWORD"
        yield f"{settings.EMAIL_HOST} answers"
    if not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or is_of_this_host(settings.EMAIL_HOST)):
        yield Finding(
            f"Alerts go to {settings.EMAIL_HOST} without TLS.",
            "Set EMAIL_USE_TLS=true."
            if offers_tls
            else "Set EMAIL_USE_SSL=true, or use a server that offers STARTTLS.",
        )
