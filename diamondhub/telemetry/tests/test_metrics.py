"""`/metrics` and `/metrics/state`: who is told, what is counted by many processes, and what labels never hold."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from diamondhub.access import gate
from diamondhub.alerts.models import Channel
from diamondhub.api import kinds as api_kinds
from diamondhub.database import psycopg_cursor, separate_cursor
from diamondhub.local.processes import free_port
from diamondhub.operations.problems import kinds
from diamondhub.pace.limiter import Lane, Limiter, LimiterUnavailable
from diamondhub.telemetry import expected_metrics, health, metrics_server, process_metrics, state_metrics
from diamondhub.telemetry.state_metrics import Gauge, Value
from diamondhub.tests.patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[3]
STRANGER = "8.8.8.8"


@pytest.fixture
def counting(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """This process counts into a folder of the test's own."""
    settings.METRICS_DIR = tmp_path / "metrics"
    process_metrics.prepare("web")
    yield settings.METRICS_DIR
    process_metrics.stop()


def values_of(text: str, name: str) -> dict[str, float]:
    """The values of a metric by its labels as they are written."""
    lines = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in lines}


def program(tmp_path: Path, name: str, work: str) -> subprocess.Popen[str]:
    """A process that counts as a program of this host does."""
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from diamondhub.telemetry import process_metrics as metrics
        metrics.prepare({name!r}, under=Path({str(tmp_path / "metrics")!r}))
        """
    ) + textwrap.dedent(work)
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


FORKING = """
    children = []
    for _ in range(3):
        if not (child := os.fork()):
            metrics.count("diamondhub_sends_total", "log", "delivered", by=2)
            metrics.observe("diamondhub_batch_seconds", "mine", seconds=0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    print("counted", flush=True)
    sys.stdin.read()
"""


def test_one_scrape_tells_what_all_processes_of_all_programs_of_the_host_have_counted(
    counting: Path, tmp_path: Path
) -> None:
    process_metrics.count("diamondhub_sends_total", "log", "delivered")
    worker = program(tmp_path, "worker-io", FORKING)
    assert worker.stdout is not None
    worker.stdout.readline()

    text = process_metrics.exposed()

    worker.communicate("")
    sent = values_of(text, "diamondhub_sends_total")
    assert sent == {
        'channel="log",outcome="delivered",program="web"': 1,
        'channel="log",outcome="delivered",program="worker-io"': 6,
    }
    assert values_of(text, "diamondhub_batch_seconds_count") == {'feed="mine",program="worker-io"': 3}


def test_a_program_that_starts_anew_wipes_what_its_former_processes_counted_and_no_others(
    counting: Path, tmp_path: Path
) -> None:
    process_metrics.count("diamondhub_sends_total", "log", "delivered")
    first = program(tmp_path, "worker-io", "metrics.count('diamondhub_sends_total', 'log', 'dead')")
    assert first.wait(HANG_SECONDS) == 0

    second = program(tmp_path, "worker-io", "metrics.count('diamondhub_sends_total', 'log', 'failed')")

    assert second.wait(HANG_SECONDS) == 0
    assert set(values_of(process_metrics.exposed(), "diamondhub_sends_total")) == {
        'channel="log",outcome="delivered",program="web"',
        'channel="log",outcome="failed",program="worker-io"',
    }


def test_a_second_worker_of_a_host_wipes_nothing_of_the_first_which_lives(counting: Path, tmp_path: Path) -> None:
    first = program(tmp_path, "worker-io", FORKING)
    assert first.stdout is not None
    first.stdout.readline()

    second = program(tmp_path, "worker-io", "metrics.count('diamondhub_sends_total', 'log', 'delivered')")

    assert second.wait(HANG_SECONDS) == 0
    assert list(values_of(process_metrics.exposed(), "diamondhub_sends_total").values()) == [7]
    first.communicate("")


def test_a_killed_process_loses_nothing_that_it_counted(counting: Path, tmp_path: Path) -> None:
    worker = program(
        tmp_path, "index", "metrics.count('diamondhub_sends_total', 'log', 'dead'); os.kill(os.getpid(), 9)"
    )

    assert worker.wait(HANG_SECONDS) == -signal.SIGKILL
    assert list(values_of(process_metrics.exposed(), "diamondhub_sends_total").values()) == [1]


def test_commands_count_nothing_and_a_folder_that_cannot_be_written_stops_no_program(tmp_path: Path) -> None:
    process_metrics.count("diamondhub_sends_total", "log", "delivered")
    (tmp_path / "file").write_text("")

    process_metrics.prepare("web", under=tmp_path / "file" / "metrics")

    process_metrics.count("diamondhub_sends_total", "log", "delivered")
    assert process_metrics.VARIABLE not in os.environ


@pytest.mark.django_db
def test_requests_are_counted_by_class_of_endpoint_and_status(counting: Path, client: Client) -> None:
    client.get("/health/live")
    client.get("/api/v1/diamonds")
    client.get("/api/v1/there-is-none/of-this-name")
    client.get("/admin/login/")

    text = client.get("/metrics").content.decode()

    assert set(values_of(text, "diamondhub_http_requests_total")) == {
        'endpoint="health",program="web",status="200"',
        'endpoint="api-search",program="web",status="401"',
        'endpoint="api-unknown",program="web",status="404"',
        'endpoint="admin",program="web",status="200"',
    }
    assert values_of(text, "diamondhub_http_request_seconds_count") == {
        'endpoint="health",outcome="answered",program="web"': 1,
        'endpoint="api-search",outcome="refused",program="web"': 1,
        'endpoint="api-unknown",outcome="refused",program="web"': 1,
        'endpoint="admin",outcome="answered",program="web"': 1,
    }
    assert "of-this-name" not in text


def test_waits_and_refusals_of_the_limiter_are_counted(counting: Path, redis_server: str) -> None:
    Limiter("tests", per_second=25, redis_url=redis_server).acquire(lane=Lane.BULK)
    with pytest.raises(LimiterUnavailable):
        Limiter("tests", per_second=25, redis_url="redis://127.0.0.1:1/0").acquire(lane=Lane.INTERACTIVE)

    text = process_metrics.exposed()

    assert values_of(text, "diamondhub_limiter_wait_seconds_count") == {'account="tests",lane="bulk",program="web"': 1}
    assert values_of(text, "diamondhub_limiter_refusals_total") == {
        'account="tests",lane="interactive",program="web",reason="unavailable"': 1
    }


@pytest.mark.django_db
def test_what_is_known_beforehand_begins_at_zero_so_that_the_first_event_is_an_increase(
    counting: Path, settings: Any
) -> None:
    settings.ALERT_CHANNELS = ["log"]
    Channel.objects.create(name="duty", kind="email")
    with psycopg_cursor() as cursor:
        expected_metrics.make(cursor)
    before = process_metrics.exposed()

    process_metrics.count("diamondhub_sends_total", "duty", "dead")
    with psycopg_cursor() as cursor:
        expected_metrics.make(cursor)

    sends, requests = values_of(before, "diamondhub_sends_total"), values_of(before, "diamondhub_http_requests_total")
    assert set(sends) == {
        f'channel="{channel}",outcome="{outcome}",program="web"'
        for channel in ("duty", "log", "webhook")
        for outcome in ("delivered", "failed", "dead")
    }
    assert {*sends.values(), *requests.values()} == {0}
    assert {f'endpoint="api-search",program="web",status="{status}"' for status in (200, 500, 503)} <= set(requests)
    slow = values_of(before, "diamondhub_http_request_seconds_count")
    assert slow['endpoint="api-search",outcome="failed",program="web"'] == 0
    after = values_of(process_metrics.exposed(), "diamondhub_sends_total")
    assert after == sends | {'channel="duty",outcome="dead",program="web"': 1}


@pytest.mark.django_db
def test_the_first_request_of_each_class_that_is_refused_or_fails_is_an_increase(
    counting: Path, client: Client
) -> None:
    with psycopg_cursor() as cursor:
        expected_metrics.make(cursor)
    before = process_metrics.exposed()

    client.get("/api/v1/diamonds")
    client.post("/api/v1/diamonds")
    client.get("/api/v1/there-is-none/of-this-name")
    client.get("/admin/login/")
    client.get("/admin/")
    client.get("/nothing/here")
    client.put("/api/docs/")

    after = process_metrics.exposed()
    for name in ("diamondhub_http_requests_total", "diamondhub_http_request_seconds_bucket"):
        known, told = values_of(before, name), values_of(after, name)
        assert told.keys() == known.keys(), name
        assert sum(told.values()) > sum(known.values()) == 0, name
    counted = values_of(after, "diamondhub_http_requests_total")
    for endpoint in gate.OF_API:
        for kind in api_kinds.all_kinds():
            assert f'endpoint="{endpoint}",program="web",status="{int(kind.status)}"' in counted
    # Some hundreds for each host: a label more would be a hundred times that.
    assert len(counted) < 500


def test_of_every_process_metric_it_is_said_what_is_known_of_its_labels() -> None:
    assert expected_metrics.names() == set(process_metrics.DECLARED)


@pytest.mark.django_db
def test_one_part_that_breaks_keeps_no_other_from_beginning_at_zero(
    counting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected_metrics, "_expected", [])
    expected_metrics.expect("diamondhub_spans_total", lambda _cursor: [("too", "many", "labels")])
    expected_metrics.expect("diamondhub_sends_total", lambda _cursor: [("log", "dead")])
    expected_metrics.expect("diamondhub_sends_total", lambda _cursor: [("log", "failed")], program="worker-io")

    with psycopg_cursor() as cursor:
        expected_metrics.make(cursor)

    assert values_of(process_metrics.exposed(), "diamondhub_sends_total") == {
        'channel="log",outcome="dead",program="web"': 0
    }


@pytest.mark.django_db
def test_a_database_that_is_away_is_no_fault_of_a_part_and_what_is_known_is_made_soon_again(
    counting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(cursor: Any) -> list[tuple[str, ...]]:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return []

    monkeypatch.setattr(expected_metrics, "_expected", [])
    monkeypatch.setattr(expected_metrics, "_made_at", float("-inf"))
    expected_metrics.expect("diamondhub_sends_total", lose)

    with pytest.raises(psycopg.OperationalError), separate_cursor("tests") as cursor:
        expected_metrics.keep(cursor)

    monkeypatch.setattr(expected_metrics, "_expected", [])
    expected_metrics.expect("diamondhub_sends_total", lambda _cursor: [("log", "dead")])
    with separate_cursor("tests") as cursor:
        expected_metrics.keep(cursor)
    assert values_of(process_metrics.exposed(), "diamondhub_sends_total")


@pytest.mark.django_db
def test_each_host_tells_whether_redis_and_the_broker_answer_it(
    counting: Path, client: Client, settings: Any, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROUND_SECONDS", "STEP_SECONDS"):
        monkeypatch.setattr(health, name, 60.0)

    def told() -> dict[str, float]:
        health.forget()
        text = client.get("/metrics").content.decode()
        return {name: values_of(text, f"diamondhub_{name}_up")[""] for name in ("redis", "broker")}

    settings.REDIS_URL, settings.CELERY_BROKER_URL = redis_server, redis_server
    there = told()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis_away = told()
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    assert there == {"redis": 1, "broker": 1}
    assert redis_away == {"redis": 0, "broker": 1}
    assert told() == {"redis": 0, "broker": 0}
    health.forget()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/metrics", "/metrics/state"])
def test_metrics_are_told_inside_and_to_who_shows_the_token(counting: Path, settings: Any, path: str) -> None:
    settings.METRICS_TOKEN = "a-token-of-sixteen-characters"
    outside = Client(REMOTE_ADDR=STRANGER)

    statuses = [
        Client(REMOTE_ADDR="10.1.2.3").get(path).status_code,
        outside.get(path).status_code,
        outside.get(path, headers={"Authorization": "Bearer a-token-of-sixteen-characterz"}).status_code,
        outside.get(path, headers={"Authorization": "Bearer é"}).status_code,
        outside.get(path, headers={"Authorization": "Bearer a-token-of-sixteen-characters"}).status_code,
        # By a proxy that is not ours comes anybody.
        Client(REMOTE_ADDR="10.1.2.3", headers={"X-Forwarded-For": "10.0.0.1"}).get(path).status_code,
        outside.post(path).status_code,
    ]

    assert statuses == [200, 403, 403, 403, 200, 403, 405]


@pytest.mark.django_db
def test_without_a_token_nothing_that_strangers_show_is_one(counting: Path, settings: Any) -> None:
    settings.METRICS_TOKEN = ""

    answer = Client(REMOTE_ADDR=STRANGER).get("/metrics", headers={"Authorization": "Bearer "})

    assert answer.status_code == 403


@pytest.mark.django_db
def test_scrapes_are_bound_by_no_limit_of_an_address(counting: Path, settings: Any, client: Client) -> None:
    settings.ADDRESS_RATE, settings.ADDRESS_BURST = 0.1, 1

    assert {client.get("/metrics").status_code for _ in range(4)} == {200}


@pytest.mark.django_db
def test_the_state_has_every_gauge_and_says_of_each_part_that_it_could_be_read(client: Client) -> None:
    text = client.get("/metrics/state").content.decode()

    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} == {
        gauge.name for gauge in state_metrics.declared()
    }
    assert set(values_of(text, "diamondhub_state_source_up").values()) == {1.0}
    told = values_of(text, "diamondhub_problems")
    assert all(any(f'kind="{kind.name}"' in labels for labels in told) for kind in kinds.all_kinds())


@pytest.mark.django_db
def test_a_part_of_the_state_that_fails_hides_no_other_and_its_words_are_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> Iterator[Value]:
        yield Value("diamondhub_broken", (), 1)
        raise RuntimeError("secret words")

    monkeypatch.setattr(state_metrics, "_sources", dict(state_metrics._sources))
    state_metrics.register("broken", broken, Gauge("diamondhub_broken", "Breaks."))

    text = state_metrics.taken()

    up = values_of(text, "diamondhub_state_source_up")
    assert [labels for labels, value in up.items() if not value] == ['source="broken"']
    assert "secret words" not in text
    assert values_of(text, "diamondhub_broken") == {}


@pytest.mark.django_db
def test_many_scrapes_of_the_state_read_the_rows_once(client: Client, django_assert_max_num_queries: Any) -> None:
    client.get("/metrics/state")
    with connection.cursor() as cursor:
        # However slow this machine is, it was taken just now.
        cursor.execute("UPDATE operations_snapshot SET taken_at = clock_timestamp() + interval '1 hour'")

    with django_assert_max_num_queries(8):
        for _ in range(8):
            client.get("/metrics/state")


def test_no_label_is_an_id_a_stone_an_address_or_an_error() -> None:
    forbidden = {
        "id",
        "run",
        "run_id",
        "stone",
        "batch",
        "partition",
        "client",
        "key",
        "address",
        "error",
        "path",
        "trace",
    }

    labels = {label for declared in process_metrics.DECLARED.values() for label in declared.labels}
    labels |= {label for gauge in state_metrics.declared() for label in gauge.labels}

    assert not labels & forbidden


@pytest.mark.django_db
def test_a_worker_tells_its_metrics_on_a_port_of_its_own(counting: Path, settings: Any) -> None:
    settings.METRICS_PORT = free_port()
    process_metrics.count("diamondhub_sends_total", "log", "delivered")

    port = metrics_server.serve()

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=HANG_SECONDS) as answer:
        assert 'diamondhub_sends_total{channel="log"' in answer.read().decode()
    assert metrics_server.serve() == 0
