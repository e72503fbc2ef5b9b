"""`manage.py up` with everything real: its processes are killed, and what must go on goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
import redis

from diamondhub.local import private, processes, stack
from diamondhub.local.tests.test_services import ROOT, Holder, alive, environment, until

pytestmark = [pytest.mark.processes, pytest.mark.in_order]

PROGRAMS = {"web", "worker-io", "worker-cpu", "beat", "index"}


class Up:
    """A running `manage.py up`."""

    started: ClassVar[list[subprocess.Popen[bytes]]] = []

    def __init__(self, var: Path, *, log: str = "up.log", port: int | None = None) -> None:
        self.var = var
        self.port = port or processes.free_port()
        private.make(var)
        self.log = var / log
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=environment(var, PORT=str(self.port), SWEEP_SECONDS="0.3"),
                stdout=output,
                stderr=output,
                preexec_fn=processes.die_with_parent(signal.SIGTERM),
            )
        self.started.append(self.process)

    def ready(self) -> Up:
        until(lambda: "DiamondHub runs" in self.said() or self.process.poll() is not None, 180)
        assert self.process.poll() is None, self.said()
        until(lambda: set(self.pids) >= PROGRAMS)
        return self

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.var / "run" / "up.json").read_text())
        return state

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = self.state["processes"]
        return pids

    @property
    def servers(self) -> dict[str, str]:
        urls: dict[str, str] = json.loads((self.var / "run" / "services.json").read_text())
        return urls

    def sweeps_after(self, moment: datetime, seconds: float = 180) -> None:
        """Wait for a sweep that is later than `moment`."""

        def swept() -> bool:
            try:
                with psycopg.connect(self.servers["DATABASE_URL"], connect_timeout=5) as connection:
                    row = connection.execute("SELECT seen_at FROM telemetry_heartbeat WHERE name = 'sweep'").fetchone()
            except psycopg.OperationalError:
                return False
            return row is not None and row[0] > moment

        until(swept, seconds)

    def kill(self, name: str) -> tuple[int, int]:
        """Kill a process and wait for its successor; returns both numbers."""
        pid = self.pids[name]
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.pids.get(name, pid) != pid)
        return pid, self.pids[name]

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(300)


def family(pid: int) -> list[int]:
    """A process and all its descendants, nearest first."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


