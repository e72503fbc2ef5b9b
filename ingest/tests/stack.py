"""A whole DiamondHub for a test: the sandbox supplier and `manage.py up` as real processes, on data of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests
from psycopg.rows import DictRow, dict_row

from diamondhub.local import private
from diamondhub.local.processes import die_with_parent
from diamondhub.local.testing.templates import prepared

ROOT = Path(__file__).resolve().parent.parent.parent
#: Columns that say when and from which stored payload, not what a stone is.
_CIRCUMSTANCES = ("raw_id", "source_updated_at", "first_seen_at", "changed_at", "priced_on")
#: Quick enough for a test, slow enough that a loaded machine does not lose a lease.
PACE = {
    "SWEEP_SECONDS": "1",
    # It would ask the supplier, whose requests are counted.
    "DOCTOR_SECONDS": "0",
    "PARTITION_LEASE_SECONDS": "4",
    "BATCH_LEASE_SECONDS": "4",
    "RUN_LEASE_SECONDS": "4",
    "WALK_SLICE_SECONDS": "3",
    "RETRY_CAP_SECONDS": "2",
    "CONSOLIDATION_BATCH_STONES": "500",
    "REPRICING_BATCH_STONES": "500",
}


#: How much longer than on an idle machine anything may take before it is given up on: a deadline ends what hangs.
PATIENCE = 6


def until(condition: Callable[[], Any], *, seconds: float, what: str | Callable[[], str]) -> Any:
    """Look until the condition is true, and return it; fails with `what` when time is up, many times what it should take.

    A callable is asked for its words then.
    """
    deadline = time.monotonic() + PATIENCE * seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.05)


class Sandbox:
    """The sandbox supplier as a process."""

    def __init__(self, stones: int, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.sandbox", "--port", "0", "--stones", str(stones), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        assert self._process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.url: str = self.ready["url"]

    def get(self, path: str) -> Any:
        """Read from the control endpoint."""
        answer = requests.get(f"{self.ready['control']}/{path}", timeout=PATIENCE * 60)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """Send an order to the control endpoint."""
        answer = requests.post(f"{self.ready['control']}/{path}", json=body, timeout=PATIENCE * 60)
        assert answer.ok, answer.text
        return answer.json()

    def items(self, *, labgrown: bool) -> list[dict[str, Any]]:
        """Every available stone's item, as pages give it."""
        answer = requests.get(
            f"{self.ready['control']}/items",
            params={"labgrown": str(labgrown).lower(), "availability": "AVAILABLE"},
            timeout=PATIENCE * 120,
        )
        answer.raise_for_status()
        return [json.loads(row) for row in answer.content.splitlines()]

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(PATIENCE * 20)


