"""Structured logs: one event a line, with the context (`trace_id`, `run_id`, …) that the current work is bound to.

Called by the settings; everything logs through `structlog.get_logger()` or the standard library alike, and every line is
scrubbed (`scrub.py`) when all of it is text.
"""

from __future__ import annotations

import copy
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any

import structlog

from diamondhub.telemetry import scrub


def _without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last look at a line before it is written, when its arguments and its traceback are text."""
    return scrub.nested(event)  # type: ignore[no-any-return]


#: What talks with the broker.
_BROKERS_LIBRARIES = frozenset({"celery", "kombu", "redis", "amqp"})


def _is_of_a_broker_away(logger: str, error: BaseException | None) -> bool:
    """Whether Celery or Kombu tells of a connection that broke, or of what they stumbled over while one did."""
    if logger.partition(".")[0] not in ("celery", "kombu") or error is None:
        return False
    return _broke(error) or (_raised_by(error) in _BROKERS_LIBRARIES and any(map(_broke, _handled_before(error))))


def _broke(error: BaseException) -> bool:
    kind = type(error)
    return isinstance(error, OSError) or (
        kind.__module__.partition(".")[0] in _BROKERS_LIBRARIES
        and kind.__name__ in ("ConnectionError", "TimeoutError", "OperationalError")
    )


def _raised_by(error: BaseException) -> str:
    """The package whose code raised it."""
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")).partition(".")[0] if frames else ""


def _handled_before(error: BaseException) -> Iterator[BaseException]:
    """The errors that were being handled when it was raised."""
    before = error.__cause__ or error.__context__
    while before is not None:
        yield before
        before = before.__cause__ or before.__context__


class Lines(logging.StreamHandler[Any]):
    """Writes lines to standard error; one that cannot be written is told of without its arguments, which may be secret.

    Of a broker that is away Celery and Kombu say so and go on: the line is enough, however deep the calls were.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        if record.exc_info and _is_of_a_broker_away(record.name, record.exc_info[1]):
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Say which line is missing and why."""
        error = sys.exc_info()[0]
        try:
            self.stream.write(
                f"a log line of {record.name} ({record.pathname}:{record.lineno}) could not be written:"
                f" {error.__name__ if error else 'unknown'}{self.terminator}"
            )
            self.flush()
        except (OSError, ValueError):
            # Nobody reads standard error any more.
            pass


def tell_uncaught_errors_without_secrets() -> None:
    """Have tracebacks that Python itself writes, of the main thread and of others, scrubbed as log lines are."""

    def tell(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), where)
            return
        sys.stderr.write(scrub.text("".join(traceback.format_exception(kind, error, where))))

    def tell_of_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_type is not SystemExit:
            tell(told.exc_type, told.exc_value, told.exc_traceback)

    # A test runner or a debugger has hooks of its own.
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = tell
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = tell_of_thread


def line_formatter(*, json: bool) -> dict[str, Any]:
    """The formatter of a `LOGGING` dictionary that makes one scrubbed line of whatever was logged."""
    renderer = (
        structlog.processors.JSONRenderer(default=str)
        if json
        # Plain tracebacks: the pretty ones show local variables, secrets among them.
        else structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    )
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
        "foreign_pre_chain": _context(json=json),
    }


def _context(*, json: bool) -> list[Any]:
    """What is added to every line."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True) if json else structlog.processors.TimeStamper("%H:%M:%S"),
        structlog.processors.StackInfoRenderer(),
    ]


#: One list for ever: a logger that was used before keeps the list that it found, and must hear of the next configuration.
_PROCESSORS: list[Any] = []


def logging_config(*, level: str, json: bool) -> dict[str, Any]:
    """The `LOGGING` dictionary: JSON lines for machines, short lines for people."""
    _PROCESSORS[:] = [
        structlog.stdlib.filter_by_level,
        *_context(json=json),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)
    quiet = {
        name: {"level": "WARNING"} for name in ("kombu", "amqp", "urllib3", "celery.beat", "celery.worker.strategy")
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": line_formatter(json=json)},
        "handlers": {"stderr": {"()": Lines, "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **quiet,
            "celery.app.trace": {"level": "ERROR"},
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": ["stderr"], "level": level, "propagate": False},
        },
    }
