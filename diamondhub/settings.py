"""Settings of DiamondHub, read once from the environment and validated together.

Every variable that an operator may set is named here with its default and the reason for it. A wrong value stops the
start with one message that names all offending variables.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import ssl
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, ValidationError, validate
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from diamondhub import environment, redis_clients
from diamondhub.access import peppers
from diamondhub.access.secrets import SecretError, parse_keys
from diamondhub.admin import menu
from diamondhub.local import private
from diamondhub.telemetry.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("DIAMONDHUB_VAR") or BASE_DIR / "var")

private.keep(VAR_DIR)
env = Env(eager=False)
#: What is wrong with secret variables, by their names; told together with what is wrong with the others.
_wrong: dict[str, list[str]] = {}


def _secret(name: str, validate: Callable[[str], None] | None = None) -> str:
    """A secret variable, or what its file holds; what is wrong with it is told without its value."""
    try:
        value = environment.secret(name)
        if value and validate:
            validate(value)
    except environment.WrongVariable as error:
        _wrong[name] = [str(error).removeprefix(f"{name}: ")]
    except ValidationError as error:
        _wrong[name] = [str(error)]
    else:
        return value
    return ""


def _one_of(*allowed: str) -> validate.OneOf:
    return validate.OneOf(allowed, error="must be one of: {choices}")


def _between(low: float, high: float) -> validate.Range:
    return validate.Range(min=low, max=high, error="must be between {min} and {max}")


def _url_with(*schemes: str) -> Any:
    def check(value: str) -> None:
        if not value:
            return
        try:
            parts = urlsplit(value)
            # Read here, since a password that is not encoded ends up in the port, and others tell it.
            _ = parts.port, parts.hostname
        except ValueError:
            raise ValidationError(
                "must be a URL; what is special in its user or password (/ ? # @ : %) is written with %, e.g. %2F"
            ) from None
        if parts.scheme not in schemes or not parts.netloc:
            raise ValidationError(f"must be a URL that starts with {' or '.join(s + '://' for s in schemes)}")

    return check


def _public_url(value: str) -> None:
    _url_with("http", "https")(value)
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment or re.search(r"[\s<>\"'|\x00-\x1f]", value):
        raise ValidationError("must be like https://hub.example.com, without user, question mark and fragment")


def _names_of_channels(values: list[str]) -> None:
    for value in values:
        if value not in ("log", "email"):
            raise ValidationError("must be log, email or both; other channels are made in the admin")


def _endpoint(value: str) -> None:
    _url_with("http", "https")(value)
    if "@" in urlsplit(value).netloc or "?" in value:
        raise ValidationError("must hold neither user and password nor a question mark: it is shown to people")


def _endpoints(values: list[str]) -> None:
    for value in values:
        _endpoint(value)


def _encryption_keys(value: str) -> None:
    try:
        parse_keys(value)
    except SecretError as error:
        raise ValidationError(str(error)) from None


def _token(value: str) -> None:
    if len(value) < 16 or not value.isascii() or any(character.isspace() for character in value):
        raise ValidationError("must have at least 16 characters, of ASCII and without spaces")


def _class_name(value: str) -> None:
    if value and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value, re.ASCII):
        raise ValidationError("must be the dotted path of a class, e.g. ourcompany.vault.Keys")


def _certificates(path: str) -> None:
    if path:
        try:
            ssl.create_default_context(cafile=path)
        except OSError:
            raise ValidationError("must be a file of certificates in PEM form") from None


def _networks(values: list[str]) -> None:
    for value in values:
        try:
            network = ip_network(value)
        except ValueError:
            raise ValidationError("must be addresses or networks, like 10.0.0.5 or 10.0.0.0/8") from None
        if not network.prefixlen:
            raise ValidationError("must not be everybody: whoever is a proxy says where requests come from")


def _host(value: str) -> None:
    if not value or any(character.isspace() or character in "/@" for character in value):
        raise ValidationError("must be a host's name or address, without a port")


_ALLOWED_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]", re.ASCII)


def _allowed_hosts(hosts: list[str]) -> None:
    for host in hosts:
        if not _ALLOWED_HOST.fullmatch(host):
            raise ValidationError(
                "must be names of hosts without scheme and port, e.g. hub.example.com or .example.com; * is refused"
            )


def _peppers(value: str) -> None:
    try:
        peppers.parse(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


_MAIL_ADDRESS = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+|[^<>\x00-\x1f]*<[^\s<>@,;]+@[^\s<>@,;]+>")


def _mail_addresses(value: str | list[str]) -> None:
    for address in [value] if isinstance(value, str) else value:
        if not _MAIL_ADDRESS.fullmatch(address):
            raise ValidationError("must be like alerts@example.com or Alerts <alerts@example.com>")


# --- where it runs -------------------------------------------------------------------------------------------------
ENV: str = env.str("ENV", "development", validate=_one_of("development", "production"))
PORT: int = env.int("PORT", 8000, validate=_between(1, 65535))
#: The program of the stack that this process is; empty for commands and where nobody says. It decides which secrets are
#: demanded (`diamondhub.environment`).
PROGRAM: str = env.str(
    "DIAMONDHUB_PROGRAM", "", validate=_one_of("", "web", "worker-io", "worker-cpu", "beat", "index")
)
SECRET_KEY: str = _secret("SECRET_KEY")
#: Former keys, the newest first: what they signed (sessions, cursors) is taken until they are taken out.
SECRET_KEY_FALLBACKS: list[str] = [key for key in re.split(r"[\s,]+", _secret("SECRET_KEY_FALLBACKS")) if key]
#: Keys that seal secrets in the database, by versions: `2:<base64 of 32 bytes>,1:<base64>`; the highest seals.
ENCRYPTION_KEYS: str = _secret("ENCRYPTION_KEYS", _encryption_keys)
#: A class that gives these keys instead, e.g. from a key management service (`diamondhub.access.secrets.KeyProvider`).
ENCRYPTION_KEY_PROVIDER: str = env.str("ENCRYPTION_KEY_PROVIDER", "", validate=_class_name)
#: What API keys are hashed under: `2:<base64>,1:<base64>`. The newest version hashes, older ones verify until unused.
_API_KEY_PEPPERS: str = _secret("API_KEY_PEPPERS", _peppers)
DATABASE_URL: str = _secret("DATABASE_URL", _url_with("postgresql", "postgres"))
REDIS_URL: str = _secret("REDIS_URL", _url_with("redis", "rediss"))
CELERY_BROKER_URL: str = _secret("CELERY_BROKER_URL", _url_with("redis", "rediss", "amqp", "amqps"))
#: A Redis of its own for answers of the API that are kept; it may forget (`maxmemory-policy allkeys-lfu`), which the one
#: above must not. Without it no answer is kept.
CACHE_URL: str = _secret("CACHE_URL", _url_with("redis", "rediss"))
#: Certificates (PEM) trusted beside the system's when Redis, or the broker, is spoken to over TLS.
REDIS_CA_FILE: str = env.str("REDIS_CA_FILE", "", validate=_certificates)
CELERY_BROKER_CA_FILE: str = env.str("CELERY_BROKER_CA_FILE", REDIS_CA_FILE or "", validate=_certificates)
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [], validate=_allowed_hosts)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
#: Addresses or networks of our own proxies: what they say of where a request came from, and how, is believed.
_trusted_proxies: list[str] = env.list("TRUSTED_PROXIES", [], validate=_networks)
#: Requests a second, and at once after a pause, that one address may send without a good key.
ADDRESS_RATE: float = env.float("ADDRESS_RATE", 50.0, validate=_between(0.1, 10_000))
ADDRESS_BURST: int = env.int("ADDRESS_BURST", 300, validate=_between(1, 100_000))
LOG_FORMAT: str = env.str("LOG_FORMAT", "", validate=_one_of("", "json", "console"))
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=_one_of("DEBUG", "INFO", "WARNING", "ERROR"))
#: Connections a process keeps in its pool. 0: no pool (prefork workers, commands); web and thread workers set it.
DATABASE_POOL_SIZE: int = env.int("DATABASE_POOL_SIZE", 0, validate=_between(0, 100))
#: Web processes of this host at least: while Redis is away each keeps its share of every client's limit.
WEB_CONCURRENCY: int = env.int("WEB_CONCURRENCY", 2, validate=_between(1, 256))
#: A statement that takes longer is cancelled, and a database that hangs is noticed within seconds. 0, as in workers and
#: commands: statements take as long as they take, and a hanging database is waited for. The web server sets it (seconds).
DATABASE_STATEMENT_SECONDS: float = env.float("DATABASE_STATEMENT_SECONDS", 0.0, validate=_between(0, 3600))
#: A Redis that does not answer for so long is away (seconds). The web server sets less: somebody waits there.
REDIS_ANSWER_SECONDS: float = env.float("REDIS_ANSWER_SECONDS", 2.0, validate=_between(0.05, 60))

# --- the supplier --------------------------------------------------------------------------------------------------
NIVODA_ENDPOINT: str = env.str("NIVODA_ENDPOINT", "", validate=_endpoint)
#: Further endpoints that feeds with accounts of their own may name; passwords are sent to no other.
NIVODA_ENDPOINTS: list[str] = env.list("NIVODA_ENDPOINTS", [], validate=_endpoints)
NIVODA_USERNAME: str = _secret("NIVODA_USERNAME")
NIVODA_PASSWORD: str = _secret("NIVODA_PASSWORD")
#: Whose accounts there are: the one above, or only those that feeds have of their own (in the admin, `set_feed_secret`).
NIVODA_ACCOUNTS: str = env.str("NIVODA_ACCOUNTS", "environment", validate=_one_of("environment", "feeds"))
#: Requests in any one second that the contract allows for the whole account.
NIVODA_RATE_LIMIT: int = env.int("NIVODA_RATE_LIMIT", 25, validate=_between(1, 10_000))
#: A request without an answer for this long has failed (seconds); the supplier's slow answers take over 45.
NIVODA_TIMEOUT: float = env.float("NIVODA_TIMEOUT", 60.0, validate=_between(1, 300))
#: A request for counts without an answer for this long is too slow (seconds): planning asks once more, then does without.
PLAN_COUNT_SECONDS: float = env.float("PLAN_COUNT_SECONDS", 20.0, validate=_between(0.1, 300))

# --- price lists ---------------------------------------------------------------------------------------------------
#: Folder below which feeds may read price lists by path; nothing else of the host can be read by editing a feed.
PRICELIST_DIR = Path(env.str("PRICELIST_DIR", "") or VAR_DIR / "pricelists")
#: Hosts at private addresses that price lists may be fetched from all the same.
PRICELIST_HOSTS: list[str] = env.list("PRICELIST_HOSTS", [])
#: Longest list, unpacked (bytes): a million rows have some 400 MB.
PRICELIST_MAX_BYTES: int = env.int("PRICELIST_MAX_BYTES", 1_000_000_000, validate=_between(1_000, 10**11))
#: Longest list that somebody uploads (bytes). It comes in pieces and lies in the database: longer ones are better fetched.
PRICELIST_UPLOAD_MAX_BYTES: int = env.int("PRICELIST_UPLOAD_MAX_BYTES", 50_000_000, validate=_between(1_000, 10**9))
#: Fetching a list by address may take this long (seconds).
PRICELIST_TIMEOUT: float = env.float("PRICELIST_TIMEOUT", 300.0, validate=_between(1, 3600))
#: Prices of a carat outside the built-in bands (`ingest/feeds/pricelist/bands.py`) are refused; this widens them: a price
#: may be so many times lower or higher. A very large one switches them off.
PRICELIST_BAND_FACTOR: float = env.float("PRICELIST_BAND_FACTOR", 1.0, validate=_between(0.1, 10**9))
#: A first run (`ingest/first_day.py`) waits for a person beyond these shares. Lists of sound suppliers have up to a third of
#: their stones on memo or hold; more than half means that the word for "on sale" is not known.
FIRST_DAY_NOT_OFFERED: float = env.float("FIRST_DAY_NOT_OFFERED", 0.5, validate=_between(0, 1))
#: Every list has shape, weight, colour and clarity; a fifth without one of them means that its column is not understood.
FIRST_DAY_UNKNOWN_COLUMN: float = env.float("FIRST_DAY_UNKNOWN_COLUMN", 0.2, validate=_between(0, 1))
#: Chance words are on few rows; a twentieth with words of one field that nobody knows is a dialect.
FIRST_DAY_UNKNOWN_WORDS: float = env.float("FIRST_DAY_UNKNOWN_WORDS", 0.05, validate=_between(0, 1))

# --- the catalogue's index -------------------------------------------------------------------------------------------
#: Folder of the index, which the program `index` writes and the web processes of the host map. Below `var/` it goes with the
#: checkout, and what is mapped is in memory all the same. Where much is repriced, some 150 MB a second are written to it: on
#: a server a memory-backed folder (a tmpfs with room for three files) spares the disk.
INDEX_DIR = Path(env.str("DIAMONDHUB_INDEX_DIR", "") or VAR_DIR / "index")
#: So long may the builder be silent, or behind the database, until searches are answered by the database instead (seconds).
#: Stones sold or repriced since are never shown, however old the index is, but new ones are missing and counts are old. The
#: longest build, of all of 1.3 million stones on a busy machine, should fit in.
INDEX_MAX_AGE_SECONDS: float = env.float("INDEX_MAX_AGE_SECONDS", 60.0, validate=_between(1, 86_400))

# --- pace of the work ----------------------------------------------------------------------------------------------
#: How often beat asks what is due (seconds). Bounds how long a lost doorbell delays anything.
SWEEP_SECONDS: float = env.float("SWEEP_SECONDS", 5.0, validate=_between(0.2, 300))
#: A walker that shows no page for this long has lost its partition (seconds); longer than any request may take.
PARTITION_LEASE_SECONDS: float = env.float("PARTITION_LEASE_SECONDS", 60.0, validate=_between(1, 3600))
#: A worker that plans, settles or finishes a run and sends no heartbeat for this long has lost it (seconds).
RUN_LEASE_SECONDS: float = env.float("RUN_LEASE_SECONDS", 30.0, validate=_between(1, 3600))
#: A consolidation worker that sends no heartbeat for this long has lost its batch (seconds).
BATCH_LEASE_SECONDS: float = env.float("BATCH_LEASE_SECONDS", 120.0, validate=_between(2, 3600))
#: A consolidation statement that takes longer is cut and its batch halved (seconds).
BATCH_STATEMENT_SECONDS: float = env.float("BATCH_STATEMENT_SECONDS", 60.0, validate=_between(1, 3600))
#: A walker gives its partition back after this long, so that partitions share the workers (seconds).
WALK_SLICE_SECONDS: float = env.float("WALK_SLICE_SECONDS", 20.0, validate=_between(0.5, 600))
#: Partitions walked at once over all hosts: enough to fill the supplier's limit at half a second an answer.
WALKERS: int = env.int("WALKERS", 12, validate=_between(1, 64))
#: Stones that one consolidation batch claims, maps and upserts in one transaction.
CONSOLIDATION_BATCH_STONES: int = env.int("CONSOLIDATION_BATCH_STONES", 2000, validate=_between(1, 50_000))
#: Diamonds of one batch of a repricing, about; a catalogue that has more of them is surveyed first.
REPRICING_BATCH_STONES: int = env.int("REPRICING_BATCH_STONES", 10_000, validate=_between(1, 200_000))
#: How long a run with failed partitions waits for retries before it consolidates what it has (seconds).
PARTIAL_DELAY_SECONDS: float = env.float("PARTIAL_DELAY_SECONDS", 300.0, validate=_between(0, 86_400))
#: First wait before a failed page is tried again (seconds); doubles with each failure, with full jitter, up to the cap.
RETRY_BASE_SECONDS: float = env.float("RETRY_BASE_SECONDS", 1.0, validate=_between(0.01, 60))
RETRY_CAP_SECONDS: float = env.float("RETRY_CAP_SECONDS", 60.0, validate=_between(0.1, 3600))
#: Failures in a row that a partition survives before it is marked failed.
PARTITION_ERROR_BUDGET: int = env.int("PARTITION_ERROR_BUDGET", 12, validate=_between(1, 1000))

# --- what is kept, and how long ------------------------------------------------------------------------------------
#: Days of raw payloads; a live diamond's newest payload is carried over when its day is dropped.
RAW_RETENTION_DAYS: int = env.int("RAW_RETENTION_DAYS", 30, validate=_between(1, 3650))
#: A finished run keeps its ledger of pages for so many days; then its sums are kept and it cannot be retried any more.
LEDGER_RETENTION_DAYS: int = env.int("LEDGER_RETENTION_DAYS", 7, validate=_between(1, 3650))
#: Days of the log of changed stones: a client that follows `changes` may be away for so long, and so may an index.
CHANGES_RETENTION_DAYS: int = env.int("CHANGES_RETENTION_DAYS", 7, validate=_between(1, 365))
#: A dead letter that is closed is kept for so many days, with its payload.
LETTER_RETENTION_DAYS: int = env.int("LETTER_RETENTION_DAYS", 90, validate=_between(1, 3650))
#: Days of audit events of runs, alerts, and attempts at dead letters.
HISTORY_RETENTION_DAYS: int = env.int("HISTORY_RETENTION_DAYS", 400, validate=_between(30, 36_500))
#: Whole months that the audit keeps in the database; older ones are archived to a file each. 0: all of it, for ever.
AUDIT_RETENTION_MONTHS: int = env.int("AUDIT_RETENTION_MONTHS", 0, validate=_between(0, 1200))
#: Folder of the archives of the audit; what is in it belongs into the backup.
ARCHIVES_DIR = Path(env.str("ARCHIVES_DIR", "") or VAR_DIR / "archives")

# --- looking after itself ------------------------------------------------------------------------------------------
#: How often the doctor looks at the deployment by itself (seconds): an hour, since each look asks the supplier once, too.
#: While something is wrong it looks every five minutes. 0: only when somebody asks.
DOCTOR_SECONDS: int = env.int("DOCTOR_SECONDS", 3600, validate=_between(0, 7 * 86_400))
#: So old may the last backup be (hours): one a day, with time to be made. 0: backups are not watched.
BACKUP_MAX_AGE_HOURS: int = env.int("BACKUP_MAX_AGE_HOURS", 26, validate=_between(0, 24 * 366))

# --- metrics and traces ----------------------------------------------------------------------------------------------
#: Whoever shows this as a bearer token may read `/metrics` from outside, too; without it only private addresses may.
METRICS_TOKEN: str = _secret("METRICS_TOKEN", _token)
#: A port on which workers and the index tell their process metrics, where no web process of the host does. 0: none.
METRICS_PORT: int = env.int("METRICS_PORT", 0, validate=_between(0, 65535))
#: Folder in which the processes of this host count; in memory, as it is written to all the time.
METRICS_DIR = Path(env.str("METRICS_DIR", "") or private.in_memory(VAR_DIR) / "metrics")
#: Where traces are sent by OTLP over HTTP, e.g. http://collector:4318; without it there are none.
OTEL_EXPORTER_OTLP_ENDPOINT: str = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "", validate=_endpoint)
#: Headers that the collector asks for, e.g. `Authorization=Bearer abc`; several with commas between.
OTEL_EXPORTER_OTLP_HEADERS: str = _secret("OTEL_EXPORTER_OTLP_HEADERS")
OTEL_SERVICE_NAME: str = env.str("OTEL_SERVICE_NAME", "diamondhub")
#: The share of pages, and of batches with their statements, that have a trace of their own beside their run's.
TRACED_SHARE: float = env.float("TRACED_SHARE", 0.01, validate=_between(0, 1))

# --- exports -------------------------------------------------------------------------------------------------------
#: Folder of the files of exports, which web processes and workers share; nobody else of the host reads it.
EXPORTS_DIR = Path(env.str("EXPORTS_DIR", "") or VAR_DIR / "exports")
#: Hours for which the file of an export can be fetched.
EXPORT_HOURS: int = env.int("EXPORT_HOURS", 24, validate=_between(1, 24 * 30))
#: Exports that are written at once over all hosts: each takes a core, which consolidation wants as well.
EXPORTS_AT_ONCE: int = env.int("EXPORTS_AT_ONCE", 1, validate=_between(1, 64))
#: Reading the stones of an export may take this long (seconds); a million take some twenty.
EXPORT_STATEMENT_SECONDS: float = env.float("EXPORT_STATEMENT_SECONDS", 900.0, validate=_between(1, 86_400))

# --- webhooks ------------------------------------------------------------------------------------------------------
#: Hosts that webhooks may be sent to though they are private, and without TLS: for development, and receivers of our own.
WEBHOOK_HOSTS: list[str] = env.list("WEBHOOK_HOSTS", [])

# --- alerts --------------------------------------------------------------------------------------------------------
#: Channels that are there without being made in the admin.
ALERT_CHANNELS: list[str] = env.list("ALERT_CHANNELS", ["log"], validate=_names_of_channels)
ALERT_EMAILS: list[str] = env.list("ALERT_EMAILS", [], validate=_mail_addresses)
EMAIL_BACKEND: str = env.str("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
EMAIL_HOST: str = env.str("EMAIL_HOST", "localhost", validate=_host)
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = _secret("EMAIL_HOST_PASSWORD")
#: STARTTLS on a plain connection, or TLS from its first byte; the server's certificate is verified either way.
EMAIL_USE_TLS: bool = env.bool("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = env.bool("EMAIL_USE_SSL", False)
#: The usual port of the way of speaking, unless another is named.
EMAIL_PORT: int = env.int(
    "EMAIL_PORT", 465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25, validate=_between(1, 65535)
)
#: A mail server without an answer for this long has failed (seconds); a message takes some eight answers.
EMAIL_TIMEOUT: float = env.float("EMAIL_TIMEOUT", 10.0, validate=_between(0.1, 60))
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "diamondhub@localhost", validate=_mail_addresses)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
#: Where people open DiamondHub: links in messages begin with it.
PUBLIC_URL: str = env.str("PUBLIC_URL", "", validate=_public_url)
#: An address outside that is asked (GET) while sweeps and delivery rounds go well: whoever watches it tells of silence.
HEARTBEAT_URL: str = _secret("HEARTBEAT_URL", _url_with("http", "https"))
#: It is asked at most once in this time (seconds).
HEARTBEAT_SECONDS: float = env.float("HEARTBEAT_SECONDS", 30.0, validate=_between(1, 3600))
#: Sweeps and delivery rounds that are older are late, and the web processes tell of it (seconds).
WATCH_SECONDS: float = env.float("WATCH_SECONDS", 60.0, validate=_between(2, 3600))

try:
    env.seal()
except EnvValidationError as error:
    _wrong.update(error.error_messages)  # type: ignore[arg-type]
if _wrong:
    # No value is shown: what somebody wrote into the wrong variable may be a password.
    raise ImproperlyConfigured(
        "wrong environment: " + "; ".join(f"{name}: {', '.join(messages)}" for name, messages in _wrong.items())
    )

TRUSTED_PROXIES = [ip_network(network) for network in _trusted_proxies]
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("EMAIL_USE_TLS and EMAIL_USE_SSL are two ways of speaking TLS: set one of them")
if EMAIL_HOST_PASSWORD and not EMAIL_HOST_USER:
    raise ImproperlyConfigured("EMAIL_HOST_PASSWORD is never sent without EMAIL_HOST_USER: set both")

PRODUCTION = ENV == "production"
DEBUG = False
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-us"
ROOT_URLCONF = "diamondhub.urls"
WSGI_APPLICATION = "diamondhub.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if PRODUCTION:
    _demanded = ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"]
    if not ENCRYPTION_KEY_PROVIDER:
        _demanded.append("ENCRYPTION_KEYS")
    if NIVODA_ACCOUNTS == "environment":
        _demanded += ["NIVODA_USERNAME", "NIVODA_PASSWORD"]
    missing = [name for name in _demanded if environment.is_needed(name, PROGRAM) and not globals()[name]]
    if environment.is_needed("API_KEY_PEPPERS", PROGRAM) and not _API_KEY_PEPPERS.strip(" ,"):
        missing.append("API_KEY_PEPPERS")
    if PROGRAM not in ("beat", "index"):
        missing += [name for name in ("NIVODA_ENDPOINT", "ALLOWED_HOSTS") if not globals()[name]]
    if missing:
        raise ImproperlyConfigured(f"ENV=production needs these variables to be set: {', '.join(missing)}")
    if any(len(key) < 32 for key in [SECRET_KEY, *SECRET_KEY_FALLBACKS] if key):
        raise ImproperlyConfigured("SECRET_KEY: must have at least 32 characters in production")
ALLOWED_HOSTS = ALLOWED_HOSTS or LOCAL_HOSTS


def _development_secret(name: str, make: Callable[[], str]) -> str:
    """A random secret of this checkout's own, so that sessions and keys outlive a restart without any set-up."""
    path = VAR_DIR / "run" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made aside and linked whole: of several processes that start at once all read the same.
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{name}-")
        with os.fdopen(handle, "w") as file:
            file.write(make())
        with suppress(FileExistsError):
            os.link(aside, path)
        Path(aside).unlink()
    return path.read_text()


