"""What the doctor asks of the set-up: settings for debugging, Django's own checks, secrets, room on disks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import run_checks

from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.doctor.of_servers import is_of_this_host
from diamondhub.operations.problems.kinds import Severity

#: Free share of a disk, and free bytes, below which it is soon full; and below which it is.
LITTLE, LITTLE_BYTES = 0.10, 5_000_000_000
NONE, NONE_BYTES = 0.03, 1_000_000_000
#: Passwords and keys that stand in examples, and that nobody may run with.
DEFAULTS = (
    "changeme",
    "change-me",
    "secret",
    "password",
    "insecure",
    "example",
    "diamondhub",
    "postgres",
    "admin",
    "test",
)
#: A password of a server that others can reach has at least so many characters.
MIN_PASSWORD = 12


@register("debug", "Are the settings those of production?")
def nothing_is_for_debugging() -> Iterator[Said]:
    """DEBUG shows settings and code to strangers; a development environment demands no secrets."""
    if settings.DEBUG:
        yield Finding(
            "DEBUG is on: error pages show code and settings to everybody.",
            "Take what sets DEBUG out; the product's own settings never do.",
            Severity.CRITICAL,
        )
    if settings.LOG_LEVEL == "DEBUG" and settings.PRODUCTION:
        yield Finding("LOG_LEVEL is DEBUG: logs fill the disk.", "Set LOG_LEVEL=INFO.")
    if not settings.PRODUCTION:
        yield "ENV=development"
        if not is_of_this_host(str(settings.DATABASES["default"]["HOST"])):
            yield Finding(
                "ENV is development, but the database is on another host.",
                "Set ENV=production where others work with it: secrets are demanded then, and cookies need TLS.",
            )


@register("deployment", "Does Django find anything to say of the deployment?")
def deployment_passes() -> Iterator[Said]:
    """`check --deploy`, which in development has much to say that is meant so."""
    if not settings.PRODUCTION:
        yield "not asked with ENV=development"
        return
    for message in run_checks(include_deployment_checks=True):
        if message.is_silenced() or message.level < checks.WARNING:
            continue
        yield Finding(
            f"{message.id}: {message.msg}",
            message.hint or "See `manage.py check --deploy`.",
            Severity.CRITICAL if message.level >= checks.ERROR else Severity.WARNING,
        )


@register("passwords", "Is a secret weak, or one that stands in examples?")
def secrets_are_strong() -> Iterator[Said]:
    """Of secrets that this process has. What they are is never told."""
    critical = Severity.CRITICAL if settings.PRODUCTION else Severity.WARNING
    keys = {"SECRET_KEY": settings.SECRET_KEY}
    keys |= {f"SECRET_KEY_FALLBACKS, the {n}.": key for n, key in enumerate(settings.SECRET_KEY_FALLBACKS, 1)}
    for name, key in keys.items():
        if len(key) < 32 or len(set(key)) < 8 or _is_default(key):
            yield Finding(
                f"{name} can be guessed: sessions and cursors can be forged.",
                "Make one with `openssl rand -base64 48`; the old one may stay in SECRET_KEY_FALLBACKS for a day only if "
                "nobody can know it.",
                critical,
            )
    database_settings = settings.DATABASES["default"]
    database_password = str(database_settings["PASSWORD"] or os.environ.get("PGPASSWORD", ""))
    servers = [("DATABASE_URL", str(database_settings["HOST"]), database_password)]
    for name in ("REDIS_URL", "CACHE_URL", "CELERY_BROKER_URL"):
        parts = urlsplit(getattr(settings, name))
        servers.append((name, parts.hostname or "", parts.password or ""))
    for name, host, password in servers:
        if not host or host.startswith("/") or is_of_this_host(host):
            continue
        if not password:
            yield Finding(
                f"{name} has no password: whoever reaches the server is let in, unless its network or certificates say who "
                "may.",
                "Give it one, and put it into the URL or its file.",
            )
        elif len(password) < MIN_PASSWORD or _is_default(password):
            yield Finding(f"The password of {name} can be guessed.", "Give it a long random one.", critical)


def _is_default(secret: str) -> bool:
    plain = secret.lower().strip("0123456789!-_ ")
    return plain in DEFAULTS or secret.startswith("django-insecure")


@register("disks", "Is there room on the disks?")
def disks_have_room() -> Iterator[Said]:
    """Of data, index, exports and archives; of the database's, if it is on this host."""
    places = {
        "DIAMONDHUB_VAR": Path(settings.VAR_DIR),
        "DIAMONDHUB_INDEX_DIR": Path(settings.INDEX_DIR),
        "EXPORTS_DIR": Path(settings.EXPORTS_DIR),
        "ARCHIVES_DIR": Path(settings.ARCHIVES_DIR),
    }
    with database() as cursor:
        cursor.execute(
            """
            SELECT pg_database_size(current_database()),
                CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') ELSE '' END
            """
        )
        size, folder = cursor.fetchone() or (0, "")
    yield f"the database has {size / 1e9:,.1f} GB"
    if folder and is_of_this_host(str(settings.DATABASES["default"]["HOST"])):
        places["the database"] = Path(folder)
    elif not folder or not is_of_this_host(str(settings.DATABASES["default"]["HOST"])):
        yield "the database's disk is on another host and not seen from here"
    seen: set[int] = set()
    for name, path in places.items():
        there = next((parent for parent in (path, *path.parents) if _is_there(parent)), None)
        if there is None or (device := there.stat().st_dev) in seen:
            continue
        seen.add(device)
        yield from _room(name, there)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # Of the database's folder the way there may be closed to us.
        return False


def _room(name: str, path: Path) -> Iterator[Said]:
    usage = shutil.disk_usage(path)
    share = usage.free / usage.total if usage.total else 1.0
    yield f"{name}: {usage.free / 1e9:,.1f} of {usage.total / 1e9:,.1f} GB free"
    if share < LITTLE and usage.free < max(LITTLE_BYTES, LITTLE * usage.total):
        is_full = share < NONE and usage.free < max(NONE_BYTES, NONE * usage.total)
        yield Finding(
            f"The disk of {name} has {usage.free / 1e9:,.1f} GB left ({share:.0%}).",
            "Make room or a larger disk: `prune`, shorter retention, old logs and exports.",
            Severity.CRITICAL if is_full else Severity.WARNING,
        )
