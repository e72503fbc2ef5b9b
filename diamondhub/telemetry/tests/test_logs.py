"""Log lines: no secret comes through, by whichever way it got in, as JSON and for people alike."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import structlog
from django.conf import settings as project
from hypothesis import given
from hypothesis import strategies as st
from kombu.transport.redis import Channel

from diamondhub.telemetry import scrub
from diamondhub.telemetry.logs import Lines, line_formatter, logging_config

#: Known to the process by its settings.
KNOWN = "corr3ct/horse battery"
#: Known by nothing but where it stands.
UNKNOWN = "hush-hush-hush"

Logged = Callable[[], str]


@pytest.fixture(params=[True, False], ids=["json", "console"])
def logged(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    """What was logged so far, by structlog or by the standard library, as the settings would write it."""
    settings.NIVODA_PASSWORD = KNOWN
    # pytest's own handlers raise what ours must take.
    monkeypatch.setattr("_pytest.logging.LogCaptureHandler.handleError", lambda *_: None)
    stream = io.StringIO()
    handler = Lines(stream)
    handler.setFormatter(formatter(json=request.param))
    root = logging.getLogger("planted")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream.getvalue
    root.removeHandler(handler)


def formatter(*, json: bool) -> logging.Formatter:
    given = line_formatter(json=json)
    made: logging.Formatter = given.pop("()")(**given)
    return made


def structured() -> Any:
    return structlog.get_logger("planted.structured")


def standard() -> logging.Logger:
    return logging.getLogger("planted.standard")


def nested() -> None:
    structured().warning("asked", request={"headers": [{"X-API-Key": UNKNOWN}, {"deep": {"er": ({"s": KNOWN},)}}]})


def in_an_address() -> None:
    structured().warning("away", url=f"redis://:{UNKNOWN}@cache:6379/0", page=f"https://lists.example/?sig={UNKNOWN}")


def under_a_longer_name() -> None:
    structured().warning("refused", nivoda_password=UNKNOWN, supplierToken=UNKNOWN)


def in_an_error() -> None:
    try:
        raise ConnectionError(f"cannot sign in with password={UNKNOWN!r} nor {KNOWN}")
    except ConnectionError:
        structured().exception("broke")
        standard().exception("broke")


def in_an_errors_cause() -> None:
    try:
        try:
            raise ValueError(KNOWN)
        except ValueError as error:
            raise RuntimeError(f"postgresql://hub:{UNKNOWN}@db/hub") from error
    except RuntimeError:
        standard().error("broke", exc_info=True)


def in_arguments() -> None:
    standard().warning("signing in as %s with %s: %r", "hub", KNOWN, {"token": UNKNOWN})
    standard().warning("signing in: %(password)s %(more)s", {"password": KNOWN, "more": f"api_key={UNKNOWN}"})
    structured().warning("signing in with %s and %s", KNOWN, f"Bearer {UNKNOWN}")


def in_the_context() -> None:
    with structlog.contextvars.bound_contextvars(token=UNKNOWN, supplier={"words": KNOWN}):
        structured().warning("asked")
        standard().warning("asked")


def as_the_event() -> None:
    structured().warning(f"asked with {KNOWN}")
    standard().warning(RuntimeError(KNOWN))
    standard().warning({"password": UNKNOWN, "words": KNOWN})


def in_another_libraries_logger() -> None:
    logging.getLogger("planted.celery.app.trace").error(
        "Task raised: %s", ValueError(KNOWN), exc_info=ValueError(KNOWN)
    )


@pytest.mark.parametrize(
    "plant",
    [
        nested,
        in_an_address,
        under_a_longer_name,
        in_an_error,
        in_an_errors_cause,
        in_arguments,
        in_the_context,
        as_the_event,
        in_another_libraries_logger,
    ],
)
def test_a_planted_secret_does_not_come_through(logged: Logged, plant: Callable[[], None]) -> None:
    plant()

    assert logged().count("planted.") >= 1
    assert KNOWN not in logged()
    assert UNKNOWN not in logged()


def test_the_rest_of_a_line_is_there(logged: Logged) -> None:
    structured().warning("asked", feed="nivoda-natural", status=503, nivoda_password=UNKNOWN)

    assert all(word in logged() for word in ("asked", "nivoda-natural", "503", "nivoda_password"))


def test_a_broker_that_is_away_is_one_line_of_celerys_and_a_fault_of_ours_has_its_traceback(logged: Logged) -> None:
    for name, error in (
        ("celery.worker.consumer", redis.exceptions.ConnectionError("away")),
        ("kombu.transport", ConnectionRefusedError(111, "away")),
        ("celery.worker.consumer", ZeroDivisionError("ours")),
        ("planted.standard", ConnectionRefusedError(111, "ours")),
    ):
        logger = logging.getLogger(name)
        handlers, logger.handlers = logger.handlers, logging.getLogger("planted").handlers
        before = logged().count("Traceback")
        try:
            raise error
        except type(error):
            logger.critical("Couldn't ack %r", 1, exc_info=True)
        finally:
            logger.handlers = handlers

        assert "Couldn't ack 1" in logged()
        assert (logged().count("Traceback") > before) is ("ours" in str(error))


def stumble(kombu_stumbles: bool) -> None:
    """Fail while a broken connection is dealt with: in Kombu, whose transport has none any more, or in our code."""
    try:
        raise redis.exceptions.ConnectionError("away")
    except redis.exceptions.ConnectionError:
        if kombu_stumbles:
            Channel._connparams(SimpleNamespace(connection=SimpleNamespace(client=None)))  # type: ignore[attr-defined]
        raise AttributeError("ours")  # noqa: B904 - as it happens


@pytest.mark.parametrize("kombu_stumbles", [True, False], ids=["kombu", "ours"])
def test_what_kombu_stumbles_over_while_the_broker_is_away_is_one_line_as_well(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, kombu_stumbles: bool
) -> None:
    logger = logging.getLogger("celery.worker.consumer")
    monkeypatch.setattr(logger, "handlers", logging.getLogger("planted").handlers)
    try:
        stumble(kombu_stumbles)
    except AttributeError:
        logger.critical("Couldn't ack %r", 1, exc_info=True)

    assert "Couldn't ack 1" in logged()
    assert ("Traceback" in logged()) is not kombu_stumbles


def test_a_line_that_cannot_be_written_is_told_of_without_its_arguments(
    logged: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    standard().warning("%d stones", KNOWN)

    told = logged()
    assert "a log line of planted.standard" in told
    assert "TypeError" in told
    assert KNOWN not in told + capsys.readouterr().err


@pytest.mark.parametrize(
    "hostile",
    ["\ud800", "\0", "a" * 1_000_000, {"a": {"b": 10**5000}}, float("nan")],
    ids=["surrogate", "NUL", "megabyte", "digits", "nan"],
)
def test_whatever_is_logged_is_one_bounded_line(logged: Logged, hostile: object) -> None:
    structured().warning("asked", value=hostile)

    assert logged().count("\n") == 1
    assert len(logged()) < 100_000


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="…"), min_size=8).filter(
        lambda text: text.strip() == text
    ),
    before=st.text(max_size=10),
    way=st.integers(0, 4),
    json=st.booleans(),
)
def test_a_known_secret_is_in_no_line(secret: str, before: str, way: int, json: bool) -> None:
    with pytest.MonkeyPatch.context() as patched:
        # Forgotten afterwards: a word by chance may stand in what other tests read.
        patched.setattr(scrub, "_told", ())
        scrub.forget()
        scrub.know(secret)
        line = a_line_with(secret, before, way, json=json)
    scrub.forget()

    assert secret not in line


def a_line_with(secret: str, before: str, way: int, *, json: bool) -> str:
    said = before + secret
    record = logging.LogRecord("any", logging.ERROR, "file.py", 1, "%s", (said,), None)
    if way == 1:
        record.msg, record.args = said, ()
    elif way == 2:
        record.args = ({"a": [said]},)
    elif way == 3:
        record.exc_info = (ValueError, ValueError(said), None)
        record.args = ("broke",)
    elif way == 4:
        record.stack_info, record.args = said, ("broke",)

    return formatter(json=json).format(record)


def test_uncaught_errors_are_told_without_secrets() -> None:
    script = (
        "import django, threading; django.setup()\n"
        "def broken(): raise ValueError('redis://:hush-hush-hush@cache/0')\n"
        "thread = threading.Thread(target=broken); thread.start(); thread.join()\n"
        "broken()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project.BASE_DIR, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.count("ValueError: redis://…@cache/0") == 2


def test_a_test_runners_hooks_stay() -> None:
    assert threading.excepthook.__module__ != "diamondhub.telemetry.logs"


def test_a_logger_that_was_used_hears_of_a_later_configuration() -> None:
    log = structlog.get_logger("used before")
    log.debug("first")
    logging_config(level="INFO", json=True)

    with structlog.testing.capture_logs() as captured:
        log.info("second")

    assert [entry["event"] for entry in captured] == ["second"]