if not SECRET_KEY:
    # Some programs sign nothing, but Django wants a key.
    SECRET_KEY = (
        secrets.token_urlsafe(48)
        if PRODUCTION or not environment.is_needed("SECRET_KEY", PROGRAM)
        else _development_secret("secret-key", lambda: secrets.token_urlsafe(48))
    )
if not (ENCRYPTION_KEYS or ENCRYPTION_KEY_PROVIDER or PRODUCTION) and environment.is_needed("ENCRYPTION_KEYS", PROGRAM):
    ENCRYPTION_KEYS = _development_secret(
        "encryption-key", lambda: f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    )
API_KEY_PEPPERS: dict[int, bytes] = (
    peppers.parse(_API_KEY_PEPPERS)
    if _API_KEY_PEPPERS or PRODUCTION or not environment.is_needed("API_KEY_PEPPERS", PROGRAM)
    else peppers.parse(
        _development_secret("api-key-peppers", lambda: f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    )
)
REDIS_URL = REDIS_URL or "redis://127.0.0.1:6379/0"
CELERY_BROKER_URL = CELERY_BROKER_URL or REDIS_URL


def _database(url: str) -> dict[str, Any]:
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        # Its own words name what it stumbled over, which may be a piece of the password.
        raise ImproperlyConfigured("DATABASE_URL: is no address of a PostgreSQL database") from None
    options: dict[str, Any] = {
        key: value for key, value in parts.items() if key not in {"host", "port", "user", "password", "dbname"}
    }
    options.setdefault("connect_timeout", 3 if DATABASE_STATEMENT_SECONDS else 10)
    options.setdefault("application_name", "diamondhub")
    # A network that swallows packets must not hang a worker for the kernel's two hours.
    options.update(keepalives_idle=30, keepalives_interval=10, keepalives_count=3, tcp_user_timeout=60_000)
    if DATABASE_POOL_SIZE:
        # A database that is away is said so within seconds; whoever works for it tries again.
        options["pool"] = {
            "min_size": 1,
            "max_size": DATABASE_POOL_SIZE,
            "timeout": 3 if DATABASE_STATEMENT_SECONDS else 5,
        }
    return {
        "ENGINE": "diamondhub.postgresql",
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "NAME": parts.get("dbname", "diamondhub"),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        # PgBouncer in transaction mode keeps no session for a named cursor.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options,
    }


DATABASES = {"default": _database(DATABASE_URL or "postgresql://diamondhub@127.0.0.1:5432/diamondhub")}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "diamondhub",
        # Counting failed sign-ins must hold nobody up: whoever fails while Redis hangs is answered at once.
        "OPTIONS": redis_clients.connection_options(REDIS_URL, ca_file=REDIS_CA_FILE, seconds=0.2),
    }
}

