"""The supervisor, with small real programs."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from diamondhub.local.processes import ServerError
from diamondhub.local.supervisor import ProgramSpec, Supervisor
from diamondhub.local.tests.test_services import alive, until

pytestmark = pytest.mark.processes

#: Says that it is there, and when asked to stop, takes a while and says so. Written past Python's buffers: a signal may come
#: while the line before is still being written, and a buffer cannot be entered twice. It does not `pause`: a signal that
#: comes just before would be noticed when the next one comes.
POLITE = """
import os, signal, time

def stop(*_):
    os.write(1, b"asked\\n"); time.sleep(0.3); os.write(1, b"stopped\\n"); os._exit(0)
signal.signal(signal.SIGTERM, stop)
os.write(1, b"ready\\n")
while True: time.sleep(0.05)
"""
#: Stops when the program beside it was asked to stop, too.
TOGETHER = """
import os, pathlib, signal, time

def stop(*_):
    os.write(1, b"asked\\n"); pathlib.Path("{own}").touch()
    while not os.path.exists("{other}"): time.sleep(0.01)
    os.write(1, b"stopped\\n"); os._exit(0)
signal.signal(signal.SIGTERM, stop)
os.write(1, b"ready\\n")
while True: time.sleep(0.05)
"""
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"ready\\n")
while True: signal.pause()
"""
#: Starts a child in its own group that does not react to anything, and prints its number.
PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("child", child.pid, flush=True)
signal.pause()
"""


def program(name: str, script: str, **more: Any) -> ProgramSpec:
    return ProgramSpec(
        name=name, argv=[sys.executable, "-c", script], cwd=Path("/"), environment=dict(os.environ), **more
    )


class Watched:
    """A supervisor and what it printed."""

    def __init__(self, *programs: ProgramSpec, **more: Any) -> None:
        self.out = io.StringIO()
        self.supervisor = Supervisor(programs, out=self.out, **more)

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()

    def says(self, text: str, *, times: int = 1) -> bool:
        return self.out.getvalue().count(text) >= times

    def run_until(self, condition: Callable[[], bool], seconds: float = 180) -> None:
        import time

        deadline = time.monotonic() + seconds
        assert self.supervisor.run(until=lambda: condition() or time.monotonic() > deadline)
        assert condition(), self.out.getvalue()


@contextmanager
def running(*programs: ProgramSpec, **more: Any) -> Iterator[Watched]:
    watched = Watched(*programs, **more)
    watched.supervisor.start()
    try:
        yield watched
    finally:
        watched.supervisor.stop()


def test_every_line_carries_the_name_of_its_program() -> None:
    with running(
        program("one", "print('first\\nsecond', end=''); import signal; signal.pause()"),
        program(
            "longer", "import sys, signal; sys.stderr.buffer.write(b'\\xff raw\\n'); sys.stderr.flush(); signal.pause()"
        ),
    ) as watched:
        watched.run_until(lambda: watched.says("raw"))

    assert "longer | \ufffd raw" in watched.lines


def test_what_was_printed_last_without_a_line_end_is_not_lost() -> None:
    with running(program("one", "print('first\\nsecond', end='')")) as watched:
        watched.run_until(lambda: watched.says("ended with status 0"))

    assert watched.lines[:3] == [
        "one | first",
        "one | second",
        "up  | one ended with status 0; starting it again in 0.2 s",
    ]


def test_a_program_with_a_log_writes_there_only(tmp_path: Path) -> None:
    log = tmp_path / "log" / "one.log"

    with running(program("one", POLITE, log=log)) as watched:
        watched.run_until(lambda: log.exists() and b"ready" in log.read_bytes())

        assert watched.supervisor.last_lines("one") == ["ready"]
    assert log.read_text() == "ready\nasked\nstopped\n"
    assert "ready" not in watched.out.getvalue()


def test_what_ends_is_started_again_with_growing_pauses_and_its_reason() -> None:
    with running(program("one", "raise SystemExit(3)")) as watched:
        watched.run_until(lambda: watched.says("ended with status 3", times=3))

    assert [line.rpartition(" in ")[2] for line in watched.lines if "status 3" in line] == ["0.2 s", "0.4 s", "0.8 s"]


def test_a_program_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    spec = ProgramSpec(name="one", argv=[tmp_path / "missing"], cwd=tmp_path, environment={})

    with running(spec) as watched:
        watched.run_until(lambda: watched.says("cannot be started", times=2))

    assert "No such file" in watched.lines[0]


def test_a_killed_program_comes_back_and_its_children_are_gone() -> None:
    seen: list[dict[str, int]] = []
    with running(program("one", PARENT), on_change=seen.append) as watched:
        watched.run_until(lambda: watched.says("child "))
        child = int(watched.lines[0].split()[-1])
        first = watched.supervisor.processes["one"]

        os.kill(first, signal.SIGKILL)

        watched.run_until(lambda: watched.says("child ", times=2))
        assert watched.says("one was ended by SIGKILL; starting it again in 0.2 s")
        until(lambda: not alive(child))
        second = watched.supervisor.processes["one"]
    assert [pids.get("one") for pids in seen] == [first, None, second, None]


def test_programs_stop_by_rank_and_those_of_one_rank_together(tmp_path: Path) -> None:
    # Each stops when the other was asked, too; one after the other they would have to be killed.
    specs = [
        program(f"worker-{name}", TOGETHER.format(own=tmp_path / name, other=tmp_path / other), stop_rank=2)
        for name, other in ("ab", "ba")
    ]
    with running(*specs, program("beat", POLITE, stop_rank=0)) as watched:
        watched.run_until(lambda: watched.says("ready", times=3))
        started = len(watched.lines)

    said = [tuple(line.split(" | ")) for line in watched.lines[started:]]
    said = [(name.strip(), text) for name, text in said]
    assert said[:4] == [
        ("up", "stopping beat"),
        ("beat", "asked"),
        ("beat", "stopped"),
        ("up", "stopping worker-a and worker-b"),
    ]
    assert sorted(said[4:8]) == [(name, text) for name in ("worker-a", "worker-b") for text in ("asked", "stopped")]


def test_a_program_that_does_not_stop_in_its_time_is_killed() -> None:
    with running(program("one", STUBBORN, grace=0.3)) as watched:
        watched.run_until(lambda: watched.says("ready"))
        pid = watched.supervisor.processes["one"]

    assert watched.lines[-1] == "up  | one does not stop within 0.3 s; killing it"
    assert not alive(pid)


@contextmanager
def handled_by(handler: Any, number: int) -> Iterator[None]:
    """A signal's handler, whatever the tests were started under: nohup has SIGHUP ignored."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_and_the_handlers_are_given_back(number: int) -> None:
    with handled_by(signal.default_int_handler, number):
        with running(program("one", POLITE)) as watched:
            watched.run_until(lambda: watched.says("ready"))
            os.kill(os.getpid(), number)
            assert watched.supervisor.run() is False

        after = signal.getsignal(number)

    assert watched.lines[-1] == "one | stopped"
    assert after is signal.default_int_handler


