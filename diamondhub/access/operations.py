"""What API keys show on the start page, and what of people's comings and goings is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from itertools import product
from typing import Any

import psycopg
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from diamondhub.access import doctor, ending, gate, peppers, sealed  # noqa: F401 - doctor registers its check
from diamondhub.access.ending import SOON, ending_keys
from diamondhub.access.models import RowsTaken
from diamondhub.access.people import SignIn
from diamondhub.api import kinds
from diamondhub.operations import home, retention
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.looking import Wrong
from diamondhub.telemetry import expected_metrics

#: Days for which it is kept how many rows a client took.
ROWS_TAKEN_DAYS = 90


def keys_in_need() -> Iterator[home.Figure]:
    """Keys whose clients will be, or are, without one; nothing while all is well."""
    url = reverse("admin:access_apiclient_changelist")
    ending, text = home.capped_count(ending_keys(SOON))
    if ending:
        yield home.Figure(
            title="API keys ending soon", value=text, url=url, tone="warn", note=f"within {SOON.days} days"
        )
    with connection.cursor() as cursor:
        lost = sum(missing.keys for missing in peppers.missing(cursor))
    if lost:
        yield home.Figure(title="API keys refused", value=f"{lost:,}", url=url, tone="bad", note="their pepper is gone")


def expired_sessions() -> QuerySet[Session]:
    """Sessions that nobody can go on with."""
    return Session.objects.filter(expire_date__lt=Now())


def old_sign_ins() -> QuerySet[SignIn]:
    """Sign-ins of long ago."""
    return SignIn.objects.filter(at__lt=retention.history_kept_from())


def old_rows_taken() -> QuerySet[RowsTaken]:
    """Days of long ago on which clients took rows."""
    return RowsTaken.objects.filter(day__lt=Now() - timedelta(days=ROWS_TAKEN_DAYS))


def old_admin_log() -> QuerySet[LogEntry]:
    """The admin's own log of long ago; what is of weight is in the audit."""
    return LogEntry.objects.filter(action_time__lt=retention.history_kept_from())


home.register(keys_in_need, permission="access.view_apikey", every=20)
retention.register_rows("expired_sessions", expired_sessions)
retention.register_rows("sign_ins", old_sign_ins)
retention.register_rows("rows_taken", old_rows_taken)
retention.register_rows("admin_log", old_admin_log)
retention.keep("sessions.Session", how_long="until it expires", by=("expired_sessions",))
retention.keep("access.SignIn", how_long="HISTORY_RETENTION_DAYS days", by=("sign_ins",))
retention.keep("access.RowsTaken", how_long="90 days", by=("rows_taken",))
retention.keep("admin.LogEntry", how_long="HISTORY_RETENTION_DAYS days", by=("admin_log",))
retention.keep(
    "access.SpentNonce",
    how_long="until the request that used it is too old to be sent again, some minutes: the sweep forgets it",
)
retention.keep("access.ApiClient", "access.ApiKey", how_long="for ever: few, and the audit names them")
retention.keep("auth.User", "auth.Group", "auth.Permission", how_long="for ever: few, made by people and migrations")
retention.keep(
    "auth.Group_permissions", "auth.User_groups", "auth.User_user_permissions", how_long="for ever: few, made by people"
)
retention.keep("access.Role", how_long="for ever: one row for each ready-made group")
retention.keep("contenttypes.ContentType", how_long="for ever: one for each model")


# --- what is looked for ----------------------------------------------------------------------------------------------


def lost_secrets() -> Iterator[Wrong]:
    """Peppers and encryption keys that rows need and the settings have not."""
    with connection.cursor() as cursor:
        lost_peppers = list(peppers.missing(cursor))
        lost_keys = sealed.missing_versions(cursor)
    if lost_peppers:
        keys = sum(missing.keys for missing in lost_peppers)
        yield Wrong(
            "secrets-lost",
            "peppers",
            f"{keys:,} live API keys are refused: {'; '.join(str(missing) for missing in lost_peppers)}",
            {"keys": keys},
        )
    if lost_keys:
        versions = ", ".join(str(version) for version in sorted(lost_keys))
        yield Wrong(
            "secrets-lost",
            "encryption-keys",
            f"{sum(lost_keys.values()):,} secrets are sealed by version {versions} of ENCRYPTION_KEYS, which is not there",
            {"secrets_by_version": {str(version): count for version, count in lost_keys.items()}},
        )


looking.register(ending.look, "api-key-ending", every=60)
looking.register(lost_secrets, "secrets-lost", every=60, needs="API_KEY_PEPPERS")


# --- what is counted ---------------------------------------------------------------------------------------------------

#: Statuses of answers that are well, and those that pages have besides.
_WELL = {
    HTTPStatus.OK,
    HTTPStatus.CREATED,
    HTTPStatus.ACCEPTED,
    HTTPStatus.NO_CONTENT,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.NOT_MODIFIED,
}
_OF_PAGES = {
    HTTPStatus.OK,
    HTTPStatus.FOUND,
    HTTPStatus.NOT_MODIFIED,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
}


def requests(_cursor: psycopg.Cursor[Any]) -> Iterator[tuple[str, str]]:
    """Every class of addresses with every status that is known: in the API those of its kinds of problems."""
    of_api = _WELL | {kind.status for kind in kinds.all_kinds()}
    for classes, statuses in ((gate.OF_API, of_api), (gate.OF_PAGES, _OF_PAGES)):
        yield from product(classes, sorted(str(int(status)) for status in statuses))


expected_metrics.expect("diamondhub_http_requests_total", requests, program="web")
expected_metrics.expect(
    "diamondhub_http_request_seconds",
    lambda _cursor: product((*gate.OF_API, *gate.OF_PAGES), gate.OUTCOMES),
    program="web",
)