INSTALLED_APPS = [
    "unfold",
    "diamondhub.admin.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "pghistory",
    "diamondhub.local",
    "diamondhub.telemetry",
    "diamondhub.audit",
    "diamondhub.access",
    "diamondhub.api",
    "diamondhub.alerts",
    "diamondhub.operations",
    "diamondhub.webhooks",
    "catalog",
    "pricing",
    "ingest",
]
MIDDLEWARE = [
    "diamondhub.access.gate.Gate",
    "diamondhub.api.compression.CompressedAnswers",
    "diamondhub.telemetry.middleware.Probes",
    "diamondhub.serving.streams.Streams",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "diamondhub.admin.policy.ContentPolicy",
    "diamondhub.admin.policy.AdminContentPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "diamondhub.admin.signed_out.SignedOutParts",
    "diamondhub.access.lacking.LackingRights",
    "diamondhub.audit.middleware.AuditedRequest",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "diamondhub.operations.away.context",
            ]
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "NAME": "jinja",
        "DIRS": [BASE_DIR / "templates" / "jinja"],
        "APP_DIRS": False,
        "OPTIONS": {"environment": "diamondhub.admin.jinja.environment"},
    },
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    # Grants nothing: it hears which permission somebody lacked, so that the page that refuses them can say so.
    "diamondhub.access.lacking.Listener",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Another one, such as S3's, is named here.
    "exports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": EXPORTS_DIR / "files",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    # Months of the audit; on several hosts a storage that they share.
    "archives": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": ARCHIVES_DIR,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "diamondhub" / "static"]