def signs_in(up: Up) -> bool:
    """Whether the admin's sign-in page comes."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{up.port}/admin/login/", timeout=120) as answer:
            return b"password" in answer.read()
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = ROOT / "var" / "test" / "up" / str(os.getpid())
    yield path
    for process in Up.started:
        if process.poll() is None:
            process.kill()
            process.wait()
    subprocess.run(["rm", "-rf", str(path)], check=True)


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    """One stack for the tests that leave it running."""
    running = Up(folder / "shared").ready()
    yield running
    if running.process.poll() is None:
        running.end()


def test_it_serves_and_sweeps_and_tells_where(up: Up) -> None:
    until(lambda: signs_in(up))
    up.sweeps_after(datetime.now(UTC))

    assert up.state["url"] == f"http://127.0.0.1:{up.port}"
    assert up.state["pid"] == up.process.pid
    assert set(up.pids) == PROGRAMS | {"postgres", "valkey", "cache"}
    assert (up.var / "run" / "up.json").stat().st_mode & 0o777 == 0o600
    assert f"http://127.0.0.1:{up.port}/admin/" in up.said()


def test_a_second_one_says_where_the_first_runs(up: Up) -> None:
    second = Up(up.var, log="second.log")

    assert second.process.wait(300) == 1
    (line,) = second.said().strip().splitlines()
    assert f"http://127.0.0.1:{up.port} (process {up.process.pid})" in line
    assert up.process.poll() is None


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_killed_process_comes_back_and_leaves_no_children_behind(up: Up, name: str) -> None:
    relatives = family(up.pids[name])

    killed, successor = up.kill(name)

    assert alive(successor)
    until(lambda: not any(alive(pid) for pid in relatives), 180)
    assert killed in relatives
    up.sweeps_after(datetime.now(UTC))
    until(lambda: signs_in(up))


@pytest.mark.parametrize("name", ["valkey", "postgres"])
def test_a_killed_server_comes_back_and_the_sweeps_go_on(up: Up, name: str) -> None:
    # Those that an earlier test has killed are there again.
    until(lambda: set(up.pids) >= PROGRAMS)
    before = up.servers
    programs = {program: up.pids[program] for program in PROGRAMS}

    up.kill(name)

    up.sweeps_after(datetime.now(UTC))
    assert up.servers == before
    assert {program: up.pids[program] for program in PROGRAMS} == programs
    # Limits begin strictly in a Redis that has forgotten them: at first an address may be told to wait a second.
    until(lambda: signs_in(up))


def test_a_flushed_broker_does_not_stop_the_sweeps(up: Up) -> None:
    redis.Redis.from_url(up.servers["REDIS_URL"]).flushall()

    up.sweeps_after(datetime.now(UTC))


def test_sigterm_stops_everything_in_order(up: Up) -> None:
    # Last of those that share the stack: what was done to it until here must not have shaken anybody.
    before, traceback, behind = up.said().partition("Traceback")
    assert not traceback, f"{before[-1_000:]}{traceback}{behind[:8_000]}"
    relatives = family(up.process.pid)

    assert up.end() == 0

    steps = [line.partition("stopping ")[2] for line in up.said().splitlines() if "stopping " in line]
    assert steps == ["beat", "web and index", "worker-io and worker-cpu"]
    assert not any(alive(pid) for pid in relatives)
    assert not (up.var / "run" / "up.json").exists()
    assert not (up.var / "run" / "services.json").exists()


def test_a_killed_supervisor_leaves_nothing_running_and_the_next_one_starts(folder: Path) -> None:
    up = Up(folder / "killed").ready()
    relatives = family(up.process.pid)
    assert len(relatives) > len(PROGRAMS) + 2 + 4, "web and worker-cpu have children of their own"

    up.process.kill()
    up.process.wait()

    until(lambda: not any(alive(pid) for pid in relatives), 180)
    successor = Up(folder / "killed").ready()
    successor.sweeps_after(datetime.now(UTC))
    assert successor.end() == 0


def test_a_second_ctrl_c_ends_everything_at_once(folder: Path) -> None:
    up = Up(folder / "hurried").ready()
    relatives = family(up.process.pid)
    # A worker that cannot stop by itself.
    os.kill(up.pids["beat"], signal.SIGSTOP)
    up.process.send_signal(signal.SIGINT)
    until(lambda: "stopping beat" in up.said())

    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(300) == 130
    until(lambda: not any(alive(pid) for pid in relatives), 180)


def test_it_waits_for_a_command_that_has_the_servers_instead_of_losing_them_with_it(folder: Path) -> None:
    holder = Holder(folder / "waited")
    up = Up(folder / "waited")
    until(lambda: f"(process {holder.process.pid}) uses the servers; waiting" in up.said())

    assert holder.end() == 0

    assert up.ready().end() == 0


def test_a_port_asked_for_by_name_that_is_taken_is_an_error_in_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        up = Up(folder / "refused", port=port)

        assert up.process.wait(300) == 1

    (line,) = up.said().strip().splitlines()
    assert f"PORT: {port} is taken" in line


def test_a_taken_default_port_is_stepped_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        chosen = stack.choose_port("127.0.0.1", port, by_name=False)

    assert port < chosen < port + stack.PORTS_TRIED


@pytest.mark.skipif(sys.platform != "linux", reason="ports are claimed on Linux alone")
def test_stacks_that_are_begun_at_once_take_different_ports_and_one_that_ended_leaves_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1] + 1
    choosing = textwrap.dedent(
        f"""
        import sys
        from diamondhub.local import stack
        print(stack.choose_port("127.0.0.1", {port}, by_name=len(sys.argv) > 1), flush=True)
        sys.stdin.read()
        """
    )

    def begun(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", choosing, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def chosen(process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        return int(process.stdout.readline())

    stacks = [begun() for _ in range(3)]
    ports = [chosen(process) for process in stacks]
    (first,) = (process for process, port in zip(stacks, ports, strict=True) if port == min(ports))
    _, refused = begun("by name").communicate("")
    first.communicate("")
    again = begun()

    assert len({*ports}) == 3
    assert "PortTaken" in refused
    assert chosen(again) == min(ports)
    for process in [*stacks, again]:
        if process is not first:
            process.communicate("")


def test_the_help_starts_no_server(folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "up", "-h"],
        cwd=ROOT,
        env=environment(folder / "help"),
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Ctrl-C" in ran.stdout
    assert not (folder / "help" / "postgres").exists()
