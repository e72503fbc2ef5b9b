"""The newest usable version of the index in this process: mapped, swapped while requests use it, given up when it is old.

A thread of the process looks at the builder's board a few times a second and maps the file that it names. It does so
without requests as well, so that an idle process holds no old version in memory. Requests only take what is there. Whoever
uses a version keeps it: its memory is unmapped when the last array over it is gone.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from catalog.index import board, history
from catalog.index.board import Notice
from catalog.index.snapshot import Snapshot, UnusableSnapshot

log = structlog.get_logger(__name__)

#: How often a process looks at the board (seconds): a new version is not asked before it has been seen.
LOOK_SECONDS = 0.1
#: A process whose thread has not looked for so long looks itself, in a request (seconds).
ASLEEP_SECONDS = 10 * LOOK_SECONDS
#: The database is asked for its generation no more often, while it does not say (seconds).
ASK_SECONDS = 2.0


@dataclass(frozen=True)
class Seen:
    """What a look gave: a version that can be used, or why there is none; the notice that it came from."""

    snapshot: Snapshot | None
    reason: str
    notice: Notice | None = None
    at: float = 0.0


class Reader:
    """The index of one folder, as one process sees it."""

    def __init__(self, folder: Path, *, max_age: float) -> None:
        self._folder = folder
        self._max_age = max_age
        self._looking = threading.Lock()
        self._seen = Seen(None, "the index has not been looked at yet")
        #: Files that cannot be read, with the reason: what is written never changes.
        self._refused: dict[str, str] = {}
        #: The generation that the database says it is of.
        self._generation = ""
        self._asked_at = float("-inf")

    def reads(self, folder: Path, max_age: float) -> bool:
        """Whether it is the reader of this folder, by this bound."""
        return (self._folder, self._max_age) == (folder, max_age)

    def current(self) -> Snapshot | None:
        """The newest usable version; None if there is none. Never raises."""
        return self.seen().snapshot

    def seen(self) -> Seen:
        """The last look, or another if that was long ago."""
        now = time.monotonic()
        # One looks, and the others take what there is.
        if not 0 <= now - self._seen.at <= ASLEEP_SECONDS and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._seen

    def look(self) -> Seen:
        """Look now."""
        with self._looking:
            self._look()
        return self._seen

    def _look(self) -> None:
        before = self._seen
        try:
            after = self._newest(before)
        except Exception as error:
            # A search must not fail for what is wrong with the index: the database answers it.
            log.exception("index_not_read", error=str(error))
            after = Seen(None, "the index cannot be read")
        if after.reason != before.reason:
            lost = before.snapshot is not None and after.snapshot is None
            # A process that has the index from the start on has nothing to tell.
            is_first = before.notice is None and not before.at
            if after.reason or not is_first:
                say = log.warning if lost else log.info
                say("index_not_used" if after.reason else "index_used", reason=after.reason)
        self._seen = Seen(after.snapshot, after.reason, after.notice, time.monotonic())

    def _newest(self, before: Seen) -> Seen:
        for _ in range(2):
            notice = board.read(self._folder)
            reason = unusable(notice, self._max_age)
            if notice is None or reason:
                return Seen(None, reason, notice)
            if before.snapshot is not None and before.snapshot.path.name == notice.file:
                return Seen(before.snapshot, "", notice)
            if not self._is_of_our_database(notice):
                return Seen(None, "the index is of another database than this process's", notice)
            try:
                return Seen(self._mapped(notice), "", notice)
            except UnusableSnapshot as error:
                reason = str(error)
            # It may have been replaced between the two steps.
        return Seen(None, reason, notice)

    def _is_of_our_database(self, notice: Notice) -> bool:
        """Whether the notice is of what our database counts in: the folder may be shared by mistake."""
        if notice.generation != self._generation and time.monotonic() - self._asked_at >= ASK_SECONDS:
            self._asked_at = time.monotonic()
            # Of its own: a request's may be in a transaction that has failed.
            asked = connection.copy()
            try:
                self._generation = history.moment(asked).generation
            except DatabaseFault as error:
                log.warning("index_not_compared", error=str(error).strip())
            finally:
                asked.close()
        return notice.generation == self._generation

    def _mapped(self, notice: Notice) -> Snapshot:
        if notice.file in self._refused:
            raise UnusableSnapshot(self._refused[notice.file])
        path = self._folder / Path(notice.file).name
        try:
            snapshot = Snapshot.map(path)
            if (snapshot.version, snapshot.generation) != (notice.version, notice.generation):
                raise UnusableSnapshot(f"{notice.file} is not the version that it is named for")
        except UnusableSnapshot as error:
            if path.exists():
                self._refused = {notice.file: str(error)}
            raise
        return snapshot


def unusable(notice: Notice | None, max_age: float) -> str:
    """Why a notice names no version that may be used; "" if it does."""
    now = time.monotonic()
    if notice is None:
        return "no builder has been at work here"
    if notice.silent(now) > max_age:
        return "the builder is silent"
    if not notice.file:
        return notice.failure or "the first version is being built"
    if notice.behind(now) > max_age:
        return "the builder is behind"
    return ""


# --- the index of this process -----------------------------------------------------------------------------------------

_process: Reader | None = None
_starting = threading.Lock()


def of_process() -> Reader:
    """The reader of this process, whose thread keeps it up to date from now on."""
    global _process
    folder, max_age = settings.INDEX_DIR, settings.INDEX_MAX_AGE_SECONDS
    reader = _process
    if reader is None or not reader.reads(folder, max_age):
        with _starting:
            reader = _process
            if reader is None or not reader.reads(folder, max_age):
                _process = reader = Reader(folder, max_age=max_age)
                reader.look()
                threading.Thread(target=_keep_looking, args=(reader,), name="index", daemon=True).start()
    return reader


def current() -> Snapshot | None:
    """The newest version of the index that may be used; None: ask the database. Never raises, and costs nothing."""
    return of_process().current()


def _keep_looking(reader: Reader) -> None:
    while _process is reader:
        time.sleep(LOOK_SECONDS)
        reader.look()


def _forget() -> None:
    # A forked process has no threads, and a lock that one of them held would never be free.
    global _process, _starting
    _process, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
