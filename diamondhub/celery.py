"""The Celery app: workers and beat import it, `diamondhub.doorbells` rings through it."""

from __future__ import annotations

import os

import django
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")

app = Celery("diamondhub")
app.config_from_object("django.conf:settings", namespace="")


@signals.setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Django has configured logging; Celery must not configure it again."""


def _configure() -> None:
    from django.conf import settings

    app.config_from_object(settings.CELERY)
    app.autodiscover_tasks(["diamondhub", "diamondhub.alerts", "pricing", "ingest"])


django.setup()
_configure()
