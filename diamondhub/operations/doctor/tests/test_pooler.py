"""The doctor through a real PgBouncer: what holds in transaction mode, and what is found in modes that are not supported."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from psycopg.errors import QueryCanceled

from diamondhub.database import psycopg_cursor
from diamondhub.local import debian, processes
from diamondhub.operations.doctor import of_database
from diamondhub.operations.doctor.checks import Finding, database
from diamondhub.operations.doctor.tests.planting import findings, severities, words

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

#: How long a pooler may take to answer (seconds).
PATIENCE = 60.0
#: Checks of the database that read catalogues and settings, and so may find something else through a pooler.
CHECKS = [
    of_database.answers,
    of_database.connections_fit,
    of_database.schema_is_current,
    of_database.indexes_are_sound,
    of_database.ids_are_recycled,
    of_database.sequences_have_numbers_left,
    of_database.time_outs_are_in_force,
]


@pytest.fixture(scope="module")
def pgbouncer() -> str:
    path = debian.program("pgbouncer")
    if path is None:
        pytest.skip("there is no pgbouncer on this machine (apt-get install pgbouncer): nothing was asked through one")
    return path


@pytest.fixture
def through(pgbouncer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Has Django's connection of the test go through a PgBouncer of these settings."""

    @contextmanager
    def begun(pool_mode: str, **settings: str) -> Iterator[None]:
        server = connection.settings_dict
        folder = Path(tempfile.mkdtemp(prefix="diamondhub-pooler-"))
        port = processes.free_port()
        ini = folder / "pgbouncer.ini"
        ini.write_text(_written(server, port, pool_mode, settings))
        user = processes.unprivileged_user()
        if user is not None:
            for path in (folder, ini):
                os.chown(path, user.pw_uid, user.pw_gid)
        connection.close()
        process = subprocess.Popen(
            [pgbouncer, "-q", str(ini)],
            stderr=subprocess.DEVNULL,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )
        try:
            with monkeypatch.context() as patch:
                for name, value in (("HOST", "127.0.0.1"), ("PORT", str(port))):
                    patch.setitem(connection.settings_dict, name, value)
                _until_it_answers(process)
                yield
                connection.close()
        finally:
            connection.close()
            processes.stop(process, signal.SIGINT, seconds=10)
            shutil.rmtree(folder, ignore_errors=True)

    yield begun
    connection.close()


def _written(server: Any, port: int, pool_mode: str, settings: dict[str, str]) -> str:
    login = f"user={server['USER']} password='{server['PASSWORD']}'"
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        # Who may come here is not what is asked.
        "auth_type": "any",
        "pool_mode": pool_mode,
        # One connection for all, so that whatever stays on it is seen by the next one.
        "default_pool_size": "1",
        **settings,
    }
    database = f"* = host={server['HOST'] or '127.0.0.1'} port={server['PORT']} {login}"
    return "\n".join(["[databases]", database, "[pgbouncer]", *(f"{name} = {value}" for name, value in lines.items())])


def _until_it_answers(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "pgbouncer ended"
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return
        except OperationalError:
            assert time.monotonic() < deadline
            connection.close()
            time.sleep(0.05)


def test_nothing_is_found_through_a_pooler_in_transaction_mode_where_nothing_is_planted(through: Any) -> None:
    with through("transaction"):
        found = {check.__name__: findings(check) for check in CHECKS}
        seen = [said for said in of_database.time_outs_are_in_force() if not isinstance(said, Finding)]

    assert {name: said for name, said in found.items() if said} == {}
    assert seen == ["a statement past its limit is cancelled"]


def test_a_limit_of_a_transaction_is_in_force_through_a_pooler_and_gone_with_it(through: Any) -> None:
    with through("transaction"):
        with pytest.raises(OperationalError) as ended, database(seconds=0.05) as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        with psycopg_cursor() as after:
            # The same connection to the server, since there is one.
            after.execute("SELECT current_setting('statement_timeout'), pg_sleep(0.2)::text")
            (limit, _) = after.fetchone() or ("", "")

    assert isinstance(ended.value.__cause__, QueryCanceled)
    assert limit == "0"


def test_limits_in_the_address_are_found_and_are_in_truth_not_in_force(through: Any) -> None:
    options = {**connection.settings_dict["OPTIONS"], "options": "-c statement_timeout=50ms"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "OPTIONS", options)
        with through("transaction", ignore_startup_parameters="options,extra_float_digits"):
            with psycopg_cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.2)::text")
            said = words(of_database.time_outs_are_in_force)

    assert "a pooler refuses or ignores them" in said


def test_a_pooler_in_statement_mode_is_found_to_be_unsupported(through: Any) -> None:
    with through("statement"):
        said, how_bad = words(of_database.time_outs_are_in_force), severities(of_database.time_outs_are_in_force)

    assert how_bad == ["critical"]
    assert "pool_mode = transaction" in said