def test_a_hangup_stays_ignored_where_it_was() -> None:
    with handled_by(signal.SIG_IGN, signal.SIGHUP), running(program("one", POLITE)) as watched:
        watched.run_until(lambda: watched.says("ready"))
        os.kill(os.getpid(), signal.SIGHUP)

        assert not watched.supervisor.asked_to_stop


def test_a_second_ctrl_c_kills_everything_at_once() -> None:
    watched = Watched(program("one", STUBBORN, grace=60))
    watched.supervisor.start()
    watched.run_until(lambda: watched.says("ready"))
    pid = watched.supervisor.processes["one"]
    os.kill(os.getpid(), signal.SIGINT)
    assert watched.supervisor.run() is False

    def press_again() -> None:
        # While the supervisor waits for the stubborn one.
        until(lambda: watched.says("stopping one"))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_again).start()
    with pytest.raises(KeyboardInterrupt):
        watched.supervisor.stop()

    until(lambda: not alive(pid))


class Fragile:
    """A server that dies on command and comes back at the second try."""

    name = "fragile"
    pid = None

    def __init__(self) -> None:
        self.there = True
        self.tries = 0

    def alive(self) -> bool:
        return self.there

    def restart(self) -> None:
        self.tries += 1
        if self.tries < 2:
            raise ServerError("not yet")
        self.there = True

    def stop(self) -> None:
        raise AssertionError("the supervisor does not own the servers")


def test_a_dead_server_is_started_again_until_it_is_there() -> None:
    server = Fragile()
    with running(servers=[server]) as watched:
        server.there = False

        watched.run_until(lambda: watched.says("is back"))

    assert watched.lines == [
        "up | fragile is gone; starting it again on the same port in 0.2 s",
        "up | fragile does not start; trying again in 0.4 s: not yet",
        "up | fragile is back",
    ]


def test_output_that_nobody_reads_any_more_stops_nothing() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as out:
        supervisor = Supervisor([program("one", POLITE)], out=out)
        supervisor.start()

        assert supervisor.run(until=lambda: supervisor.last_lines("one") == ["ready"])

        supervisor.stop()
        with pytest.raises(BrokenPipeError):
            out.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), write_end)


def test_a_supervisor_outside_the_main_thread_is_refused() -> None:
    errors: list[BaseException] = []

    def start() -> None:
        try:
            Supervisor([], out=io.StringIO()).start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in str(errors[0])