# Served straight from the packages: nothing to collect on one machine, and the same files in production.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = VAR_DIR / "static"

# The only pages that people sign in to.
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
# The table has hashes of the cookies.
SESSION_ENGINE = "diamondhub.admin.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
# Probes are answered before that, and on their own.
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
# The gate takes the header out of what no trusted proxy sent.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
# Nothing comes from outside. `diamondhub.admin.policy` adds what the admin's theme needs, for the admin only.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
# The form of a rule has some fifty fields a clause, and a rule up to fifty clauses; Django's own bound is 1,000.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4_000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["diamondhub.access.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["diamondhub.access.permissions.HasScope"],
    # Asked for by the gate, all at once and once only.
    "DEFAULT_THROTTLE_CLASSES": [
        "diamondhub.access.throttles.classes.VisitorRate",
        "diamondhub.access.throttles.classes.ClientRate",
        "diamondhub.access.throttles.classes.AtOnce",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "diamondhub.api.documentation.EndpointSchema",
    "EXCEPTION_HANDLER": "diamondhub.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "DiamondHub API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "The seller's diamond catalogue: search, details and prices. Sign in with an `X-API-Key` header. "
    "Errors have a `type` that is [documented](/api/problems/) at its own address.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    # A body says itself which of its fields are required, for PATCH as for the others.
    "COMPONENT_SPLIT_PATCH": False,
    # Parameters stand in the trade's order, and grades where they are used: the hook that names enums forgets their null.
    "SORT_OPERATION_PARAMETERS": False,
    "POSTPROCESSING_HOOKS": ["diamondhub.api.examples.add"],
}

