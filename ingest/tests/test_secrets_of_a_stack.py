"""A whole stack with planted secrets: nothing that its processes say, show or keep has one.

A receiver, a collector of traces and whoever reads metrics are told by it what they should be. `test_planted_secrets` has
what one process writes when it fails; here are real ones: their logs, their command lines as anybody sees them, the letters
that they send, the pages that they serve, and what lies in the database.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from standardwebhooks import Webhook

from diamondhub.telemetry.tests.collectors import Collector, Exported, collecting
from diamondhub.telemetry.tests.test_deployed_rules import expressions
from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.webhooks.tests.receivers import Receiver, listening
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests.stack import ROOT, Stack, until
from ingest.tests.test_planted_secrets import kinds_in

pytestmark = [pytest.mark.processes, pytest.mark.in_order]

PROXY = "/api/v1/suppliers/nivoda-labgrown/graphql"
SIGN_IN = (
    "query ($u: String!, $p: String!) { authenticate { username_and_password(username: $u, password: $p) { token } } }"
)
TOKEN = "token of the proxy"
SCOPES = ("catalog:read", "runs:read", "feeds:read", "audit:read", "webhooks:manage", "suppliers:proxy")

#: Metrics of what has not happened to this stack: nothing is counted of it.
NOT_HAPPENED = {"diamondhub_limiter_refusals_total", "diamondhub_queue_without_workers"}


@dataclass
class Letters:
    """A mail server that takes everything."""

    port: int = 0
    received: list[str] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Letters]:
    letters = Letters()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 hello\r\n")
            while line := self.rfile.readline():
                word = line.strip().upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines: list[bytes] = []
                    while (text := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(text)
                    letters.received.append(b"".join(lines).decode())
                answers = {b"EHLO": b"250-hello\r\n250 AUTH PLAIN\r\n", b"AUTH": b"235 ok\r\n"}
                self.wfile.write(answers.get(word[:4], b"250 ok\r\n"))
                if word == b"QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        letters.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield letters
        server.shutdown()


@dataclass
class Planted:
    """A stack, the secrets in it by their kinds, and who listens to it."""

    stack: Stack
    secrets: dict[str, str]
    receiver: Receiver
    letters: Letters
    collector: Collector
    url: str = ""
    key: str = ""

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"X-API-Key": self.key, **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=HANG_SECONDS, **options)


@pytest.fixture(scope="module")
def planted() -> Iterator[Planted]:
    in_environment = {
        "SECRET_KEY": secrets.token_urlsafe(40),
        "NIVODA_PASSWORD": secrets.token_urlsafe(20),
        "EMAIL_HOST_PASSWORD": secrets.token_urlsafe(20),
        "ENCRYPTION_KEYS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "API_KEY_PEPPERS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }
    collectors_token = secrets.token_urlsafe(20)
    # Sandbox and receiver are threads of this process, so that no command line of theirs has a secret either.
    with (
        Sandbox(Options(stones=60, password=in_environment["NIVODA_PASSWORD"])) as sandbox,
        listening() as receiver,
        mail_server() as letters,
        collecting() as collector,
    ):
        stack = Stack(
            ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-planted",
            sandbox,  # type: ignore[arg-type]  # of it only the address is asked for
            **in_environment,
            WEBHOOK_HOSTS="127.0.0.1",
            ALERT_CHANNELS="log,email",
            ALERT_EMAILS="boss@example.com",
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=str(letters.port),
            EMAIL_HOST_USER="diamondhub",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS=f"Authorization=Bearer {collectors_token}",
            TRACED_SHARE="1",
        )
        kinds = {
            **{name: value.removeprefix("1:").rstrip("=") for name, value in in_environment.items()},
            "database's password": urlsplit(stack.urls()["DATABASE_URL"]).password or "",
            "Redis's password": urlsplit(stack.urls()["REDIS_URL"]).password or "",
            "collector's token": collectors_token,
        }
        running = Planted(stack, {kind: value for kind, value in kinds.items() if value}, receiver, letters, collector)
        running.url = json.loads((stack.var / "run" / "up.json").read_text())["url"]
        sign_in(running, sandbox)
        yield running
        stack.stop()


def sign_in(planted: Planted, sandbox: Sandbox) -> None:
    """Everybody who signs in: a shop with its key, its webhook and its token, a person, and we at the supplier."""
    stack, known = planted.stack, planted.secrets
    made = stack.manage("create_api_client", "shop", *(f"--scope={scope}" for scope in SCOPES), "--signing", "--json")
    assert made.returncode == 0, made.stderr
    issued = json.loads(made.stdout)
    known["API key"], known["signing secret"] = issued["key"], issued["signing_secret"]
    planted.key = issued["key"]
    webhook = planted.ask(
        "POST", "/api/v1/webhooks", json={"url": planted.receiver.url, "events": ["run.completed", "catalog.changed"]}
    )
    assert webhook.status_code == 201, webhook.text
    known["webhook's secret"] = webhook.json()["secret"]
    granted = requests.post(
        planted.url + PROXY, json={"query": SIGN_IN, "variables": {"u": "shop", "p": planted.key}}, timeout=60
    )
    known[TOKEN] = granted.json()["data"]["authenticate"]["username_and_password"]["token"]
    known["person's password"] = secrets.token_urlsafe(20)
    person = {"DJANGO_SUPERUSER_PASSWORD": known["person's password"]}
    assert (
        stack.manage("createsuperuser", "--noinput", "--username=olga", "--email=o@example.com", **person).returncode
        == 0
    )


def browse(planted: Planted) -> Iterator[str]:
    """The pages of somebody who signs in and looks around, and answers of the API, errors above all."""
    browser = requests.Session()
    form = browser.get(f"{planted.url}/admin/login/", timeout=HANG_SECONDS).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token is not None
    credentials = {
        "username": "olga",
        "password": planted.secrets["person's password"],
        "csrfmiddlewaretoken": token[1],
    }
    entered = browser.post(f"{planted.url}/admin/login/", data=credentials, timeout=HANG_SECONDS)
    assert entered.status_code == 200
    planted.secrets["session"], planted.secrets["CSRF cookie"] = (
        browser.cookies["sessionid"],
        browser.cookies["csrftoken"],
    )
    addresses = (
        *("/admin/", "/admin/ingest/feed/", "/admin/ingest/run/", "/admin/access/apiclient/", "/admin/nothing/"),
        *("/admin/audit/auditevent/", "/admin/webhooks/subscription/", "/admin/alerts/event/", "/health/status"),
    )
    for address in addresses:
        answer = browser.get(planted.url + address, timeout=HANG_SECONDS)
        assert answer.status_code in (200, 302, 404), (address, answer.status_code)
        # The page's own form has the cookie's token, masked anew each time.
        yield answer.text
    yield browser.post(f"{planted.url}/admin/logout/", data={"csrfmiddlewaretoken": "wrong"}, timeout=HANG_SECONDS).text
    for method, address, options in (
        ("GET", "/api/v1/diamonds?limit=1", {}),
        ("GET", "/api/v1/diamonds?unknown=1", {}),
        ("GET", "/api/v1/diamonds", {"headers": {"X-API-Key": planted.key[:-1] + "!"}}),
        ("GET", "/api/v1/audit/events?limit=100", {}),
        ("GET", "/api/v1/webhooks/1", {}),
        ("POST", PROXY, {"json": {"query": "{ diamonds_by_query_count(query: {}) }"}}),
        ("POST", PROXY, {"json": {"query": "{ diamonds_by_query_count(query: {}) nothing }"}}),
        ("POST", PROXY, {"json": {"query": "{ authenticate { x } }"}}),
        ("POST", "/api/v1/webhooks", {"json": {"url": "http://10.0.0.1/", "events": ["no"]}}),
    ):
        answer = planted.ask(method, address, **options)
        yield f"{answer.headers} {answer.text}"
    bearer = {"Authorization": f"Bearer {planted.secrets[TOKEN]}"}
    for query in ("{ diamonds_by_query_count(query: {}) }", "{ nothing }"):
        yield requests.post(planted.url + PROXY, json={"query": query}, timeout=HANG_SECONDS, headers=bearer).text


def test_a_receiver_is_told_by_a_real_worker_of_a_run_and_of_the_catalogue(planted: Planted) -> None:
    report = planted.stack.run("nivoda-labgrown", "--full")

    until(lambda: len(planted.receiver.messages) >= 2, seconds=30, what="the receiver is told of both")

    told = {}
    for headers, body in list(planted.receiver.messages):
        message = Webhook(planted.secrets["webhook's secret"]).verify(body, headers)
        told[message["type"]] = message["data"]
    assert set(told) == {"run.completed", "catalog.changed"}
    assert (told["run.completed"]["run"], told["run.completed"]["state"]) == (report["run"], "completed")
    assert told["catalog.changed"]["version"] > 0
    shown = planted.ask("GET", "/api/v1/webhooks/1").json()
    until(
        lambda: (
            {row["state"] for row in planted.ask("GET", "/api/v1/webhooks/1").json()["deliveries"]} == {"delivered"}
        ),
        seconds=10,
        what="the deliveries are over",
    )
    assert shown["problem"] is None


def test_a_run_is_one_trace_at_a_real_collector_and_its_pages_and_statements_are_linked_to_it(planted: Planted) -> None:
    (run,) = planted.stack.rows(
        "SELECT id, trace_id FROM ingest_run WHERE state = 'completed' ORDER BY id DESC LIMIT 1"
    )
    trace_id, collector = run["trace_id"], planted.collector

    def names(spans: list[Exported]) -> set[str]:
        return {span.name for span in spans}

    until(
        lambda: (
            {"full run", "walk", "batch"} <= names(collector.of_trace(trace_id))
            and {"page", "statements of a batch"} <= names(collector.linked_to(trace_id))
        ),
        seconds=20,
        what="the collector has the run's trace and what is linked to it",
    )

    of_run, linked = collector.of_trace(trace_id), collector.linked_to(trace_id)
    (root,) = [span for span in of_run if span.name == "full run"]
    assert {span.parent_id for span in of_run if span is not root} == {root.span_id}
    assert {"run planning", "run ingesting"} <= names(of_run)
    assert {span.program for span in of_run} == {"worker-io", "worker-cpu"}
    # Statements are in the linked traces alone.
    assert len({span.trace_id for span in linked}) == len(linked)
    within = {span.name for page in linked for span in collector.of_trace(page.trace_id) if span.parent_id}
    assert "COPY" in within
    assert not within & names(of_run)
    assert len(of_run) < 2_000


def test_every_metric_that_a_dashboard_shows_is_told_by_a_running_stack(planted: Planted) -> None:
    shown = {name for _, expression in expressions() for name in re.findall(r"\bdiamondhub_\w+", expression)}

    def told() -> set[str]:
        texts = [
            requests.get(f"{planted.url}{path}", timeout=HANG_SECONDS).text for path in ("/metrics", "/metrics/state")
        ]
        return set(re.findall(r"^(diamondhub_\w+)(?:\{[^}]*\})? -?[0-9]", "\n".join(texts), re.MULTILINE))

    until(lambda: shown - told() <= NOT_HAPPENED, seconds=20, what=f"all metrics but {shown - told() - NOT_HAPPENED}")

    assert len(shown - NOT_HAPPENED) > 15


def test_no_process_takes_secrets_for_lost_that_it_is_not_given(planted: Planted) -> None:
    stack = planted.stack
    taken = "SELECT taken_at FROM operations_looktaken WHERE name LIKE '%%.lost_secrets' AND NOT failed"

    until(lambda: stack.rows(taken), seconds=60, what="somebody looks whether secrets are lost")

    assert stack.rows("SELECT subject FROM operations_problem WHERE kind = 'secrets-lost'") == []


def test_planted_secrets_are_in_nothing_that_the_processes_say_show_or_keep(planted: Planted) -> None:
    pages = list(browse(planted))
    until(lambda: planted.letters.received, seconds=30, what="a letter has come")

    found_by_place = {
        "logs": "\n".join(path.read_text(errors="replace") for path in logs_of(planted.stack.var)),
        "command lines": command_lines(),
        "ps": subprocess.run(["ps", "-eww", "-o", "args"], check=True, capture_output=True, text=True).stdout,
        "pages and answers": "\n".join(pages),
        "metrics": "".join(
            requests.get(planted.url + path, timeout=HANG_SECONDS).text for path in ("/metrics", "/metrics/state")
        ),
        "traces": b"".join(planted.collector.bodies).decode(errors="replace"),
        "letters": "\n".join(planted.letters.received),
        "database": dump(planted.stack.urls()["DATABASE_URL"]),
        "environment of beat": environment_of(
            planted.stack.processes["beat"], besides=("REDIS_URL", "CELERY_BROKER_URL")
        ),
    }

    assert len(planted.secrets) >= 13
    assert all(found_by_place.values()), {place for place, text in found_by_place.items() if not text}
    assert {place: kinds for place, text in found_by_place.items() if (kinds := kinds_in(text, planted.secrets))} == {}


def test_the_search_finds_what_a_program_that_needs_it_was_given(planted: Planted) -> None:
    given = kinds_in(environment_of(planted.stack.processes["web"]), planted.secrets)

    assert {"SECRET_KEY", "NIVODA_PASSWORD", "ENCRYPTION_KEYS", "API_KEY_PEPPERS", "database's password"} <= set(given)


def logs_of(var: Path) -> list[Path]:
    """What the stack's processes have written to logs, its servers among them."""
    return [path for path in var.rglob("*.log") if path.is_file()]


def command_lines() -> str:
    """The arguments of all processes of this host, as everybody may read them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            # It has ended meanwhile.
            continue
    return "\n".join(lines)


def environment_of(process: int, *, besides: tuple[str, ...] = ()) -> str:
    """The variables of a process, but for some."""
    entries = Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace").split("\0")
    return "\n".join(entry for entry in entries if entry.partition("=")[0] not in besides)


def dump(url: str) -> str:
    """Every table as a dump in text has it."""
    pieces = []
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as rows:
                pieces += [f"{table}: ", *(bytes(row).decode() for row in rows)]
    return "".join(pieces)
