"""The embedded servers, with real processes that are really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from diamondhub.local import processes
from diamondhub.local.postgres import Postgres
from diamondhub.local.valkey import Valkey

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parent.parent.parent.parent
#: Opens the servers, says where they are and which processes they are, and waits to be told to stop.
HOLDER = """
import json, os, sys
from diamondhub.local.services import opened
with opened() as services:
    print(json.dumps({"urls": [os.environ["DATABASE_URL"], os.environ["REDIS_URL"]],
                      "pids": [server.pid for server in services.embedded]}), flush=True)
    sys.stdin.readline()
"""


def until(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment(var: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {**clean, "DIAMONDHUB_VAR": str(var), "DIAMONDHUB_BOOTSTRAP": "off", **more}


class Holder:
    """A process that keeps the servers of a `var` open."""

    def __init__(self, var: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            cwd=ROOT,
            env=environment(var),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.urls: list[str] = said["urls"]
        self.pids: list[int] = said["pids"]

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(300)


@pytest.fixture
def var(request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = ROOT / "var" / "test" / "services" / f"{os.getpid()}-{request.node.name}"
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_the_servers_of_a_command_stop_with_it(var: Path) -> None:
    holder = Holder(var)
    with psycopg.connect(holder.urls[0]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert redis.Redis.from_url(holder.urls[1]).ping()

    assert holder.end() == 0

    assert not any(alive(pid) for pid in holder.pids)


def test_sigterm_stops_the_servers_in_order(var: Path) -> None:
    holder = Holder(var)

    holder.process.terminate()

    assert holder.process.wait(300) == 143
    assert not any(alive(pid) for pid in holder.pids)


def test_the_servers_do_not_outlive_a_killed_parent_and_the_next_command_starts_on_the_same_data(var: Path) -> None:
    holder = Holder(var)
    with psycopg.connect(holder.urls[0], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    holder.process.kill()
    holder.process.wait()
    successor = Holder(var)

    with psycopg.connect(successor.urls[0]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert successor.end() == 0
    until(lambda: not any(alive(pid) for pid in holder.pids))


def test_a_second_command_attaches_to_the_servers_of_the_first(var: Path) -> None:
    first = Holder(var)

    second = Holder(var)

    assert second.urls == first.urls
    assert second.pids == []
    assert second.end() == 0
    assert all(alive(pid) for pid in first.pids)
    assert first.end() == 0


def test_two_checkouts_run_side_by_side(var: Path) -> None:
    first, second = Holder(var / "one"), Holder(var / "two")

    assert not set(first.urls) & set(second.urls)
    assert first.end() == second.end() == 0


def test_strangers_are_refused(var: Path) -> None:
    holder = Holder(var)

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(holder.urls[0].replace("diamondhub:", "diamondhub:wrong"))
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(holder.urls[1].replace("redis://:", "redis://:wrong")).ping()

    password = var / "run" / "postgres-18.password"
    assert password.stat().st_mode & 0o777 == 0o600 or not password.exists()
    arguments = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in holder.pids)
    assert all(url.split("@")[0].rpartition(":")[2].encode() not in arguments for url in holder.urls)
    assert holder.end() == 0


@pytest.mark.parametrize("server_class", [Postgres, Valkey])
def test_a_killed_server_comes_back_on_the_same_port(
    var: Path, server_class: Callable[[Path], Postgres | Valkey]
) -> None:
    server = server_class(var)
    server.start()
    url, pid = server.url, server.pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    until(lambda: not server.alive())
    server.restart()

    assert server.alive()
    assert server.url == url
    server.stop()


def test_a_database_that_does_not_wait_for_the_disk_loses_nothing_when_it_is_killed(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIAMONDHUB_EMBEDDED_FSYNC", "off")
    server = Postgres(var)
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    assert server.pid is not None

    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("INSERT INTO kept VALUES (1)")
        os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive())
    server.restart()

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs its servers as another user")
def test_root_runs_postgresql_in_a_checkout_that_is_private_to_root(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = Postgres(private / "var")

    server.start()

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    outside = (private / "var" / "postgres").resolve()
    assert outside.is_relative_to("/var/tmp")
    server.stop()
    subprocess.run(["rm", "-rf", str(outside.parent)], check=True)


def test_production_refuses_embedded_servers(var: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT,
        env=environment(var, ENV="production", SECRET_KEY="x" * 50),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.strip().splitlines() == [
        (
            "DiamondHub: ENV=production needs these variables to be set: DATABASE_URL, REDIS_URL, ENCRYPTION_KEYS, "
            "NIVODA_USERNAME, NIVODA_PASSWORD, API_KEY_PEPPERS, NIVODA_ENDPOINT, ALLOWED_HOSTS"
        )
    ]


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("PORT", "99999", "must be between 1 and 65535"),
        ("NIVODA_RATE_LIMIT", "many", "integer"),
        ("ENV", "staging", "must be one of: development, production"),
        ("DATABASE_URL", "mysql://localhost/db", "postgresql://"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("NIVODA_ENDPOINT", "integrations.nivoda.net", "https://"),
        ("SWEEP_SECONDS", "0", "must be between"),
    ],
)
def test_a_wrong_variable_stops_the_start_with_one_line(var: Path, name: str, value: str, accepted: str) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment(var, **{name: value}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    (line,) = ran.stderr.strip().splitlines()
    assert name in line
    assert accepted in line


def test_a_server_that_cannot_be_found_is_said_so(var: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment(var, DIAMONDHUB_PG_BIN="/nowhere"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.strip() == "DiamondHub: DIAMONDHUB_PG_BIN: there is no postgres in /nowhere"


def test_who_may_enter_a_folder_is_seen(tmp_path: Path) -> None:
    import pwd

    stranger = pwd.struct_passwd(("stranger", "", 54321, 54321, "", "/", "/bin/sh"))
    open_folder, closed_folder = tmp_path / "open", tmp_path / "closed"
    open_folder.mkdir(mode=0o755)
    closed_folder.mkdir(mode=0o700)

    assert processes.can_reach(stranger, Path("/"))
    assert not processes.can_reach(stranger, closed_folder)
