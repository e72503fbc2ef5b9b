"""Kills a run at every place where it writes: `python -m ingest.tests.kill_matrix [--every]`.

For each n a forked child does a whole run and is killed by SIGKILL before its n-th statement that writes, COPY or commit
(with `--every`, before every statement); another child then does what workers and the sweep would do once the leases have
run out, and the catalogue must be that of an undisturbed run. What is killed within a transaction leaves what was committed
before it: of places with nothing committed between them one is taken up again (with `--every`, each). Works in a database
of its own on the server that DATABASE_URL names, whose rows are put back before each run. Prints one JSON object: how many
places there are, at how many of them a run was taken up again, and what went wrong at which.
"""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, NoReturn

import django

django.setup()

import psycopg  # noqa: E402
import pytest  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.models.functions import Now  # noqa: E402
from psycopg import sql  # noqa: E402
from psycopg.conninfo import make_conninfo  # noqa: E402

from catalog.models import Diamond  # noqa: E402
from diamondhub.alerts import outbox  # noqa: E402
from diamondhub.local.testing import databases, templates  # noqa: E402
from ingest import consolidation, invariants, runs, settling, transitions  # noqa: E402
from ingest.models import ConsolidationBatch, Partition, Run  # noqa: E402
from ingest.models.run import LIVE_STATES  # noqa: E402
from ingest.planning import stage as planning  # noqa: E402
from ingest.tests import factories  # noqa: E402
from ingest.walking import stage as walking  # noqa: E402

#: What is known before the run that is killed, and what has happened since: enough for every stage to have work.
KNOWN, CHANGED, NEW, GONE = 24, 5, 6, 3
WORK = "kill_matrix"
EVERY = "--every" in sys.argv
#: Where a child says what it returns, or how much it had committed when it was killed.
_says = -1
_COMPARED = [
    field.attname
    for field in Diamond._meta.concrete_fields
    if field.name not in ("raw_id", "source_updated_at", "first_seen_at", "changed_at", "priced_on")
]


def main() -> int:
    """Go through every place; the status is 0 if nothing went wrong anywhere."""
    settings.CONSOLIDATION_BATCH_STONES = 8
    patch = pytest.MonkeyPatch()
    # Doorbells are not what is tested here: whatever is due is done.
    for module in (transitions, planning, settling, walking, consolidation, runs, outbox):
        patch.setattr(module, "ring", lambda *_args, **_options: None)
    # What is loaded by now is shared by some hundred children; a collection in a child would copy all of it.
    gc.collect()
    gc.freeze()
    _database(WORK)
    _settle(_in_child(_prepare))
    databases.keep()
    # A connection of this process must not be the children's.
    connections.close_all()
    expected = _in_child(_undisturbed)
    places, taken_up, committed, problems = 0, 0, "", []
    while True:
        status, said = _fork(partial(_killed_at, places + 1))
        if not os.WIFSIGNALED(status):
            if os.WEXITSTATUS(status):
                problems.append(f"place {places + 1}: the run broke down without being killed")
            break
        places += 1
        if said == committed and not EVERY:
            continue
        committed = said
        taken_up += 1
        found = _in_child(_recovered)
        if found != expected:
            problems.append(f"place {places}: {found}")
    print(json.dumps({"places": places, "taken_up": taken_up, "expected": expected, "problems": problems}))
    return 1 if problems else 0


def _settle(outcome: str) -> None:
    if outcome != "prepared":
        raise SystemExit(outcome)


def _database(name: str) -> None:
    """Make a migrated database, and the one that children will connect to."""
    template = templates.template(os.environ["DATABASE_URL"])
    with psycopg.connect(make_conninfo(os.environ["DATABASE_URL"], dbname="postgres"), autocommit=True) as admin:
        databases.copy(admin, template, name)
    connections.settings["default"]["NAME"] = name


def _undisturbed() -> str:
    databases.put_back()
    factories.drive(_start())
    return _verdict()


def _killed_at(place: int) -> None:
    # The database may still be rolling back what the last child was about: this waits for its locks.
    databases.put_back()
    run = _start()
    _arm(place)
    factories.drive(run)


def _recovered() -> str:
    """What becomes of the run by itself: leases run out, workers take up what is due."""
    _supplier()
    for model in (Run, Partition, ConsolidationBatch):
        held = model._default_manager.filter(lease_expires_at__isnull=False)
        held.update(lease_expires_at=Now() - timedelta(seconds=1))
    for run in Run.objects.filter(state__in=LIVE_STATES):
        _drive_on(run)
    return _verdict()


