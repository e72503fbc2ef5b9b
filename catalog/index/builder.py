"""The builder: keeps the newest version of the catalogue as a file in a folder, for the web processes of the host.

It looks at the database's version a few times a second. If that is another than the file's, the next file is made from the
one before and the stones that the log of changes names, or from all stones where too many changed, the log does not reach
back, or the file is of another history than the database (one that was restored). It may be killed at any point: a file is
there whole under a name of its own before the board names it, and what nobody names any more is swept up by the next one.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
import structlog
from django.db import Error as DatabaseFault
from django.db import connection, transaction

from catalog.index import board, history, reports
from catalog.index.board import Notice
from catalog.index.history import Moment
from catalog.index.patching import patched
from catalog.index.reading import read
from catalog.index.snapshot import Snapshot, Stones, UnusableSnapshot, write

log = structlog.get_logger(__name__)

#: How often the builder looks at the database's version (seconds).
LOOK_SECONDS = 0.1
#: Versions are begun no faster than this (seconds): what was committed meanwhile is in the next one.
VERSION_SECONDS = 1.0
#: The builder rests for this share of the time that the last version took: a core that it has to share with the work that
#: changes the stones. A change that comes alone waits for nothing.
REST_SHARE = 0.5
#: Beyond this share of the stones a new file takes less time than a patched one.
MAX_PATCHED_SHARE = 0.1
#: The pause after a try that failed, doubling up to the longest (seconds).
FIRST_PAUSE, MAX_PAUSE = 1.0, 30.0
#: How often the builder tells the database how it is (seconds).
REPORT_SECONDS = 5.0
_LOCK = "builder.lock"
# Only glibc has it, and only glibc needs it.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
_SUFFIX = ".index"


@dataclass(frozen=True)
class _Made:
    """What the stones of the next version came from."""

    stones: Stones
    moment: Moment
    patched: bool
    changed: int


def give_memory_back() -> None:
    """Have the C library return what it keeps of freed arrays: a few hundred MB, which nobody needs between versions."""
    if _trim is not None:
        _trim(0)


class Builder:
    """The builder of one folder; `held` says that it is the only one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current: Snapshot | None = None
        self._notice = Notice(boot=board.boot(), pid=os.getpid(), looked_at=0.0)
        self._pause = FIRST_PAUSE
        self._rests_until = float("-inf")
        self._reported_at = float("-inf")

    @property
    def notice(self) -> Notice:
        """What the board says."""
        return self._notice

    def run(self, hold: Hold) -> None:
        """Work for as long as the folder is held."""
        self.take_up()
        while hold.lasts():
            pause = self.turn()
            self._report()
            time.sleep(pause)

    def take_up(self) -> None:
        """Go on with the file of the builder before, if it can be: it is read once, byte by byte."""
        notice = board.read(self._folder)
        if notice is None or not notice.file or notice.boot != board.boot():
            # After a restart of the host nobody knows what of a file had been written.
            self._sweep("")
            return
        self._sweep(notice.file)
        try:
            snapshot = Snapshot.map(self._folder / Path(notice.file).name)
            snapshot.verify()
        except UnusableSnapshot as error:
            log.warning("index_not_taken_up", reason=str(error))
            return
        if (snapshot.version, snapshot.generation) == (notice.version, notice.generation):
            self._current = snapshot
            self._notice = msgspec.structs.replace(notice, pid=os.getpid())

    def turn(self) -> float:
        """Look once, and make the next version if there is one; gives the time until the next look (seconds)."""
        try:
            moment = history.moment(connection)
            if self._is_current(moment):
                self._tell(
                    looked_at=time.monotonic(),
                    database_version=moment.version,
                    behind_since=None,
                    failure="",
                    failing_since=None,
                )
            else:
                self._behind(moment)
                if time.monotonic() < self._rests_until:
                    return LOOK_SECONDS
                self._make()
        except (DatabaseFault, psycopg.Error, OSError, UnusableSnapshot) as error:
            return self._failed(error)
        self._pause = FIRST_PAUSE
        return LOOK_SECONDS

    def _is_current(self, moment: Moment) -> bool:
        current = self._current
        if current is None or (current.version, current.generation) != (moment.version, moment.generation):
            return False
        # Somebody may have emptied the folder.
        return current.path.exists()

    def _behind(self, moment: Moment) -> None:
        now = time.monotonic()
        since = self._notice.behind_since if self._notice.behind_since is not None else now
        if self._current is not None and self._current.generation != moment.generation:
            # Its stones are of another history: nobody may look at them any more.
            self._current = None
            self._tell(looked_at=now, database_version=moment.version, behind_since=now, file="", version=0, rows=0)
        else:
            self._tell(looked_at=now, database_version=moment.version, behind_since=since)

    def _make(self) -> None:
        begun = time.monotonic()
        made = self._stones()
        file = f"{made.moment.version}-{secrets.token_hex(4)}{_SUFFIX}"
        write(
            self._folder / file,
            made.stones,
            version=made.moment.version,
            made_at=made.moment.at,
            generation=made.moment.generation,
        )
        rows, is_patched, moment, changed = len(made.stones), made.patched, made.moment, made.changed
        del made
        give_memory_back()
        self._current = Snapshot.map(self._folder / file)
        now = time.monotonic()
        self._rests_until = max(begun + VERSION_SECONDS, now + (now - begun) * REST_SHARE)
        self._tell(
            looked_at=now,
            database_version=moment.version,
            file=file,
            version=moment.version,
            generation=moment.generation,
            rows=rows,
            behind_since=None,
            failure="",
            failing_since=None,
            took=now - begun,
            patched=is_patched,
        )
        # A repricing makes one every few seconds.
        say = log.debug if is_patched else log.info
        say("index_made", version=moment.version, rows=rows, changed=changed, seconds=round(now - begun, 2))
        self._sweep(file)

    def _stones(self) -> _Made:
        with one_moment() as moment:
            base = self._current
            if base is not None and base.generation == moment.generation:
                limit = int(len(base) * MAX_PATCHED_SHARE) + 1
                ids = history.changed_since(connection, base.version, base.made_at, moment, limit=limit)
                if ids is not None:
                    stones = patched(base.stones, read(connection.connection, ids), ids, by_id=base.by_id)
                    return _Made(stones, moment, patched=True, changed=len(ids))
            stones = read(connection.connection)
            return _Made(stones, moment, patched=False, changed=len(stones))

    def _report(self) -> None:
        """Tell the database now and then, so that operations notice on other hosts, too."""
        now = time.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        try:
            reports.report(self._notice, now)
        except DatabaseFault as error:
            log.debug("index_not_reported", error=type(error).__name__)
            connection.close()

    def _tell(self, **changes: Any) -> None:
        self._notice = msgspec.structs.replace(self._notice, **changes)
        board.post(self._folder, self._notice)

    def _failed(self, error: Exception) -> float:
        # Everybody may read what the board says, and errors of the database name hosts and users.
        failure = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        if failure != self._notice.failure:
            log.warning("index_not_made", error=" ".join(str(error).split()) or failure, next_try_in=self._pause)
        since = self._notice.failing_since or time.monotonic()
        self._notice = msgspec.structs.replace(self._notice, failure=failure, failing_since=since)
        with suppress(OSError):
            board.post(self._folder, self._notice)
        if not connection.in_atomic_block:
            connection.close()
        pause, self._pause = self._pause, min(self._pause * 2, MAX_PAUSE)
        return pause

    def _sweep(self, kept: str) -> None:
        """Remove the files that the board does not name; who has mapped one keeps it until it lets go."""
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in (kept, board.NAME, _LOCK) and _SUFFIX in path.name:
                    path.unlink(missing_ok=True)


@contextmanager
def one_moment() -> Iterator[Moment]:
    """A transaction that sees the catalogue as it is at its first statement, and of which version that is."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield history.moment(connection)


@dataclass(frozen=True)
class Hold:
    """That this process is a folder's builder; the kernel ends it with the process."""

    path: Path
    lock: IO[str]

    def lasts(self) -> bool:
        """Whether the lock still lies in the folder: one that was removed keeps nobody else out."""
        try:
            return self.path.stat().st_ino == os.fstat(self.lock.fileno()).st_ino
        except OSError:
            return False


@contextmanager
def held(folder: Path) -> Iterator[Hold | None]:
    """The hold on a folder; None if another process has it. Makes the folder. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / _LOCK
    with path.open("a") as lock:
        yield Hold(path, lock) if _locked(lock) else None


def is_alive(folder: Path) -> bool:
    """Whether a builder is at work in a folder."""
    try:
        with (folder / _LOCK).open("r") as lock:
            # Shared, so that two who ask do not take each other for a builder.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
