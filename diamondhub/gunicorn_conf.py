"""How gunicorn serves DiamondHub: `gunicorn --config python:diamondhub.gunicorn_conf diamondhub.wsgi`.

A few processes with threads, each with its own pool of database connections; nothing is loaded before the fork, so no
connection is ever shared between processes.
"""

from __future__ import annotations

import gc
import logging.config
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from diamondhub.local.processes import die_with_parent
from diamondhub.serving import bounds
from diamondhub.telemetry import process_metrics, tracing

# What people and shops wait for ends in time, and the rest of the processes may take as long as they must. Named in
# docs/operations.md; set here, since whoever starts this server needs them.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")
os.environ.setdefault("DATABASE_POOL_SIZE", str(bounds.THREADS))
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "30")
os.environ.setdefault("REDIS_ANSWER_SECONDS", "0.2")


class StructuredLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Sends gunicorn's own messages through the project's logging, one structured line each."""

    def setup(self, cfg: Config) -> None:
        """Take the handlers of the settings instead of gunicorn's own."""
        from diamondhub.settings import LOGGING

        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        logging.config.dictConfig(LOGGING)


bind = f"0.0.0.0:{os.environ.get('PORT') or 8000}"
#: Connections wait in a loop, threads only make answers: see docs/serving.md.
worker_class = "diamondhub.serving.worker.LoopWorker"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = bounds.THREADS
preload_app = False
#: A worker whose loop shows no life for this long is replaced (seconds); requests run in threads and may take longer.
timeout = 60
#: Requests in flight may finish for this long when the server stops; within the supervisor's 30 s (seconds).
graceful_timeout = 25
#: Heartbeat files belong into memory: a busy disk must not look like a dead worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112
accesslog = None
logger_class = StructuredLogger
control_socket_disable = True
proc_name = "diamondhub-web"


def on_starting(_server: Any) -> None:
    """Make the folder for collected static files, which stays empty on one machine (WhiteNoise warns if there is none), and
    the one in which the workers count.
    """
    from diamondhub.settings import STATIC_ROOT

    with suppress(OSError):
        STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    process_metrics.prepare("web")


def pre_fork(_server: Any, worker: Any) -> None:
    """Prepare the worker's end together with its parent's: a killed arbiter leaves nobody behind."""
    worker.die_with_arbiter = die_with_parent(signal.SIGKILL)


def post_fork(_server: Any, worker: Any) -> None:
    """Runs in the new worker."""
    worker.die_with_arbiter()


def post_worker_init(worker: Any) -> None:
    """Runs in the new worker, once the application is loaded."""
    from diamondhub.admin import warming
    from diamondhub.alerts import watching
    from diamondhub.operations import measuring, workers
    from diamondhub.telemetry import expected_metrics

    warming.warm_up()
    # What is there by now stays: a look for garbage among it, now and then, would hold up a request for a tenth of a second.
    gc.collect()
    gc.freeze()
    workers.show(
        "web",
        pool="threads",
        slots=threads,
        held=lambda: worker.loop.dispatcher.active_count if worker.loop is not None else 0,
    )
    measuring.begin(also=expected_metrics.keep)
    tracing.begin("web")
    watching.start()


def worker_exit(_server: Any, _worker: Any) -> None:
    """Runs in a worker that stops in order; one that never came to load the application has nothing to say."""
    if "diamondhub.operations.models" in sys.modules:
        from diamondhub.operations import measuring, workers

        measuring.end()
        tracing.end()
        workers.stop_showing()