#: Whether nobody waits for what this process asks of Redis.
PATIENT = REDIS_ANSWER_SECONDS >= redis_clients.IMPATIENT_SECONDS
CELERY = {
    "broker_url": CELERY_BROKER_URL,
    "broker_use_ssl": redis_clients.broker_ssl(CELERY_BROKER_URL, ca_file=CELERY_BROKER_CA_FILE),
    "broker_connection_retry_on_startup": True,
    # A broker may be away for hours; workers wait for it.
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "socket_timeout": 10 if PATIENT else REDIS_ANSWER_SECONDS,
        "socket_connect_timeout": 5 if PATIENT else REDIS_ANSWER_SECONDS,
        "socket_keepalive": True,
        # A doorbell that cannot be rung is left to the sweep.
        **(
            {} if PATIENT else {"max_retries": 1, "interval_start": 0.01, "interval_step": 0, "retry_on_timeout": False}
        ),
    },
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    # A doorbell is acknowledged on receipt: leases and the sweep redeliver, never the broker.
    "task_acks_late": False,
    "task_publish_retry": False,
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "task_default_queue": "control",
    "task_routes": {
        "ingest.tasks.walk": {"queue": "supplier"},
        "ingest.tasks.consolidate": {"queue": "consolidation"},
        "ingest.tasks.remap": {"queue": "consolidation"},
        "diamondhub.operations.tasks.prune": {"queue": "consolidation"},
        # Where mail, suppliers and Redis are spoken to.
        "diamondhub.operations.tasks.examine": {"queue": "control"},
        "diamondhub.operations.tasks.job": {"queue": "consolidation"},
        "diamondhub.operations.tasks.waiting_job": {"queue": "supplier"},
        "pricing.tasks.reprice": {"queue": "consolidation"},
        "catalog.tasks.export": {"queue": "consolidation"},
    },
    "beat_schedule": {
        "sweep": {
            "task": "diamondhub.tasks.sweep",
            "schedule": SWEEP_SECONDS,
            "options": {"expires": SWEEP_SECONDS * 2},
        }
    },
    "timezone": "UTC",
}

LOGGING = logging_config(level=LOG_LEVEL, json=(LOG_FORMAT or ("json" if PRODUCTION else "console")) == "json")

# What else lies below our host's name is not ours to force to HTTPS for a year, nor to enter into browsers' lists.
SILENCED_SYSTEM_CHECKS: list[str] = ["security.W005", "security.W021"]
RATELIMIT_USE_CACHE = "default"
# Redis away must not sign anybody out: failed sign-ins are then not counted, keys are still checked.
RATELIMIT_FAIL_OPEN = True
RATELIMIT_IP_META_KEY = "diamondhub.access.addresses.of_request"

# The theme's own code uses what the theme deprecates.
warnings.filterwarnings("ignore", message="UnfoldAdminCheckboxSelectMultiple is deprecated")
# The admin's theme and menu.
UNFOLD = menu.THEME
