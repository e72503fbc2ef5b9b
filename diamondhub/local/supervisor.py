"""The supervisor of one machine's processes: starts and restarts them, collects their output, and stops them in order.

`manage.py up` and `manage.py demo` run one in their main thread. It is a single loop over the children's pipes and a
timer; the embedded servers are watched by the same loop, but belong to `diamondhub.local.services`, which stops them.
"""

from __future__ import annotations

import io
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import BinaryIO, TextIO

from diamondhub.local.processes import ServerError, spawn
from diamondhub.local.services import Server

#: Pause before a dead process is started again, doubling up to the longest one (seconds).
FIRST_PAUSE, MAX_PAUSE = 0.2, 10.0
#: A process that lived this long was healthy: its next death begins with the first pause again (seconds).
HEALTHY_SECONDS = 30.0
#: Interval at which the loop looks for dead processes when nothing is printed (seconds).
TICK_SECONDS = 0.2
#: A line longer than this is cut (bytes).
LINE_BYTES = 64 * 1024
#: A log file that has grown beyond this is set aside as `<name>.log.1` when its program starts (bytes).
LOG_BYTES = 20_000_000
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """One program of the stack."""

    name: str
    argv: Sequence[str | Path]
    cwd: Path
    #: The whole environment of the process.
    environment: Mapping[str, str]
    #: Programs stop in ascending order of this; those with the same number stop together.
    stop_rank: int = 0
    #: Time that it has to stop before it is killed (seconds).
    grace: float = 30.0
    #: The file of its lines; None for the supervisor's own output, with the name in front.
    log: Path | None = None


@dataclass(slots=True)
class _Watch:
    """The restart times of a process: the pause grows with every early death."""

    pause: float = FIRST_PAUSE
    started_at: float = 0.0
    due_at: float = 0.0

    def died(self) -> float:
        """Set the time of the next start; returns the pause until then (seconds)."""
        now = time.monotonic()
        if now - self.started_at >= HEALTHY_SECONDS:
            self.pause = FIRST_PAUSE
        pause, self.pause = self.pause, min(self.pause * 2, MAX_PAUSE)
        self.due_at = now + pause
        return pause


@dataclass(slots=True, eq=False)
class _Child:
    spec: ProgramSpec
    colour: int
    watch: _Watch = field(default_factory=_Watch)
    process: subprocess.Popen[bytes] | None = None
    pipe: int | None = None
    rest: bytes = b""
    log: BinaryIO | None = None
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=50))


