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
from diamondhub.telemetry import process_metrics, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")

# Running as root is dangerous with pickle, which is not accepted here; that a lost broker cancels no task is intended.
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")
warnings.filterwarnings("ignore", r"\s*In Celery 5.1 we introduced an optional breaking change")

app = Celery("diamondhub")
app.config_from_object("django.conf:settings", namespace="")


@signals.setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Django has configured logging; Celery must not configure it again."""


def _forks(pool: Any) -> bool:
    return bool(pool.__module__.endswith(".prefork"))


@signals.worker_init.connect
def _share_the_machine(sender: Any, **_: object) -> None:
    """Favour walkers, whose slots come to the millisecond: consolidation gets lower priority, threads switch more often.

    Nothing is forked yet: who will be counts into the folder that is made here.
    """
    from django.conf import settings

    from diamondhub import memory

    process_metrics.prepare(settings.PROGRAM or "worker")
    if _forks(sender.pool_cls):
        os.nice(5)
        memory.share_loaded()
    else:
        # Children that are forked begin their own traces.
        tracing.begin(settings.PROGRAM or "worker")
        sys.setswitchinterval(0.001)


@signals.worker_ready.connect
def _show_the_worker(sender: Any, **_: object) -> None:
    """Have it seen that this worker is there, once its pool stands: what is forked has no thread but the one that forks."""
    from celery.worker import state
    from django.conf import settings

    from diamondhub.operations import measuring, workers
    from diamondhub.telemetry import expected_metrics, metrics_server

    worker = sender.controller
    workers.show(
        settings.PROGRAM or worker.hostname.partition("@")[0],
        pool=worker.pool_cls.__module__.rpartition(".")[2],
        queues=list(app.amqp.queues.consume_from),
        slots=worker.concurrency,
        held=lambda: len(state.active_requests),
    )
    # Of a pool that forks the children do it: no thread may hold a lock of the metrics while one is forked.
    measuring.begin(also=None if _forks(worker.pool_cls) else expected_metrics.keep)
    metrics_server.serve()


@signals.worker_shutdown.connect
def _stop_showing_the_worker(**_: object) -> None:
    """Say that it stops in order."""
    from diamondhub.operations import measuring, workers

    measuring.end()
    tracing.end()
    workers.stop_showing()


# This module is loaded in a worker's main process, which its children are forked from.
_main_process = os.getpid()
_die_with_worker = die_with_parent(signal.SIGKILL)


@signals.worker_process_init.connect
def _begin_child(**_: object) -> None:
    """A prefork child ends with its worker, however that one ended, and keeps the memory that its tasks free."""
    from diamondhub import memory

    memory.keep_freed()
    # The solo pool sends this signal in the main process.
    if os.getpid() != _main_process:
        from django.conf import settings

        from diamondhub.operations import measuring
        from diamondhub.telemetry import expected_metrics

        _die_with_worker()
        measuring.begin(also=expected_metrics.keep)
        tracing.begin(settings.PROGRAM or "worker")


@signals.worker_process_shutdown.connect
def _write_what_a_child_counted(**_: object) -> None:
    """A prefork child ends without Python's own ceremonies."""
    if os.getpid() != _main_process:
        from diamondhub.operations import measuring

        measuring.end()
        tracing.end()


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
