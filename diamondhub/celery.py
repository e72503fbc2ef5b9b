"""The Celery app: workers and beat import it, `diamondhub.doorbells` rings through it."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Any

import django
from celery import Celery, signals

from diamondhub.local.processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")

# Running as root is dangerous with pickle, which is not accepted here; that a lost broker cancels no task is intended.
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")
warnings.filterwarnings("ignore", r"\s*In Celery 5.1 we introduced an optional breaking change")

app = Celery("diamondhub")
app.config_from_object("django.conf:settings", namespace="")


@signals.setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Django has configured logging; Celery must not configure it again."""


@signals.worker_init.connect
def _share_the_machine(sender: Any, **_: object) -> None:
    """Favour walkers, whose slots come to the millisecond: consolidation gets lower priority, threads switch more often."""
    if sender.pool_cls.__module__.endswith(".prefork"):
        os.nice(5)
    else:
        sys.setswitchinterval(0.001)


# This module is loaded in a worker's main process, which its children are forked from.
_main_process = os.getpid()
_die_with_worker = die_with_parent(signal.SIGKILL)


@signals.worker_process_init.connect
def _leave_no_children_behind(**_: object) -> None:
    """A prefork child ends with its worker, however that one ended."""
    # The solo pool sends this signal in the main process.
    if os.getpid() != _main_process:
        _die_with_worker()


def _configure() -> None:
    from django.conf import settings

    app.config_from_object(settings.CELERY)
    app.autodiscover_tasks(
        [
            *("diamondhub", "diamondhub.alerts", "diamondhub.operations", "diamondhub.webhooks"),
            *("catalog", "pricing", "ingest"),
        ]
    )


django.setup()
_configure()