def _drive_on(run: Run) -> None:
    for _ in range(200):
        run.partitions.filter(due_at__isnull=False).update(due_at=Now())
        run.batches.filter(due_at__isnull=False).update(due_at=Now())
        Run.objects.filter(pk=run.pk).update(due_at=Now())
        run = factories.drive(Run.objects.select_related("feed").get(pk=run.pk))
        if run.state not in LIVE_STATES:
            return


def _prepare() -> str:
    """Make what every killed run finds: a catalogue from a first run."""
    _supplier(changed=False)
    factories.feed(watermark=None, delist_brake=0.9)
    factories.drive(factories.start())
    outbox.deliver_due()
    return "prepared"


def _start() -> Run:
    """A run that has not begun, of a supplier that has changed since the first."""
    _supplier()
    factories.feed(delist_brake=0.9)
    return factories.start()


def _supplier(*, changed: bool = True) -> factories.MemorySupplier:
    shelf = factories.stones(KNOWN)
    if changed:
        for stone in shelf[:CHANGED]:
            stone.price += 12_345
            stone.updated = datetime(2026, 2, 2, tzinfo=UTC)
        shelf = [*shelf[: KNOWN - GONE], *factories.stones(NEW, first=1000)]
    return factories.supplying(pytest.MonkeyPatch(), factories.MemorySupplier(shelf))


def _verdict() -> str:
    """The state of the last run, what is said of every stone, and what does not hold."""
    outbox.deliver_due()
    run = Run.objects.latest("id")
    rows = list(Diamond.objects.order_by("pk").values_list(*_COMPARED))
    digest = sha256(repr([[_plain(value) for value in row] for row in rows]).encode()).hexdigest()
    broken = "; ".join(f"invariant {one.invariant}: {one.problem}" for one in invariants.violations())
    return f"{run.state} {run.failure} {len(rows)} stones {digest} {broken}"


def _plain(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, memoryview) else value


def _arm(place: int) -> None:
    """Have this process killed before its `place`-th statement or commit; it says first how much it has committed."""
    done = committed = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **options: Any) -> Any:
            nonlocal done, committed
            done += EVERY or _writes(args)
            if done == place:
                os.write(_says, str(committed).encode())
                os.kill(os.getpid(), signal.SIGKILL)
            committed += _commits(args)
            return call(*args, **options)

        return counting

    for owner, name in (
        (psycopg.Cursor, "execute"),
        (psycopg.Cursor, "executemany"),
        (psycopg.Cursor, "copy"),
        (psycopg.Connection, "commit"),
    ):
        setattr(owner, name, counted(getattr(owner, name)))


def _commits(args: tuple[Any, ...]) -> bool:
    """Whether what a call of a cursor or a connection changes is there for good: a commit, or a statement by itself."""
    if isinstance(args[0], psycopg.Connection):
        return True
    return _writes(args) and bool(args[0].connection.autocommit) and not _in_transaction(args[0].connection)


def _in_transaction(connection: psycopg.Connection[Any]) -> bool:
    return connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE


def _writes(args: tuple[Any, ...]) -> bool:
    """Whether a call of a cursor or a connection may change anything; what only reads leaves no new state behind."""
    if len(args) < 2:
        return True
    statement = args[1].as_string(None) if isinstance(args[1], sql.Composable) else str(args[1])
    first = re.sub(r"/\*.*?\*/", "", statement, flags=re.DOTALL).split()
    # The factories make rows due; that is the test's own doing.
    return first[0].upper() not in ("SELECT", "SET", "SHOW") and 'SET "due_at" = STATEMENT_TIMESTAMP()' not in statement


def _fork(work: Callable[[], Any]) -> tuple[int, str]:
    """Do something in a child; its wait status and what it returned."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        global _says
        os.close(read_end)
        _says = write_end
        _work_and_exit(work, write_end)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        returned = pipe.read()
    _, status = os.waitpid(pid, 0)
    return status, returned


def _work_and_exit(work: Callable[[], Any], write_end: int) -> NoReturn:
    try:
        returned = work()
        os.write(write_end, str(returned).encode())
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run in a child
        traceback.print_exc()
        os._exit(1)


def _in_child(work: Callable[[], str]) -> str:
    status, returned = _fork(work)
    return returned if status == 0 else f"broke down with status {status}: {returned}"


if __name__ == "__main__":
    sys.exit(main())