class Supervisor:
    """Runs `programs` in the order given, and restarts these and the embedded `servers` when they die.

    `out` gets the lines of programs without a log and those of the supervisor itself. `on_change` is called with
    the process ids by name after every start and end. All methods must be called from the main thread: a child dies
    with the thread that started it, and signals are delivered there.

    From `start` to `stop`, SIGTERM, SIGHUP and Ctrl-C end `run`; a further Ctrl-C kills everything and raises
    `KeyboardInterrupt`.
    """

    def __init__(
        self,
        programs: Sequence[ProgramSpec],
        servers: Sequence[Server] = (),
        *,
        out: TextIO,
        on_change: Callable[[dict[str, int]], None] = lambda _pids: None,
    ) -> None:
        self._children = [_Child(spec, _COLOURS[i % len(_COLOURS)]) for i, spec in enumerate(programs)]
        self._servers = [(server, _Watch()) for server in servers]
        self._out = out
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")
        self._width = max((len(spec.name) for spec in programs), default=0)
        self._on_change = on_change
        self._selector = selectors.DefaultSelector()
        self._wake: tuple[int, int] | None = None
        self._handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._stopping = False
        #: Set by the first signal that asks for the end.
        self.asked_to_stop = False

    @property
    def processes(self) -> dict[str, int]:
        """Process ids of the running programs and embedded servers, by name."""
        pids = {child.spec.name: child.process.pid for child in self._children if child.process is not None}
        return pids | {server.name: server.pid for server, _ in self._servers if server.pid is not None}

    def last_lines(self, name: str) -> list[str]:
        """The last 50 lines that a program printed."""
        return next(list(child.last_lines) for child in self._children if child.spec.name == name)

    def say(self, message: str) -> None:
        """Print a line of the supervisor's own."""
        self._print("up", 1, message)

    def start(self) -> None:
        """Listen for signals and start every program."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a supervisor belongs into the main thread: its children die with the thread")
        self._catch_signals()
        for child in self._children:
            self._start_child(child)
        self._on_change(self.processes)

    def run(self, until: Callable[[], bool] | None = None) -> bool:
        """Keep everything running until asked to stop (False) or `until` is true (True); it is asked every tick."""
        while not self.asked_to_stop:
            if until is not None and until():
                return True
            self._turn()
        return False

    def stop(self) -> None:
        """Stop the programs in order, each with its grace; the servers are watched meanwhile and keep running."""
        self._stopping = True
        try:
            for rank in sorted({child.spec.stop_rank for child in self._children}):
                self._stop_together([child for child in self._children if child.spec.stop_rank == rank])
        finally:
            self._restore_signals()
            for child in self._children:
                self._close_pipe(child)
                if child.log is not None:
                    child.log.close()
            self._selector.close()

    # --- the loop --------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        for key, _ in self._selector.select(TICK_SECONDS):
            if isinstance(key.data, _Child):
                self._read(key.data)
            else:
                os.read(key.fd, 4096)
        before = self.processes
        for server, watch in self._servers:
            self._look_after_server(server, watch)
        for child in self._children:
            self._look_after_child(child)
        if self.processes != before:
            self._on_change(self.processes)

    def _look_after_server(self, server: Server, watch: _Watch) -> None:
        if server.alive():
            return
        if watch.due_at <= watch.started_at:
            pause = watch.died()
            self.say(f"{server.name} is gone; starting it again on the same port in {pause:g} s")
        if time.monotonic() < watch.due_at:
            return
        try:
            server.restart()
        except ServerError as error:
            watch.started_at = time.monotonic()
            pause = watch.died()
            self.say(f"{server.name} does not start; trying again in {pause:g} s: {error}")
        else:
            watch.started_at = time.monotonic()
            self.say(f"{server.name} is back")

    def _look_after_child(self, child: _Child) -> None:
        if child.process is not None:
            if _has_ended(child.process):
                # Until the dead leader is reaped, its process id still names its group: no member of it may linger.
                _kill_group(child.process.pid)
                status = child.process.wait()
                child.process = None
                self._close_pipe(child)
                if not self._stopping:
                    pause = child.watch.died()
                    self.say(f"{child.spec.name} {_how_it_ended(status)}; starting it again in {pause:g} s")
        elif not self._stopping and time.monotonic() >= child.watch.due_at:
            self._start_child(child)

    def _start_child(self, child: _Child) -> None:
        spec = child.spec
        if spec.log is not None:
            if child.log is not None:
                child.log.close()
            child.log = _open_log(spec.log)
        child.watch.started_at = time.monotonic()
        read_end, write_end = os.pipe()
        try:
            # A child is killed, not terminated, when this process is killed: its database goes away at the same moment.
            child.process = spawn(
                spec.argv, cwd=spec.cwd, environment=spec.environment, death_signal=signal.SIGKILL, output=write_end
            )
        except (OSError, subprocess.SubprocessError) as error:
            os.close(read_end)
            pause = child.watch.died()
            self.say(f"{spec.name} cannot be started; trying again in {pause:g} s: {error}")
        else:
            os.set_blocking(read_end, False)
            child.pipe, child.rest = read_end, b""
            self._selector.register(read_end, selectors.EVENT_READ, child)
        finally:
            os.close(write_end)

    def _stop_together(self, children: Sequence[_Child]) -> None:
        running = [child for child in children if child.process is not None]
        if not running:
            return
        self.say(f"stopping {' and '.join(child.spec.name for child in running)}")
        asked_at = time.monotonic()
        for child in running:
            if child.process is not None:
                with suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
        patient = running
        while running:
            self._turn()
            running = [child for child in running if child.process is not None]
            late = [child for child in patient if time.monotonic() - asked_at > child.spec.grace]
            patient = [child for child in patient if child not in late]
            for child in late:
                if child.process is not None:
                    self.say(f"{child.spec.name} does not stop within {child.spec.grace:g} s; killing it")
                    _kill_group(child.process.pid)

    # --- signals ---------------------------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        self._wake = (read_end, write_end)
        # A signal ends the wait in `_turn` at once.
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        self._selector.register(read_end, selectors.EVENT_READ, None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # SIGHUP stays ignored under nohup.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._on_signal)

    def _restore_signals(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        if self._wake is not None:
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                os.close(end)
            self._wake = None

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.asked_to_stop:
            self._kill_all()
            raise KeyboardInterrupt
        self.asked_to_stop = True

    def _kill_all(self) -> None:
        for pid in self.processes.values():
            _kill_group(pid)

    # --- output ----------------------------------------------------------------------------------------------------

    def _read(self, child: _Child) -> bool:
        """Read the output of a child; False if there is no more for now."""
        if child.pipe is None:
            return False
        try:
            chunk = os.read(child.pipe, LINE_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._selector.unregister(child.pipe)
            os.close(child.pipe)
            child.pipe = None
            return False
        *lines, child.rest = (child.rest + chunk).split(b"\n")
        if len(child.rest) > LINE_BYTES:
            lines, child.rest = [*lines, child.rest], b""
        self._pass_on(child, lines)
        return True

    def _close_pipe(self, child: _Child) -> None:
        while self._read(child):
            pass
        if child.rest:
            self._pass_on(child, [child.rest])
            child.rest = b""
        if child.pipe is not None:
            self._selector.unregister(child.pipe)
            os.close(child.pipe)
            child.pipe = None

    def _pass_on(self, child: _Child, lines: Sequence[bytes]) -> None:
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            child.last_lines.append(text)
            if child.log is None:
                self._print(child.spec.name, child.colour, text)
        if child.log is not None and lines:
            # A full disk costs log lines, not the stack.
            with suppress(OSError):
                child.log.write(b"".join(line + b"\n" for line in lines))
                child.log.flush()

    def _print(self, name: str, colour: int, text: str) -> None:
        label = f"{name:<{self._width}} |"
        if self._coloured:
            label = f"\x1b[{colour}m{label}\x1b[0m"
        # The terminal or the reading program may be gone, which is no reason to stop working.
        with suppress(OSError, io.UnsupportedOperation):
            self._out.write(f"{label} {text}\n")
            self._out.flush()


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
    return open(path, "ab")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a child has ended, without reaping it where that can be told."""
    if sys.platform == "darwin":
        return process.poll() is not None
    if process.returncode is not None:
        return True
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