class Commands:
    """Management commands, each in a child of one process that has Django ready."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.tests.commands"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )

    def run(self, arguments: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run one to its end, with variables of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([arguments, environment]) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(["manage.py", *arguments], ended["status"], ended["stdout"], ended["stderr"])

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE * 20)


class Stack:
    """`manage.py up` with a `var` of its own; commands, rows and processes of it."""

    def __init__(self, var: Path, sandbox: Sandbox, **environment: str) -> None:
        self.var = var
        shutil.rmtree(var, ignore_errors=True)
        private.make(var)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "PORT", "DJANGO_SETTINGS_MODULE")
        }
        # Bound and not listening: nobody else gets this port until the stack, which may bind it as well, listens there.
        place = socket.socket()
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        self.environment = {
            **inherited,
            "DIAMONDHUB_VAR": str(var),
            "DIAMONDHUB_BOOTSTRAP": "off",
            "DIAMONDHUB_EMBEDDED_FSYNC": "off",
            "DIAMONDHUB_EMBEDDED_TEMPLATE": str(prepared()),
            "NIVODA_ENDPOINT": sandbox.url,
            "NIVODA_USERNAME": "sandbox",
            "NIVODA_PASSWORD": "sandbox",
            "NIVODA_RATE_LIMIT": "100",
            "NIVODA_TIMEOUT": "5",
            "WEB_CONCURRENCY": "1",
            "PORT": str(place.getsockname()[1]),
            **PACE,
            **environment,
        }
        self._database: psycopg.Connection[DictRow] | None = None
        self._commands: Commands | None = None
        self._log = open(var / "up.log", "wb")  # noqa: SIM115 - closed by `stop`
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # A run of tests that is cut short leaves nothing behind.
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        try:
            until(self._answers, seconds=60, what=f"the stack runs; see {var}/up.log")
        finally:
            place.close()

    @property
    def processes(self) -> dict[str, int]:
        """Process ids by name."""
        found: dict[str, int] = json.loads((self.var / "run" / "up.json").read_text())["processes"]
        return found

    def url(self) -> str:
        """Where its web server is."""
        found: str = json.loads((self.var / "run" / "up.json").read_text())["url"]
        return found

    def urls(self) -> dict[str, str]:
        """Where the embedded servers are."""
        found: dict[str, str] = json.loads((self.var / "run" / "services.json").read_text())
        return found

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask the database; waits for one that is just being restarted."""
        deadline = time.monotonic() + PATIENCE * 30
        while True:
            try:
                if self._database is None:
                    self._database = psycopg.connect(self.urls()["DATABASE_URL"], autocommit=True, row_factory=dict_row)
                cursor = self._database.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if self._database is not None:
                    self._database.close()
                    self._database = None
                assert time.monotonic() < deadline, "the database does not come back"
                time.sleep(0.1)

    def value(self, statement: str, **parameters: Any) -> Any:
        """The one value of a question."""
        (row,) = self.rows(statement, **parameters)
        return next(iter(row.values()))

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        if self._commands is None:
            self._commands = Commands({**self.environment, **self.urls()})
        return self._commands.run(arguments, environment)

    def run(self, feed: str, *options: str) -> dict[str, Any]:
        """Start a run, wait for it, and return its report; fails if it does not complete."""
        ended = self.manage("start_run", feed, *options, "--wait", "--json")
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}\n{self.last_words()}"
        report: dict[str, Any] = json.loads(ended.stdout)
        return report

    def start(self, feed: str, *options: str) -> int:
        """Start a run and return its number."""
        started = self.manage("start_run", feed, *options, "--json")
        assert started.returncode == 0, started.stderr
        run: int = json.loads(started.stdout)["run"]
        return run

    def start_and_wait_until_it_consolidates(self, feed: str) -> int:
        """Start a full run and return its number when it consolidates; no batch is done before somebody has seen that."""
        assert self.manage("pause", "consolidation", "--reason", "a test").returncode == 0
        try:
            run = self.start(feed, "--full")
            until(lambda: self.state(run) == "consolidating", seconds=60, what="the run consolidates")
        finally:
            assert self.manage("resume", "consolidation").returncode == 0
        return run

    def kill(self, name: str) -> None:
        """SIGKILL a process of the stack by its name."""
        self.send(name, signal.SIGKILL)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process of the stack; waits for one that is just being started again."""

        def sent() -> bool:
            try:
                os.kill(self.processes[name], number)
            except (KeyError, ProcessLookupError):
                return False
            return True

        until(sent, seconds=30, what=f"{name} runs")

    def flush_redis(self) -> None:
        """FLUSHALL."""
        redis.Redis.from_url(self.urls()["REDIS_URL"]).flushall()

    def catalogue(self) -> tuple[int, str]:
        """How many stones the catalogue holds, and a digest of everything that is said of them."""
        columns = self.rows(
            """
            SELECT string_agg(quote_ident(column_name), ', ' ORDER BY column_name) AS names
            FROM information_schema.columns
            WHERE table_name = 'catalog_diamond' AND column_name <> ALL(%(circumstances)s)
            """,
            circumstances=list(_CIRCUMSTANCES),
        )[0]["names"]
        (found,) = self.rows(
            f"""
            SELECT count(*) AS stones, coalesce(md5(string_agg(md5(d::text), '' ORDER BY d.id)), '') AS digest
            FROM (SELECT {columns} FROM catalog_diamond) AS d
            """
        )
        return found["stones"], found["digest"]

    def forget(self) -> None:
        """Empty the catalogue and all that ingestion knows, feeds apart."""
        ledger = "ingest_partition, ingest_consolidationbatch, ingest_runevent, ingest_scheduleslot, ingest_page"
        self.rows("DELETE FROM ingest_deadletter")
        self.rows(
            f"TRUNCATE catalog_diamond, catalog_datasetversion, ingest_rawdiamond, {ledger}, alerts_event CASCADE"
        )
        self.rows("DELETE FROM ingest_run")
        self.rows("UPDATE ingest_feed SET watermark = NULL")

    def state(self, run: int) -> str:
        """The state of a run."""
        found: str = self.value("SELECT state FROM ingest_run WHERE id = %(run)s", run=run)
        return found

    def listeners(self) -> int:
        """Workers that wait for a message."""
        with redis.Redis.from_url(self.urls()["REDIS_URL"]) as server:
            return sum(client["cmd"] == "brpop" for client in server.client_list())

    def pages(self, run: int) -> int:
        """Pages that a run has stored so far."""
        found: int = self.value("SELECT count(*) FROM ingest_page WHERE run_id = %(run)s", run=run)
        return found

    def wait_for(self, run: int, *, seconds: float = 120) -> None:
        """Wait until a run has completed."""
        until(
            lambda: self.state(run) in ("completed", "failed", "in_review", "cancelled"),
            seconds=seconds,
            what=lambda: f"run {run} is over: {self._stands(run)}; {self.last_words()}",
        )
        assert self.state(run) == "completed", self.rows(
            "SELECT state, failure FROM ingest_run WHERE id = %(r)s", r=run
        )

    def assert_invariants_hold(self) -> None:
        """`check_invariants` is clean once the alerts are out."""
        until(
            lambda: not self.value("SELECT count(*) FROM alerts_delivery WHERE state = 'pending'"),
            seconds=30,
            what="all alerts are delivered",
        )
        checked = self.manage("check_invariants")
        assert checked.returncode == 0, f"{checked.stdout}\n{checked.stderr}"

    def last_words(self) -> str:
        """The end of the stack's log."""
        return "\n".join((self.var / "up.log").read_text(errors="replace").splitlines()[-30:])

    def _stands(self, run: int) -> list[dict[str, Any]]:
        return self.rows(
            """
            SELECT state, failure, lease_owner,
                   (SELECT count(*) FROM ingest_partition AS p WHERE p.run_id = r.id AND p.state <> 'completed')
                       AS partitions,
                   (SELECT count(*) FROM ingest_consolidationbatch AS b WHERE b.run_id = r.id AND b.state <> 'completed')
                       AS batches,
                   (SELECT array_agg(what) FROM ingest_pause WHERE ended_at IS NULL) AS paused
            FROM ingest_run AS r WHERE id = %(run)s
            """,
            run=run,
        )

    def stop(self) -> None:
        """End everything in order."""
        if self._commands is not None:
            self._commands.stop()
        if self._database is not None:
            self._database.close()
        self._process.terminate()
        assert self._process.wait(PATIENCE * 90) == 0, self.last_words()
        self._log.close()
        shutil.rmtree(self.var, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.last_words()
        try:
            processes = self.processes
            return (
                "worker-io" in processes
                and self.value("SELECT count(*) FROM telemetry_heartbeat WHERE name = 'sweep'") > 0
            )
        except (OSError, KeyError, psycopg.Error):
            return False
